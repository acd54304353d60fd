//! One writer in a directory at a time.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use camino::Utf8Path;
use rustix::fs::{FlockOperation, flock};

/// The lock on a directory, held for as long as this lives. The system releases it when a process ends,
/// however it ends.
#[derive(Debug)]
pub(crate) struct DirLock(File);

impl DirLock {
    /// Waits until nobody else holds it.
    pub(crate) fn take(dir: &Utf8Path) -> io::Result<Self> {
        loop {
            let file = File::open(dir)?;
            rustix::io::retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?;
            // While we waited, the directory may have been removed and made again.
            let (held, present) = (file.metadata()?, fs_err::metadata(dir)?);
            if (held.dev(), held.ino()) == (present.dev(), present.ino()) {
                return Ok(Self(file));
            }
        }
    }

    /// Has the names in the directory written to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}
