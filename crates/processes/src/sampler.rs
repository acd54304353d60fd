//! Looks at processes again and again while something runs: which are ours, since when, and how much memory
//! they hold at once. A control group would also count the files that the kernel keeps in memory, and its
//! highest mark is that of the group's whole life.

use std::collections::BTreeMap;

use crate::proc::{self, Stat};

/// A process counts as known only when it has been seen so often: right after its start it still has the name
/// of the one that started it.
const SETTLED_AFTER: u32 = 3;

/// A process that was seen while a command ran.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Its arguments, the program first.
    pub args: Vec<String>,
    /// Its start, in seconds since that of the command.
    pub start_s: f64,
    /// When it was seen last.
    pub end_s: f64,
}

/// Whether a process, by its number and what the kernel says of it, is one to be watched. Its descendants are
/// watched as well.
pub(crate) type IsRoot<'a> = &'a dyn Fn(u32, &Stat) -> bool;

/// The processes that are watched, and what was seen of them.
#[derive(Default)]
pub(crate) struct Sampler {
    /// Those that are watched, and those of others (`None`), by number.
    known: BTreeMap<u32, Option<Process>>,
    ended: Vec<Seen>,
    /// The most memory that those watched held at once, in bytes.
    pub(crate) peak_bytes: u64,
}

struct Process {
    seen: Seen,
    times: u32,
}

impl Sampler {
    /// Looks once, at `now_s` of a time that began `start_s` after that of the machine.
    pub(crate) fn look(&mut self, is_root: IsRoot<'_>, start_s: f64, now_s: f64) {
        let all = proc::all();
        self.part_with_those_gone(&all);
        let mut resident = 0;
        for id in all {
            if !self.known.contains_key(&id) {
                let process = self.meet(id, is_root, start_s);
                self.known.insert(id, process);
            }
            if let Some(Some(process)) = self.known.get_mut(&id) {
                resident += proc::resident_bytes(id).unwrap_or(0);
                process.look(id, now_s);
            }
        }
        self.peak_bytes = self.peak_bytes.max(resident);
    }

    fn part_with_those_gone(&mut self, all: &[u32]) {
        let is_gone = |id: &&u32| all.binary_search(id).is_err();
        let gone: Vec<_> = self.known.keys().filter(is_gone).copied().collect();
        for id in gone {
            let process = self.known.remove(&id).flatten();
            self.ended.extend(process.map(|process| process.seen));
        }
    }

    /// A process that was not there before: one to be watched, or `None`.
    fn meet(&self, id: u32, is_root: IsRoot<'_>, start_s: f64) -> Option<Process> {
        let stat = Stat::of(&id.to_string())?;
        let of_ours = matches!(self.known.get(&stat.parent), Some(Some(_)));
        (of_ours || is_root(id, &stat)).then(|| Process {
            seen: Seen {
                args: Vec::new(),
                start_s: (proc::seconds(stat.start_ticks) - start_s).max(0.0),
                end_s: 0.0,
            },
            times: 0,
        })
    }

    /// All processes, in the order of their starts.
    pub(crate) fn into_seen(self) -> Vec<Seen> {
        let running = self.known.into_values().flatten();
        let running = running.map(|process| process.seen);
        let mut seen: Vec<_> = self.ended.into_iter().chain(running).collect();
        seen.sort_by(|one, other| one.start_s.total_cmp(&other.start_s));
        seen
    }
}

impl Process {
    fn look(&mut self, id: u32, now_s: f64) {
        self.seen.end_s = now_s;
        self.times += 1;
        if self.times <= SETTLED_AFTER {
            let args = proc::arguments(id);
            if !args.is_empty() {
                self.seen.args = args;
            }
        }
    }
}
