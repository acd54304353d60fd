//! Trying a wheel: installed into a fresh environment, imported, and run.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use files::owned;
use packaging::{PythonVersion, WheelName};
use pep440_rs::VersionSpecifiers;
use processes::{Invocation, RunError, Say};
use project_model::Project;
use python_tools::{Interpreter, Tool, python};
use wheel_audit::Report;

use crate::error::{WheelError, cannot_write};
use crate::pythons::serves;
use crate::stage::make_empty;

/// Imports a module, and prints from which file, and as which version of its distribution.
const IMPORT: &str = r"
import importlib, importlib.metadata, json, sys
module = importlib.import_module(sys.argv[1])
print(json.dumps([module.__file__, importlib.metadata.version(sys.argv[2])]))
";

/// How long a program may run that is only to start.
const LIMIT: Duration = Duration::from_secs(10);

/// What a trial takes.
#[derive(Debug)]
pub struct Trial<'a> {
    /// uv, which makes the environments and installs.
    pub uv: &'a Tool,
    /// The project.
    pub project: &'a Project,
    /// Commands that must succeed in each environment.
    pub smoke: &'a [Vec<String>],
    /// An empty directory.
    pub scratch: &'a Utf8Path,
    /// Whether the network is not to be used.
    pub offline: bool,
}

/// The interpreters of this machine, one of each version, that may install the wheel `name`.
#[must_use]
pub fn interpreters(
    name: &WheelName,
    requires_python: Option<&VersionSpecifiers>,
) -> Vec<Interpreter> {
    if !runs_here(name) {
        return Vec::new();
    }
    python::installed(|python| python.satisfies(requires_python) && takes(python, name))
}

fn runs_here(name: &WheelName) -> bool {
    let here = format!("_{}", std::env::consts::ARCH);
    let mut platforms = name.platforms.iter();
    platforms.any(|tag| tag.ends_with(&here) && tag.contains("linux"))
}

/// Whether `python` takes wheels with these tags.
fn takes(python: &Interpreter, name: &WheelName) -> bool {
    let any =
        name.python.iter().any(|tag| tag == "py3") && name.abi.iter().any(|abi| abi == "none");
    let own = minor(python).is_some_and(|version| serves(name, version));
    any || python.implementation == "CPython" && own
}

/// Whether it is the CPython `version`.
pub(crate) fn is_cpython(python: &Interpreter, version: PythonVersion) -> bool {
    python.implementation == "CPython" && minor(python) == Some(version)
}

