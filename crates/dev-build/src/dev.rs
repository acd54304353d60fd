//! All steps of a development build, in order, each only where it is due.

use std::time::{Duration, Instant};

use build_env::tools::{Say, cannot_keep};
use build_env::venv;
use build_env::{Invocation, Toolbox, Venv};
use camino::{Utf8Path, Utf8PathBuf};
use project_model::Project;

use crate::compile::{self, Compiled};
use crate::error::DevError;
use crate::import::Imported;
use crate::lock::Lock;
use crate::maturin::{BuildOptions, RunOptions};
use crate::steps::Build;

/// What the user asked for.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// `--python`: see [`build_env::python::named`].
    pub python: Option<&'a str>,
    /// `--venv`: an environment other than `.venv`.
    pub venv: Option<&'a Utf8Path>,
    /// What is to be built.
    pub build: BuildOptions,
    /// How cargo is to go about it.
    pub run: RunOptions,
    /// Let maturin install every time, instead of putting the library in place ourselves.
    pub maturin_installs: bool,
}

/// What was done.
#[derive(Debug)]
pub struct Outcome {
    /// The environment that was installed into.
    pub venv: Venv,
    /// What cargo did.
    pub compiled: Compiled,
    /// What became of the library.
    pub install: Installed,
    /// What can now be imported.
    pub imported: Imported,
    /// From start to end.
    pub elapsed: Duration,
}

/// What became of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// The package was installed, with its metadata and entry points.
    Anew,
    /// The library alone was replaced.
    Placed,
    /// The right one was in place.
    Unchanged,
}

/// Builds `project` and installs it as editable, saying what takes time.
///
/// The first call has the package installed by maturin and uv. Later ones make the same call of cargo
/// themselves and put the library in place, until something changes that decides more than the library.
///
/// # Errors
/// One of [`DevError`]. Until the new library has been built and loaded, what was installed is untouched.
pub fn dev(
    project: &Project,
    toolbox: &Toolbox,
    request: &Request<'_>,
    say: Say<'_>,
) -> Result<Outcome, DevError> {
    refuse_other_bindings(project)?;
    let locks = toolbox.locks();
    let _lock = Lock::take(&project.root, &locks, say).map_err(cannot_keep(&locks))?;
    // Waiting for another build is no part of this one.
    let start = Instant::now();
    let mut build = Build::prepare(project, toolbox, request, say)?;
    if let Some(state) = build.fresh_install() {
        let imported = state.imported.clone();
        build.keep_fresh_for_uv()?;
        return Ok(Outcome {
            venv: build.venv,
            compiled: Compiled::default(),
            install: Installed::Unchanged,
            imported,
            elapsed: start.elapsed(),
        });
    }
    build.venv.require_writable()?;
    // Making a witness changes the time of its file, so it comes before anything notes that.
    build.keep_witnesses();
    let call = build.cargo_call()?;
    refuse_other_calls(project, &call)?;
    build.install_dependencies()?;
    build.share_environment(&call)?;
    build.announce_profile(&call);
    let known = build
        .earlier
        .as_ref()
        .map_or(&[][..], |(_, state)| &state.sources);
    let manifest = &project.extension.manifest;
    let compiled = compile::compile(&call, &request.run, manifest, known, say)?;
    let library = compiled.library(&project.extension.manifest)?.to_owned();
    let (install, imported) = match build.reusable_install(&compiled) {
        Some((dist_info, earlier)) => build.place(dist_info, earlier, call, &compiled, &library)?,
        None => build.install(call, &compiled, &library)?,
    };
    Ok(Outcome {
        venv: build.venv,
        compiled,
        install,
        imported,
        elapsed: start.elapsed(),
    })
}

/// What is not a module that Python loads by itself cannot be put in place and tried as one.
fn refuse_other_bindings(project: &Project) -> Result<(), DevError> {
    match project.pyproject.maturin().bindings.as_deref() {
        None | Some("pyo3" | "pyo3-ffi") => Ok(()),
        Some(bindings) => Err(other_bindings(project, bindings)),
    }
}

/// The same where maturin finds out the bindings. For pyo3's, and only for them, it sets this variable
/// (since 1.10; its `compile.rs`).
fn refuse_other_calls(project: &Project, call: &Invocation) -> Result<(), DevError> {
    if call.env.contains_key("PYO3_BUILD_EXTENSION_MODULE") {
        return Ok(());
    }
    Err(other_bindings(project, "not pyo3"))
}

fn other_bindings(project: &Project, bindings: &str) -> DevError {
    DevError::OtherBindings {
        project: project.root.clone(),
        bindings: bindings.to_owned(),
    }
}

/// The environment that [`dev()`] and the status speak of.
pub(crate) fn environment<'a>(project: &'a Project, request: &Request<'a>) -> venv::Request<'a> {
    venv::Request {
        project: &project.root,
        python: request.python,
        venv: request.venv,
        active: build_env::vars::var(build_env::vars::VIRTUAL_ENV).map(Utf8PathBuf::from),
        requires_python: project.requires_python.as_ref(),
    }
}
