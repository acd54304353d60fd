//! How much memory a build may take, and what becomes of one that takes more: a container's limit (cgroup v2
//! and v1, <https://docs.kernel.org/admin-guide/cgroup-v2.html>, nested ones included) or the machine's
//! memory, how many compilers fit into it, and whether the kernel has killed one.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};

use crate::Say;

/// How much one compiler takes at its peak, in the large crates that decide it: the largest of polars take
/// 1.2 to 1.6 GB each. With less there would be kills, with more a machine of 4 GB and 2 cores would leave
/// one of them idle.
pub(crate) const PER_JOB_BYTES: u64 = 3 << 29;

/// A limit of cgroup v1 above this is none: the kernel writes the largest number of pages.
const UNLIMITED_BYTES: u64 = 1 << 60;

/// How much memory there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// In bytes.
    pub bytes: u64,
    /// Whether it is a container's and not the machine's.
    pub is_of_container: bool,
}

/// The limit in force for this process. `None` where it cannot be told: on systems other than Linux.
#[must_use]
pub fn limit() -> Option<Limit> {
    Groups::own().limit()
}

/// How many processes of ours, or of whom we share a memory limit with, the kernel has killed for want of
/// memory, ever. Only differences mean anything.
#[must_use]
pub fn kills() -> u64 {
    Groups::own().kills()
}

impl Limit {
    /// How many compilers fit at once. `None` if that is no fewer than `cores` anyway.
    #[must_use]
    pub fn jobs(&self, cores: u32) -> Option<u32> {
        let fitting = u32::try_from(self.bytes / PER_JOB_BYTES).unwrap_or(u32::MAX);
        (fitting < cores).then_some(fitting.max(1))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.is_of_container {
            "the container"
        } else {
            "this machine"
        };
        let tenths = (self.bytes * 10) >> 30;
        write!(
            f,
            "{whose} has {}.{} GiB of memory",
            tenths / 10,
            tenths % 10
        )
    }
}

/// A build that did not come to its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Unfinished<E> {
    /// For a reason of its own.
    Failed(E),
    /// The kernel has killed a compiler that had the machine to itself.
    OutOfMemory,
}

/// Makes `attempt`, a build that keeps what it has finished, with `jobs` compilers at once (`None`: as many
/// as there are cores); and again with half as many whenever the kernel has killed one for want of memory.
pub fn with_fewer_jobs_if_killed<T, E>(
    jobs: Option<u32>,
    say: Say<'_>,
    attempt: impl FnMut(Option<u32>) -> Result<T, E>,
) -> Result<T, Unfinished<E>> {
    with_fewer_jobs_if(kills, jobs, say, attempt)
}

/// The same, with what counts the kills.
fn with_fewer_jobs_if<T, E>(
    kills: impl Fn() -> u64,
    jobs: Option<u32>,
    say: Say<'_>,
    mut attempt: impl FnMut(Option<u32>) -> Result<T, E>,
) -> Result<T, Unfinished<E>> {
    let mut jobs = jobs;
    loop {
        let kills_before = kills();
        let error = match attempt(jobs) {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if kills() == kills_before {
            return Err(Unfinished::Failed(error));
        }
        let fewer = jobs.unwrap_or_else(cores) / 2;
        if fewer == 0 {
            return Err(Unfinished::OutOfMemory);
        }
        let limit = limit().map_or_else(String::new, |limit| format!("; {limit}"));
        say(
            "Killed",
            &format!("a compiler, by the kernel, for want of memory{limit}"),
        );
        say("Resuming", &format!("with {}", jobs_text(fewer)));
        jobs = Some(fewer);
    }
}

/// `1 job at a time`, `3 jobs at a time`.
#[must_use]
pub fn jobs_text(jobs: u32) -> String {
    let plural = if jobs == 1 { "" } else { "s" };
    format!("{jobs} job{plural} at a time")
}

/// The cores that this process may use.
#[must_use]
pub fn cores() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(cores).unwrap_or(1)
}