/// The minor version of `python`.
pub(crate) fn minor(python: &Interpreter) -> Option<PythonVersion> {
    let mut parts = python.version.splitn(3, '.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let threads = if python.free_threaded { "t" } else { "" };
    format!("{major}.{minor}{threads}").parse().ok()
}

/// Fails if `program` does not start: a library is missing, or the processor has not what it was compiled
/// for. What it makes of its arguments is its own affair, and a server runs on until `limit`.
fn start(program: &Invocation, limit: Duration) -> Result<(), RunError> {
    /// What the loader exits with, mostly.
    const NOT_LOADED: i32 = 127;
    /// What it says of a library that is too old; it has another code then.
    const TOO_OLD: &str = "(required by ";
    /// The signal with which a program ends itself (SIGABRT).
    const ABORT: i32 = 6;
    let Some(ended) = program.capture_within(limit)? else {
        return Ok(());
    };
    let code = ended.status.code();
    let is_loaded = code != Some(NOT_LOADED) && !ended.stderr.contains(TOO_OLD);
    let is_killed = ended.status.signal().is_some_and(|it| it != ABORT);
    if is_loaded && !is_killed {
        return Ok(());
    }
    program.require_success(ended.status, ended.stderr)
}

impl Trial<'_> {
    /// Installs the wheel at `path`, which was audited, for `python`; imports its extension and runs its
    /// commands.
    pub fn run(
        &self,
        path: &Utf8Path,
        report: &Report,
        python: &Interpreter,
        say: Say<'_>,
    ) -> Result<(), WheelError> {
        let venv = self.scratch.join("venv");
        owned::remove(self.scratch, &venv).map_err(cannot_write(&venv))?;
        say("Trying", &format!("{} with {python}", report.file_name));
        let failed = |what: &str| {
            let what = what.to_owned();
            move |source| WheelError::Trial {
                wheel: report.file_name.clone(),
                python: python.to_string(),
                what,
                source: Some(Box::new(source)),
            }
        };
        self.make(&venv, python)
            .read()
            .map_err(failed("no environment can be made"))?;
        let interpreter = venv.join("bin/python");
        self.install(path, &interpreter)
            .read()
            .map_err(failed("it cannot be installed"))?;
        if self.project.extension.programs.is_empty() {
            let answer = self
                .import(&interpreter)
                .read()
                .map_err(failed("it cannot be imported"))?;
            self.check_answer(&answer, &venv, report, python)?;
        }
        for program in &self.project.extension.programs {
            let program = Invocation::new(venv.join("bin").join(program)).arg("--version");
            start(&program.cwd(self.scratch), LIMIT)
                .map_err(failed("a program of it does not start"))?;
        }
        self.run_smoke(&venv, &failed)
    }

    fn make(&self, venv: &Utf8Path, python: &Interpreter) -> Invocation {
        Invocation::new(&self.uv.path)
            .args([
                "venv",
                "--quiet",
                "--no-config",
                "--no-project",
                "--no-python-downloads",
            ])
            .args(["--python", python.executable.as_str(), venv.as_str()])
    }

    fn install(&self, wheel: &Utf8Path, interpreter: &Utf8Path) -> Invocation {
        let offline = self.offline.then_some("--offline");
        Invocation::new(&self.uv.path)
            .args([
                "pip",
                "install",
                "--quiet",
                "--no-config",
                "--only-binary",
                ":all:",
            ])
            .args([
                "--python",
                interpreter.as_str(),
                "--refresh-package",
                self.project.name(),
            ])
            .args(offline)
            // In a whole path uv takes `#`, `[` and `%` for parts of a requirement or of an address.
            .arg("--")
            .arg(format!("./{}", wheel.file_name().unwrap_or_default()))
            .cwd(wheel.parent().unwrap_or(wheel))
    }

    fn import(&self, interpreter: &Utf8Path) -> Invocation {
        let module = &self.project.extension.module;
        Invocation::new(interpreter)
            .args(["-I", "-B", "-c", IMPORT, module, self.project.name()])
            .cwd(self.scratch)
    }

    fn check_answer(
        &self,
        answer: &str,
        venv: &Utf8Path,
        report: &Report,
        python: &Interpreter,
    ) -> Result<(), WheelError> {
        let wrong = |what: String| WheelError::Trial {
            wheel: report.file_name.clone(),
            python: python.to_string(),
            what,
            source: None,
        };
        // A module may print while it is imported; ours is the last line.
        let line = answer.lines().last().unwrap_or_default();
        let parsed: Result<(Utf8PathBuf, String), _> = serde_json::from_str(line);
        let (file, version) = parsed.map_err(|_| wrong(format!("it answers {answer:?}")))?;
        if !file.starts_with(venv) {
            return Err(wrong(format!(
                "`{}` comes from {file}",
                self.project.extension.module
            )));
        }
        if report
            .name
            .as_ref()
            .is_some_and(|name| !name.is_version(&version))
        {
            return Err(wrong(format!("it is installed as version {version}")));
        }
        Ok(())
    }

    /// The file of the project that `arg` names, else `arg`.
    fn of_project(&self, arg: &str) -> String {
        let path = self.project.root.join(arg);
        if path.is_file() {
            path.into_string()
        } else {
            arg.to_owned()
        }
    }

    fn run_smoke<F: FnOnce(processes::RunError) -> WheelError>(
        &self,
        venv: &Utf8Path,
        failed: &impl Fn(&str) -> F,
    ) -> Result<(), WheelError> {
        let dir = self.scratch.join("smoke");
        make_empty(&dir)?;
        for command in self.smoke {
            let Some((program, args)) = command.split_first() else {
                continue;
            };
            let path = environment::vars::var(environment::vars::PATH).unwrap_or_default();
            let run = Invocation::new(venv.join("bin").join(program))
                .args(args.iter().map(|arg| self.of_project(arg)))
                .env("PATH", format!("{}:{path}", venv.join("bin")))
                .env(environment::vars::VIRTUAL_ENV, venv.as_str())
                .env_remove("PYTHONPATH")
                .cwd(&dir);
            run.read()
                .map_err(failed("a command of the policy (`smoke`) fails"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(version: &str, free_threaded: bool) -> Interpreter {
        Interpreter {
            executable: "/p".into(),
            base_executable: "/p".into(),
            implementation: "CPython".to_owned(),
            version: version.to_owned(),
            prefix: "/".into(),
            base_prefix: "/".into(),
            platlib: "/".into(),
            suffixes: Vec::new(),
            free_threaded,
        }
    }

    #[test]
    fn a_program_has_to_start_and_may_do_what_it_wants_then() {
        let too_old =
            "echo \"a: libc.so.6: version 'GLIBC_9' not found (required by a)\" >&2; exit 1";
        for (script, starts) in [
            ("exit 0", true),
            ("echo 'unknown option --version' >&2; exit 2", true),
            ("kill -ABRT $$", true),
            ("sleep 1000", true),
            ("kill -SEGV $$", false),
            ("exit 127", false),
            (too_old, false),
        ] {
            let program = Invocation::new("sh").args(["-c", script]);
            let started = start(&program, Duration::from_secs(1));
            assert_eq!(started.is_ok(), starts, "{script}");
        }
        assert!(start(&Invocation::new("/no/program"), LIMIT).is_err());
    }

    #[test]
    fn the_stable_abi_goes_on_and_others_do_not() {
        let name = |tag: &str| WheelName::parse(&format!("a-1-{tag}.whl")).unwrap();
        let stable = name("cp311-abi3-manylinux_2_28_x86_64");
        assert!(
            takes(&python("3.11.7", false), &stable) && takes(&python("3.13.0", false), &stable)
        );
        assert!(
            !takes(&python("3.10.13", false), &stable) && !takes(&python("3.13.0", true), &stable)
        );
        let one = name("cp312-cp312-manylinux_2_28_x86_64");
        assert!(takes(&python("3.12.1", false), &one) && !takes(&python("3.13.0", false), &one));
        assert!(takes(&python("3.13.0", true), &name("cp313-cp313t-any")));
        assert!(takes(&python("3.9.18", false), &name("py3-none-any")));
    }

    #[test]
    fn a_wheel_for_another_machine_is_not_tried() {
        let name = WheelName::parse("a-1-cp311-abi3-manylinux_2_28_s390x.whl").unwrap();
        assert!(interpreters(&name, None).is_empty());
    }
}
