//! What cargo's answer depends on beside files: the environment and the toolchain. As long as they and all
//! files are the same, cargo need not be asked whether there is anything to do.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use environment::{cargo_env, vars};
use python_tools::tools;

use crate::digest::{Stamp, sha256_of_file, sha256_of_stamps};
use files::digest::sha256;
use files::made;

/// Variables that differ from one command of a shell to the next, and one that is not about builds. They
/// count where a crate has read them.
const VOLATILE: [&str; 7] = [
    "_",
    "COLUMNS",
    "LINES",
    "OLDPWD",
    "PWD",
    "SHLVL",
    vars::XTASK_ON_IMPORT,
];

/// What the names of variables begin with among the marks.
const VARIABLE: &str = "variable ";

/// The circumstances of a build. Of the environment nothing can be read back from them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// Of all together: this decides.
    pub digest: String,
    /// Of each by its name, far too short to tell a value by: these say what it was that changed.
    pub marks: Marks,
    /// Of variables that change all the time.
    pub volatile: Marks,
    /// Of the files that change with the toolchain.
    pub programs: String,
}

/// Two bytes in hexadecimal for each circumstance.
pub type Marks = BTreeMap<String, String>;

impl Circumstances {
    /// Those of a project in `root` whose extension has its manifest in `crate_dir`, now.
    #[must_use]
    pub fn read(root: &Utf8Path, crate_dir: &Utf8Path) -> Self {
        let mut text = String::new();
        let mut marks = Marks::new();
        let mut note = |name: String, value: String| {
            text.push_str(&format!("{name}={value}\0"));
            marks.insert(name, mark_of(&value));
        };
        let mut volatile = Marks::new();
        for (name, value) in cargo_env::whole_environment() {
            let (name, value) = (name.to_string_lossy(), sha256(value.as_encoded_bytes()));
            if VOLATILE.contains(&name.as_ref()) {
                volatile.insert(name.into_owned(), sha256(value.as_bytes())[..16].to_owned());
            } else {
                note(format!("{VARIABLE}{name}"), value);
            }
        }
        let files = values_of(files(root, crate_dir).into_iter());
        let programs = digest_of(&files);
        for (path, value) in files {
            note(path, value);
        }
        Self {
            digest: sha256(text.as_bytes()),
            marks,
            volatile,
            programs,
        }
    }

    /// `earlier` ones as they would be now, had the variables stayed what they were: the files that were
    /// looked at then decide, wherever `PATH` leads by now.
    #[must_use]
    pub fn with_variables_of(earlier: &Self) -> Self {
        let names = earlier.marks.keys();
        let names = names.filter(|name| !name.starts_with(VARIABLE));
        let files = values_of(names.map(Utf8PathBuf::from));
        let programs = digest_of(&files);
        if programs == earlier.programs {
            return earlier.clone();
        }
        let mut now = earlier.clone();
        let marks = files
            .into_iter()
            .map(|(path, value)| (path, mark_of(&value)));
        now.marks.extend(marks);
        Self {
            digest: String::new(),
            programs,
            ..now
        }
    }

    /// Those of `names` that change all the time, with their digests; an empty one for what is not set.
    #[must_use]
    pub fn volatile_among(&self, names: &BTreeSet<String>) -> Marks {
        let read = names
            .iter()
            .filter(|name| VOLATILE.contains(&name.as_str()));
        let noted = read.map(|name| {
            (
                name.clone(),
                self.volatile.get(name).cloned().unwrap_or_default(),
            )
        });
        noted.collect()
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

fn mark_of(value: &str) -> String {
    sha256(value.as_bytes())[..4].to_owned()
}

/// What is noted of each of `paths`.
fn values_of(paths: impl Iterator<Item = Utf8PathBuf>) -> BTreeMap<String, String> {
    let values = paths.map(|path| (path.to_string(), value_of(&path)));
    values.collect()
}

fn digest_of(values: &BTreeMap<String, String>) -> String {
    let lines = values
        .iter()
        .map(|(path, value)| format!("{path}={value}\0"));
    sha256(lines.collect::<String>().as_bytes())
}

/// What is noted of a file: of a text its content, since making a link to it changes its times; of a program
/// and of a directory what the file system says.
fn value_of(path: &Utf8Path) -> String {
    if path.is_dir() {
        return sha256_of_stamps(made::all_below(path));
    }
    match path.extension() {
        Some("toml") => sha256_of_file(path).unwrap_or_default(),
        _ => format!("{:?}", Stamp::of(path).ok()),
    }
}

/// Files that change when another toolchain is chosen, or the same one is updated: the programs on `PATH`,
/// rustup's settings and the record of its updates, and the toolchain files of the directories above. There,
/// a manifest may also become, or cease to be, that of the workspace.
fn files(root: &Utf8Path, crate_dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let programs = ["cargo", "rustc"].map(tools::find);
    let rustup = vars::var(vars::RUSTUP_HOME).map(Utf8PathBuf::from);
    let rustup = rustup.or_else(|| Some(Utf8PathBuf::from(vars::var(vars::HOME)?).join(".rustup")));
    let rustup = rustup
        .iter()
        .flat_map(|home| ["settings.toml", "update-hashes"].map(|name| home.join(name)));
    let dirs: BTreeSet<_> = root.ancestors().chain(crate_dir.ancestors()).collect();
    let above = dirs.into_iter().flat_map(|dir| {
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
        let read = || Circumstances::read(dir.path(), &dir.path().join("deep/native"));
        let before = read();
        assert_eq!(read(), before);
        let file = dir.path().join("rust-toolchain.toml");
        fs_err::write(&file, "").unwrap();
        let changed = read().changed_since(&before.digest, &before.marks);
        assert_eq!(changed, [file.as_str()]);
        // Between the project and the crate.
        let manifest = dir.path().join("deep/Cargo.toml");
        fs_err::create_dir(dir.path().join("deep")).unwrap();
        fs_err::write(&manifest, "[workspace]").unwrap();
        let changed = read().changed_since(&before.digest, &before.marks);
        assert_eq!(changed, [manifest.as_str(), file.as_str()]);
        // As the witnesses for uv are made.
        let before = read();
        fs_err::hard_link(&manifest, dir.path().join("link")).unwrap();
        assert_eq!(read(), before);
    }

    #[test]
    fn to_an_import_the_files_count_and_not_the_variables() {
        let dir = testkit::TempDir::new();
        let mut before = Circumstances::read(dir.path(), dir.path());
        // As in a process that was started elsewhere.
        before
            .marks
            .insert("variable GONE".to_owned(), "00ff".to_owned());
        before.digest = "of these".to_owned();
        assert_eq!(Circumstances::with_variables_of(&before), before);
        let file = dir.path().join("rust-toolchain");
        fs_err::write(&file, "stable").unwrap();
        let now = Circumstances::with_variables_of(&before);
        let changed = now.changed_since(&before.digest, &before.marks);
        assert_eq!(changed, [file.as_str()]);
    }

    #[test]
    fn rustups_settings_and_updates_are_looked_at() {
        let files = files("/p".into(), "/p/native".into());
        for name in ["settings.toml", "update-hashes"] {
            assert!(
                files.iter().any(|path| path.file_name() == Some(name)),
                "{name}"
            );
        }
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
            volatile: marks(&[("PWD", "03")]),
            programs: String::new(),
        };
        let read = ["PWD", "COLUMNS", "CC"].map(str::to_owned).into();
        assert_eq!(
            now.volatile_among(&read),
            marks(&[("COLUMNS", ""), ("PWD", "03")])
        );
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
