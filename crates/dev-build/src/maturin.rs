//! The two things we want of maturin: the cargo call that builds the extension, and the editable wheel.
//!
//! Both use `maturin pep517 build-wheel --editable`, which is what its PEP 660 hook runs, rather than
//! `maturin develop`: that one installs the project's dependencies on its own, past every lock file.

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Invocation, RunError};
use project_model::Project;
use python_tools::Tool;
use serde::{Deserialize, Serialize};

use crate::packing::Packing;
use crate::record;

/// What is built, in cargo's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildOptions {
    /// `--profile`; without one, what pyproject.toml says, else `dev`.
    pub profile: Option<String>,
    /// `--features`; without any, those of pyproject.toml.
    pub features: Vec<String>,
    /// `--all-features`.
    pub all_features: bool,
    /// `--no-default-features`.
    pub no_default_features: bool,
}

impl BuildOptions {
    /// The options that decide more than how well the code is optimised.
    #[must_use]
    pub fn without_profile(&self) -> Self {
        Self {
            profile: None,
            ..self.clone()
        }
    }

    fn args(&self, default_profile: Option<&str>) -> Vec<String> {
        let mut args = Vec::new();
        if let Some(profile) = self.profile.as_deref().or(default_profile) {
            args.extend(["--profile".to_owned(), profile.to_owned()]);
        }
        for feature in &self.features {
            args.extend(["--features".to_owned(), feature.clone()]);
        }
        let flags = [
            (self.all_features, "--all-features"),
            (self.no_default_features, "--no-default-features"),
        ];
        args.extend(given(&flags));
        args
    }
}

/// How cargo goes about it, in its own words. None of it changes what is built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of cargo's")]
pub struct RunOptions {
    /// `--locked`.
    pub locked: bool,
    /// `--offline`.
    pub offline: bool,
    /// `--frozen`.
    pub frozen: bool,
    /// `--timings`.
    pub timings: bool,
    /// `--jobs`.
    pub jobs: Option<u32>,
    /// How often `-v` was given.
    pub verbose: u8,
}

impl RunOptions {
    /// Whether the network may not be used.
    #[must_use]
    pub fn forbids_network(&self) -> bool {
        self.offline || self.frozen
    }

    /// What concerns the lock file and the network, which maturin passes on to cargo as well.
    fn resolution(&self) -> Vec<String> {
        let flags = [
            (self.locked, "--locked"),
            (self.offline, "--offline"),
            (self.frozen, "--frozen"),
        ];
        given(&flags)
    }

    /// Whether the user wants to see what cargo does and takes.
    #[must_use]
    pub fn asks_for_details(&self) -> bool {
        self.verbose > 0 || self.timings
    }

    pub(crate) fn with_jobs(&self, jobs: Option<u32>) -> Self {
        Self {
            jobs,
            ..self.clone()
        }
    }

    /// Adds the options to a call of cargo.
    #[must_use]
    pub fn added_to(&self, mut cargo: Invocation) -> Invocation {
        let mut options = self.resolution();
        options.extend(given(&[(self.timings, "--timings")]));
        options.extend(self.jobs.map(|jobs| format!("--jobs={jobs}")));
        options.extend((0..self.verbose).map(|_| "-v".to_owned()));
        // After the subcommand: what follows `--` is for rustc.
        let after_subcommand = cargo.args.len().min(1);
        cargo
            .args
            .splice(after_subcommand..after_subcommand, options);
        cargo
    }
}

fn given(flags: &[(bool, &str)]) -> Vec<String> {
    let given = flags.iter().filter(|(given, _)| *given);
    given.map(|(_, flag)| (*flag).to_owned()).collect()
}

/// maturin, for one project, one interpreter and one way to build.
#[derive(Debug)]
pub struct Maturin<'a> {
    /// The program.
    pub tool: &'a Tool,
    /// The project.
    pub project: &'a Project,
    /// The interpreter of the environment that is installed into.
    pub python: &'a Utf8Path,
    /// What is to be built.
    pub build: &'a BuildOptions,
    /// How cargo is to go about it.
    pub run: &'a RunOptions,
    /// Where cargo is to put what it builds, whatever the configuration says.
    pub target_dir: Option<&'a Utf8Path>,
}

/// maturin did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum MaturinError {
    /// It could not be started, or its files could not be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A directory could not be made, or read.
    #[error("cannot use the scratch directory {dir}")]
    Scratch {
        /// The directory.
        dir: Utf8PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Its answer to "which cargo call?" was an error of its own.
    #[error("maturin does not build {project}")]
    Refused {
        /// The project's directory.
        project: Utf8PathBuf,
        /// What it said.
        source: RunError,
    },
    /// It reports success without a wheel.
    #[error("maturin left no wheel in {dir}")]
    NoWheel {
        /// The directory it was told to use.
        dir: Utf8PathBuf,
    },
}

impl MaturinError {
    /// Whether a manifest is at fault: maturin has cargo resolve the dependencies, and reads pyproject.toml
    /// itself. No network is no fault of theirs.
    pub(crate) fn is_of_the_sources(&self) -> bool {
        let Self::Refused { source, .. } = self else {
            return false;
        };
        let RunError::Failed { stderr, .. } = source else {
            return false;
        };
        let names = |word: &&str| stderr.contains(*word);
        let words = ["`cargo metadata` exited with an error", "pyproject.toml"];
        source.cause().is_none() && words.iter().any(names)
    }
}

