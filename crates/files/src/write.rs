//! Writing a small file as a whole.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use camino::Utf8Path;

/// Writes `content` to `path` so that at every moment there is either the old file or the new one. Without
/// `fsync`: after a power failure, what it holds is simply made again.
///
/// # Errors
/// What the file system says; the old file is there then, and nothing else is left.
pub fn atomically(path: &Utf8Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    with_mode(path, content.as_ref(), 0o644)
}

/// The same for what only its owner may read.
///
/// # Errors
/// Those of [`atomically`].
pub fn privately(path: &Utf8Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    with_mode(path, content.as_ref(), 0o600)
}

fn with_mode(path: &Utf8Path, content: &[u8], mode: u32) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_str().is_empty());
    let mut draft = tempfile::NamedTempFile::new_in(dir.unwrap_or(Utf8Path::new(".")))?;
    draft.write_all(content)?;
    draft
        .as_file()
        .set_permissions(std::fs::Permissions::from_mode(mode))?;
    draft.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_and_nothing_else_is_left() {
        let dir = testkit::TempDir::new();
        let path = dir.path().join("file");
        for text in ["one", "two"] {
            atomically(&path, text).unwrap();
            assert_eq!(fs_err::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(dir.path().read_dir_utf8().unwrap().count(), 1);
        assert!(atomically(&path.join("below"), "x").is_err());
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "two");
    }

    #[test]
    fn who_may_read_it_is_decided_by_the_call() {
        let dir = testkit::TempDir::new();
        let path = dir.path().join("file");
        let mode = || fs_err::metadata(&path).unwrap().permissions().mode() & 0o777;
        atomically(&path, "for all").unwrap();
        assert_eq!(mode(), 0o644);
        privately(&path, "for me").unwrap();
        assert_eq!(mode(), 0o600);
    }
}
