//! Keeps the compilers of a build within the memory that there is. A compiler goes on while what it may still
//! grow by is free, and the oldest always; the others wait, stopped by SIGSTOP. What each has taken is
//! remembered for the next build.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use environment::compiler_caches;

use crate::Say;
use crate::memory::{self, Groups, PER_JOB_BYTES, Unfinished};
use crate::pauses::Pauses;
use crate::proc::Stat;
use crate::sampler::{Job, Sampler};

const INTERVAL: Duration = Duration::from_millis(50);

/// While more than this is free, nobody looks at the processes.
const AMPLE_BYTES: u64 = 8 << 30;

/// What even a compiler that has taken all that was expected of it may still take.
const MARGIN_BYTES: u64 = 1 << 26;

/// The part of the limit that is left to what is no job: to cargo, and to files, without which everything
/// would be read again and again.
const RESERVED_PART: u64 = 16;

/// How many names are told; of more, the number.
const SHOWN_NAMES: usize = 3;

/// The most that jobs have held, in bytes, by name.
type Peaks = BTreeMap<String, u64>;

/// Makes `attempt`, a build that keeps what it has finished, with `jobs` compilers at once (`None`: as many
/// as cargo takes), so that they stay within the memory; and again with half as many whenever the kernel has
/// killed one all the same. `record` is the file that remembers what they have taken.
pub fn within_memory<T, E>(
    jobs: Option<u32>,
    record: &Utf8Path,
    say: Say<'_>,
    attempt: impl FnMut(Option<u32>) -> Result<T, E>,
) -> Result<T, Unfinished<E>> {
    let throttle = Throttle::start(record);
    let done = memory::with_fewer_jobs_if_killed(jobs, say, attempt);
    let waited = throttle.map(Throttle::end).unwrap_or_default();
    if let Some(text) = told(&waited) {
        say("Paused", &text);
    }
    done
}

struct Throttle {
    record: Utf8PathBuf,
    known: Peaks,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Watched>,
}

/// What was seen of the jobs.
#[derive(Default)]
struct Watched {
    peaks: Peaks,
    /// Those that had to wait.
    waited: BTreeSet<String>,
}

impl Throttle {
    /// `None` where the kernel does not tell of memory: on systems other than Linux.
    fn start(record: &Utf8Path) -> Option<Self> {
        let reserve_bytes = memory::limit()?.bytes / RESERVED_PART;
        let text = fs_err::read_to_string(record).unwrap_or_default();
        let known: Peaks = serde_json::from_str(&text).unwrap_or_default();
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, expected) = (Arc::clone(&is_over), known.clone());
        let thread = std::thread::spawn(move || watch(&expected, reserve_bytes, &over));
        Some(Self {
            record: record.to_owned(),
            known,
            is_over,
            thread,
        })
    }

    /// The jobs that had to wait. What all have taken is remembered.
    fn end(self) -> BTreeSet<String> {
        self.is_over.store(true, Ordering::Relaxed);
        // A short build is not to wait for the next look.
        self.thread.thread().unpark();
        let watched = self.thread.join().unwrap_or_default();
        let peaks = larger(&self.known, watched.peaks);
        if peaks != self.known {
            // Without it the next build goes by the guess again.
            let text = serde_json::to_string_pretty(&peaks).unwrap_or_default();
            let dir = self.record.parent().map(fs_err::create_dir_all);
            let _ = dir.map(|_| files::write::atomically(&self.record, text));
        }
        watched.waited
    }
}

/// What is known, and what was seen: the larger counts, since a crate of which a part alone was compiled anew
/// has taken less than it may.
fn larger(known: &Peaks, seen: Peaks) -> Peaks {
    let mut all = known.clone();
    for (name, bytes) in seen {
        let largest = all.entry(name).or_default();
        *largest = bytes.max(*largest);
    }
    all
}

fn watch(known: &Peaks, reserve_bytes: u64, is_over: &AtomicBool) -> Watched {
    let (groups, ancestor) = (Groups::own(), std::process::id());
    let mut sampler = Sampler::default();
    let mut pauses = Pauses::default();
    let mut watched = Watched::default();
    let mut was_short = false;
    while !is_over.load(Ordering::Relaxed) {
        std::thread::park_timeout(INTERVAL);
        let free_bytes = groups.free_bytes().unwrap_or(0);
        was_short |= free_bytes < AMPLE_BYTES;
        if !was_short {
            continue;
        }
        sampler.look(&|_, stat| is_of_the_build(stat, ancestor), 0.0, 0.0);
        let jobs = sampler.jobs();
        for job in &jobs {
            let peak_bytes = watched.peaks.entry(job.name.clone()).or_default();
            *peak_bytes = job.held_bytes.max(*peak_bytes);
        }
        let waiting = waiting(&jobs, free_bytes.saturating_sub(reserve_bytes), known);
        pauses.set(
            waiting
                .iter()
                .flat_map(|job| job.processes.clone())
                .collect(),
        );
        let names = waiting.iter().map(|job| job.name.clone());
        watched.waited.extend(names);
    }
    watched
}