/// The control groups that this process is in, from its own to the outermost that can be seen.
#[derive(Debug)]
pub(crate) struct Groups {
    root: Utf8PathBuf,
    version: Version,
    /// Its own first.
    dirs: Vec<Utf8PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Groups {
    /// Those of this process.
    pub(crate) fn own() -> Self {
        Self::read(Utf8Path::new("/"))
    }

    /// Reads what `/proc` below `root` says; `root` is another directory only in tests.
    fn read(root: &Utf8Path) -> Self {
        let text = |name: &str| fs_err::read_to_string(root.join(name)).unwrap_or_default();
        let (groups, mounts) = (text("proc/self/cgroup"), text("proc/self/mountinfo"));
        let of = |version| directories(version, &groups, &mounts);
        // A machine may have both, with the memory controller in one of them.
        let (version, dirs) = match of(Version::One) {
            Some(dirs) => (Version::One, dirs),
            None => (Version::Two, of(Version::Two).unwrap_or_default()),
        };
        let below_root = |dir: Utf8PathBuf| root.join(dir.as_str().trim_start_matches('/'));
        Self {
            root: root.to_owned(),
            version,
            dirs: dirs.into_iter().map(below_root).collect(),
        }
    }

    /// The smallest limit of all groups, or what the machine has, if that is less.
    fn limit(&self) -> Option<Limit> {
        let file = match self.version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        };
        let read = |dir: &Utf8PathBuf| number(&fs_err::read_to_string(dir.join(file)).ok()?);
        let of_container = self.dirs.iter().filter_map(read).min();
        let of_container = of_container.filter(|bytes| *bytes < UNLIMITED_BYTES);
        let of_machine = self.total_bytes();
        match (of_container, of_machine) {
            (Some(bytes), machine) if machine.is_none_or(|machine| bytes < machine) => {
                Some(Limit {
                    bytes,
                    is_of_container: true,
                })
            }
            (_, machine) => machine.map(|bytes| Limit {
                bytes,
                is_of_container: false,
            }),
        }
    }

    /// `MemTotal` of the machine.
    fn total_bytes(&self) -> Option<u64> {
        self.of_machine("MemTotal:")
    }

    /// How much can still be taken before the kernel kills, in the group that has the least left, or on the
    /// machine. Files that are kept in memory give way, so they count as free.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        let of_groups = self.dirs.iter().filter_map(|dir| self.free_in(dir));
        of_groups.chain(self.of_machine("MemAvailable:")).min()
    }

    fn free_in(&self, dir: &Utf8Path) -> Option<u64> {
        let (limit, usage, file_prefix) = match self.version {
            Version::One => ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
            Version::Two => ("memory.max", "memory.current", ""),
        };
        let read = |file: &str| fs_err::read_to_string(dir.join(file)).ok();
        let limit = number(&read(limit)?).filter(|bytes| *bytes < UNLIMITED_BYTES)?;
        let stat = read("memory.stat")?;
        let files = ["active_file", "inactive_file"].map(|name| {
            let name = format!("{file_prefix}{name} ");
            let value = stat.lines().find_map(|line| line.strip_prefix(&name));
            value.and_then(number).unwrap_or(0)
        });
        let taken = number(&read(usage)?)?.saturating_sub(files.iter().sum());
        Some(limit.saturating_sub(taken))
    }

    /// A value of `/proc/meminfo`, in bytes.
    fn of_machine(&self, name: &str) -> Option<u64> {
        let text = fs_err::read_to_string(self.root.join("proc/meminfo")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(number(line.trim_end_matches("kB"))? * 1024)
    }

    /// The kills in our own group, which include those for the limit of an outer one; where that is not
    /// counted, those of the machine.
    fn kills(&self) -> u64 {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let own = self.dirs.first().map(|dir| dir.join(file));
        let of_machine = self.root.join("proc/vmstat");
        let mut files = own.into_iter().chain([of_machine]);
        files.find_map(|path| oom_kills(&path)).unwrap_or(0)
    }
}

