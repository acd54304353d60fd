//! Temporary directories with UTF-8 paths.

use camino::{Utf8Path, Utf8PathBuf};

/// A directory that is removed with this value.
#[derive(Debug)]
pub struct TempDir {
    path: Utf8PathBuf,
    _removed_on_drop: tempfile::TempDir,
}

impl TempDir {
    /// A new, empty directory. Its path has no symbolic links, as tools print it.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "making a directory is no default"
    )]
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).expect("a UTF-8 path");
        Self {
            path: path.canonicalize_utf8().expect("it exists"),
            _removed_on_drop: dir,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }
}
