//! Texts that say the same in every checkout: the directories of this one are names in them.

use camino::{Utf8Path, Utf8PathBuf};
use project_model::Workspace;

/// The directories of a checkout that others have elsewhere, with their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    dirs: Vec<(&'static str, Utf8PathBuf)>,
    /// What stands for a directory in a text, with its name: the path, and where it is another one, the
    /// path in a URL, as cargo has it in the ids of packages.
    texts: Vec<(String, String)>,
}

/// In no path, and in no text of cargo's.
const MARK: char = '\u{1}';

impl Places {
    /// Those of a project in `root` with its environment in `venv`.
    /// `None` if one cannot be told in a text of cargo's.
    pub(crate) fn of(root: &Utf8Path, workspace: &Workspace, venv: &Utf8Path) -> Option<Self> {
        Self::named(vec![
            ("build", workspace.build_dir.clone()),
            ("target", workspace.target_dir.clone()),
            ("venv", venv.to_owned()),
            ("workspace", workspace.root.clone()),
            ("project", root.to_owned()),
        ])
    }

    fn named(dirs: Vec<(&'static str, Utf8PathBuf)>) -> Option<Self> {
        let mut texts = Vec::new();
        for (name, dir) in &dirs {
            let in_url = in_url(dir)?;
            if in_url != dir.as_str() {
                texts.push((format!("{name} in a URL"), in_url));
            }
            texts.push(((*name).to_owned(), dir.to_string()));
        }
        // A directory comes before the one that it lies in.
        texts.sort_by_key(|(_, text)| std::cmp::Reverse(text.len()));
        Some(Self { dirs, texts })
    }

    /// `text` with names in the place of directories.
    pub(crate) fn portable(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, place) in &self.texts {
            text = replaced(&text, place, &format!("{MARK}{name}{MARK}"));
        }
        text
    }

    /// What [`Self::portable`] has made of a text, with the directories of this checkout.
    pub(crate) fn local(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, dir) in &self.dirs {
            let in_url = in_url(dir).unwrap_or_default();
            text = text
                .replace(&format!("{MARK}{name} in a URL{MARK}"), &in_url)
                .replace(
                    &format!("file://{MARK}{name}{MARK}"),
                    &format!("file://{in_url}"),
                )
                .replace(&format!("{MARK}{name}{MARK}"), dir.as_str());
        }
        text
    }

    /// The directories.
    pub(crate) fn dirs(&self) -> impl Iterator<Item = &Utf8Path> {
        self.dirs.iter().map(|(_, dir)| dir.as_path())
    }

    /// Whether `bytes` name one of the directories.
    pub(crate) fn are_named_in(&self, bytes: &[u8]) -> bool {
        self.dirs().any(|dir| {
            let found = memchr::memmem::find_iter(bytes, dir.as_str());
            let mut ends = found.map(|at| bytes.get(at + dir.as_str().len()));
            ends.any(|end| end.is_none_or(|byte| is_end(*byte)))
        })
    }
}

/// `path` as cargo writes it into a URL (<https://url.spec.whatwg.org/#path-percent-encode-set>). `None` if
/// it has a character that is written otherwise by other versions, or in JSON.
fn in_url(path: &Utf8Path) -> Option<String> {
    let mut url = String::new();
    for byte in path.as_str().bytes() {
        match byte {
            b if b.is_ascii_alphanumeric() || b"/-_.~!$&'()*+,;=:@".contains(&b) => {
                url.push(b.into());
            }
            b if !b.is_ascii() || b" #?%<>{}`".contains(&b) => url.push_str(&format!("%{b:02X}")),
            _ => return None,
        }
    }
    Some(url)
}

/// `text` with `new` in place of the path `old`, and not of a part of a longer name.
fn replaced(text: &str, old: &str, new: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(old) {
        let (before, from) = rest.split_at(at);
        let after = &from[old.len()..];
        made.push_str(before);
        let is_whole = after.bytes().next().is_none_or(is_end);
        made.push_str(if is_whole { new } else { old });
        rest = after;
    }
    made + rest
}

fn is_end(byte: u8) -> bool {
    !(byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) || byte >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(root: &str) -> Places {
        let root = Utf8Path::new(root);
        let dirs = vec![
            ("target", root.join("target")),
            ("workspace", root.to_owned()),
        ];
        Places::named(dirs).unwrap()
    }

    #[test]
    fn a_text_of_one_checkout_becomes_that_of_another() {
        let text =
            "--manifest-path /a/b/Cargo.toml path+file:///a/b#x /a/bc /a/b.old /a/b/target/x /a/b";
        let portable = places("/a/b").portable(text);
        assert_eq!(places("/a/b").local(&portable), text);
        let elsewhere =
            "--manifest-path /c/Cargo.toml path+file:///c#x /a/bc /a/b.old /c/target/x /c";
        assert_eq!(places("/c").local(&portable), elsewhere);
        assert_eq!(places("/c").portable(elsewhere), portable);
    }

    #[test]
    fn in_a_url_a_directory_is_written_as_cargo_does() {
        let text = |dir: &str, in_url: &str| format!("{dir}/x path+file://{in_url}/leaf#leaf@1");
        let all = [
            ("/a/b", "/a/b"),
            ("/a b/c#d", "/a%20b/c%23d"),
            ("/\u{e4}", "/%C3%A4"),
        ];
        for (one, one_url) in all {
            let portable = places(one).portable(&text(one, one_url));
            for (other, other_url) in all {
                assert_eq!(places(other).local(&portable), text(other, other_url));
            }
        }
        assert_eq!(in_url("/a^b".into()), None);
    }

    #[test]
    fn a_name_of_a_directory_is_found_in_bytes() {
        let named = |text: &str| places("/a/b").are_named_in(text.as_bytes());
        for (text, expected) in [
            ("x/a/b", true),
            ("/a/b/c", true),
            ("/a/b\0", true),
            ("/a/bc", false),
            ("/a/b-old/c", false),
            ("", false),
        ] {
            assert_eq!(named(text), expected, "{text}");
        }
    }
}
