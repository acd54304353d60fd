//! Telling whether a file has changed by what the file system says of it.

use std::io;
use std::os::unix::fs::MetadataExt;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

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
    fn the_change_time_counts() {
        let dir = testkit::TempDir::new();
        let path = dir.path().join("file");
        fs_err::write(&path, "one").unwrap();
        let stamp = Stamp::of(&path).unwrap();
        let modified = fs_err::metadata(&path).unwrap().modified().unwrap();
        // Written in place, with the same length and the same modification time.
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs_err::write(&path, "two").unwrap();
        let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
        file.file().set_modified(modified).unwrap();
        assert!(!stamp.holds(&path));
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