/// The number behind `oom_kill`.
fn oom_kills(path: &Utf8Path) -> Option<u64> {
    let text = fs_err::read_to_string(path).ok()?;
    let mut lines = text.lines();
    number(lines.find_map(|line| line.strip_prefix("oom_kill "))?)
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// The directories of the groups of `version` that control memory, the own one first: where the hierarchy is
/// mounted, and in it the path of the process. `None` if there is no such hierarchy.
fn directories(version: Version, groups: &str, mounts: &str) -> Option<Vec<Utf8PathBuf>> {
    let path = groups.lines().find_map(|line| {
        // Number, controllers, path (cgroups(7)).
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let fits = match version {
            Version::One => controllers.split(',').any(|it| it == "memory"),
            Version::Two => controllers.is_empty(),
        };
        fits.then_some(Utf8Path::new(path))
    })?;
    let (mounted_root, mount_point) = mounts.lines().find_map(|line| mount(version, line))?;
    // In a container the path may be one that is seen only from outside: then the mount is the container's
    // own.
    let below = path
        .strip_prefix(&mounted_root)
        .unwrap_or(Utf8Path::new(""));
    let innermost = mount_point.join(below);
    let all = innermost.ancestors().map(Utf8Path::to_owned);
    let inside = all.take_while(|dir| dir.starts_with(&mount_point));
    Some(inside.collect())
}

/// What is mounted, and where, if `line` of `/proc/self/mountinfo` is that of the hierarchy (proc(5)).
fn mount(version: Version, line: &str) -> Option<(Utf8PathBuf, Utf8PathBuf)> {
    let (before, after) = line.split_once(" - ")?;
    let mut after = after.split(' ');
    let (kind, options) = (after.next()?, after.nth(1)?);
    let fits = match version {
        Version::One => kind == "cgroup" && options.split(',').any(|it| it == "memory"),
        Version::Two => kind == "cgroup2",
    };
    let mut before = before.split(' ').skip(3);
    let (root, point) = (before.next()?, before.next()?);
    fits.then(|| (root.into(), point.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    const GIB: u64 = 1 << 30;

    /// A machine of 16 GiB with these files.
    fn machine(files: &[(&str, &str)]) -> (TempDir, Groups) {
        let dir = TempDir::new();
        let meminfo = (
            "proc/meminfo",
            "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:   15728640 kB\n",
        );
        for (name, text) in files.iter().chain([&meminfo]) {
            let path = dir.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let groups = Groups::read(dir.path());
        (dir, groups)
    }

    const MOUNT_V2: &str =
        "31 23 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn without_groups_the_machine_is_the_limit() {
        let (_dir, groups) = machine(&[]);
        let limit = groups.limit().unwrap();
        assert_eq!((limit.bytes, limit.is_of_container), (16 * GIB, false));
        assert_eq!(groups.free_bytes(), Some(15 * GIB));
    }

    #[test]
    fn files_in_memory_are_free_and_the_group_with_the_least_counts() {
        let (_dir, groups) = machine(&[
            ("proc/self/cgroup", "0::/outer/inner\n"),
            ("proc/self/mountinfo", MOUNT_V2),
            ("sys/fs/cgroup/outer/memory.max", "4294967296\n"),
            ("sys/fs/cgroup/outer/memory.current", "3221225472\n"),
            (
                "sys/fs/cgroup/outer/memory.stat",
                "anon 1\ninactive_file 1073741824\nactive_file 536870912\n",
            ),
            ("sys/fs/cgroup/outer/inner/memory.max", "max\n"),
        ]);
        assert_eq!(groups.free_bytes(), Some(5 * GIB / 2));
        let v1 = "34 25 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        let (_dir, groups) = machine(&[
            ("proc/self/cgroup", "4:memory:/a\n"),
            ("proc/self/mountinfo", v1),
            (
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                "2147483648\n",
            ),
            (
                "sys/fs/cgroup/memory/a/memory.usage_in_bytes",
                "2147483648\n",
            ),
            (
                "sys/fs/cgroup/memory/a/memory.stat",
                "active_file 5\ntotal_inactive_file 1073741824\ntotal_active_file 0\n",
            ),
            // A group that is not limited has a number all the same.
            (
                "sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            (
                "sys/fs/cgroup/memory/memory.usage_in_bytes",
                "9223372036854771712\n",
            ),
            ("sys/fs/cgroup/memory/memory.stat", ""),
        ]);
        assert_eq!(groups.free_bytes(), Some(GIB));
    }

    #[test]
    fn in_version_2_the_smallest_of_nested_limits_counts() {
        let (_dir, groups) = machine(&[
            ("proc/self/cgroup", "0::/outer/inner\n"),
            ("proc/self/mountinfo", MOUNT_V2),
            ("sys/fs/cgroup/outer/memory.max", "4294967296\n"),
            ("sys/fs/cgroup/outer/inner/memory.max", "max\n"),
            (
                "sys/fs/cgroup/outer/inner/memory.events",
                "low 0\noom 3\noom_kill 2\noom_group_kill 0\n",
            ),
        ]);
        let limit = groups.limit().unwrap();
        assert_eq!((limit.bytes, limit.is_of_container), (4 * GIB, true));
        assert_eq!(groups.kills(), 2);
    }

    #[test]
    fn in_version_1_the_controllers_own_hierarchy_counts() {
        let mounts = "30 25 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      34 25 0:30 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
        let (_dir, groups) = machine(&[
            (
                "proc/self/cgroup",
                "5:cpu:/docker/abc\n4:memory:/docker/abc\n0::/docker/abc\n",
            ),
            ("proc/self/mountinfo", mounts),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1610612736\n"),
            (
                "sys/fs/cgroup/memory/memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n",
            ),
        ]);
        assert_eq!(groups.limit().unwrap().bytes, 3 * GIB / 2);
        assert_eq!(groups.kills(), 7);
    }

    #[test]
    fn no_limit_is_no_limit() {
        let v1 = "34 25 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        let (_dir, groups) = machine(&[
            ("proc/self/cgroup", "4:memory:/\n"),
            ("proc/self/mountinfo", v1),
            (
                "sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
        ]);
        assert!(!groups.limit().unwrap().is_of_container);
        let (_dir, groups) = machine(&[
            ("proc/self/cgroup", "0::/\n"),
            ("proc/self/mountinfo", MOUNT_V2),
            ("proc/vmstat", "nr_free 1\noom_kill 4\n"),
        ]);
        assert!(!groups.limit().unwrap().is_of_container);
        assert_eq!(groups.kills(), 4, "those of the machine");
    }

    #[test]
    fn a_path_that_is_seen_only_from_outside_is_no_hindrance() {
        let (_dir, groups) = machine(&[
            ("proc/self/cgroup", "0::/../../system.slice/docker\n"),
            ("proc/self/mountinfo", MOUNT_V2),
            ("sys/fs/cgroup/memory.max", "2147483648\n"),
        ]);
        assert_eq!(groups.limit().unwrap().bytes, 2 * GIB);
    }

    #[test]
    fn as_many_jobs_as_fit_and_at_least_one() {
        let jobs = |gib_times_2: u64, cores| {
            let bytes = gib_times_2 * GIB / 2;
            Limit {
                bytes,
                is_of_container: true,
            }
            .jobs(cores)
        };
        assert_eq!(jobs(8, 2), None, "4 GB and 2 cores: both");
        assert_eq!(jobs(8, 8), Some(2));
        assert_eq!(jobs(3, 2), Some(1));
        assert_eq!(jobs(1, 2), Some(1));
        assert_eq!(jobs(64, 16), None);
    }

    #[test]
    fn what_fails_by_itself_is_not_tried_again() {
        let mut attempts = 0;
        let done: Result<(), _> = with_fewer_jobs_if_killed(None, &|_, _| (), |_| {
            attempts += 1;
            Err("a type error")
        });
        assert_eq!(
            (done, attempts),
            (Err(Unfinished::Failed("a type error")), 1)
        );
    }

    #[test]
    fn after_each_kill_half_as_many_go_on_until_one_alone_is_killed() {
        let count = std::cell::Cell::new(0);
        let attempts = |jobs, ends_well_with| {
            let mut tried = Vec::new();
            let done = with_fewer_jobs_if(
                || count.get(),
                jobs,
                &|_, _| (),
                |jobs| {
                    tried.push(jobs);
                    if jobs == ends_well_with {
                        return Ok(());
                    }
                    count.set(count.get() + 1);
                    Err("killed")
                },
            );
            (done, tried)
        };
        let to_two = vec![Some(8), Some(4), Some(2)];
        assert_eq!(attempts(Some(8), Some(2)), (Ok(()), to_two));
        let to_one = vec![Some(5), Some(2), Some(1)];
        assert_eq!(
            attempts(Some(5), None),
            (Err(Unfinished::OutOfMemory), to_one)
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_a_limit() {
        assert!(limit().unwrap().bytes > GIB / 4);
    }
}
