//! What a command costs: time, processor, memory, bytes written, and which processes it started when.
//!
//! The time is taken around the start and the end of the process, by the thread that waits for it. Another
//! one looks at the processes beside it. Each look takes about half a millisecond of a processor, so there
//! are fewer of them when a command takes long: 2.5 percent of one processor in the first five seconds, and
//! half a percent afterwards, for all that is measured alike. Processor time and bytes are the kernel's own
//! sums over all descendants.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::proc::{self, Stat};
use crate::sampler::Sampler;
pub use crate::sampler::Seen;
use crate::{Invocation, RunError};

/// How often the processes are looked at, while the command is young and later.
const INTERVAL: Duration = Duration::from_millis(20);
const LATER_INTERVAL: Duration = Duration::from_millis(100);
const LATER: Duration = Duration::from_secs(5);

/// How long a command that was asked to end may take, before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// What a command has cost. What the kernel does not tell (on systems other than Linux) is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Usage {
    /// How it ended.
    pub status: ExitStatus,
    /// From its start to its end, in seconds.
    pub wall_s: f64,
    /// The processor time of all its processes, in seconds.
    pub cpu_s: Option<f64>,
    /// The processor time that everybody else on the machine took meanwhile, in seconds.
    pub others_cpu_s: Option<f64>,
    /// The most memory that its processes held at once, in bytes.
    pub peak_bytes: Option<u64>,
    /// What its processes have sent to storage, in bytes.
    pub written_bytes: Option<u64>,
    /// The processes that were seen.
    pub processes: Vec<Seen>,
}

impl Invocation {
    /// Runs it without input, with all that it prints going to `log`, in a process group of its own, and
    /// measures it together with what the processes `servers` do for it. When `is_over` becomes true, the
    /// whole group is ended.
    pub fn measure(
        &self,
        log: fs_err::File,
        servers: &[u32],
        is_over: &(dyn Fn() -> bool + Sync),
    ) -> Result<Usage, RunError> {
        let before = Totals::read(servers);
        let start = Instant::now();
        let mut child = self.start_logged(log)?;
        let group = child.id();
        let ended = AtomicBool::new(false);
        let (waited, wall, seen) = std::thread::scope(|scope| {
            let watching = scope.spawn(|| watch(group, servers, start, &ended, is_over));
            let waited = child.wait();
            let wall = start.elapsed();
            ended.store(true, Ordering::SeqCst);
            (waited, wall, watching.join().unwrap_or_default())
        });
        let status = waited.map_err(|source| RunError::Output {
            command: self.to_string(),
            source,
        })?;
        let after = Totals::read(servers);
        let cpu_s = after.cpu_s.zip(before.cpu_s).map(|(b, a)| b - a);
        let busy_s = after.busy_s.zip(before.busy_s).map(|(b, a)| b - a);
        let own_s = after.own_s.zip(before.own_s).map_or(0.0, |(b, a)| b - a);
        let others = busy_s.zip(cpu_s).map(|(busy, cpu)| busy - cpu - own_s);
        let written = after.written_bytes.zip(before.written_bytes);
        Ok(Usage {
            status,
            wall_s: wall.as_secs_f64(),
            cpu_s,
            others_cpu_s: others.map(|seconds| seconds.max(0.0)),
            peak_bytes: (seen.peak_bytes > 0).then_some(seen.peak_bytes),
            written_bytes: written.map(|(b, a)| b.saturating_sub(a)),
            processes: seen.into_seen(),
        })
    }
}

/// Sums that only grow.
struct Totals {
    /// Processor time of our children that have ended, and of the servers and theirs.
    cpu_s: Option<f64>,
    /// Our own.
    own_s: Option<f64>,
    /// That of the whole machine.
    busy_s: Option<f64>,
    written_bytes: Option<u64>,
}

impl Totals {
    fn read(servers: &[u32]) -> Self {
        let own = Stat::of("self");
        let of_servers = servers.iter().filter_map(|id| Stat::of(&id.to_string()));
        let servers_ticks: u64 = of_servers
            .map(|stat| stat.own_ticks + stat.children_ticks)
            .sum();
        let written = servers
            .iter()
            .filter_map(|id| proc::written_bytes(&id.to_string()));
        let by_servers: u64 = written.sum();
        let ticks = own.as_ref().map(|stat| stat.children_ticks + servers_ticks);
        Self {
            cpu_s: ticks.map(proc::seconds),
            own_s: own.map(|stat| proc::seconds(stat.own_ticks)),
            busy_s: proc::busy_ticks().map(proc::seconds),
            written_bytes: proc::written_bytes("self").map(|bytes| bytes + by_servers),
        }
    }
}

