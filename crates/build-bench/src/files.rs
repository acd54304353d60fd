//! Copying trees.

use camino::{Utf8Path, Utf8PathBuf};
use walkdir::WalkDir;

use crate::error::{BenchError, at};

/// How a file gets from one tree into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is written anew, with its rights.
    Copy,
    /// It is the same file under a second name, where both lie on one file system: for files that nobody writes to.
    Link,
}

/// Copies all that is in `from` into `to`. What is not there is no error: there is nothing to be copied then.
pub(crate) fn copy_tree(from: &Utf8Path, to: &Utf8Path, way: Way) -> Result<(), BenchError> {
    for entry in WalkDir::new(from).into_iter().flatten() {
        let Ok(path) = Utf8PathBuf::from_path_buf(entry.path().to_owned()) else {
            continue;
        };
        let target = to.join(path.strip_prefix(from).unwrap_or(&path));
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(&target).map_err(at(&target))?;
        } else if entry.file_type().is_symlink() {
            let points_to = path.read_link_utf8().map_err(at(&path))?;
            std::os::unix::fs::symlink(points_to, &target).map_err(at(&target))?;
        } else {
            copy_file(&path, &target, way)?;
        }
    }
    Ok(())
}

/// Copies one file, and makes the directories above it.
pub(crate) fn copy_file(from: &Utf8Path, to: &Utf8Path, way: Way) -> Result<(), BenchError> {
    if let Some(parent) = to.parent() {
        fs_err::create_dir_all(parent).map_err(at(parent))?;
    }
    if way == Way::Link && fs_err::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs_err::copy(from, to).map(drop).map_err(at(to))
}

/// Removes a file or a directory with all that is in it, if it is there.
pub(crate) fn remove(path: &Utf8Path) -> Result<(), BenchError> {
    let removed = match path.symlink_metadata() {
        Err(_) => return Ok(()),
        Ok(metadata) if metadata.is_dir() => fs_err::remove_dir_all(path),
        Ok(_) => fs_err::remove_file(path),
    };
    removed.map_err(at(path))
}

/// Writes a file that a build reads.
pub(crate) fn write(path: &Utf8Path, text: &str) -> Result<(), BenchError> {
    fs_err::write(path, text).map_err(at(path))
}

/// Reads a text.
pub(crate) fn read(path: &Utf8Path) -> Result<String, BenchError> {
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
        copy_tree(&from, &dir.path().join("none"), Way::Copy).unwrap();
        fs_err::create_dir_all(from.join("a")).unwrap();
        fs_err::write(from.join("a/b"), "1").unwrap();
        for (name, way, expected) in [("copy", Way::Copy, "1"), ("link", Way::Link, "12")] {
            let to = dir.path().join(name);
            fs_err::write(from.join("a/b"), "1").unwrap();
            copy_tree(&from, &to, way).unwrap();
            let mut file = fs_err::OpenOptions::new()
                .append(true)
                .open(from.join("a/b"))
                .unwrap();
            file.write_all(b"2").unwrap();
            assert_eq!(read(&to.join("a/b")).unwrap(), expected);
            remove(&to).unwrap();
            assert!(!to.exists());
        }
    }
}
