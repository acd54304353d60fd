//! The threads that decode.

use std::process;
use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The pool and the process that its threads live in.
static POOL: Mutex<Option<(u32, &'static ThreadPool)>> = Mutex::new(None);

/// Runs `work` on the pool: one thread per core, or `RAYON_NUM_THREADS`.
///
/// rayon's global pool does not survive `fork`: its threads stay with the parent, and the first
/// parallel read in a child, such as a worker of a `DataLoader`, would wait for them for ever. So
/// a forked child gets a pool of its own. Where no thread can be had, the caller does the work.
pub fn install<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match pool() {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

fn pool() -> Option<&'static ThreadPool> {
    let mut slot = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let here = process::id();
    if let Some((owner, pool)) = *slot
        && owner == here
    {
        return Some(pool);
    }
    let pool = ThreadPoolBuilder::new()
        .thread_name(|index| format!("maou-{index}"))
        .build()
        .ok()?;
    // It lives as long as the process; after a fork the parent's is left as it is, for its threads
    // are not there to be joined.
    let pool: &'static ThreadPool = Box::leak(Box::new(pool));
    *slot = Some((here, pool));
    Some(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_runs_on_the_pool_and_nests() {
        let name = install(|| install(|| std::thread::current().name().map(str::to_owned)));
        assert!(name.is_some_and(|name| name.starts_with("maou-")));
    }
}
