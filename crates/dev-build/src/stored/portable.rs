//! Texts that say the same in every checkout: the directories of this one are names in them.

use camino::{Utf8Path, Utf8PathBuf};
use project_model::Workspace;

/// The directories of a checkout that others have elsewhere, with their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places(Vec<(&'static str, Utf8PathBuf)>);

/// In no path, and in no text of cargo's.
const MARK: char = '\u{1}';

impl Places {
    /// Those of a project in `root` with its environment in `venv`.
    pub(crate) fn of(root: &Utf8Path, workspace: &Workspace, venv: &Utf8Path) -> Self {
        let mut places = vec![
            ("build", workspace.build_dir.clone()),
            ("target", workspace.target_dir.clone()),
            ("venv", venv.to_owned()),
            ("workspace", workspace.root.clone()),
            ("project", root.to_owned()),
        ];
        // A directory comes before the one that it lies in.
        places.sort_by_key(|(_, dir)| std::cmp::Reverse(dir.as_str().len()));
        Self(places)
    }

    /// `text` with names in the place of directories.
    pub(crate) fn portable(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, dir) in &self.0 {
            text = replaced(&text, dir.as_str(), &format!("{MARK}{name}{MARK}"));
        }
        text
    }

    /// What [`Self::portable`] has made of a text, with the directories of this checkout.
    pub(crate) fn local(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, dir) in &self.0 {
            text = text.replace(&format!("{MARK}{name}{MARK}"), dir.as_str());
        }
        text
    }

    /// The directories.
    pub(crate) fn dirs(&self) -> impl Iterator<Item = &Utf8Path> {
        self.0.iter().map(|(_, dir)| dir.as_path())
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
        Places(vec![
            ("target", root.join("target")),
            ("workspace", root.to_owned()),
        ])
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
