//! All steps of a development build, in order.

use std::time::{Duration, Instant};

use build_env::tools::{Say, ToolError};
use build_env::venv::{self, VenvError};
use build_env::{RunError, Toolbox, Venv};
use camino::{Utf8Path, Utf8PathBuf};
use project_model::Project;

use crate::compile::{self, CompileError, Compiled};
use crate::dependencies::Pins;
use crate::import::{self, ImportError, Imported};
use crate::install::{self, InstallError};
use crate::maturin::{CargoOptions, Maturin, MaturinError};

/// What the user asked for.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// `--python`: see [`build_env::python::named`].
    pub python: Option<&'a str>,
    /// `--venv`: an environment other than `.venv`.
    pub venv: Option<&'a Utf8Path>,
    /// How cargo is to build.
    pub cargo: CargoOptions,
}

/// What was done.
#[derive(Debug)]
pub struct Outcome {
    /// The environment that was installed into.
    pub venv: Venv,
    /// What cargo did.
    pub compiled: Compiled,
    /// What can now be imported.
    pub imported: Imported,
    /// From start to end.
    pub elapsed: Duration,
}

/// The step that failed.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "each variant is the error of the step that it names"
)]
pub enum DevError {
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error(transparent)]
    Venv(#[from] VenvError),
    #[error("cannot install the dependencies of {project}")]
    Dependencies {
        project: Utf8PathBuf,
        source: RunError,
    },
    #[error(transparent)]
    Maturin(#[from] MaturinError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error("cannot make a scratch directory in {dir}")]
    Scratch {
        dir: Utf8PathBuf,
        source: std::io::Error,
    },
}

/// Builds `project` and installs it as editable, saying what takes time.
///
/// # Errors
/// One of [`DevError`]. Until the new library has been built and loaded, what was installed is untouched.
pub fn dev(
    project: &Project,
    toolbox: &Toolbox,
    request: &Request<'_>,
    say: Say<'_>,
) -> Result<Outcome, DevError> {
    let start = Instant::now();
    let uv = toolbox.uv(say)?;
    let tool = toolbox.maturin(&uv, say)?;
    let venv = environment(project, request).plan()?.apply(&uv, say)?;
    install_dependencies(project, &uv, &venv, request, say)?;

    let scratch = scratch(project)?;
    let maturin = Maturin {
        tool: &tool,
        project,
        python: &venv.python.executable,
        cargo: &request.cargo,
    };
    let call = maturin.cargo_call(&scratch.path)?;
    let compiled = compile::compile(&call, &project.extension.manifest)?;
    let library = compiled.library(&project.extension.manifest)?;
    import::try_library(&venv.python, &project.extension, library)?;

    let wheel = maturin.editable_wheel(&scratch.path)?;
    install::install(project, &uv, &venv, &wheel)?;
    let imported = import::installed(&venv.python, &project.extension.module)?;
    Ok(Outcome {
        venv,
        compiled,
        imported,
        elapsed: start.elapsed(),
    })
}

fn environment<'a>(project: &'a Project, request: &Request<'a>) -> venv::Request<'a> {
    venv::Request {
        project: &project.root,
        python: request.python,
        venv: request.venv,
        active: build_env::vars::var(build_env::vars::VIRTUAL_ENV).map(Utf8PathBuf::from),
        requires_python: project.requires_python.as_ref(),
    }
}

fn install_dependencies(
    project: &Project,
    uv: &build_env::Tool,
    venv: &Venv,
    request: &Request<'_>,
    say: Say<'_>,
) -> Result<(), DevError> {
    let pins = Pins::of(project);
    if pins == Pins::Unpinned {
        say(
            "Resolving",
            "dependencies from pyproject.toml: neither uv.lock nor the policy pins them",
        );
    }
    let offline = request.cargo.offline || request.cargo.frozen;
    let Some(command) = pins.install(project, uv, venv, offline) else {
        return Ok(());
    };
    let done = command.read().map(drop);
    done.map_err(|source| DevError::Dependencies {
        project: project.root.clone(),
        source,
    })
}

/// A directory that is removed when the build is over.
struct Scratch {
    path: Utf8PathBuf,
    _removed_on_drop: tempfile::TempDir,
}

/// Makes one in the target directory: on the same file system as what is built, and ignored by git.
fn scratch(project: &Project) -> Result<Scratch, DevError> {
    let dir = project.target_dir.join("xtask-dev");
    let error = |source| DevError::Scratch {
        dir: dir.clone(),
        source,
    };
    fs_err::create_dir_all(&dir).map_err(error)?;
    let made = tempfile::tempdir_in(&dir).map_err(error)?;
    let path = Utf8PathBuf::from_path_buf(made.path().to_owned())
        .map_err(|_| error(std::io::ErrorKind::InvalidFilename.into()))?;
    Ok(Scratch {
        path,
        _removed_on_drop: made,
    })
}
