//! Files that one process at a time holds open, and directories that one process at a time writes to.

use std::fs::TryLockError;
use std::io;

use camino::Utf8Path;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use rustix::fs::OFlags;

/// Held for as long as this value lives; the kernel gives it back also when the process is killed.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "the open file is the lock")] fs_err::File);

impl Lock {
    /// The lock that the file at `path` is, which is made if it is missing, unless somebody else has it.
    /// Nothing is written, and no link followed: where one leads, is a file of somebody else.
    ///
    /// # Errors
    /// What the file system says.
    pub fn try_take(path: &Utf8Path) -> io::Result<Option<Self>> {
        let file = open(path)?;
        match file.file().try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The same, as soon as nobody else has it.
    ///
    /// # Errors
    /// Those of [`Self::try_take`].
    pub fn take(path: &Utf8Path) -> io::Result<Self> {
        let file = open(path)?;
        file.file().lock()?;
        Ok(Self(file))
    }

    /// The lock on the directory `dir` itself, which has to be there.
    ///
    /// # Errors
    /// Those of [`Self::try_take`].
    pub fn take_dir(dir: &Utf8Path) -> io::Result<Self> {
        let file = fs_err::File::open(dir)?;
        file.file().lock()?;
        Ok(Self(file))
    }
}

fn open(path: &Utf8Path) -> io::Result<fs_err::File> {
    fs_err::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn one_at_a_time_has_it() {
        let dir = TempDir::new();
        let path = dir.path().join("lock");
        let first = Lock::try_take(&path).unwrap();
        assert!(first.is_some());
        assert!(Lock::try_take(&path).unwrap().is_none());
        drop(first);
        Lock::take(&path).unwrap();
        let of_dir = Lock::take_dir(dir.path()).unwrap();
        let other = fs_err::File::open(dir.path()).unwrap();
        assert!(other.file().try_lock().is_err());
        drop(of_dir);
        other.file().try_lock().unwrap();
    }

    #[test]
    fn a_link_in_its_place_is_refused_and_what_it_leads_to_keeps_its_content() {
        let dir = TempDir::new();
        let (path, foreign) = (dir.path().join("lock"), dir.path().join("foreign"));
        fs_err::write(&foreign, "mine").unwrap();
        std::os::unix::fs::symlink(&foreign, &path).unwrap();
        assert!(Lock::try_take(&path).is_err());
        assert!(Lock::take(&path).is_err());
        assert_eq!(fs_err::read_to_string(&foreign).unwrap(), "mine");
    }
}