impl Maturin<'_> {
    /// The call of cargo that maturin would make, without [`RunOptions`]. Nothing is built.
    ///
    /// # Errors
    /// [`MaturinError::Refused`] if maturin finds the project wrong before it gets as far as cargo.
    pub fn cargo_call(&self, scratch: &Utf8Path) -> Result<Invocation, MaturinError> {
        let file = scratch.join("cargo-call.json");
        let asked = record::recording(self.build_wheel(scratch), &file);
        let asked = asked.map_err(scratch_error(scratch))?;
        let captured = asked.capture()?;
        let mut call = record::recorded(&file).ok_or_else(|| self.refused(&asked, &captured))?;
        call.args = record::without_resolution(&call.args);
        Ok(call)
    }

    /// Begins with the editable wheel, in `scratch`.
    pub(crate) fn start_packing(&self, scratch: &Utf8Path) -> Result<Packing, MaturinError> {
        let packing = Packing::start(self.build_wheel(scratch), scratch);
        packing.map_err(scratch_error(scratch))
    }

    /// The editable wheel of what `call` has built, which `packing` leaves in `scratch`; `said` is what
    /// cargo has written to standard output. With sources in the tree, maturin puts the library there
    /// itself; else the wheel holds it.
    ///
    /// # Errors
    /// [`MaturinError`]; if it makes another call of cargo, also what cargo says.
    pub(crate) fn editable_wheel(
        &self,
        packing: Packing,
        scratch: &Utf8Path,
        call: &Invocation,
        said: &[String],
    ) -> Result<Utf8PathBuf, MaturinError> {
        let captured = packing
            .finish(call, said)
            .map_err(scratch_error(scratch))??;
        if !captured.status.success() {
            return Err(self.refused(&self.build_wheel(scratch), &captured));
        }
        let entries = scratch.read_dir_utf8().map_err(scratch_error(scratch))?;
        let mut paths = entries.flatten().map(camino::Utf8DirEntry::into_path);
        let wheel = paths.find(|path| path.extension() == Some("whl"));
        wheel.ok_or_else(|| MaturinError::NoWheel {
            dir: scratch.to_owned(),
        })
    }

    fn build_wheel(&self, out: &Utf8Path) -> Invocation {
        let target_dir = self.target_dir.into_iter();
        Invocation::new(&self.tool.path)
            .args(["pep517", "build-wheel", "--editable"])
            // What `maturin develop` sets: the wheel is for this machine and never leaves it.
            .args(["--compatibility", "linux", "--auditwheel", "skip"])
            .args(["--interpreter", self.python.as_str()])
            .args(["--out", out.as_str()])
            .args(self.build.args(self.default_profile()))
            .args(self.run.resolution())
            .args(target_dir.flat_map(|dir| ["--target-dir", dir.as_str()]))
            // maturin finds the crate from here. Were it given `--manifest-path`, it would look for the
            // pyproject.toml near that, and not find one that lies above the crate's workspace.
            .cwd(&self.project.root)
    }

    /// `dev`, unless pyproject.toml names one, which maturin then takes from there. maturin's own default
    /// for a PEP 517 build is `release`.
    fn default_profile(&self) -> Option<&'static str> {
        let table = self.project.pyproject.maturin();
        let named = table.editable_profile.is_some() || table.profile.is_some();
        (!named).then_some("dev")
    }

    fn refused(&self, command: &Invocation, captured: &processes::Captured) -> MaturinError {
        let said = format!("{}{}", captured.stdout, captured.stderr);
        match command.require_success(captured.status, said) {
            Err(source) => MaturinError::Refused {
                project: self.project.root.clone(),
                source,
            },
            Ok(()) => MaturinError::NoWheel {
                dir: self.project.root.clone(),
            },
        }
    }
}

fn scratch_error(dir: &Utf8Path) -> impl Fn(std::io::Error) -> MaturinError {
    move |source| MaturinError::Scratch {
        dir: dir.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_passed_on_in_maturins_words() {
        let options = BuildOptions {
            features: vec!["a".to_owned(), "b".to_owned()],
            no_default_features: true,
            ..BuildOptions::default()
        };
        let args = options.args(Some("dev")).join(" ");
        let expected = "--profile dev --features a --features b --no-default-features";
        assert_eq!(args, expected);
    }

    #[test]
    fn maturin_refuses_for_a_manifest_or_for_the_machine() {
        let no_crate =
            "`cargo metadata` exited with an error: error: no matching package named `x` found";
        let no_network = "`cargo metadata` exited with an error: Could not resolve host: x.example";
        for (said, expected) in [
            (no_crate, true),
            (no_network, false),
            ("pyproject.toml is not PEP 518 compliant", true),
            ("rustc, the rust compiler, is not installed", false),
        ] {
            let script = format!("echo '{said}' >&2; exit 1");
            let source = Invocation::new("sh").args(["-c", &script]).read();
            let error = MaturinError::Refused {
                project: "/p".into(),
                source: source.unwrap_err(),
            };
            assert_eq!(error.is_of_the_sources(), expected, "{said}");
        }
    }

    #[test]
    fn a_profile_that_was_asked_for_comes_before_the_default() {
        let options = BuildOptions {
            profile: Some("release".to_owned()),
            ..BuildOptions::default()
        };
        assert_eq!(options.args(Some("dev")), ["--profile", "release"]);
        assert!(BuildOptions::default().args(None).is_empty());
    }

    #[test]
    fn options_of_one_run_stand_before_those_for_rustc() {
        let run = RunOptions {
            locked: true,
            jobs: Some(1),
            verbose: 2,
            ..RunOptions::default()
        };
        let call = Invocation::new("cargo").args(["rustc", "--lib", "--", "-C", "strip=symbols"]);
        let expected = "cargo rustc --locked --jobs=1 -v -v --lib -- -C strip=symbols";
        assert_eq!(run.added_to(call).to_string(), expected);
    }
}
