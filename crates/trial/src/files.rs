//! Copying, linking, replacing and removing files, and room for them.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::sha256_of;
use files::owned;
use files::write::atomically;
use walkdir::WalkDir;

/// A file or directory cannot be read, made or changed.
#[derive(Debug, thiserror::Error)]
#[error("cannot work with {path}")]
pub struct FileError {
    path: Utf8PathBuf,
    source: io::Error,
}

/// An operation of the file system on `path` that failed.
pub fn at(path: &Utf8Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError { path, source }
}

/// How a file gets to another place: [`copy_file`] or [`link_file`].
pub type Put = fn(&Utf8Path, &Utf8Path) -> Result<(), FileError>;

/// Puts all that is in `from` into `to`, too: nothing, if `from` is not there.
pub fn copy_tree(from: &Utf8Path, to: &Utf8Path, put: Put) -> Result<(), FileError> {
    for entry in WalkDir::new(from).into_iter().flatten() {
        let Ok(path) = Utf8PathBuf::from_path_buf(entry.path().to_owned()) else {
            continue;
        };
        let target = to.join(path.strip_prefix(from).unwrap_or(&path));
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(&target).map_err(at(&target))?;
        } else if entry.file_type().is_symlink() {
            copy_link(&path, &target)?;
        } else {
            put(&path, &target)?;
        }
    }
    Ok(())
}

/// Writes a file anew, with its rights, and makes the directories above it.
pub fn copy_file(from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
    make_dir_of(to)?;
    fs_err::copy(from, to).map(drop).map_err(at(to))
}

/// Gives a file that nobody writes to a second name; copies it, where the two lie on different file systems.
pub fn link_file(from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
    make_dir_of(to)?;
    fs_err::hard_link(from, to).or_else(|_| copy_file(from, to))
}

/// Makes a link that says the same as the one at `from`.
pub fn copy_link(from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
    let target = from.read_link_utf8().map_err(at(from))?;
    make_dir_of(to)?;
    std::os::unix::fs::symlink(target, to).map_err(at(to))
}

fn make_dir_of(path: &Utf8Path) -> Result<(), FileError> {
    let dir = path.parent().filter(|dir| !dir.as_str().is_empty());
    dir.map_or(Ok(()), |dir| fs_err::create_dir_all(dir).map_err(at(dir)))
}

/// Removes a file or a directory with all that is in it, if it is there: `path` below the directory `root`,
/// which is ours. Nothing is removed through a link.
pub fn remove(root: &Utf8Path, path: &Utf8Path) -> Result<(), FileError> {
    owned::remove(root, path).map(drop).map_err(at(path))
}

/// Writes a file that a build reads, and makes the directories above it.
pub fn write(path: &Utf8Path, text: &str) -> Result<(), FileError> {
    make_dir_of(path)?;
    fs_err::write(path, text).map_err(at(path))
}

/// The same for a file that others keep: there is always the old one or the new one.
pub fn replace(path: &Utf8Path, text: &str) -> Result<(), FileError> {
    make_dir_of(path)?;
    atomically(path, text).map_err(at(path))
}

/// The SHA-256 of a file, in hexadecimal digits. `None` if it cannot be read.
#[must_use]
pub fn sha256(path: &Utf8Path) -> Option<String> {
    sha256_of(path).ok()
}

/// There is less room than what is to be written.
#[derive(Debug, thiserror::Error)]
#[error(
    "{dir} has {} MB left, and the copies of the project take about {} MB\n  help: free some, or name another directory with the variable XTASK_CACHE_DIR",
    free_bytes / 1_000_000,
    needed_bytes / 1_000_000
)]
pub struct NoSpace {
    dir: Utf8PathBuf,
    free_bytes: u64,
    needed_bytes: u64,
}

/// Refuses a disk on which less than `needed_bytes` can be written to `dir`.
pub fn refuse_small_disk(dir: &Utf8Path, needed_bytes: u64) -> Result<(), NoSpace> {
    let free_bytes = match rustix::fs::statvfs(dir.as_std_path()) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(_) => u64::MAX,
    };
    let is_enough = free_bytes >= needed_bytes;
    let dir = dir.to_owned();
    is_enough.then_some(()).ok_or(NoSpace {
        dir,
        free_bytes,
        needed_bytes,
    })
}

/// Reads a text.
pub fn read(path: &Utf8Path) -> Result<String, FileError> {
    fs_err::read_to_string(path).map_err(at(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use testkit::TempDir;

    #[test]
    fn a_copy_is_independent_and_a_link_is_not() {
        let dir = TempDir::new();
        let from = dir.path().join("from");
        copy_tree(&from, &dir.path().join("none"), copy_file).unwrap();
        fs_err::create_dir_all(from.join("a")).unwrap();
        fs_err::write(from.join("a/b"), "1").unwrap();
        let ways: [(_, Put, _); 2] = [("copy", copy_file, "1"), ("link", link_file, "12")];
        for (name, put, expected) in ways {
            let to = dir.path().join(name);
            fs_err::write(from.join("a/b"), "1").unwrap();
            copy_tree(&from, &to, put).unwrap();
            let mut file = fs_err::OpenOptions::new()
                .append(true)
                .open(from.join("a/b"))
                .unwrap();
            file.write_all(b"2").unwrap();
            assert_eq!(read(&to.join("a/b")).unwrap(), expected);
            remove(dir.path(), &to).unwrap();
            assert!(!to.exists());
        }
    }

    #[test]
    fn a_file_is_replaced_whole_and_known_by_its_content() {
        let dir = TempDir::new();
        let path = dir.path().join("new/a");
        assert_eq!(sha256(&path), None);
        replace(&path, "one").unwrap();
        let one = sha256(&path);
        replace(&path, "two").unwrap();
        assert_eq!(read(&path).unwrap(), "two");
        assert!(one.is_some() && sha256(&path) != one);
        let beside = path.parent().unwrap().read_dir_utf8().unwrap();
        assert_eq!(beside.count(), 1, "no draft is left");
        fs_err::create_dir_all(dir.path().join("dir/full")).unwrap();
        let error = replace(&dir.path().join("dir"), "x").unwrap_err();
        assert!(error.to_string().starts_with("cannot work with"), "{error}");
    }

    #[test]
    fn a_disk_that_is_too_small_is_told_in_megabytes() {
        let dir = TempDir::new();
        refuse_small_disk(dir.path(), 1).unwrap();
        let error = refuse_small_disk(dir.path(), u64::MAX).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("about 18446744073709 MB\n  help: free some"),
            "{text}"
        );
    }
}
