//! Which files of a directory hold records.

use std::fs;
use std::path::{Path, PathBuf};

use maou_io::{Error, Result};

/// The extensions of record files.
const EXTENSIONS: [&str; 2] = ["arrow", "feather"];

/// The record files in a directory and the directories in it, sorted by path.
///
/// Record files are those ending in `.arrow` or `.feather`. Names that start with a dot are skipped,
/// temporary files among them. Links to files are followed, links to directories are not, so the
/// search ends.
pub fn record_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut pending = vec![directory.to_path_buf()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).map_err(Error::io(&directory))? {
            let entry = entry.map_err(Error::io(&directory))?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            if entry.file_type().map_err(Error::io(&path))?.is_dir() {
                pending.push(path);
            } else if has_record_extension(&path) && path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn has_record_extension(path: &Path) -> bool {
    EXTENSIONS
        .iter()
        .any(|extension| path.extension().is_some_and(|found| found == *extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }

    #[test]
    fn record_files_are_found_in_every_directory_and_sorted() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "b.arrow",
            "a/z.feather",
            "a/a.arrow",
            "notes.txt",
            ".hidden/x.arrow",
            ".t.arrow",
        ] {
            touch(&dir.path().join(name));
        }
        let found = record_files(dir.path()).unwrap();
        let expected = ["a/a.arrow", "a/z.feather", "b.arrow"].map(|name| dir.path().join(name));
        assert_eq!(found, expected);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_directory_above_is_no_trap() {
        let dir = tempfile::tempdir().unwrap();
        touch(&dir.path().join("a/a.arrow"));
        std::os::unix::fs::symlink(dir.path(), dir.path().join("a/loop")).unwrap();
        assert_eq!(record_files(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = record_files(Path::new("no/such/directory")).unwrap_err();
        assert_eq!(error.path(), Some(Path::new("no/such/directory")));
    }
}