/// Whether a process is a child of `ancestor`, or a server that compiles for us without being our child.
pub(crate) fn is_of_the_build(stat: &Stat, ancestor: u32) -> bool {
    stat.parent == ancestor || compiler_caches::is_server(&stat.name)
}

/// Those of `jobs`, the oldest first, that have to wait while `free_bytes` are free. Of what is not `known`,
/// as much is expected as the largest crates take.
fn waiting<'a>(jobs: &'a [Job], free_bytes: u64, known: &Peaks) -> Vec<&'a Job> {
    let mut free_bytes = free_bytes;
    let mut waiting = Vec::new();
    for (place, job) in jobs.iter().enumerate() {
        let expected_bytes = known.get(&job.name).copied().unwrap_or(PER_JOB_BYTES);
        let growth_bytes = expected_bytes
            .saturating_sub(job.held_bytes)
            .max(MARGIN_BYTES);
        if place > 0 && growth_bytes > free_bytes {
            waiting.push(job);
        } else {
            free_bytes = free_bytes.saturating_sub(growth_bytes);
        }
    }
    waiting
}

/// Who waited, in a few words: few by name, many as a number.
fn told(waited: &BTreeSet<String>) -> Option<String> {
    let names: Vec<_> = waited.iter().map(String::as_str).collect();
    let who = match names.len() {
        0 => return None,
        1..=SHOWN_NAMES => names.join(", "),
        many => format!("{many} compilers and build scripts"),
    };
    let limit = memory::limit().map_or_else(String::new, |limit| format!(": {limit}"));
    Some(format!("{who} for a while, so that all fit{limit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// The names of those that wait, of jobs that hold so many MiB.
    fn names(jobs: &[(&str, u64)], free_mib: u64, known: &[(&str, u64)]) -> String {
        let jobs: Vec<_> = jobs
            .iter()
            .map(|(name, mib)| Job {
                name: (*name).to_owned(),
                held_bytes: mib * MIB,
                ..Job::default()
            })
            .collect();
        let known = known
            .iter()
            .map(|(name, mib)| ((*name).to_owned(), mib * MIB));
        let waiting = waiting(&jobs, free_mib * MIB, &known.collect());
        let names: Vec<_> = waiting.iter().map(|job| job.name.as_str()).collect();
        names.join(" ")
    }

    #[test]
    fn a_job_goes_on_while_what_it_may_grow_by_is_free() {
        let known = [("core", 1600), ("plan", 1200), ("small", 100)];
        for (jobs, free_mib, expected) in [
            (&[("core", 0), ("plan", 0)][..], 2800, ""),
            (&[("core", 0), ("plan", 0)], 2799, "plan"),
            // What it holds already it need not get any more.
            (&[("core", 800), ("plan", 300)], 1700, ""),
            // The oldest always goes on, and takes what there is.
            (&[("core", 0), ("plan", 0), ("small", 0)], 500, "plan small"),
            // A small one need not wait for a large one.
            (&[("core", 1500), ("plan", 0), ("small", 20)], 900, "plan"),
            // What nobody knows may be as large as the largest.
            (&[("core", 1500), ("new", 0)], 1635, "new"),
            (&[("core", 1500), ("new", 0)], 1636, ""),
            // What has taken more than was expected may take more still.
            (&[("core", 1700), ("small", 900)], 120, "small"),
            (&[("core", 1700), ("small", 900)], 128, ""),
            (&[], 0, ""),
        ] {
            assert_eq!(
                names(jobs, free_mib, &known),
                expected,
                "{jobs:?} {free_mib}"
            );
        }
    }

    #[test]
    fn children_and_servers_count_and_nobody_else() {
        let process = |name: &str, parent| Stat {
            name: name.to_owned(),
            parent,
            ..Stat::default()
        };
        for (name, parent, expected) in [
            ("cargo", 10, true),
            ("sccache", 1, true),
            ("zccache-daemon", 1, true),
            ("firefox", 1, false),
        ] {
            assert_eq!(
                is_of_the_build(&process(name, parent), 10),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn the_largest_that_was_seen_is_remembered() {
        let peaks = |of: &[(&str, u64)]| -> Peaks {
            of.iter()
                .map(|(name, bytes)| ((*name).to_owned(), *bytes))
                .collect()
        };
        let known = peaks(&[("a", 5), ("b", 5)]);
        let all = larger(&known, peaks(&[("a", 4), ("b", 6), ("c", 1)]));
        assert_eq!(all, peaks(&[("a", 5), ("b", 6), ("c", 1)]));
    }

    #[test]
    fn who_waited_is_told_in_few_words() {
        assert_eq!(told(&BTreeSet::new()), None);
        let of = |names: &str| told(&names.split(' ').map(str::to_owned).collect()).unwrap();
        assert!(of("a b").starts_with("a, b for a while"), "{}", of("a b"));
        assert!(of("a b c d").starts_with("4 compilers and build scripts for"));
    }
}
