//! What cargo's answer depends on beside files: the environment and the toolchain. As long as they and all
//! files are the same, cargo need not be asked whether there is anything to do.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use environment::{cargo_env, vars};
use python_tools::tools;

use crate::digest::{Stamp, sha256_of_file};
use files::digest::sha256;

/// Variables that differ from one command of a shell to the next and that nobody builds by.
const VOLATILE: [&str; 6] = ["_", "COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL"];

/// The circumstances of a build. Of the environment nothing can be read back from them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Of all together: this decides.
    pub digest: String,
    /// Of each by its name, far too short to tell a value by: these say what it was that changed.
    pub marks: Marks,
}

/// Two bytes in hexadecimal for each circumstance.
pub type Marks = BTreeMap<String, String>;

impl Circumstances {
    /// Those of a project in `root`, now.
    #[must_use]
    pub fn read(root: &Utf8Path) -> Self {
        let mut text = String::new();
        let mut marks = Marks::new();
        let mut note = |name: String, value: String| {
            text.push_str(&format!("{name}={value}\0"));
            marks.insert(name, sha256(value.as_bytes())[..4].to_owned());
        };
        for (name, value) in cargo_env::environment() {
            if !VOLATILE.contains(&name.as_str()) {
                note(format!("variable {name}"), value);
            }
        }
        for path in files(root) {
            let content = path.is_dir().then(|| sha256_of_file(&path));
            let value = format!("{:?} {content:?}", Stamp::of(&path).ok());
            note(path.into_string(), value);
        }
        Self {
            digest: sha256(text.as_bytes()),
            marks,
        }
    }

    /// The names of what is not as it was, when the digest was `digest` and the marks were `marks`.
    #[must_use]
    pub fn changed_since(&self, digest: &str, marks: &Marks) -> Vec<String> {
        if self.digest == digest {
            return Vec::new();
        }
        let names = self.marks.keys().chain(marks.keys());
        let changed = names.filter(|name| self.marks.get(*name) != marks.get(*name));
        let mut changed: Vec<_> = changed.cloned().collect();
        changed.sort();
        changed.dedup();
        if changed.is_empty() || marks.is_empty() {
            return vec!["a variable or the toolchain".to_owned()];
        }
        changed
    }
}

/// Files that change when another toolchain is chosen, or the same one is updated: the programs on `PATH`,
/// rustup's settings and the record of its updates, and the toolchain files of the directories above. There,
/// a manifest may also become, or cease to be, that of the workspace.
fn files(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let programs = ["cargo", "rustc"].map(tools::find);
    let rustup = vars::var(vars::RUSTUP_HOME).map(Utf8PathBuf::from);
    let rustup = rustup.or_else(|| Some(Utf8PathBuf::from(vars::var(vars::HOME)?).join(".rustup")));
    let rustup = rustup
        .iter()
        .flat_map(|home| ["settings.toml", "update-hashes"].map(|name| home.join(name)));
    let above = root.ancestors().flat_map(|dir| {
        ["rust-toolchain.toml", "rust-toolchain", "Cargo.toml"].map(|name| dir.join(name))
    });
    programs
        .into_iter()
        .flatten()
        .chain(rustup)
        .chain(above)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(pairs: &[(&str, &str)]) -> Marks {
        let pairs = pairs.iter();
        pairs
            .map(|(name, mark)| ((*name).to_owned(), (*mark).to_owned()))
            .collect()
    }

    #[test]
    fn they_are_the_same_until_a_toolchain_is_chosen() {
        let dir = testkit::TempDir::new();
        let before = Circumstances::read(dir.path());
        assert_eq!(Circumstances::read(dir.path()), before);
        let file = dir.path().join("rust-toolchain.toml");
        fs_err::write(&file, "").unwrap();
        let changed = Circumstances::read(dir.path()).changed_since(&before.digest, &before.marks);
        assert_eq!(changed, [file.as_str()]);
    }

    #[test]
    fn what_has_changed_is_named_as_far_as_it_is_known() {
        let now = Circumstances {
            digest: "new".to_owned(),
            marks: marks(&[
                ("variable A", "00"),
                ("variable B", "01"),
                ("variable C", "02"),
            ]),
        };
        let before = marks(&[
            ("variable A", "00"),
            ("variable B", "ff"),
            ("variable D", "03"),
        ]);
        let names = ["variable B", "variable C", "variable D"];
        assert_eq!(now.changed_since("old", &before), names);
        assert_eq!(now.changed_since("new", &before), Vec::<String>::new());
        let unknown = ["a variable or the toolchain"];
        // Two values with one mark, and a note of an earlier version.
        assert_eq!(now.changed_since("old", &now.marks), unknown);
        assert_eq!(now.changed_since("old", &Marks::new()), unknown);
    }
}
