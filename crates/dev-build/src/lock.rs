//! One development build at a time: of a project, and into a directory that checkouts share.

use std::io;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use processes::Say;

use files::digest::short_name;
use files::lock;

/// Held for as long as this value lives; the kernel gives it back also when the process is killed.
#[derive(Debug)]
pub struct Lock {
    /// How long another build took to end first; `None` where there was none.
    pub waited: Option<Duration>,
    _lock: lock::Lock,
}

impl Lock {
    /// Waits until no other process builds the project in `root`, or into the directory `root`. The lock file
    /// lies in `dir` and not in the project, which has no directory that is sure to exist and to be ignored
    /// by git.
    pub fn take(root: &Utf8Path, dir: &Utf8Path, say: Say<'_>) -> io::Result<Self> {
        let file = lock_file(root, dir)?;
        let at_once = lock::Lock::try_take(&file)?;
        if let Some(lock) = at_once {
            return Ok(Self {
                waited: None,
                _lock: lock,
            });
        }
        let start = Instant::now();
        say(
            "Blocking",
            "waiting for another build of this project, or into the same directory",
        );
        let lock = lock::Lock::take(&file)?;
        Ok(Self {
            waited: Some(start.elapsed()),
            _lock: lock,
        })
    }
}

fn lock_file(root: &Utf8Path, dir: &Utf8Path) -> io::Result<Utf8PathBuf> {
    fs_err::create_dir_all(dir)?;
    Ok(dir.join(format!("{}.lock", short_name(root.as_str()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn the_second_waits_for_the_first_and_another_project_does_not() {
        let cache = testkit::TempDir::new();
        let first = Lock::take("/p".into(), cache.path(), &|_, _| panic!("waits")).unwrap();
        assert_eq!(first.waited, None);
        let other = Lock::take("/q".into(), cache.path(), &|_, _| panic!("waits")).unwrap();
        drop(other);
        let waited = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let say = |_: &str, _: &str| waited.store(true, Ordering::SeqCst);
                Lock::take("/p".into(), cache.path(), &say)
            });
            while !waited.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let pause = Duration::from_millis(20);
            std::thread::sleep(pause);
            drop(first);
            assert!(second.join().unwrap().unwrap().waited >= Some(pause));
        });
    }
}
