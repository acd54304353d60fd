//! How Python and Rust are bound together, as far as files tell.
//!
//! maturin finds it out from the resolved dependencies (its `bridge/detection.rs`, 1.16), which cargo may have
//! to download. Most projects can be told by their manifest alone, before anything is made; of the others
//! maturin is asked when they are built.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde_json::Value;

use crate::Pyproject;
use crate::extension::Manifest;

/// The crates that make an extension module that Python loads by itself.
const PYO3: [&str; 2] = ["pyo3", "pyo3-ffi"];

/// The bindings of the crate of `manifest` in `dir` where they are others than pyo3's; `None` if they are
/// pyo3's, or may be.
pub(crate) fn other_than_pyo3(
    pyproject: &Pyproject,
    manifest: &Manifest,
    dir: &Utf8Path,
) -> Option<String> {
    if let Some(bindings) = &pyproject.maturin().bindings {
        return (!PYO3.contains(&bindings.as_str())).then(|| bindings.clone());
    }
    let is_cdylib = manifest.is_cdylib();
    if !is_cdylib && has_programs(manifest, dir) {
        return Some("bin".to_owned());
    }
    let names = dependencies(manifest);
    if names.iter().any(|name| PYO3.contains(&name.as_str())) {
        return None;
    }
    let may_come_with_another = match locked(dir) {
        Some(locked) => PYO3.iter().any(|name| locked.contains(name)),
        None => !names.is_empty(),
    };
    if may_come_with_another {
        return None;
    }
    if names.iter().any(|name| name == "uniffi") {
        return Some("uniffi".to_owned());
    }
    is_cdylib.then(|| "cffi".to_owned())
}

/// Whether the crate has a program: named, or where cargo looks for one
/// (<https://doc.rust-lang.org/cargo/reference/cargo-targets.html#target-auto-discovery>).
fn has_programs(manifest: &Manifest, dir: &Utf8Path) -> bool {
    !manifest.bin.is_empty() || dir.join("src/main.rs").is_file() || dir.join("src/bin").is_dir()
}

/// The names of the crates that builds of this one depend on directly, whatever they are called in it.
fn dependencies(manifest: &Manifest) -> Vec<String> {
    let for_platforms = manifest.target.values().map(|target| &target.dependencies);
    let tables = std::iter::once(&manifest.dependencies).chain(for_platforms);
    let entries = tables.flatten();
    let names = entries.map(
        |(name, value)| match value.get("package").and_then(Value::as_str) {
            Some(package) => package.to_owned(),
            None => name.clone(),
        },
    );
    names.collect()
}

/// What cargo has resolved for the crate in `dir`: the nearest lock file above.
fn locked(dir: &Utf8Path) -> Option<Locked> {
    let mut paths = dir.ancestors().map(|dir| dir.join("Cargo.lock"));
    let text = paths.find_map(|path| fs_err::read_to_string(path).ok())?;
    Some(Locked(text))
}

/// The text of a lock file.
struct Locked(String);

impl Locked {
    /// Whether a package of this name is in it.
    fn contains(&self, name: &str) -> bool {
        let line = format!("name = \"{name}\"");
        self.0.lines().any(|text| text.trim_end() == line)
    }
}

/// `[target.'cfg(…)']`.
#[derive(Debug, Default, serde::Deserialize)]
pub(crate) struct Target {
    #[serde(default)]
    dependencies: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    const CDYLIB: &str = "[package]\nname = 'x'\n[lib]\ncrate-type = ['cdylib']\n";

    fn found(pyproject: &str, manifest: &str, files: &[(&str, &str)]) -> Option<String> {
        let dir = TempDir::new();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let pyproject = Pyproject::parse(pyproject).unwrap();
        let manifest = toml_edit::de::from_str(manifest).unwrap();
        other_than_pyo3(&pyproject, &manifest, dir.path())
    }

    #[test]
    fn what_the_project_names_counts() {
        let named = |bindings: &str| {
            let pyproject = format!("[tool.maturin]\nbindings = '{bindings}'");
            found(
                &pyproject,
                &format!("{CDYLIB}[dependencies]\npyo3 = '0.29'"),
                &[],
            )
        };
        assert_eq!(named("pyo3"), None);
        assert_eq!(named("pyo3-ffi"), None);
        for other in ["bin", "cffi", "uniffi"] {
            assert_eq!(named(other).as_deref(), Some(other));
        }
    }

    #[test]
    fn pyo3_may_be_renamed_inherited_for_a_platform_or_come_with_another_crate() {
        for dependencies in [
            "[dependencies]\npyo3 = '0.29'",
            "[dependencies]\npyo3-ffi = { workspace = true }",
            "[dependencies]\npy = { package = 'pyo3', version = '0.29' }",
            "[target.'cfg(unix)'.dependencies]\npyo3 = '0.29'",
            "[dependencies]\nwraps-pyo3 = '1'",
        ] {
            let manifest = format!("{CDYLIB}{dependencies}");
            assert_eq!(found("", &manifest, &[]), None, "{dependencies}");
        }
        let manifest = format!("{CDYLIB}[dependencies]\nwraps-pyo3 = '1'");
        let lock = ("Cargo.lock", "[[package]]\nname = \"pyo3\"\n");
        assert_eq!(found("", &manifest, &[lock]), None);
    }

    #[test]
    fn others_are_told_by_their_manifest() {
        let program = "[package]\nname = 'x'\n";
        let main = [("src/main.rs", "")];
        assert_eq!(found("", program, &main).as_deref(), Some("bin"));
        let beside = format!("{CDYLIB}[dependencies]\npyo3 = '0.29'");
        assert_eq!(found("", &beside, &main), None);
        let with_pyo3 = format!("{program}[[bin]]\nname = 'x'\n[dependencies]\npyo3 = '0.29'");
        assert_eq!(found("", &with_pyo3, &[]).as_deref(), Some("bin"));
        assert_eq!(found("", CDYLIB, &[]).as_deref(), Some("cffi"));
        let libc = format!("{CDYLIB}[dependencies]\nlibc = '1'");
        let lock = [("Cargo.lock", "[[package]]\nname = \"libc\"\n")];
        assert_eq!(found("", &libc, &lock).as_deref(), Some("cffi"));
        let uniffi = format!("{CDYLIB}[dependencies]\nuniffi = '1'");
        let lock = [("Cargo.lock", "[[package]]\nname = \"uniffi\"\n")];
        assert_eq!(found("", &uniffi, &lock).as_deref(), Some("uniffi"));
    }
}
