//! What is to be measured, and what it takes.

use build_env::tools::Say;
use build_env::{Interpreter, Tool, Toolbox};
use camino::Utf8Path;
use project_model::Project;

use crate::schedule::MeasuringPlan;

/// What the user wants, and what it takes.
pub struct BenchRequest<'a> {
    /// The project; it is only read.
    pub project: &'a Project,
    /// What is to be measured.
    pub plan: MeasuringPlan,
    /// Whether to go on with what was interrupted.
    pub resumes: bool,
    /// Where tools come from.
    pub toolbox: &'a Toolbox,
    /// uv.
    pub uv: &'a Tool,
    /// maturin.
    pub maturin: &'a Tool,
    /// The interpreter that environments are made from.
    pub python: &'a Interpreter,
    /// This program.
    pub xtask: &'a Utf8Path,
    /// The workspace in which the user has typed `cargo xtask` to start it; `None`: it was started without
    /// cargo.
    pub xtask_root: Option<&'a Utf8Path>,
    /// What has been found to be the fastest for this project on this machine, as cargo's configuration.
    pub tuned: Option<String>,
    /// Whether the user wants it to end.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
    /// Tells what takes time.
    pub say: Say<'a>,
    /// Tells what could not be done.
    pub warn: &'a dyn Fn(&str),
}
