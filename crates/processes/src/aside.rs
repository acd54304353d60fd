//! Standard error, put aside: what we and all that we start write there is kept, and not told at once.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt as _;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::stdio::{dup2_stderr, stderr};

/// How much is kept of what was written, in bytes: the end of it, where errors stand.
const KEPT_BYTES: u64 = 64 << 10;

/// The standard error that is put aside, until it is taken back.
#[derive(Debug)]
pub struct Aside {
    kept: File,
    /// What was there before. Nothing that we start inherits it, so that whoever reads it hears of our end.
    before: OwnedFd,
}

impl Aside {
    /// From now on what is written to standard error is kept.
    ///
    /// # Errors
    /// If there is no place for it.
    pub fn begin() -> io::Result<Self> {
        let kept = tempfile::tempfile()?;
        let before = fcntl_dupfd_cloexec(stderr(), 3)?;
        dup2_stderr(&kept)?;
        Ok(Self { kept, before })
    }

    /// Writes a line to the standard error of before.
    ///
    /// # Errors
    /// If nobody reads there.
    pub fn tell(&self, line: &str) -> io::Result<()> {
        File::from(self.before.try_clone()?).write_all(format!("{line}\n").as_bytes())
    }

    /// The end of what was written so far.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn so_far(&self) -> io::Result<String> {
        let length = self.kept.metadata()?.len();
        let start = length.saturating_sub(KEPT_BYTES);
        let mut bytes = vec![0; usize::try_from(length - start).unwrap_or_default()];
        // All who write there have one position with us, which is left where it is.
        self.kept.read_exact_at(&mut bytes, start)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Takes it back.
    ///
    /// # Errors
    /// If the operating system refuses.
    pub fn end(self) -> io::Result<()> {
        Ok(dup2_stderr(&self.before)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Invocation;

    #[test]
    fn what_a_child_writes_is_kept_and_its_end_is_given() {
        let write = |script: &str| Invocation::new("sh").args(["-c", script]).run();
        let aside = Aside::begin().unwrap();
        let written = write("echo first >&2; seq 100000 >&2").and_then(|()| write("echo last >&2"));
        let so_far = aside.so_far();
        aside.end().unwrap();
        written.unwrap();
        let so_far = so_far.unwrap();
        assert_eq!(so_far.len() as u64, KEPT_BYTES);
        assert!(so_far.ends_with("\n100000\nlast\n") && !so_far.contains("first"));
    }
}
