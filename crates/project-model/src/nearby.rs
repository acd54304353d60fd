//! What a hint can name: files that are there, where the one that was looked for is not.

use camino::{Utf8Path, Utf8PathBuf};

use crate::ProjectError;

/// What was looked for below a directory.
pub(crate) struct Found(Option<Utf8PathBuf>);

impl Found {
    /// Relative to `dir`.
    pub(crate) fn strip_prefix_of(&self, dir: &Utf8Path) -> Option<&Utf8Path> {
        self.0.as_deref()?.strip_prefix(dir).ok()
    }

    /// The directory in which it lies, relative to `dir`.
    pub(crate) fn dir_of(&self, dir: &Utf8Path) -> Option<&Utf8Path> {
        self.strip_prefix_of(dir)?.parent()
    }
}

/// The file `name` below `dir` that lies highest, as far as a project has it: three levels below, and not
/// among what tools have made.
pub(crate) fn find(dir: &Utf8Path, name: &str) -> Found {
    let walk = walkdir::WalkDir::new(dir).max_depth(3).sort_by_file_name();
    let is_work = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || SKIPPED.contains(&&*name))
    };
    let entries = walk.into_iter().filter_entry(is_work).take(MANY).flatten();
    let paths = entries.filter_map(|entry| Utf8PathBuf::try_from(entry.into_path()).ok());
    let found = paths.filter(|path| path.file_name() == Some(name) && path.is_file());
    Found(found.min_by_key(|path| path.components().count()))
}

const SKIPPED: [&str; 5] = ["target", "node_modules", "tests", "examples", "benches"];

/// No more entries than this are looked at for a hint.
const MANY: usize = 10_000;

/// The `manifest-path` to write where `manifest`, the Cargo.toml that was looked for, is not there.
pub(crate) fn no_manifest(root: &Utf8Path, manifest: Utf8PathBuf) -> ProjectError {
    let found = find(root, "Cargo.toml");
    let remedy = match found.strip_prefix_of(root) {
        Some(path) => format!(
            "these lines in pyproject.toml name the one that is there:\n    [tool.maturin]\n    manifest-path = \"{path}\""
        ),
        None => "make the crate: `cargo init --lib`; then, in its Cargo.toml:\n    [lib]\n    crate-type = [\"cdylib\"]\n    [dependencies]\n    pyo3 = \"0.30\"".to_owned(),
    };
    ProjectError::NoManifest { manifest, remedy }
}
