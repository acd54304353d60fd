//! What keeps anything from being measured.
#![expect(missing_docs, reason = "the message of each error says what it is")]

use std::io;

use camino::Utf8PathBuf;
use config_edit::EditError;
use processes::RunError;
use project_model::ProjectError;
use python_tools::python::PythonError;
use python_tools::tools::ToolError;
use trial::files::{FileError, NoSpace};

use crate::lane::UnknownLane;
use crate::report::section::{BEGIN, END};

/// There is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error(transparent)]
    Name(#[from] UnknownLane),
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error(transparent)]
    Python(#[from] PythonError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error("{0}\n  help: or name fewer strategies with --strategy")]
    NoSpace(#[from] NoSpace),
    #[error(
        "there is no directory for the sockets of compiler caches that nobody else can write to\n  help: set XDG_RUNTIME_DIR to one, or TMPDIR to a directory of yours"
    )]
    NoSockets(#[source] io::Error),
    #[error("cannot prepare the copy of the project")]
    Prepare(#[from] RunError),
    #[error("cannot understand what `cargo metadata` says of the copy of the project")]
    Metadata(#[from] cargo_metadata::Error),
    #[error("another `bench-build` of this project is running\n  help: wait for it to end")]
    Busy,
    #[error("ended before anything was measured; the copies of the project have been removed")]
    Interrupted,
    #[error("cannot tell where this program is")]
    Program(#[source] io::Error),
    /// What was measured is not to be lost because a file cannot be written.
    #[error(
        "the results cannot be written where they are wanted\n  help: `cargo xtask bench-build --from {kept}`, with the same files, writes them without measuring again"
    )]
    ReportNotWritten {
        kept: Utf8PathBuf,
        source: FileError,
    },
    #[error(
        "{0} has nothing of what was named\n  help: leave out --scenario to see all that it has"
    )]
    NothingNamed(Utf8PathBuf),
    #[error(
        "the baseline has no figure for anything that was measured\n  help: measure the same with `--json FILE`, and take that for a baseline"
    )]
    OtherBaseline,
    #[error(
        "cannot tell where the figures go in {0}\n  help: write a line `{BEGIN}` and below it one `{END}`, each once"
    )]
    NoMarkers(Utf8PathBuf),
    #[error("there is no measurement of this project to go on with\n  help: leave out --resume")]
    NothingToResume,
    #[error(
        "the measurement to go on with was begun with other strategies, scenarios or runs\n  help: name the same, or leave out --resume to begin anew"
    )]
    OtherPlan,
    #[error(
        "the measurement to go on with was begun with Python {then}, and this is {now}\n  help: add `--python {then}`, or leave out --resume to begin anew"
    )]
    OtherPython { then: String, now: String },
    #[error(
        "{path} is no result of `bench-build` that can be read here\n  help: measure again with `cargo xtask bench-build --json {path}`"
    )]
    Results {
        path: Utf8PathBuf,
        source: Option<serde_json::Error>,
    },
}
