//! What the kernel tells of processes (proc(5)), as far as it is needed to say what a command has cost.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::process::{Pid, Signal, kill_process};

/// One process, from `/proc/PID/stat`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stat {
    /// The name of its program, as far as the kernel keeps it: 15 bytes.
    pub(crate) name: String,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    /// Its own processor time, in ticks.
    pub(crate) own_ticks: u64,
    /// That of its children which have ended and been waited for, and of theirs.
    pub(crate) children_ticks: u64,
    /// When it was started, in ticks since the machine was.
    pub(crate) start_ticks: u64,
}

impl Stat {
    pub(crate) fn of(process: &str) -> Option<Self> {
        Self::parse(&fs_err::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The name, in parentheses, may hold spaces and parentheses itself.
        let (before, rest) = text.rsplit_once(") ")?;
        let (_, name) = before.split_once('(')?;
        let fields: Vec<_> = rest.split(' ').collect();
        // Numbered from 1 in proc(5); the state, which is number 3, comes first here.
        let field = |number: usize| fields.get(number - 3)?.trim().parse::<u64>().ok();
        Some(Self {
            name: name.to_owned(),
            parent: u32::try_from(field(4)?).ok()?,
            group: u32::try_from(field(5)?).ok()?,
            own_ticks: field(14)? + field(15)?,
            children_ticks: field(16)? + field(17)?,
            start_ticks: field(22)?,
        })
    }
}

/// All processes that there are, in the order of their numbers.
pub(crate) fn all() -> Vec<u32> {
    let entries = Utf8Path::new("/proc").read_dir_utf8().into_iter().flatten();
    let names = entries.flatten();
    let mut all: Vec<u32> = names
        .filter_map(|entry| entry.file_name().parse().ok())
        .collect();
    all.sort_unstable();
    all
}

/// The arguments that a process was started with, its program first. None if it has ended.
pub(crate) fn arguments(process: u32) -> Vec<String> {
    let bytes = fs_err::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let words = text.split_terminator('\0');
    words.map(str::to_owned).collect()
}

/// What a process holds in memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// All of it, with the files that it has mapped.
    pub(crate) resident_bytes: u64,
    /// What nobody else holds, and what the kernel cannot read again from a file.
    pub(crate) private_bytes: u64,
}