/// What the second thread sees.
fn watch(
    group: u32,
    servers: &[u32],
    start: Instant,
    ended: &AtomicBool,
    is_over: &(dyn Fn() -> bool + Sync),
) -> Sampler {
    let mut sampler = Sampler::default();
    let is_root = |id: u32, stat: &Stat| stat.group == group || servers.contains(&id);
    let start_s = proc::uptime_s().unwrap_or_default() - start.elapsed().as_secs_f64();
    let mut asked_to_end: Option<Instant> = None;
    while !ended.load(Ordering::SeqCst) {
        sampler.look(&is_root, start_s, start.elapsed().as_secs_f64());
        match asked_to_end {
            None if is_over() => {
                signal(group, Signal::TERM);
                asked_to_end = Some(Instant::now());
            }
            Some(since) if since.elapsed() > GRACE => signal(group, Signal::KILL),
            _ => {}
        }
        let is_young = start.elapsed() < LATER;
        std::thread::sleep(if is_young { INTERVAL } else { LATER_INTERVAL });
    }
    if asked_to_end.is_some() {
        // What has outlived its parent.
        signal(group, Signal::KILL);
    }
    sampler
}

fn signal(group: u32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group.cast_signed()) {
        // It may have ended on its own.
        let _ = kill_process_group(group, signal);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use testkit::TempDir;

    fn measured(script: &str) -> (Usage, String) {
        let dir = TempDir::new();
        let path = dir.path().join("log");
        let log = fs_err::File::create(&path).unwrap();
        let command = Invocation::new("sh").args(["-c", script]).cwd(dir.path());
        let usage = command.measure(log, &[], &|| false).unwrap();
        (usage, fs_err::read_to_string(path).unwrap())
    }

    #[test]
    fn a_command_that_sleeps_takes_time_and_no_processor() {
        let (usage, log) = measured("echo out; echo err >&2; sleep 0.3; exit 3");
        assert_eq!(usage.status.code(), Some(3));
        assert!(usage.wall_s >= 0.3, "{}", usage.wall_s);
        assert!(usage.cpu_s.unwrap() < 0.2, "{:?}", usage.cpu_s);
        assert_eq!(log, "out\nerr\n");
        let sleep = usage.processes.iter().find(|it| it.args[0] == "sleep");
        let sleep = sleep.expect("it was seen");
        assert!(sleep.end_s - sleep.start_s > 0.2, "{sleep:?}");
    }

    #[test]
    fn processor_and_memory_of_descendants_count() {
        // The shell in the middle has ended before the outer one does.
        let work = "x=$(head -c 48000000 /dev/zero | tr '\\0' x); sleep 0.2; i=0; \
                    while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let (usage, _) = measured(&format!("sh -c '{}'; true", work.replace('\'', "'\\''")));
        assert!(usage.cpu_s.unwrap() > 0.05, "{:?}", usage.cpu_s);
        assert!(
            usage.peak_bytes.unwrap() > 40_000_000,
            "{:?}",
            usage.peak_bytes
        );
        assert!(usage.others_cpu_s.is_some());
    }

    #[test]
    fn what_is_over_is_ended_with_all_that_it_started() {
        let dir = TempDir::new();
        let log = fs_err::File::create(dir.path().join("log")).unwrap();
        let pid = dir.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {pid}.new; mv {pid}.new {pid}; wait");
        let command = Invocation::new("sh").args(["-c", &script]);
        let usage = command.measure(log, &[], &|| pid.exists()).unwrap();
        assert!(!usage.status.success());
        let sleeper: u32 = fs_err::read_to_string(&pid)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let deadline = Instant::now() + GRACE;
        // Without arguments: gone, or waiting to be collected.
        while !proc::arguments(sleeper).is_empty() {
            assert!(Instant::now() < deadline);
            std::thread::sleep(INTERVAL);
        }
    }
}
