//! What is to be measured, and what it takes.

use processes::Say;
use project_model::Project;
use python_tools::Toolbox;

use crate::schedule::MeasuringPlan;

/// What the user wants, and what it takes.
pub struct BenchRequest<'a> {
    /// It is only read.
    pub project: &'a Project,
    /// What is to be measured.
    pub plan: MeasuringPlan,
    /// Whether to go on with what was interrupted.
    pub resumes: bool,
    /// Where tools come from.
    pub toolbox: &'a Toolbox,
    /// The Python to build for, by path or version; `None`: the newest that the project allows.
    pub python: Option<&'a str>,
    /// The directory of this program's package, where `cargo xtask` compiles it.
    pub package: Option<&'a str>,
    /// What has been found to be the fastest for this project on this machine, as cargo's configuration.
    pub tuned: Option<String>,
    /// Whether the user wants it to end.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
    /// Tells what takes time.
    pub say: Say<'a>,
    /// Tells what could not be done.
    pub warn: &'a dyn Fn(&str),
}
