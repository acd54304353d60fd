//! On what was measured: what a reader has to know to judge the figures, and what differs when two
//! measurements do.

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Invocation, memory};
use serde::{Deserialize, Serialize};

/// A machine and its tools.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The model of the processor.
    pub cpu: String,
    /// How many processors we may use.
    pub cores: u32,
    /// How much memory there is, in bytes; a container's limit, if there is one.
    pub memory_bytes: Option<u64>,
    /// Whether that is a container's limit.
    pub is_container: bool,
    /// The operating system.
    pub system: String,
    /// The file system that the copies lie on.
    pub file_system: Option<String>,
    /// The load of the last minute when it began: 1 is one processor kept busy.
    pub load_at_start: Option<f64>,
    /// The versions of what was used, by name.
    pub versions: Vec<(String, String)>,
    /// Variables of the user's that change what is built, with their values.
    pub variables: Vec<(String, String)>,
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

/// A program whose version is of interest.
#[derive(Debug)]
pub struct Program<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Where it is.
    pub path: Utf8PathBuf,
    /// A directory for what it writes, and the variable that tells it so: some write even when they are only
    /// asked for their version, and to the home directory too.
    pub dir: Option<(&'static str, Utf8PathBuf)>,
}

impl Machine {
    /// This one; the copies lie in `dir`. Asks each of `programs` for its version in `project`, which may pin
    /// a toolchain.
    #[must_use]
    pub fn this(dir: &Utf8Path, project: &Utf8Path, programs: &[Program<'_>]) -> Self {
        let limit = memory::limit();
        let read = |path: &str| fs_err::read_to_string(path).unwrap_or_default();
        let load = read("/proc/loadavg");
        Self {
            cpu: cpu(&read("/proc/cpuinfo")),
            cores: memory::cores(),
            memory_bytes: limit.as_ref().map(|limit| limit.bytes),
            is_container: limit.is_some_and(|limit| limit.is_of_container),
            system: system(&read("/etc/os-release")),
            file_system: file_system(&read("/proc/self/mounts"), dir),
            load_at_start: load.split(' ').next().and_then(|it| it.parse().ok()),
            versions: versions(project, programs),
            variables: variables(),
        }
    }

    /// Why times of `self` and `other` cannot be compared, if there is a reason.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> Vec<String> {
        let mut reasons = Vec::new();
        let mut differ = |what: &str, ours: String, theirs: String| {
            if ours != theirs {
                reasons.push(format!("{what}: {theirs} then, {ours} now"));
            }
        };
        differ("processor", self.cpu.clone(), other.cpu.clone());
        differ(
            "processors",
            self.cores.to_string(),
            other.cores.to_string(),
        );
        for (name, version) in &self.versions {
            if let Some(theirs) = other.version(name) {
                differ(name, version.clone(), theirs.to_owned());
            }
        }
        reasons
    }

    /// The version of the program `name`, if it was asked.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<&str> {
        let mut versions = self.versions.iter();
        let found = versions.find(|(it, _)| it == name);
        found.map(|(_, version)| version.as_str())
    }
}

fn cpu(cpuinfo: &str) -> String {
    // Where there is no model name (Arm), the architecture has to do.
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let model = line
        .and_then(|line| line.split_once(':'))
        .map(|(_, model)| model.trim());
    model.unwrap_or(std::env::consts::ARCH).to_owned()
}

fn system(os_release: &str) -> String {
    let line = os_release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let name = line.map(|name| name.trim_matches('"'));
    format!(
        "{} {}",
        name.unwrap_or(std::env::consts::OS),
        std::env::consts::ARCH
    )
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

fn versions(project: &Utf8Path, programs: &[Program<'_>]) -> Vec<(String, String)> {
    let versions = programs.iter().filter_map(|program| {
        let printed = Invocation::new(&program.path)
            .arg("--version")
            .cwd(project)
            .read()
            .ok()?;
        let line = printed.lines().next()?.trim();
        let version = line.strip_prefix(program.name).unwrap_or(line).trim();
        Some((program.name.to_owned(), version.to_owned()))
    });
    versions.collect()
}

fn variables() -> Vec<(String, String)> {
    let environment = environment::cargo_env::environment();
    let set = VARIABLES
        .iter()
        .filter_map(|&name| Some((name.to_owned(), environment.get(name)?.clone())));
    set.collect()
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
        let cargo = Program {
            name: "cargo",
            path: "cargo".into(),
            dir: None,
        };
        let machine = Machine::this("/".into(), "/".into(), &[cargo]);
        assert!(machine.cores > 0 && !machine.cpu.is_empty() && !machine.system.is_empty());
        assert!(
            machine.versions[0].1.starts_with(char::is_numeric),
            "{machine:?}"
        );
    }
}