impl Held {
    pub(crate) fn by(process: u32) -> Option<Self> {
        Self::parse(&fs_err::read_to_string(format!("/proc/{process}/statm")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut pages = text.split(' ').skip(1).map(str::parse::<u64>);
        let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
        let page_bytes = rustix::param::page_size() as u64;
        Some(Self {
            resident_bytes: resident * page_bytes,
            private_bytes: resident.saturating_sub(shared) * page_bytes,
        })
    }
}

/// What a process, and its children that have ended and been waited for, have sent to storage, in bytes.
/// Files that never reach a disk (tmpfs) do not count.
pub(crate) fn written_bytes(process: &str) -> Option<u64> {
    let text = fs_err::read_to_string(format!("/proc/{process}/io")).ok()?;
    let mut lines = text.lines();
    lines
        .find_map(|line| line.strip_prefix("write_bytes: "))?
        .parse()
        .ok()
}

/// The time that all processors of the machine have spent working, and that others took from a virtual one,
/// in ticks. `None` where the kernel does not tell.
pub(crate) fn busy_ticks() -> Option<u64> {
    busy(&fs_err::read_to_string("/proc/stat").ok()?)
}

fn busy(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = line
        .split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect();
    // user, nice, system, (idle, iowait), irq, softirq, steal.
    let counted = [0, 1, 2, 5, 6, 7].into_iter();
    let sum: u64 = counted.filter_map(|index| ticks.get(index)).sum();
    (sum > 0).then_some(sum)
}

/// Ticks as seconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "2^53 ticks are millions of years"
)]
pub(crate) fn seconds(ticks: u64) -> f64 {
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// Seconds since the machine was started, by the clock that [`Stat::start_ticks`] counts.
pub(crate) fn uptime_s() -> Option<f64> {
    let text = fs_err::read_to_string("/proc/uptime").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// The processes that were started with `variable` set to `value`.
#[must_use]
pub fn with_variable(variable: &str, value: &str) -> Vec<u32> {
    let wanted = format!("{variable}={value}");
    let has = |process: &u32| {
        let path = Utf8PathBuf::from(format!("/proc/{process}/environ"));
        let bytes = fs_err::read(path).unwrap_or_default();
        let mut variables = bytes.split(|byte| *byte == 0);
        variables.any(|it| it == wanted.as_bytes())
    };
    all().into_iter().filter(has).collect()
}

/// How much is read of what the kernel tells of the memory of a process, in bytes.
const MAPS_BYTES: u64 = 8 << 20;

/// How long is looked at what processes have mapped: on a machine with thousands of them that takes a while.
const MAPPED_TIME: Duration = Duration::from_millis(100);

/// A process that has a file mapped into its memory which is there no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Its number.
    pub process: u32,
    /// What it was started with, its program first.
    pub arguments: Vec<String>,
}

/// The processes of this user that have one of `files` mapped as it was before it was removed or replaced,
/// the newest first; as many as are found in a tenth of a second.
#[must_use]
pub fn mapping_removed(files: &[Utf8PathBuf]) -> Vec<Mapping> {
    let user = rustix::process::geteuid().as_raw();
    let is_own = |process: &u32| {
        let metadata = fs_err::metadata(format!("/proc/{process}"));
        metadata.is_ok_and(|it| it.uid() == user)
    };
    let maps = |process: &u32| {
        let file = fs_err::File::open(format!("/proc/{process}/maps")).ok()?;
        let mut text = Vec::new();
        file.take(MAPS_BYTES).read_to_end(&mut text).ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    };
    let has = |process: &u32| maps(process).is_some_and(|text| maps_removed(&text, files));
    let start = Instant::now();
    let looked_at = all().into_iter().rev();
    let looked_at = looked_at.take_while(|_| start.elapsed() < MAPPED_TIME);
    let found = looked_at.filter(|it| is_own(it) && has(it));
    let described = found.map(|process| Mapping {
        process,
        arguments: arguments(process),
    });
    described.collect()
}

/// Whether one of `files`, removed, is among what `/proc/PID/maps` tells (proc(5)).
fn maps_removed(maps: &str, files: &[Utf8PathBuf]) -> bool {
    let removed = maps
        .lines()
        .filter_map(|line| line.strip_suffix(" (deleted)"));
    let is_it = |line: &str| {
        let ends = |file: &Utf8PathBuf| line.strip_suffix(file.as_str());
        let mut before = files.iter().filter_map(ends);
        before.any(|before| before.ends_with(' '))
    };
    removed.into_iter().any(is_it)
}

/// Asks processes to end.
pub fn end(processes: &[u32]) {
    let numbers = processes.iter().map(|id| id.cast_signed());
    for process in numbers.filter_map(Pid::from_raw) {
        // It may have ended on its own.
        let _ = kill_process(process, Signal::TERM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let text = "7 (a) b (c) S 3 4 4 0 -1 0 0 0 0 0 10 5 20 2 20 0 1 0 999 0 0\n";
        let stat = Stat::parse(text).unwrap();
        let expected = Stat {
            name: "a) b (c".to_owned(),
            parent: 3,
            group: 4,
            own_ticks: 15,
            children_ticks: 22,
            start_ticks: 999,
        };
        assert_eq!(stat, expected);
    }

    #[test]
    fn a_file_is_mapped_as_it_was_where_the_kernel_calls_it_deleted() {
        let line = "7f907f3e7000-7f907f3e9000 r-xp 00001000 fe:00 10010876                   ";
        let files = ["/p/a b/_x.so".into(), "/t/_x.so".into()];
        for (path, is_it) in [
            ("/p/a b/_x.so (deleted)", true),
            ("/t/_x.so (deleted)", true),
            ("/t/_x.so", false),
            ("/other/t/_x.so (deleted)", false),
            ("/t/_x.so.1 (deleted)", false),
        ] {
            let maps = format!("{line}/lib/libc.so\n{line}{path}\n");
            assert_eq!(maps_removed(&maps, &files), is_it, "{path}");
        }
    }

    #[test]
    fn idle_processors_do_not_work() {
        assert_eq!(busy("cpu  1 2 4 800 900 8 16 32 0 0\ncpu0 1\n"), Some(63));
        assert_eq!(busy("cpu  0 0 0 0 0 0 0 0 0 0\n"), None);
    }

    #[test]
    fn mapped_files_are_held_and_not_private() {
        let page = rustix::param::page_size() as u64;
        let held = Held::parse("900 50 20 1 0 300 0\n").unwrap();
        assert_eq!(
            (held.resident_bytes, held.private_bytes),
            (50 * page, 30 * page)
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn we_are_among_all_and_found_by_our_environment() {
        let own = std::process::id();
        assert!(all().contains(&own));
        assert!(Held::by(own).unwrap().resident_bytes > 100_000);
        assert!(!arguments(own).is_empty());
        let (name, value) = environment::vars::all()
            .find(|(name, _)| name == "PATH")
            .unwrap();
        assert!(with_variable(&name, &value).contains(&own));
    }
}
