//! How Python and Rust are bound together, as far as files tell.
//!
//! maturin finds it out from the resolved dependencies (its `bridge/detection.rs`, 1.16), which cargo may
//! have to download. Most projects can be told by their manifest alone, before anything is made; of the
//! others maturin is asked when they are built.

use camino::Utf8Path;

use crate::Pyproject;
use crate::manifest::Manifest;

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
    if !is_cdylib && !manifest.programs(dir).is_empty() {
        return Some("bin".to_owned());
    }
    let names: Vec<_> = manifest.dependencies().map(|it| it.package).collect();
    if names.iter().any(|name| PYO3.contains(name)) {
        return None;
    }
    let may_come_with_another = match locked(dir) {
        Some(locked) => PYO3.iter().any(|name| locked.contains(name)),
        None => !names.is_empty(),
    };
    if may_come_with_another {
        return None;
    }
    if names.contains(&"uniffi") {
        return Some("uniffi".to_owned());
    }
    is_cdylib.then(|| "cffi".to_owned())
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
