//! Looks at processes again and again while something runs: which are ours, since when, and how much memory
//! they hold at once. A control group would also count the files that the kernel keeps in memory, and its
//! highest mark is that of the group's whole life.

use std::collections::BTreeMap;

use camino::Utf8Path;
use environment::compiler_caches;

use crate::proc::{self, Held, Stat};

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

/// A job of cargo's: a compiler or a build script, with all that it has started.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Job {
    /// The crate, or the package of the build script.
    pub(crate) name: String,
    /// When its first process was started.
    pub(crate) start_s: f64,
    /// What its processes hold, without mapped files.
    pub(crate) held_bytes: u64,
    pub(crate) processes: Vec<u32>,
}

struct Process {
    seen: Seen,
    times: u32,
    parent: u32,
    private_bytes: u64,
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
                let held = Held::by(id).unwrap_or_default();
                resident += held.resident_bytes;
                process.private_bytes = held.private_bytes;
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
            parent: stat.parent,
            private_bytes: 0,
        })
    }

    /// The jobs of cargo's among what is watched, the oldest first. What a compiler cache has been asked for
    /// is no job: the compiler is, which its server starts.
    pub(crate) fn jobs(&self) -> Vec<Job> {
        let mut jobs = BTreeMap::<&str, Job>::new();
        for (id, process) in &self.known {
            let (Some(process), Some(name)) = (process, self.job_of(*id)) else {
                continue;
            };
            let job = jobs.entry(name).or_insert_with(|| Job {
                name: name.to_owned(),
                start_s: f64::INFINITY,
                ..Job::default()
            });
            job.start_s = job.start_s.min(process.seen.start_s);
            job.held_bytes += process.private_bytes;
            job.processes.push(*id);
        }
        let mut jobs: Vec<_> = jobs.into_values().collect();
        jobs.sort_by(|one, other| one.start_s.total_cmp(&other.start_s));
        jobs
    }

    /// The name of the outermost job that a process belongs to: what a build script compiles is its own.
    fn job_of(&self, id: u32) -> Option<&str> {
        let mut name = None;
        let mut next = id;
        while let Some(Some(process)) = self.known.get(&next) {
            name = job_name(&process.seen.args).or(name);
            next = process.parent;
        }
        name
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

/// What cargo calls a job with these arguments: the crate that is compiled, or the package whose build script
/// runs.
fn job_name(args: &[String]) -> Option<&str> {
    let program = Utf8Path::new(args.first()?);
    if compiler_caches::of_program(program.as_str()).is_some() {
        return None;
    }
    let mut from_option = args.iter().skip_while(|arg| *arg != "--crate-name");
    let name = from_option.nth(1).map(String::as_str);
    name.or_else(|| script_package(program))
}

fn script_package(program: &Utf8Path) -> Option<&str> {
    let file = program.file_name()?;
    let is_script = ["build-script-", "build_script_"]
        .iter()
        .any(|start| file.starts_with(start));
    let (_, inside) = program.as_str().rsplit_once("/build/")?;
    let dir = inside.split('/').next().filter(|_| is_script)?;
    // The package, and sixteen digits that stand for its version and its features.
    let package = dir.rsplit_once('-').filter(|(_, hash)| hash.len() == 16);
    Some(package.map_or(dir, |(package, _)| package))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn process(id: u32, parent: u32, start_s: f64, mib: u64, call: &str) -> (u32, Option<Process>) {
        let seen = Seen {
            args: call.split(' ').map(str::to_owned).collect(),
            start_s,
            end_s: start_s,
        };
        let process = Process {
            seen,
            times: 1,
            parent,
            private_bytes: mib << 20,
        };
        (id, Some(process))
    }

    #[test]
    fn a_job_is_what_cargo_started_with_all_below_it() {
        let sampler = Sampler {
            known: BTreeMap::from([
                process(2, 1, 0.0, 30, "/bin/cargo rustc --lib"),
                process(
                    3,
                    2,
                    9.0,
                    400,
                    "/bin/rustc --crate-name core_of_it --edition=2024",
                ),
                process(4, 3, 9.5, 100, "cc -o x"),
                process(
                    5,
                    2,
                    4.0,
                    1,
                    "/t/debug/build/sys-0123456789abcdef/build-script-build",
                ),
                process(6, 5, 5.0, 50, "/bin/rustc --crate-name probe -"),
                (7, None),
            ]),
            ..Sampler::default()
        };
        let jobs = sampler.jobs();
        let told: Vec<_> = jobs
            .iter()
            .map(|job| {
                (
                    job.name.as_str(),
                    job.held_bytes >> 20,
                    job.processes.clone(),
                )
            })
            .collect();
        let expected = [("sys", 51, vec![5, 6]), ("core_of_it", 500, vec![3, 4])];
        assert_eq!(told, expected);
    }

    #[test]
    fn jobs_are_known_by_their_arguments() {
        for (call, expected) in [
            ("rustc --crate-name syn --edition=2024", Some("syn")),
            ("wrapper /bin/rustc --crate-name syn", Some("syn")),
            // It waits for its server, whose compiler is the job.
            ("/bin/sccache /bin/rustc --crate-name syn", None),
            ("rustc -vV", None),
            (
                "/t/debug/build/zstd-sys-0123456789abcdef/build-script-build",
                Some("zstd-sys"),
            ),
            (
                "/t/build/zstd-sys/01/out/build_script_build",
                Some("zstd-sys"),
            ),
            ("/home/me/build/thing", None),
            ("", None),
        ] {
            let args: Vec<_> = call.split(' ').map(str::to_owned).collect();
            assert_eq!(job_name(&args), expected, "{call}");
        }
    }
}
