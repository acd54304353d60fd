//! What in pyproject.toml is probably not what its author means, though it builds.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde_json::Value;

use crate::Project;
use crate::pyproject::BuildSystem;

/// The keys of `[tool.maturin]`, as its `maturin.schema.json` lists them (1.16), and `manylinux`, an older
/// name of `compatibility`. maturin passes over all others.
const KEYS: [(&str, Kind); 32] = [
    ("all-features", Kind::Flag),
    ("auditwheel", Kind::Text),
    ("bindings", Kind::Text),
    ("compatibility", Kind::Text),
    ("config", Kind::List),
    ("data", Kind::Text),
    ("editable-profile", Kind::Text),
    ("exclude", Kind::List),
    ("features", Kind::List),
    ("frozen", Kind::Flag),
    ("generate-ci", Kind::Table),
    ("include", Kind::List),
    ("include-import-lib", Kind::Flag),
    ("locked", Kind::Flag),
    ("manifest-path", Kind::Text),
    ("manylinux", Kind::Text),
    ("module-name", Kind::Text),
    ("no-default-features", Kind::Flag),
    ("pgo-command", Kind::Text),
    ("pgo-dependency-group", Kind::Text),
    ("profile", Kind::Text),
    ("python-packages", Kind::List),
    ("python-source", Kind::Text),
    ("rustc-args", Kind::List),
    ("sbom", Kind::Table),
    ("sdist-generator", Kind::Text),
    ("skip-auditwheel", Kind::Flag),
    ("strip", Kind::Flag),
    ("target", Kind::Table),
    ("targets", Kind::List),
    ("unstable-flags", Kind::List),
    ("use-base-python", Kind::Flag),
];

/// What a key of `[tool.maturin]` has for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Flag,
    List,
    Table,
    Text,
}

impl Kind {
    fn has(self, value: &Value) -> bool {
        match self {
            Self::Flag => value.is_boolean(),
            Self::List => value.is_array(),
            Self::Table => value.is_object(),
            Self::Text => value.is_string(),
        }
    }
}

#[derive(Default, Deserialize)]
struct File {
    #[serde(rename = "build-system")]
    build_system: Option<BuildSystem>,
    #[serde(default)]
    tool: Tool,
}

#[derive(Default, Deserialize)]
struct Tool {
    #[serde(default)]
    maturin: BTreeMap<String, Value>,
}

/// A key of `[tool.maturin]` that maturin passes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKey {
    /// As it is written.
    pub key: String,
    /// The key that was probably meant, unless that is written as well.
    pub meant: Option<&'static str>,
    /// Whether it is only a misspelling of that: the letters are nearly the same, and the value is of its
    /// kind.
    pub is_misspelt: bool,
    path: Utf8PathBuf,
}

/// What is wrong, and the remedy.
impl std::fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            key, meant, path, ..
        } = self;
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
        let is_unknown = |key: &str| KEYS.iter().all(|(known, _)| *known != key);
        let unknown = keys.iter().filter(|(key, _)| is_unknown(key));
        let unknown = unknown.map(|(key, value)| {
            let meant = nearest(key).filter(|(meant, _)| !keys.contains_key(*meant));
            UnknownKey {
                key: key.clone(),
                is_misspelt: meant
                    .is_some_and(|(meant, kind)| is_misspelling(key, meant) && kind.has(value)),
                meant: meant.map(|(meant, _)| meant),
                path: path.to_owned(),
            }
        });
        unknown.collect()
    }

    fn other_backend(&self, path: &Utf8Path) -> Option<String> {
        let system = self.build_system.as_ref()?;
        backend_of(system, path)
    }
}

/// The key that is most like `key`, if one is like it.
fn nearest(key: &str) -> Option<(&'static str, Kind)> {
    // As clap has it for options.
    const ALIKE: f64 = 0.8;
    let likeness = |known: &str| strsim::jaro(key, known);
    let best = KEYS
        .into_iter()
        .max_by(|(a, _), (b, _)| likeness(a).total_cmp(&likeness(b)));
    best.filter(|(known, _)| likeness(known) > ALIKE)
}

/// Whether `key` is `meant` with `_` for `-`, or with one letter too many, too few, or in its neighbour's
/// place. Another letter makes another word.
fn is_misspelling(key: &str, meant: &str) -> bool {
    if key.replace('_', "-") == meant {
        return true;
    }
    let is_letter_apart = strsim::osa_distance(key, meant) == 1;
    let is_another_letter = strsim::levenshtein(key, meant) == 1 && key.len() == meant.len();
    is_letter_apart && !is_another_letter
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
        for (known, _) in KEYS {
            assert_eq!(with(known), [""; 0], "{known}");
        }
        assert_eq!(
            with("target.x86_64-apple-darwin.macos-deployment-target"),
            [""; 0]
        );
    }

    #[test]
    fn only_what_can_mean_nothing_else_is_a_misspelling() {
        for (line, is_misspelt) in [
            ("binding = 'pyo3'", true),
            ("bindigns = 'pyo3'", true),
            ("bindinngs = 'pyo3'", true),
            ("feature = ['a']", true),
            ("python_source = 'python'", true),
            ("all_features = true", true),
            ("feature = 'a'", false),
            ("bindinks = 'pyo3'", false),
            ("default-features = true", false),
            ("target-dir = 'a'", false),
            ("exclude-sdist = ['a']", false),
            ("python-module = 'a'", false),
            ("binding = 'pyo3'\nbindings = 'pyo3'", false),
            ("zzz = 1", false),
        ] {
            let file = File::parse(&format!("[tool.maturin]\n{line}\n"));
            let unknown = file.unknown_keys("pyproject.toml".into());
            assert_eq!(unknown[0].is_misspelt, is_misspelt, "{line}");
        }
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
