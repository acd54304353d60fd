//! What keeps anything from being measured.

use std::io;

use camino::Utf8PathBuf;
use config_edit::EditError;
use processes::RunError;
use project_model::ProjectError;
use python_tools::python::PythonError;
use python_tools::tools::ToolError;
use trial::files::{FileError, NoSpace};

use crate::lane::UnknownName;
use crate::report::section::{BEGIN, END};

/// There is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A name on the command line is none of ours.
    #[error(transparent)]
    Name(#[from] UnknownName),
    /// The project, or the copy of it, cannot be understood.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A tool is missing.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// A command of the preparation failed.
    #[error("cannot prepare the copy of the project")]
    Prepare(#[source] RunError),
    /// The copy, or a file of results, cannot be made or changed.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody else measures the same project.
    #[error("another `bench-build` of this project is running\n  help: wait for it to end")]
    Busy,
    /// What was measured is not to be lost because a file cannot be written.
    #[error(
        "the results cannot be written where they are wanted\n  help: `cargo xtask bench-build --from {kept}`, with the same files, writes them without measuring again"
    )]
    ReportNotWritten {
        /// Where the results are kept.
        kept: Utf8PathBuf,
        /// Why.
        source: FileError,
    },
    /// Nothing that was named is in a file of results.
    #[error(
        "{0} has nothing of what was named\n  help: leave out --scenario to see all that it has"
    )]
    NothingNamed(Utf8PathBuf),
    /// A baseline tells nothing.
    #[error(
        "the baseline has no figure for anything that was measured\n  help: measure the same with `--json FILE`, and take that for a baseline"
    )]
    OtherBaseline,
    /// A document has no place for figures.
    #[error(
        "cannot tell where the figures go in {0}\n  help: write a line `{BEGIN}` and below it one `{END}`, each once"
    )]
    NoMarkers(Utf8PathBuf),
    /// A document or its chart cannot be written.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// There is no interpreter to build for.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// We cannot tell which program we are.
    #[error("cannot tell where this program is")]
    Program(#[source] io::Error),
    /// There is nothing to go on with.
    #[error("there is no measurement of this project to go on with\n  help: leave out --resume")]
    NothingToResume,
    /// What there is was begun with something else in mind.
    #[error(
        "the measurement to go on with was begun with other strategies, scenarios or runs\n  help: name the same, or leave out --resume to begin anew"
    )]
    OtherPlan,
    /// It was begun with another Python.
    #[error(
        "the measurement to go on with was begun with Python {then}, and this is {now}\n  help: add `--python {then}`, or leave out --resume to begin anew"
    )]
    OtherPython {
        /// Its version.
        then: String,
        /// That of the one that is there now.
        now: String,
    },
    /// A file of results is of another form.
    #[error(
        "{path} is no result of `bench-build` that can be read here\n  help: measure again with `cargo xtask bench-build --json {path}`"
    )]
    Results {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong with it.
        source: Option<serde_json::Error>,
    },
    /// The disk is too small.
    #[error("{0}\n  help: or name fewer strategies with --strategy")]
    NoSpace(#[from] NoSpace),
    /// The user has ended it before the first run.
    #[error("ended before anything was measured; the copies of the project have been removed")]
    Interrupted,
}
