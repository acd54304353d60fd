//! What in pyproject.toml is probably not what its author means, though it builds.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Project;
use crate::pyproject::BuildSystem;

/// The keys of `[tool.maturin]`, as its `maturin.schema.json` lists them (1.16), and `manylinux`, an older
/// name of `compatibility`. maturin passes over all others.
const KEYS: [&str; 32] = [
    "all-features",
    "auditwheel",
    "bindings",
    "compatibility",
    "config",
    "data",
    "editable-profile",
    "exclude",
    "features",
    "frozen",
    "generate-ci",
    "include",
    "include-import-lib",
    "locked",
    "manifest-path",
    "manylinux",
    "module-name",
    "no-default-features",
    "pgo-command",
    "pgo-dependency-group",
    "profile",
    "python-packages",
    "python-source",
    "rustc-args",
    "sbom",
    "sdist-generator",
    "skip-auditwheel",
    "strip",
    "target",
    "targets",
    "unstable-flags",
    "use-base-python",
];

#[derive(Default, Deserialize)]
struct File {
    #[serde(rename = "build-system")]
    build_system: Option<BuildSystem>,
    #[serde(default)]
    tool: Tool,
}

#[derive(Default, Deserialize)]
#[expect(clippy::zero_sized_map_values, reason = "serde reads a table as a map")]
struct Tool {
    #[serde(default)]
    maturin: BTreeMap<String, IgnoredAny>,
}

/// A key of `[tool.maturin]` that maturin passes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// As it is written.
    pub key: String,
    /// The key that was probably meant, unless that is written as well.
    pub meant: Option<&'static str>,
    path: Utf8PathBuf,
}

/// What is wrong, and the remedy.
impl std::fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, meant, path } = self;
        write!(
            f,
            "`{key}` in {path} is no key of [tool.maturin] (as of maturin 1.16), so it has no effect"
        )?;
        match meant {
            Some(meant) => write!(f, "\n  help: did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

/// What is doubtful in the pyproject.toml of `project`: a sentence each, and perhaps a remedy.
#[must_use]
pub fn doubts(project: &Project) -> Vec<String> {
    let unknown = unknown_keys(project).into_iter();
    let unknown = unknown.map(|key| key.to_string());
    unknown.chain(other_backend(project)).collect()
}

/// The keys of `[tool.maturin]` in the pyproject.toml of `project` that maturin does not know.
#[must_use]
pub fn unknown_keys(project: &Project) -> Vec<UnknownKey> {
    let (file, path) = read(project);
    file.unknown_keys(&path)
}

/// What is to be said where pip and uv build `project` by another backend than maturin's.
#[must_use]
pub fn other_backend(project: &Project) -> Option<String> {
    let (file, path) = read(project);
    file.other_backend(&path)
}

fn read(project: &Project) -> (File, Utf8PathBuf) {
    let path = project.root.join("pyproject.toml");
    // It was read and understood a moment ago.
    let text = fs_err::read_to_string(&path).unwrap_or_default();
    (File::parse(&text), path)
}

impl File {
    fn parse(text: &str) -> Self {
        toml_edit::de::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default()
    }

    fn unknown_keys(&self, path: &Utf8Path) -> Vec<UnknownKey> {
        let keys = &self.tool.maturin;
        let unknown = keys.keys().filter(|key| !KEYS.contains(&key.as_str()));
        let unknown = unknown.map(|key| UnknownKey {
            key: key.clone(),
            meant: nearest(key).filter(|meant| !keys.contains_key(*meant)),
            path: path.to_owned(),
        });
        unknown.collect()
    }

    fn other_backend(&self, path: &Utf8Path) -> Option<String> {
        let system = self.build_system.as_ref()?;
        backend_of(system, path)
    }
}

/// The key that is most like `key`, if one is like it.
fn nearest(key: &str) -> Option<&'static str> {
    // As clap has it for options.
    const ALIKE: f64 = 0.8;
    let likeness = |known: &str| strsim::jaro(key, known);
    let best = KEYS
        .into_iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    best.filter(|known| likeness(known) > ALIKE)
}

/// The backend, if pip and uv build the project by another one than maturin. A backend of the project's own
/// (`backend-path`) is a wrapper of maturin's: it needs maturin, or the project would not be one of ours.
fn backend_of(system: &BuildSystem, path: &Utf8Path) -> Option<String> {
    let backend = system.build_backend.as_deref();
    if backend == Some("maturin") || !system.backend_path.is_empty() {
        return None;
    }
    let named = backend.map_or_else(
        || "no `build-backend`, which means setuptools".to_owned(),
        |name| format!("`build-backend = \"{name}\"`"),
    );
    Some(format!(
        "{path} has {named}: pip and uv build the project with that, and here maturin builds it\n  help: `build-backend = \"maturin\"` under [build-system] has all do the same"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: &str = "[build-system]\nrequires = ['maturin>=1,<2']\n";

    fn told(text: &str) -> Vec<String> {
        let (file, path) = (File::parse(text), Utf8Path::new("pyproject.toml"));
        let unknown = file.unknown_keys(path).into_iter();
        let unknown = unknown.map(|key| key.to_string());
        unknown.chain(file.other_backend(path)).collect()
    }

    #[test]
    fn a_key_that_maturin_does_not_know_is_named_with_the_one_that_is_like_it() {
        let with = |key: &str| {
            told(&format!(
                "{SYSTEM}build-backend = 'maturin'\n[tool.maturin]\n{key} = 'x'\n"
            ))
        };
        for (key, meant) in [
            ("python-sorce", "python-source"),
            ("python_source", "python-source"),
            ("modul-name", "module-name"),
            ("manifest_path", "manifest-path"),
            ("feature", "features"),
            ("binding", "bindings"),
        ] {
            let told = with(key).concat();
            let expected = format!("`{key}` in pyproject.toml is no key of [tool.maturin]");
            assert!(told.starts_with(&expected), "{told}");
            assert!(
                told.ends_with(&format!("help: did you mean `{meant}`?")),
                "{told}"
            );
        }
        assert!(!with("zzz").concat().contains("did you mean"));
        let both = with("bindings = 'pyo3'\nbinding");
        assert!(!both.concat().contains("did you mean"), "{both:?}");
        for known in KEYS {
            assert_eq!(with(known), [""; 0], "{known}");
        }
        assert_eq!(
            with("target.x86_64-apple-darwin.macos-deployment-target"),
            [""; 0]
        );
    }

    #[test]
    fn another_backend_than_maturins_is_named() {
        let with = |lines: &str| told(&format!("{SYSTEM}{lines}\n[tool.maturin]\nstrip = true\n"));
        let told = with("build-backend = 'setuptools.build_meta'").concat();
        assert!(
            told.contains("`build-backend = \"setuptools.build_meta\"`: pip and uv"),
            "{told}"
        );
        assert!(
            told.contains("help: `build-backend = \"maturin\"`"),
            "{told}"
        );
        assert!(with("").concat().contains("setuptools"));
        assert_eq!(with("build-backend = 'maturin'"), [""; 0]);
        assert_eq!(
            with("build-backend = 'backend'\nbackend-path = ['.']"),
            [""; 0]
        );
    }
}
