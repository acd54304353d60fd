//! Telling whether something changed: by content (SHA-256), or by what the file system says of it.

use std::io;
use std::os::unix::fs::MetadataExt;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use walkdir::{DirEntry, WalkDir};

/// The SHA-256 of `bytes`, in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The SHA-256 of a file's content, or of the names and stamps of the files in a directory, which a build script may
/// name as its input. `None` if it cannot be read.
#[must_use]
pub fn sha256_of_file(path: &Utf8Path) -> Option<String> {
    if path.is_dir() {
        return Some(sha256(listing(path).as_bytes()));
    }
    fs_err::read(path).ok().map(|bytes| sha256(&bytes))
}

/// The files below `dir`, each with its stamp.
fn listing(dir: &Utf8Path) -> String {
    let files = files_below(dir).map(|path| format!("{path} {:?}\n", Stamp::of(&path).ok()));
    files.collect()
}

/// The files below `dir` that somebody has written, by name: not what cargo, Python and git make.
pub fn files_below(dir: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> + use<> {
    let entries = WalkDir::new(dir).sort_by_file_name().into_iter();
    let files = entries.filter_entry(|entry| !is_made(entry)).flatten();
    let files = files.filter(|entry| !entry.file_type().is_dir());
    files.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok())
}

/// Target directories, environments, hidden directories but `.cargo`, compiled Python and libraries.
fn is_made(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    if entry.depth() == 0 {
        return false;
    }
    if !entry.file_type().is_dir() {
        return name.ends_with(".so") || name.ends_with(".pyc");
    }
    let hidden = name.starts_with('.') && name != ".cargo";
    let marked = |mark: &&str| entry.path().join(mark).exists();
    let marks = ["CACHEDIR.TAG", ".rustc_info.json", "pyvenv.cfg"];
    hidden || ["node_modules", "__pycache__"].contains(&name.as_ref()) || marks.iter().any(marked)
}

/// What the file system says of a file without reading it. As long as it stays the same, so does the content:
/// writing changes the times, and replacing the inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    inode: u64,
    length_bytes: u64,
    modified_s: i64,
    modified_ns: i64,
    /// `ctime`, which unlike the modification time cannot be set.
    changed_s: i64,
    changed_ns: i64,
}

impl Stamp {
    /// The stamp of the file at `path`.
    pub fn of(path: &Utf8Path) -> io::Result<Self> {
        let metadata = fs_err::metadata(path)?;
        Ok(Self {
            inode: metadata.ino(),
            length_bytes: metadata.len(),
            modified_s: metadata.mtime(),
            modified_ns: metadata.mtime_nsec(),
            changed_s: metadata.ctime(),
            changed_ns: metadata.ctime_nsec(),
        })
    }

    /// Whether the file at `path` still has this stamp.
    #[must_use]
    pub fn holds(&self, path: &Utf8Path) -> bool {
        Self::of(path).is_ok_and(|now| now == *self)
    }

    /// The same for a file to which hard links come and go, as cargo makes them: that changes `ctime`.
    #[must_use]
    pub fn holds_but_for_links(&self, path: &Utf8Path) -> bool {
        let without_change = |stamp: Self| Self {
            changed_s: 0,
            changed_ns: 0,
            ..stamp
        };
        Self::of(path).is_ok_and(|now| without_change(now) == without_change(*self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_standard() {
        // FIPS 180-4, the message "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), expected);
    }

    #[test]
    fn a_stamp_holds_until_the_file_is_written_or_replaced() {
        let dir = testkit::TempDir::new();
        let path = dir.path().join("file");
        fs_err::write(&path, "one").unwrap();
        let stamp = Stamp::of(&path).unwrap();
        assert!(stamp.holds(&path));
        fs_err::hard_link(&path, dir.path().join("link")).unwrap();
        assert!(stamp.holds_but_for_links(&path));

        let other = dir.path().join("other");
        fs_err::write(&other, "two").unwrap();
        fs_err::rename(&other, &path).unwrap();
        assert!(!stamp.holds(&path) && !stamp.holds_but_for_links(&path));

        fs_err::remove_file(&path).unwrap();
        assert!(!stamp.holds(&path));
    }
}
