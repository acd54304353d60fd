//! Writing a small file as a whole.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::time::SystemTime;

use camino::Utf8Path;

/// Writes `content` to `path` so that at every moment there is either the old file or the new one. Without
/// `fsync`: after a power failure, what it holds is simply made again.
///
/// # Errors
/// What the file system says; the old file is there then, and nothing else is left.
pub fn atomically(path: &Utf8Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    draft(path, content.as_ref(), 0o644)?.persist(path)?;
    Ok(())
}

/// The same with the modification time `modified`, which the file has from the beginning.
///
/// # Errors
/// Those of [`atomically`].
pub fn as_of(path: &Utf8Path, content: &[u8], modified: SystemTime) -> io::Result<()> {
    let draft = draft(path, content, 0o644)?;
    draft.as_file().set_modified(modified)?;
    draft.persist(path)?;
    Ok(())
}

/// Has `path` be a symbolic link to `target`, in place of whatever file is there.
///
/// # Errors
/// Those of [`atomically`].
pub fn link(path: &Utf8Path, target: &Utf8Path) -> io::Result<()> {
    let make = |draft: &std::path::Path| std::os::unix::fs::symlink(target, draft);
    let draft = tempfile::Builder::new().make_in(dir_of(path), make)?;
    draft.persist(path)?;
    Ok(())
}

/// The same for what only its owner may read.
///
/// # Errors
/// Those of [`atomically`].
pub fn privately(path: &Utf8Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    draft(path, content.as_ref(), 0o600)?.persist(path)?;
    Ok(())
}

/// What is to become `path`, beside it.
fn draft(path: &Utf8Path, content: &[u8], mode: u32) -> io::Result<tempfile::NamedTempFile> {
    let mut draft = tempfile::NamedTempFile::new_in(dir_of(path))?;
    draft.write_all(content)?;
    draft
        .as_file()
        .set_permissions(std::fs::Permissions::from_mode(mode))?;
    Ok(draft)
}

fn dir_of(path: &Utf8Path) -> &Utf8Path {
    let dir = path.parent().filter(|dir| !dir.as_str().is_empty());
    dir.unwrap_or(Utf8Path::new("."))
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
    fn a_file_has_its_time_from_the_beginning() {
        let dir = testkit::TempDir::new();
        let path = dir.path().join("file");
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
        as_of(&path, b"text", time).unwrap();
        let metadata = fs_err::metadata(&path).unwrap();
        assert_eq!(metadata.modified().unwrap(), time);
    }

    #[test]
    fn a_link_takes_the_place_of_a_file_and_not_of_what_a_link_leads_to() {
        let dir = testkit::TempDir::new();
        let path = dir.path().join("file");
        let targets = ["one", "two"].map(|name| dir.path().join(name));
        fs_err::write(&path, "old").unwrap();
        for target in &targets {
            fs_err::write(target, target.as_str()).unwrap();
            link(&path, target).unwrap();
            assert_eq!(path.read_link_utf8().unwrap(), *target);
        }
        assert_eq!(fs_err::read_to_string(&targets[0]).unwrap(), targets[0]);
        assert_eq!(dir.path().read_dir_utf8().unwrap().count(), 3);
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
