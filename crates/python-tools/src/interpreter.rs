//! A Python that answers what it is.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};
use pep440_rs::{Version, VersionSpecifiers};
use processes::Invocation;
use serde::{Deserialize, Serialize};

use crate::programs;

/// Prints what [`Interpreter`] holds. Isolated (`-I`), so that neither the working directory nor the
/// user's `PYTHON*` variables change the answer.
pub(crate) const PROBE: &str = r#"
import importlib.machinery, json, os, platform, sys, sysconfig
base = getattr(sys, "_base_executable", None)
print(json.dumps({
    "executable": sys.executable,
    "base_executable": os.path.realpath(base) if base and os.path.exists(base) else sys.executable,
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
    "platlib": sysconfig.get_path("platlib"),
    "suffixes": importlib.machinery.EXTENSION_SUFFIXES,
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}))
"#;

/// A Python that was started and answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// `sys.executable`.
    pub executable: Utf8PathBuf,
    /// The program of the installation, without links: what maturin goes by under `use-base-python`.
    pub base_executable: Utf8PathBuf,
    /// `CPython`, `PyPy`, …
    pub implementation: String,
    /// A PEP 440 version, as `platform.python_version()` gives it.
    pub version: String,
    /// `sys.prefix`: the virtual environment, or the installation.
    pub prefix: Utf8PathBuf,
    /// `sys.base_prefix`: the installation.
    pub base_prefix: Utf8PathBuf,
    /// `site-packages`, where packages with extension modules are installed.
    pub platlib: Utf8PathBuf,
    /// The endings of the files that it takes for extension modules, the one it prefers first
    /// (`importlib.machinery.EXTENSION_SUFFIXES`).
    pub suffixes: Vec<String>,
    /// Built without the GIL (PEP 703).
    pub free_threaded: bool,
}

impl fmt::Display for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = if self.free_threaded { "t" } else { "" };
        write!(f, "{} {}{threads}", self.implementation, self.version)
    }
}

/// Why an interpreter is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum PythonError {
    /// The program is there, but does not behave like a Python.
    #[error("`{executable}` does not work as a Python interpreter: {reason}")]
    Unusable {
        /// The program that was started.
        executable: Utf8PathBuf,
        /// What it said, or did not say.
        reason: String,
    },
    /// What the user named is no interpreter.
    #[error("cannot use `--python {request}`{}", help_to_name(source))]
    Named {
        /// The argument.
        request: String,
        /// What is wrong with it.
        source: Box<PythonError>,
    },
    /// Nothing on this machine fits.
    #[error(
        "no Python here fits {wanted}{}\n  help: name one with `--python PATH`, or {}",
        listed(seen),
        how_to_get_one(programs::uv_command(), version.as_deref())
    )]
    NoneFits {
        /// The version that was asked for by name.
        version: Option<String>,
        /// What was asked for.
        wanted: String,
        /// What was found instead, or passed over with the reason.
        seen: Vec<String>,
    },
}

/// How an interpreter is named. Where none is there, another name does not help.
fn help_to_name(source: &PythonError) -> &'static str {
    match source {
        PythonError::NoneFits { .. } => "",
        _ => {
            "\n  help: name a program (`--python /usr/bin/python3.12`), an environment (`--python .venv`) or a version (`--python 3.12`)"
        }
    }
}

/// A command that exists here.
fn how_to_get_one(uv: Option<Invocation>, version: Option<&str>) -> String {
    match uv.map(|uv| uv.args(["python", "install"]).args(version)) {
        Some(install) => format!("get one with `{install}`"),
        None => "install one by the means of your system".to_owned(),
    }
}

/// `seen` as an indented list below a message.
fn listed(seen: &[String]) -> String {
    if seen.is_empty() {
        return "; none was found at all".to_owned();
    }
    let lines = seen.iter().map(|line| format!("\n    {line}"));
    format!("; found:{}", lines.collect::<String>())
}

impl Interpreter {
    /// Starts `executable` and asks it what it is. A pyenv shim whose version is not selected, or a
    /// Python whose installation is gone, fails here.
    pub fn probe(executable: &Utf8Path) -> Result<Self, PythonError> {
        let unusable = |reason: String| PythonError::Unusable {
            executable: executable.to_owned(),
            reason,
        };
        let captured = Invocation::new(executable)
            .args(["-I", "-c", PROBE])
            .capture()
            .map_err(|error| unusable(with_cause(&error)))?;
        if !captured.status.success() {
            let first = captured.stderr.lines().find(|line| !line.trim().is_empty());
            let said = first.unwrap_or_default().trim().chars().take(100);
            let said = said.collect::<String>();
            return Err(unusable(
                format!("{said} ({})", captured.status)
                    .trim_start()
                    .to_owned(),
            ));
        }
        serde_json::from_str(&captured.stdout)
            .map_err(|_| unusable("it does not answer as a Python does".to_owned()))
    }

    /// Whether this is the Python of a virtual environment (PEP 405).
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.prefix != self.base_prefix
    }

    /// Whether this is the Python of an environment of conda's, or of pixi's: an installation of its own that
    /// packages are meant to be installed into.
    #[must_use]
    pub fn is_of_conda(&self) -> bool {
        self.prefix.join("conda-meta").is_dir()
    }

    /// Whether this is the Python of an environment that was made to be installed into. The one that conda
    /// itself lives in was not.
    #[must_use]
    pub fn is_environment(&self) -> bool {
        let is_condas_own = self.prefix.join("condabin").is_dir();
        self.is_virtual() || (self.is_of_conda() && !is_condas_own)
    }

    /// The version, for comparing. `None` where it is not a PEP 440 version, as in a Python built
    /// from a checkout (`3.14.0a1+`).
    #[must_use]
    pub fn pep440(&self) -> Option<Version> {
        self.version.trim_end_matches('+').parse().ok()
    }

    /// Whether it is of the version `request`: `3.14`, or `3.14t`, which has no GIL.
    #[must_use]
    pub fn is_of(&self, request: &str) -> bool {
        let without_gil = request.strip_suffix('t');
        let version = without_gil.unwrap_or(request);
        is_version(&self.version, version) && (self.free_threaded || without_gil.is_none())
    }

    /// Whether `requires_python` (PEP 621) allows it. Without one, everything is allowed. A pre-release
    /// counts as the version that it will be, as pip and uv have it.
    #[must_use]
    pub fn satisfies(&self, requires_python: Option<&VersionSpecifiers>) -> bool {
        let Some(version) = self.pep440() else {
            return false;
        };
        requires_python.is_none_or(|specifiers| specifiers.contains(&version.only_release()))
    }
}

/// `error` and its causes, in one line.
fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", with_cause(cause)),
        None => error.to_string(),
    }
}

/// Whether `version` is `request` or a more precise form of it: `3.12.1` is a `3.12`, `3.1` is not.
#[must_use]
pub fn is_version(version: &str, request: &str) -> bool {
    version
        .strip_prefix(request)
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_that_is_missing_is_got_by_a_command_that_exists_here() {
        let uv = || Some(Invocation::new("/cache/tools/uv-0.13.9/bin/uv"));
        assert_eq!(
            how_to_get_one(uv(), Some("3.12")),
            "get one with `/cache/tools/uv-0.13.9/bin/uv python install 3.12`"
        );
        assert!(how_to_get_one(uv(), None).ends_with("uv python install`"));
        assert!(!how_to_get_one(None, None).contains("uv"));
    }
}
