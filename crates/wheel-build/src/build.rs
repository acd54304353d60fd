//! Running maturin.

use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use environment::{cargo_env, vars};
use processes::Invocation;
use processes::Say;
use processes::memory::Unfinished;
use python_tools::{Interpreter, Tool, Toolbox, python};

use crate::before;
use crate::built::{Built, only_wheel};
use crate::error::{WheelError, cannot_write};
use crate::plan::{BuildPlan, WheelPlan};
use crate::platform::Platform;
use crate::stage::make_empty;
use crate::trial::{is_cpython, minor};

/// What a build takes beside its plan.
#[derive(Debug)]
pub struct Builder<'a> {
    /// Where tools come from.
    pub toolbox: &'a Toolbox,
    /// maturin.
    pub maturin: &'a Tool,
    /// The Cargo.toml of the extension, in the copy.
    pub manifest: &'a Utf8Path,
    /// Where cargo puts what it builds.
    pub target_dir: &'a Utf8Path,
    /// Where wheels are kept until they have been audited and tried.
    pub out: &'a Utf8Path,
    /// A compiler wrapper, with the variables that it knows its store by.
    pub wrapper: Option<(Utf8PathBuf, Vec<(String, String)>)>,
    /// The interpreter that maturin looks at where no version is asked for.
    pub python: &'a Interpreter,
    /// The repository of the sources, for build scripts that ask git for the commit: the copy is none.
    pub git_dir: Option<&'a Utf8Path>,
    /// Whether the network is not to be used.
    pub offline: bool,
    /// The file that remembers how much memory the compilers of the project take.
    pub memory_record: &'a Utf8Path,
}

impl Builder<'_> {
    /// Builds one wheel of `plan`.
    pub fn build(
        &self,
        plan: &BuildPlan,
        wheel: &WheelPlan,
        say: Say<'_>,
    ) -> Result<Built, WheelError> {
        let platform: Platform = wheel.platform.parse()?;
        require_standard_library(&platform, &plan.working_directory)?;
        make_empty(self.out)?;
        let zig = if platform.is_here() {
            before::run(&wheel.before, say)?;
            None
        } else {
            Some(self.toolbox.zig(say)?)
        };
        self.download(wheel, say)?;
        let command = self.command(plan, wheel, &platform, zig.as_ref())?;
        let start = Instant::now();
        let done = processes::within_memory(None, self.memory_record, say, |jobs| {
            with_jobs(command.clone(), jobs).run_talking()
        });
        done.map_err(|unfinished| match unfinished {
            Unfinished::Failed(source) => WheelError::Maturin {
                platform: wheel.platform.clone(),
                source,
            },
            Unfinished::OutOfMemory => WheelError::OutOfMemory {
                platform: wheel.platform.clone(),
            },
        })?;
        Ok(Built {
            path: only_wheel(self.out)?,
            elapsed: start.elapsed(),
        })
    }

    /// Downloads the dependencies that are missing, by the question that maturin begins with. From maturin
    /// every attempt of cargo's would go to the terminal; so what keeps them from being downloaded is told in
    /// few words.
    fn download(&self, wheel: &WheelPlan, say: Say<'_>) -> Result<(), WheelError> {
        let is_locked = wheel.args.iter().any(|arg| arg == "--locked");
        let question = Invocation::new(cargo_env::cargo())
            .args(["metadata", "--format-version=1", "--manifest-path"])
            .arg(self.manifest.as_str())
            .args(is_locked.then_some("--locked"))
            .cwd(self.manifest.parent().unwrap_or(self.manifest));
        // Without a lock file, the answer would be made of what happens to be here.
        let is_here = || question.clone().arg("--offline").read().is_ok();
        if self.offline || is_locked && is_here() {
            return Ok(());
        }
        say("Downloading", "the dependencies");
        let done = question.read();
        done.map(drop).map_err(|source| WheelError::Dependencies {
            platform: wheel.platform.clone(),
            source,
        })
    }

    fn command(
        &self,
        plan: &BuildPlan,
        wheel: &WheelPlan,
        platform: &Platform,
        zig: Option<&Tool>,
    ) -> Result<Invocation, WheelError> {
        let python = match wheel.python {
            Some(version) => python::newest("a wheel", |it| is_cpython(it, version)).ok(),
            None => Some(self.python.clone()),
        };
        let mut command = Invocation::new(&self.maturin.path)
            .arg("build")
            .args(wheel.args.iter().map(String::as_str))
            .args(["--compatibility", &platform.policy])
            .args([
                "--out",
                self.out.as_str(),
                "--target-dir",
                self.target_dir.as_str(),
            ])
            .cwd(&plan.working_directory)
            // It would be in the key of every compilation, and --target-dir is not.
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CARGO_BUILD_TARGET_DIR");
        for (name, value) in &wheel.env {
            command = command.env(name, value);
        }
        if let Some(python) = python {
            command = self.with_python(command, &python)?;
        }
        if let Some(zig) = zig {
            command = command
                .arg("--zig")
                .env(vars::CARGO_ZIGBUILD_ZIG_PATH, zig.path.as_str());
        }
        if let Some((program, variables)) = &self.wrapper {
            command = command.env(vars::RUSTC_WRAPPER, program.as_str());
            command = variables
                .iter()
                .fold(command, |command, (name, value)| command.env(name, value));
        }
        if let Some(git_dir) = self.git_dir {
            command = command.env("GIT_DIR", git_dir.as_str());
        }
        if self.offline {
            command = command.arg("--offline");
        }
        Ok(command)
    }

    /// Puts a link `python3.12` to the interpreter before everything else on `PATH`: the plan names it so.
    fn with_python(
        &self,
        command: Invocation,
        python: &Interpreter,
    ) -> Result<Invocation, WheelError> {
        let dir = self.out.join("bin");
        fs_err::create_dir_all(&dir).map_err(cannot_write(&dir))?;
        let version = minor(python).map_or_else(|| "3".to_owned(), |it| it.to_string());
        let link = dir.join(format!("python{version}"));
        // A script and not a link: Python finds its library by the path it was called by.
        let script = format!("#!/bin/sh\nexec '{}' \"$@\"\n", python.executable);
        fs_err::write(&link, script).map_err(cannot_write(&link))?;
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs_err::set_permissions(&link, executable).map_err(cannot_write(&link))?;
        let path = vars::var(vars::PATH).unwrap_or_default();
        Ok(command.env("PATH", format!("{dir}:{path}")))
    }
}

/// By a variable: maturin has no such option for every subcommand, and sccache leaves it out of its keys.
fn with_jobs(command: Invocation, jobs: Option<u32>) -> Invocation {
    match jobs {
        Some(jobs) => command.env(vars::CARGO_BUILD_JOBS, jobs.to_string()),
        None => command,
    }
}

/// Fails where rustc has nothing to build for `platform` with.
fn require_standard_library(platform: &Platform, dir: &Utf8Path) -> Result<(), WheelError> {
    let triple = platform.triple();
    let rustc = Invocation::new("rustc")
        .args(["--print", "target-libdir", "--target", &triple])
        .cwd(dir);
    let libraries = rustc.read()?;
    let is_there = Utf8Path::new(libraries.trim()).is_dir();
    is_there
        .then_some(())
        .ok_or(WheelError::NoTarget { triple })
}
