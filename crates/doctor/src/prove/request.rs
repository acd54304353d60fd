//! What a proof is asked for, and what keeps it from being one.

use camino::Utf8Path;
use processes::{RunError, Say};
use project_model::{Closure, Project, ProjectError};
use python_tools::Tool;
use trial::files::FileError;

/// What is needed for the proof.
pub struct ProofRequest<'a> {
    /// The project; it is only read.
    pub project: &'a Project,
    /// Its crates.
    pub closure: &'a Closure,
    /// This program.
    pub program: &'a Utf8Path,
    /// uv.
    pub uv: &'a Tool,
    /// maturin.
    pub maturin: &'a Tool,
    /// A directory for the copy of this project alone, above which nothing of a project lies.
    pub home: &'a Utf8Path,
    /// Whether the network may not be used.
    pub offline: bool,
    /// Whether the user wants it to end.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
    /// Tells what takes time.
    pub say: Say<'a>,
}

/// There is no proof, in either direction.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The copy cannot be made.
    #[error("cannot work on the copy of the project")]
    Files(#[from] FileError),
    /// Somebody else proves the same project.
    #[error("another `doctor --prove` of this project is running\n  help: wait for it to end")]
    Busy,
    /// The copy is no project.
    #[error("cannot read the copy of the project")]
    Project(#[from] ProjectError),
    /// git, or a program of a step, cannot be started.
    #[error("cannot work on the copy of the project")]
    Run(#[from] RunError),
    /// The user ended it.
    #[error("ended before all steps were taken; the copy has been removed")]
    Interrupted,
}
