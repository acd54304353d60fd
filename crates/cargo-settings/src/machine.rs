//! Cargo's settings that follow from this machine: how many jobs its memory bears, and a linker where the
//! toolchain has no fast one of its own. They go to `.cargo/config.local.toml`, and are planned as a change
//! to it.

use camino::{Utf8Path, Utf8PathBuf};
use config_edit::{CargoConfig, Change, EditError};
use processes::memory::{self, Limit};

use crate::layers::Layers;
use crate::linker::{Linker, LinkerError};
use crate::local::{Files, INTRODUCTION, LOCAL_CONFIG, MACHINE};

/// What this machine asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// How much memory there is.
    pub memory: Option<Limit>,
    /// How many cores.
    pub cores: u32,
    /// Which linker the C compiler is to use, where there is a reason for one.
    pub linker: Linker,
}

/// The settings cannot be planned. Nothing has been written.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The project has no place for them.
    #[error(
        "{tracked} does not include {LOCAL_CONFIG}, where settings of one machine belong\n  help: add this line to it, above all tables: include = [{{ path = \"{LOCAL_CONFIG}\", optional = true }}]"
    )]
    NotIncluded {
        /// The tracked configuration.
        tracked: Utf8PathBuf,
    },
    /// A configuration file.
    #[error(transparent)]
    Config(#[from] EditError),
    /// The linker cannot be told.
    #[error(transparent)]
    Linker(#[from] LinkerError),
}

/// What is to be written, and why, line by line.
#[derive(Debug)]
pub struct MachinePlan {
    /// The change to the local configuration.
    pub change: Change,
    /// What was found, and what follows from it: a noun and a sentence each.
    pub reasons: Vec<(&'static str, String)>,
}

impl Machine {
    /// Looks at this machine. The compiler is asked for its target, and a linker is tried before it is taken.
    pub fn look(root: &Utf8Path) -> Result<Self, MachineError> {
        Ok(Self {
            memory: memory::limit(),
            cores: memory::cores(),
            linker: Linker::choose(root)?,
        })
    }

    /// The settings for a project with `files`. What the user has set is left alone.
    pub fn plan(&self, files: &Files) -> Result<MachinePlan, MachineError> {
        let mut config = CargoConfig::read(&files.local)?;
        let by_user = Layers::read(&files.root)?;
        let (jobs, about_jobs) = wanted_jobs(self.memory.as_ref(), self.cores, &by_user);
        let (linker, about_linker) = self.wanted_linker(&by_user);
        if jobs.is_none() && linker.is_none() {
            config.undo(MACHINE)?;
        } else {
            require_include(files)?;
            self.write(&mut config, jobs, linker)?;
        }
        Ok(MachinePlan {
            change: config.into_change(),
            reasons: vec![("Memory", about_jobs), ("Linker", about_linker)],
        })
    }

    /// Sets what is wanted, and takes back what is not any more.
    fn write(
        &self,
        config: &mut CargoConfig,
        jobs: Option<u32>,
        linker: Option<&str>,
    ) -> Result<(), EditError> {
        let target = &self.linker.target;
        write_jobs(config, jobs)?;
        match linker {
            Some(linker) => config.set_linker(target, linker, "", MACHINE),
            None => config.remove(&["target", target, "rustflags"], MACHINE),
        }
    }

    /// The linker to write, if any, and why.
    fn wanted_linker(&self, by_user: &Layers) -> (Option<&str>, String) {
        let linker = &self.linker;
        let flags = ["target", linker.target.as_str(), "rustflags"];
        let is_users = by_user.sets_without(MACHINE, &flags)
            || by_user.sets_without(MACHINE, &["build", "rustflags"]);
        let owner = by_user
            .files()
            .find_map(|(_, config)| config.owner_of(&flags));
        match linker.name.as_deref() {
            Some(_) if is_users => {
                let whose = owner.map_or("yours".to_owned(), |owner| format!("by `{owner}`"));
                (None, format!("`rustflags` are {whose} already"))
            }
            Some(name) => (
                Some(name),
                format!("{name}, which has linked a small program"),
            ),
            None => (None, linker.reason.clone()),
        }
    }
}

/// The key for the number of jobs.
pub const JOBS: [&str; 2] = ["build", "jobs"];

/// The number of jobs to write for a machine with this `memory` and these `cores`, if any, and why.
#[must_use]
pub fn wanted_jobs(memory: Option<&Limit>, cores: u32, by_user: &Layers) -> (Option<u32>, String) {
    let Some(limit) = memory else {
        return (None, "cannot be told here".to_owned());
    };
    match limit.jobs(cores) {
        _ if by_user.sets_without(MACHINE, &JOBS) => {
            (None, "`build.jobs` is yours already".to_owned())
        }
        Some(jobs) => (Some(jobs), format!("{limit}: {}", memory::jobs_text(jobs))),
        None => (None, format!("{limit}, enough for {cores} cores")),
    }
}

/// Writes that number to the local configuration, or takes it back; and nothing else.
///
/// # Errors
/// If it is set to another number by somebody else.
pub fn write_jobs(local: &mut CargoConfig, jobs: Option<u32>) -> Result<(), EditError> {
    local.introduce(INTRODUCTION, MACHINE);
    match jobs {
        Some(jobs) => local.set_jobs(jobs, MACHINE),
        None => local.remove(&JOBS, MACHINE),
    }
}

impl MachinePlan {
    /// What takes the settings back.
    pub fn undo(files: &Files) -> Result<Self, MachineError> {
        let mut config = CargoConfig::read(&files.local)?;
        config.undo(MACHINE)?;
        Ok(Self {
            change: config.into_change(),
            reasons: Vec::new(),
        })
    }
}

fn require_include(files: &Files) -> Result<(), MachineError> {
    if CargoConfig::read(&files.tracked)?.includes(LOCAL_CONFIG) {
        return Ok(());
    }
    let tracked = files.tracked.clone();
    Err(MachineError::NotIncluded { tracked })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;
    use testkit::Fixture;

    fn files(fixture: &Fixture) -> Files {
        Files::in_dir(&fixture.root(), &fixture.root())
    }

    fn machine(gib: u64, linker: Option<&str>) -> Machine {
        Machine {
            memory: Some(Limit {
                bytes: gib << 30,
                is_of_container: true,
            }),
            cores: 8,
            linker: Linker {
                target: "aarch64-unknown-linux-gnu".to_owned(),
                name: linker.map(str::to_owned),
                reason: "none".to_owned(),
            },
        }
    }

    fn project() -> Fixture {
        let fixture = Fixture::new();
        fixture.write(
            ".cargo/config.toml",
            "include = [{ path = 'config.local.toml', optional = true }]\n",
        );
        fixture
    }

    /// The local configuration after `machine` has been planned and written, twice.
    fn written(fixture: &Fixture, machine: &Machine) -> String {
        machine
            .plan(&files(fixture))
            .unwrap()
            .change
            .apply()
            .unwrap();
        let again = machine.plan(&files(fixture)).unwrap();
        assert!(again.change.is_empty(), "{}", again.change.diff());
        fs_err::read_to_string(&files(fixture).local).unwrap_or_default()
    }

    #[test]
    fn jobs_and_linker_follow_the_machine_and_are_taken_back() {
        let fixture = project();
        let text = written(&fixture, &machine(4, Some("mold")));
        expect_file!["snapshots/machine.toml"].assert_eq(&text);
        // A larger machine, and no linker any more.
        assert_eq!(written(&fixture, &machine(64, None)), "");
        written(&fixture, &machine(4, Some("mold")));
        MachinePlan::undo(&files(&fixture))
            .unwrap()
            .change
            .apply()
            .unwrap();
        assert!(!files(&fixture).local.exists());
    }

    #[test]
    fn a_person_reads_what_follows_from_the_machine_and_why() {
        let fixture = project();
        let mut unknown = machine(4, None);
        unknown.memory = None;
        let mut text = String::new();
        for machine in [machine(4, Some("mold")), machine(64, None), unknown] {
            for (what, reason) in machine.plan(&files(&fixture)).unwrap().reasons {
                text += &format!("{what}: {reason}\n");
            }
        }
        expect_file!["snapshots/reasons.txt"].assert_eq(&text);
    }

    #[test]
    fn what_the_user_has_set_is_left_alone() {
        let fixture = project();
        let mine = "[build]\njobs = 8\nrustflags = ['-Ctarget-cpu=native']\n";
        fixture.write(".cargo/config.local.toml", mine);
        assert_eq!(written(&fixture, &machine(4, Some("mold"))), mine);
    }

    #[test]
    fn a_linker_that_was_measured_is_left_to_who_measured_it() {
        let fixture = project();
        let text = "[target.aarch64-unknown-linux-gnu] # by `cargo xtask tune`\n\
                    rustflags = [\"-C\", \"link-arg=-fuse-ld=wild\"] # by `cargo xtask tune`\n";
        fixture.write(".cargo/config.local.toml", text);
        let plan = machine(64, Some("mold")).plan(&files(&fixture)).unwrap();
        assert!(plan.change.is_empty());
        let reason = &plan.reasons[1].1;
        assert!(reason.contains("by `cargo xtask tune`"), "{reason}");
    }

    #[test]
    fn without_a_place_for_them_the_line_to_add_is_named() {
        let fixture = Fixture::new();
        let error = machine(4, None).plan(&files(&fixture)).unwrap_err();
        assert!(error.to_string().contains("include = [{ path ="), "{error}");
        assert!(!fixture.root().join(".cargo").exists());
    }
}
