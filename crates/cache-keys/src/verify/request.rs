//! What a proof is asked for, and what keeps it from being one.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use processes::RunError;
use processes::Say;
use project_model::{Closure, Project, ProjectError};
use python_tools::Tool;
use python_tools::tools::ToolError;

/// What is needed for the proof.
pub struct ProofRequest<'a> {
    /// The project; it is only read.
    pub project: &'a Project,
    /// Its crates.
    pub closure: &'a Closure,
    /// uv.
    pub uv: &'a Tool,
    /// maturin.
    pub maturin: &'a Tool,
    /// The interpreter to build for.
    pub python: &'a Utf8Path,
    /// A directory for the copy, above which nothing of the project lies.
    pub home: &'a Utf8Path,
    /// Whether the user wants it to end.
    pub is_over: &'a dyn Fn() -> bool,
    /// Tells what takes time.
    pub say: Say<'a>,
}

/// There is no proof, in either direction.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "each variant says what failed, and each field is named in it"
)]
pub enum VerifyError {
    /// The copy cannot be made or changed.
    #[error("cannot work on the copy of the project: {path}")]
    Scratch {
        path: Utf8PathBuf,
        source: io::Error,
    },
    /// Somebody else verifies the same project.
    #[error("another `cache-keys --verify` of this project is running\n  help: wait for it to end")]
    Busy,
    /// There is no place for the copy.
    #[error(transparent)]
    Cache(#[from] ToolError),
    /// The copy is no project.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// uv failed.
    #[error("`uv sync` fails in a copy of the project")]
    Uv(#[source] RunError),
    /// `cargo check` failed.
    #[error("`cargo check` fails in a copy of the project")]
    Cargo(#[source] RunError),
    /// uv installs the project without building it.
    #[error(
        "`uv sync` does not build {project}\n  help: look for `package = false` or `managed = false` under [tool.uv] in pyproject.toml"
    )]
    NeverBuilt { project: Utf8PathBuf },
    /// uv builds every time.
    #[error("`uv sync` builds {project} every time, also when nothing has changed\n  help: {help}")]
    AlwaysBuilt { project: Utf8PathBuf, help: String },
    /// The keys are not what they should be.
    #[error("{wrong} of {count} cases went wrong\n  help: {help}")]
    Wrong {
        wrong: usize,
        count: usize,
        help: String,
    },
    /// The user ended it.
    #[error("ended before all cases were tried; the copy has been removed")]
    Interrupted,
}

/// An operation of the file system on `path` that failed.
pub(super) fn at(path: &Utf8Path) -> impl FnOnce(io::Error) -> VerifyError {
    let path = path.to_owned();
    move |source| VerifyError::Scratch { path, source }
}
