//! Configuration that cargo reads from one directory of a project and not from another. A build from the one
//! then compiles what a build from the other has compiled, each time anew.

use camino::{Utf8Path, Utf8PathBuf};
use environment::cargo_env::config_dirs;
use serde_json::Value;

use crate::layers::config_in;

/// A file that only some of cargo's calls read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scattered {
    /// The file.
    file: Utf8PathBuf,
    /// What it sets that decides what is compiled.
    keys: Vec<String>,
    /// A directory in which cargo reads it.
    read_in: Utf8PathBuf,
    /// A directory in which it does not.
    not_in: Utf8PathBuf,
    /// What sets the same there.
    other: Option<Utf8PathBuf>,
}

impl Scattered {
    /// Where it sets flags for rustc: the file, and the one that other calls of cargo read in its place.
    #[must_use]
    pub fn with_flags(&self) -> Option<(&Utf8Path, Option<&Utf8Path>)> {
        let sets_flags = self.keys.iter().any(|key| key.ends_with("rustflags"));
        sets_flags.then_some((&self.file, self.other.as_deref()))
    }
}

impl std::fmt::Display for Scattered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            file,
            keys,
            read_in,
            not_in,
            other,
        } = self;
        let keys = keys.join(", ");
        let there = other.as_ref().map_or_else(
            || format!("cargo in {not_in} does not read it"),
            |other| format!("cargo in {not_in} reads {other} alone"),
        );
        let target = not_in.join(".cargo/config.toml");
        write!(
            f,
            "{file} sets {keys} for cargo in {read_in}, and {there}: pyo3 and others are compiled for each of the two, again and again\n  help: keep these settings in one file that both read"
        )?;
        if read_in.starts_with(not_in) {
            write!(f, ": {target}")?;
        }
        Ok(())
    }
}

/// The files that decide what is compiled and that cargo reads either in the project in `root` or in the
/// directory of its crate, but not in both; also in directories with a Cargo.toml above the crate.
#[must_use]
pub fn scattered(root: &Utf8Path, crate_dir: &Utf8Path) -> Vec<Scattered> {
    let above = crate_dir.ancestors();
    let others = above.filter(|dir| *dir != root && dir.join("Cargo.toml").is_file());
    let mut found: Vec<Scattered> = Vec::new();
    for other in others {
        let both_ways = [(root, other), (other, root)];
        for one in both_ways
            .into_iter()
            .flat_map(|(one, other)| only_in(one, other))
        {
            if !found.iter().any(|known| known.file == one.file) {
                found.push(one);
            }
        }
    }
    found
}

/// The files that cargo reads in `one` and not in `other`.
fn only_in(one: &Utf8Path, other: &Utf8Path) -> Vec<Scattered> {
    let in_other: Vec<_> = config_dirs(other).map(|dir| config_in(&dir)).collect();
    let files = config_dirs(one).map(|dir| config_in(&dir));
    let files = files.filter(|file| !in_other.contains(file));
    let scattered = files.filter_map(|file| {
        let keys = deciding(&file);
        let sets_the_same = |path: &&Utf8PathBuf| deciding(path).iter().any(|it| keys.contains(it));
        let same = in_other.iter().find(sets_the_same).cloned();
        (!keys.is_empty()).then_some(Scattered {
            file,
            keys,
            read_in: one.to_owned(),
            not_in: other.to_owned(),
            other: same,
        })
    });
    scattered.collect()
}

/// The keys in a file that decide what is compiled: flags, the platform, profiles, and pyo3's variables.
fn deciding(file: &Utf8Path) -> Vec<String> {
    let text = fs_err::read_to_string(file).unwrap_or_default();
    let config: Value = toml_edit::de::from_str(&text).unwrap_or_default();
    let table = |name: &str| {
        config
            .get(name)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
    };
    let build = table("build").map(|(key, _)| key.as_str());
    let build = build.filter(|key| matches!(*key, "rustflags" | "target"));
    let platforms = table("target").filter(|(_, value)| value.get("rustflags").is_some());
    let variables = table("env").map(|(key, _)| key.as_str());
    let variables = variables.filter(|name| name.starts_with("PYO3_") || *name == "RUSTFLAGS");
    build
        .map(|key| format!("build.{key}"))
        .chain(platforms.map(|(name, _)| format!("target.{name}.rustflags")))
        .chain(table("profile").map(|(name, _)| format!("profile.{name}")))
        .chain(variables.map(|name| format!("env.{name}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    fn write(dir: &TempDir, name: &str, text: &str) -> Utf8PathBuf {
        let path = dir.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, text).unwrap();
        path
    }

    const FLAGS: &str = "[build]\nrustflags = ['-Ctarget-cpu=native']\n";

    #[test]
    fn flags_in_two_directories_are_named_with_both_files() {
        let dir = TempDir::new();
        let root = dir.path().to_owned();
        write(&dir, "rust/Cargo.toml", "");
        let outer = write(&dir, ".cargo/config.toml", FLAGS);
        assert_eq!(scattered(&root, &root.join("rust")), []);
        let inner = write(&dir, "rust/.cargo/config.toml", FLAGS);
        let found = scattered(&root, &root.join("rust"));
        let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
        let with_flags = Some((inner.as_path(), Some(outer.as_path())));
        assert_eq!(found[0].with_flags(), with_flags);
        let [text] = &texts[..] else {
            panic!("{texts:?}");
        };
        for part in [
            format!("{inner} sets build.rustflags for cargo in {root}/rust"),
            format!("cargo in {root} reads {outer} alone"),
            format!("in one file that both read: {outer}"),
        ] {
            assert!(text.contains(&part), "{text}");
        }
        write(
            &dir,
            "rust/.cargo/config.toml",
            "[net]\noffline = true\n[env]\nX = '1'\n",
        );
        assert_eq!(scattered(&root, &root.join("rust")), []);
    }

    #[test]
    fn a_project_below_its_workspace_may_be_the_one_that_has_them() {
        let dir = TempDir::new();
        let project = dir.path().join("py");
        write(&dir, "Cargo.toml", "");
        write(&dir, "py/Cargo.toml", "");
        let flags = "[target.'cfg(unix)']\nrustflags = []\n[profile.dev]\ndebug = 0\n[env]\nPYO3_PYTHON = 'x'\n";
        let file = write(&dir, "py/.cargo/config.toml", flags);
        let text = scattered(&project, &project)[0].to_string();
        let keys = "target.cfg(unix).rustflags, profile.dev, env.PYO3_PYTHON";
        assert!(
            text.starts_with(&format!("{file} sets {keys} for cargo in {project}")),
            "{text}"
        );
        assert!(
            text.contains(&format!("cargo in {} does not read it", dir.path())),
            "{text}"
        );
    }
}
