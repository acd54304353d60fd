//! What a hint can name: files that are there, where the one that was looked for is not.

use std::path::PathBuf;

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
    Found(find_where(dir, name, |_| true))
}

/// The directory below `dir` whose pyproject.toml speaks of maturin, relative to `dir`.
#[must_use]
pub fn project_below(dir: &Utf8Path) -> Option<Utf8PathBuf> {
    let is_maturins = |path: &Utf8Path| {
        let text = fs_err::read_to_string(path);
        text.is_ok_and(|text| text.contains("maturin"))
    };
    let found = Found(find_where(dir, "pyproject.toml", is_maturins));
    found.dir_of(dir).map(Utf8Path::to_owned)
}

/// That of the files `name` below `dir` that lies highest, of those that `is_it` says of.
fn find_where(
    dir: &Utf8Path,
    name: &str,
    is_it: impl Fn(&Utf8Path) -> bool,
) -> Option<Utf8PathBuf> {
    let paths = work_in(walkdir::WalkDir::new(dir).max_depth(3)).take(MANY);
    let paths = paths.filter_map(|path| Utf8PathBuf::try_from(path).ok());
    let found = paths.filter(|path| path.file_name() == Some(name) && path.is_file());
    let found = found.filter(|path| is_it(path));
    found.min_by_key(|path| path.components().count())
}

/// What `walk` finds, without what tools have made and what is no part of a package.
pub(crate) fn work_in(walk: walkdir::WalkDir) -> impl Iterator<Item = PathBuf> {
    let is_work = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || SKIPPED.contains(&&*name))
    };
    let entries = walk.sort_by_file_name().into_iter().filter_entry(is_work);
    entries.flatten().map(walkdir::DirEntry::into_path)
}

const SKIPPED: [&str; 5] = ["target", "node_modules", "tests", "examples", "benches"];

/// No more entries than this are looked at.
pub(crate) const MANY: usize = 10_000;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_below_is_one_of_maturin_and_the_highest() {
        let dir = testkit::TempDir::new();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        assert_eq!(project_below(dir.path()), None);
        write("a/pyproject.toml", "build-backend = 'hatchling.build'");
        write("b/c/pyproject.toml", "build-backend = 'maturin'");
        write("target/pyproject.toml", "build-backend = 'maturin'");
        assert_eq!(project_below(dir.path()), Some("b/c".into()));
        write("d/pyproject.toml", "[tool.maturin]");
        assert_eq!(project_below(dir.path()), Some("d".into()));
    }
}
