//! A command that runs beside us until we stop it.

use std::io;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a command may take to end after it was asked to, before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// The command. It shares our terminal and our process group, so that Ctrl-C ends both.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    pub(crate) fn new(child: Child) -> Self {
        Self(child)
    }

    /// Ends the command and whatever it has started: asks with SIGTERM, and kills what is still there after
    /// three seconds.
    pub fn stop(mut self) {
        let all = self.with_descendants();
        for &pid in &all {
            // It may have ended on its own.
            let _ = kill_process(pid, Signal::TERM);
        }
        // If that cannot be told, it is killed.
        let _ = self.wait_for(GRACE);
        for pid in all {
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = self.0.wait();
    }

    /// How the command has ended; `None` if it still runs after `limit`.
    pub(crate) fn wait_for(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            let ended = self.0.try_wait()?;
            if ended.is_some() || Instant::now() >= deadline {
                return Ok(ended);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills the command at once (SIGKILL), and leaves what it has started.
    pub fn kill(mut self) {
        // It may have ended on its own.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// The process and its descendants as the kernel lists them now (`/proc/PID/task/TID/children`);
    /// elsewhere than on Linux, the process alone.
    fn with_descendants(&self) -> Vec<Pid> {
        let mut found: Vec<_> = Pid::from_raw(self.0.id().cast_signed())
            .into_iter()
            .collect();
        let mut next = 0;
        while let Some(&pid) = found.get(next) {
            found.extend(children(pid));
            next += 1;
        }
        found
    }
}

fn children(pid: Pid) -> Vec<Pid> {
    let tasks = fs_err::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()))
        .into_iter()
        .flatten()
        .flatten();
    let lists = tasks.filter_map(|task| fs_err::read_to_string(task.path().join("children")).ok());
    let numbers = lists.flat_map(|list| {
        let numbers = list
            .split_whitespace()
            .filter_map(|number| number.parse().ok());
        numbers.collect::<Vec<i32>>()
    });
    numbers.filter_map(Pid::from_raw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Invocation;
    use testkit::TempDir;

    #[test]
    fn stopping_ends_the_command_and_what_it_started() {
        let dir = TempDir::new();
        let pids = dir.path().join("pids");
        let script = format!("sleep 1000 & echo $! > {pids}.new; mv {pids}.new {pids}; wait");
        let running = Invocation::new("sh").args(["-c", &script]).spawn().unwrap();
        while !pids.exists() {
            std::thread::yield_now();
        }
        let sleeper = fs_err::read_to_string(&pids).unwrap();
        let stat = format!("/proc/{}/stat", sleeper.trim());
        assert!(std::path::Path::new(&stat).exists());
        running.stop();
        // Gone, or waiting for its new parent to collect it, as soon as the kernel has delivered the signal.
        let deadline = Instant::now() + GRACE;
        loop {
            let state = fs_err::read_to_string(&stat).unwrap_or_default();
            if state.is_empty() || state.contains(") Z ") {
                break;
            }
            assert!(Instant::now() < deadline, "{state}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_command_that_has_ended_is_stopped_without_waiting() {
        let running = Invocation::new("true").spawn().unwrap();
        let start = Instant::now();
        running.stop();
        assert!(start.elapsed() < GRACE);
    }
}
