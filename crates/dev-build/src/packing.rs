//! Having maturin pack the wheel while the extension is built and tried: most of its time goes before it asks
//! cargo.
//!
//! It puts nothing in place before it has heard what cargo has said, and our stand-in for cargo waits for
//! that.

use std::io;
use std::thread::JoinHandle;

use camino::{Utf8Path, Utf8PathBuf};
use files::lock::Lock;
use processes::{Captured, Invocation, RunError};

use crate::record;

/// maturin at work. Where it is given up, it ends without a wheel.
#[derive(Debug)]
pub(crate) struct Packing {
    /// Where our stand-in finds what cargo has said.
    answer: Utf8PathBuf,
    /// Held until that is written. The kernel gives it back where we are killed, so nothing waits for ever.
    waiting: Option<Lock>,
    maturin: Option<JoinHandle<Result<Captured, RunError>>>,
}

impl Packing {
    /// Starts `maturin`, which leaves its files in `scratch`.
    ///
    /// # Errors
    /// If the file cannot be made that it waits for.
    pub(crate) fn start(maturin: Invocation, scratch: &Utf8Path) -> io::Result<Self> {
        let answer = scratch.join("cargo-said.json");
        let waiting = Lock::take(&record::lock_of(&answer))?;
        let command = record::answering(maturin, &answer)?;
        Ok(Self {
            answer,
            waiting: Some(waiting),
            maturin: Some(std::thread::spawn(move || command.capture())),
        })
    }

    /// Tells it what cargo has `said` to `call`, and waits for its end.
    ///
    /// # Errors
    /// If it cannot be told, or was not started.
    pub(crate) fn finish(
        mut self,
        call: &Invocation,
        said: &[String],
    ) -> io::Result<Result<Captured, RunError>> {
        record::answer_with(call, said, &self.answer)?;
        self.waiting = None;
        Ok(self.end().expect("it is waited for once"))
    }

    fn end(&mut self) -> Option<Result<Captured, RunError>> {
        let maturin = self.maturin.take()?;
        Some(maturin.join().expect("it only waits for a process"))
    }
}

impl Drop for Packing {
    fn drop(&mut self) {
        self.waiting = None;
        self.end();
    }
}
