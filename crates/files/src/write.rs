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
    let dir = path.parent().filter(|dir| !dir.as_str().is_empty());
    let mut draft = tempfile::NamedTempFile::new_in(dir.unwrap_or(Utf8Path::new(".")))?;
    draft.write_all(content.as_ref())?;
    // `NamedTempFile` makes files that only their owner may read.
    draft
        .as_file()
        .set_permissions(std::fs::Permissions::from_mode(0o644))?;
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
}
