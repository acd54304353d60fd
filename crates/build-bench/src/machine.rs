//! On what was measured: what a reader has to know to judge the figures, and what differs when two
//! measurements do.

use camino::Utf8Path;
use environment::cargo_env;
use processes::{Invocation, memory};
use serde::{Deserialize, Serialize};

/// A machine and its tools.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub(crate) cpu: String,
    /// How many processors we may use.
    pub(crate) cores: u32,
    /// A container's limit, if there is one.
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) is_container: bool,
    pub(crate) system: String,
    /// That the copies lie on.
    pub(crate) file_system: Option<String>,
    /// Of the last minute: 1 is one processor kept busy.
    pub(crate) load_at_start: Option<f64>,
    /// Of what was used, by name.
    pub(crate) versions: Vec<(String, String)>,
    /// The user's that change what is built, with their values.
    pub(crate) variables: Vec<(String, String)>,
}

/// Variables that change how long a build takes and that we do not set.
const VARIABLES: [&str; 6] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_JOBS",
    "CARGO_BUILD_TARGET",
    "RUSTUP_TOOLCHAIN",
    "MATURIN_PEP517_ARGS",
];

impl Machine {
    /// This one; the copies lie in `dir`. Asks each of `programs` for its version in `project`, which may pin
    /// a toolchain.
    pub(crate) fn this(
        dir: &Utf8Path,
        project: &Utf8Path,
        programs: Vec<(&str, Invocation)>,
    ) -> Self {
        let limit = memory::limit();
        let read = |path: &str| fs_err::read_to_string(path).unwrap_or_default();
        let load = read("/proc/loadavg");
        let version = |(name, program): (&str, Invocation)| {
            let printed = program.arg("--version").cwd(project).read().ok()?;
            let line = printed.lines().next()?.trim();
            let version = line.strip_prefix(name).unwrap_or(line).trim();
            Some((name.to_owned(), version.to_owned()))
        };
        let environment = cargo_env::environment();
        let variable = |name: &str| Some((name.to_owned(), environment.get(name)?.clone()));
        Self {
            cpu: cpu(&read("/proc/cpuinfo")),
            cores: memory::cores(),
            memory_bytes: limit.as_ref().map(|limit| limit.bytes),
            is_container: limit.is_some_and(|limit| limit.is_of_container),
            system: system(&read("/etc/os-release")),
            file_system: file_system(&read("/proc/self/mounts"), dir),
            load_at_start: load.split(' ').next().and_then(|it| it.parse().ok()),
            versions: programs.into_iter().filter_map(version).collect(),
            variables: VARIABLES.into_iter().filter_map(variable).collect(),
        }
    }

    /// Why times of `self` and `other` cannot be compared, if there is a reason.
    pub(crate) fn differs_from(&self, other: &Self) -> Vec<String> {
        let cores = [self, other].map(|it| it.cores.to_string());
        let facts = [
            ("processor", &*self.cpu, &*other.cpu),
            ("processors", &cores[0], &cores[1]),
        ];
        let versions = self.versions.iter().filter_map(|(name, ours)| {
            let theirs = other.version(name)?;
            Some((name.as_str(), ours.as_str(), theirs))
        });
        let differing = facts.into_iter().chain(versions);
        differing
            .filter(|(_, ours, theirs)| ours != theirs)
            .map(|(what, ours, theirs)| format!("{what}: {theirs} then, {ours} now"))
            .collect()
    }

    /// The version of the program `name`, if it was asked.
    pub(crate) fn version(&self, name: &str) -> Option<&str> {
        let found = self.versions.iter().find(|(it, _)| it == name);
        found.map(|(_, version)| version.as_str())
    }
}

fn cpu(cpuinfo: &str) -> String {
    // Where there is no model name (Arm), the architecture has to do.
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let model = line.and_then(|line| line.split_once(':'));
    model.map_or(std::env::consts::ARCH.to_owned(), |(_, it)| {
        it.trim().to_owned()
    })
}

fn system(os_release: &str) -> String {
    let mut lines = os_release.lines();
    let name = lines.find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = name.map_or(std::env::consts::OS, |name| name.trim_matches('"'));
    format!("{name} {}", std::env::consts::ARCH)
}

/// The kind of the file system with the longest mount point above `dir`.
fn file_system(mounts: &str, dir: &Utf8Path) -> Option<String> {
    let mounted = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let above = mounted.filter(|(point, _)| dir.starts_with(point));
    let innermost = above.max_by_key(|(point, _)| point.len());
    innermost.map(|(_, kind)| kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_counts() {
        let mounts = "a / ext4 rw 0 0\nb /tmp tmpfs rw 0 0\nc /tm btrfs rw 0 0\n";
        assert_eq!(
            file_system(mounts, "/tmp/x".into()).as_deref(),
            Some("tmpfs")
        );
        assert_eq!(file_system(mounts, "/home".into()).as_deref(), Some("ext4"));
    }

    #[test]
    fn another_processor_or_compiler_is_a_reason() {
        let machine = |cpu: &str, rustc: &str| Machine {
            cpu: cpu.to_owned(),
            versions: vec![("rustc".to_owned(), rustc.to_owned())],
            ..Machine::default()
        };
        let ours = machine("a", "1.95");
        assert!(ours.differs_from(&machine("a", "1.95")).is_empty());
        let reasons = ours.differs_from(&machine("b", "1.94"));
        assert_eq!(
            reasons,
            ["processor: b then, a now", "rustc: 1.94 then, 1.95 now"]
        );
    }

    #[test]
    fn this_machine_tells_what_it_is() {
        let cargo = ("cargo", Invocation::new("cargo"));
        let machine = Machine::this("/".into(), "/".into(), vec![cargo]);
        assert!(machine.cores > 0 && !machine.cpu.is_empty() && !machine.system.is_empty());
        assert!(
            machine.versions[0].1.starts_with(char::is_numeric),
            "{machine:?}"
        );
    }
}
