//! Processes that are stopped for a while (SIGSTOP), and a guard that lets them go on when we are gone.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

use crate::Invocation;

/// It holds the list of those that are stopped, and lets them go on at the end of its input, which comes
/// however we end, also by SIGKILL. What ends us is not to end it before.
const GUARD: &str = "trap '' INT TERM HUP; while read -r ids; do last=$ids; done; kill -CONT $last";

/// Those that are stopped. When this value goes, they go on.
#[derive(Default)]
pub(crate) struct Pauses {
    stopped: BTreeSet<u32>,
    guard: Option<Child>,
}

impl Pauses {
    /// Stops `wanted`, and lets go on what was stopped and is not wanted any more. What somebody else let go
    /// on, such as a shell with `fg`, is stopped anew.
    pub(crate) fn set(&mut self, wanted: BTreeSet<u32>) {
        let leaving: Vec<_> = self.stopped.difference(&wanted).copied().collect();
        signal(leaving, Signal::CONT);
        let is_guarded = wanted == self.stopped || self.tell_guard(&wanted).is_some();
        // What nobody would let go on is not stopped, and what is stopped without a guard goes on.
        let (stopped, ended) = if is_guarded {
            (wanted, BTreeSet::new())
        } else {
            (BTreeSet::new(), wanted)
        };
        signal(stopped.iter().copied(), Signal::STOP);
        signal(ended, Signal::CONT);
        self.stopped = stopped;
    }

    fn tell_guard(&mut self, wanted: &BTreeSet<u32>) -> Option<()> {
        if self.guard.is_none() {
            self.guard = Invocation::new("sh").args(["-c", GUARD]).start_fed().ok();
        }
        let input = self.guard.as_mut()?.stdin.as_mut()?;
        let ids: Vec<_> = wanted.iter().map(u32::to_string).collect();
        writeln!(input, "{}", ids.join(" ")).ok()
    }
}

impl Drop for Pauses {
    fn drop(&mut self) {
        self.set(BTreeSet::new());
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }
}

fn signal(processes: impl IntoIterator<Item = u32>, signal: Signal) {
    let numbers = processes.into_iter().map(u32::cast_signed);
    for process in numbers.filter_map(Pid::from_raw) {
        // It may have ended on its own.
        let _ = kill_process(process, signal);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// Whether the process comes to be in this state (proc(5)).
    fn becomes(process: u32, state: char) -> bool {
        let deadline = Instant::now() + Duration::from_secs(5);
        let is = || {
            let stat = fs_err::read_to_string(format!("/proc/{process}/stat")).unwrap();
            stat.contains(&format!(") {state} "))
        };
        while !is() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        is()
    }

    #[test]
    fn they_stop_and_go_on_also_when_we_are_killed() {
        let mut sleepers: Vec<_> = (0..2)
            .map(|_| Invocation::new("sleep").arg("100").start_fed().unwrap())
            .collect();
        let [one, two] = [sleepers[0].id(), sleepers[1].id()];
        let mut pauses = Pauses::default();
        pauses.set(BTreeSet::from([one, two]));
        assert!(becomes(one, 'T') && becomes(two, 'T'));
        pauses.set(BTreeSet::from([two]));
        assert!(becomes(one, 'S') && becomes(two, 'T'));
        // As if we were gone: only the guard's input ends.
        let mut guard = pauses.guard.take().unwrap();
        std::mem::forget(pauses);
        drop(guard.stdin.take());
        assert!(becomes(two, 'S'));
        guard.wait().unwrap();
        for sleeper in &mut sleepers {
            sleeper.kill().unwrap();
            sleeper.wait().unwrap();
        }
    }

    #[test]
    fn nothing_is_stopped_without_a_guard() {
        let mut sleeper = Invocation::new("sleep").arg("100").start_fed().unwrap();
        let mut pauses = Pauses::default();
        pauses.set(BTreeSet::from([sleeper.id()]));
        assert!(becomes(sleeper.id(), 'T'));
        let guard = pauses.guard.as_mut().unwrap();
        guard.kill().unwrap();
        guard.wait().unwrap();
        pauses.set(BTreeSet::from([
            sleeper.id(),
            std::process::id() + 4_000_000,
        ]));
        assert!(becomes(sleeper.id(), 'S'));
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
    }
}
