//! How much memory a build takes at its peak: what its processes hold at once, looked at twenty times a
//! second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::sampler::Sampler;
use crate::throttle::is_of_the_build;

const INTERVAL: Duration = Duration::from_millis(50);

/// Measures from its making until it is asked.
#[derive(Debug)]
pub struct Peak {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Peak {
    /// Begins to measure the descendants of this process, and those of compiler caches' servers.
    #[must_use]
    pub fn start() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let ancestor = std::process::id();
        let thread = std::thread::spawn(move || {
            let mut sampler = Sampler::default();
            while !over.load(Ordering::Relaxed) {
                sampler.look(&|_, stat| is_of_the_build(stat, ancestor), 0.0, 0.0);
                std::thread::sleep(INTERVAL);
            }
            sampler.peak_bytes
        });
        Self { is_over, thread }
    }

    /// The most that was seen, in bytes. `None` where it cannot be told: on systems other than Linux.
    #[must_use]
    pub fn bytes(self) -> Option<u64> {
        self.is_over.store(true, Ordering::Relaxed);
        let bytes = self.thread.join().unwrap_or(0);
        (bytes > 0).then_some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Invocation;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_large_grandchild_is_seen() {
        let peak = Peak::start();
        // 64 MB in a shell variable.
        let script = "x=$(head -c 64000000 /dev/zero | tr '\\0' x); sleep 0.5";
        let outer = format!("sh -c '{}'; true", script.replace('\'', "'\\''"));
        Invocation::new("sh").args(["-c", &outer]).run().unwrap();
        assert!(peak.bytes().unwrap() > 32_000_000);
    }
}
