//! What keeps anything from being measured or written.
#![expect(missing_docs, reason = "the message of each error says what it is")]

use camino::Utf8PathBuf;
use cargo_settings::linker::LinkerError;
use config_edit::EditError;
use dev_build::maturin::MaturinError;
use processes::RunError;
use project_model::ProjectError;
use python_tools::tools::ToolError;
use python_tools::venv::VenvError;
use trial::files::{FileError, NoSpace};

/// Nothing of the project has been changed.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error(transparent)]
    Venv(#[from] VenvError),
    #[error(transparent)]
    Maturin(#[from] MaturinError),
    #[error(transparent)]
    Linker(#[from] LinkerError),
    #[error(transparent)]
    Config(#[from] EditError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    NoSpace(#[from] NoSpace),
    #[error(
        "the project does not build as it is: {reason}\n  help: `cargo xtask dev` has to work before anything can be measured"
    )]
    DoesNotBuild { reason: String },
    #[error(
        "building the project as it is takes longer than the time budget ({budget_s:.0} s)\n  help: `cargo xtask dev` first, since what that has compiled is taken over; or give more with --time-budget"
    )]
    BudgetTooSmall { budget_s: f64 },
    #[error(
        "no change of a line in {crate_name} makes another library, so there is no edit to be measured\n  help: the extension crate needs a function that is not generic"
    )]
    NoEdit { crate_name: String },
    #[error(
        "{path} is no measurement that can be read here\n  help: measure again: `cargo xtask tune`"
    )]
    Unreadable {
        path: Utf8PathBuf,
        source: serde_json::Error,
    },
    #[error(
        "{path} was measured with another {what} ({then}; now {now})\n  help: measure again: `cargo xtask tune`"
    )]
    OtherSubject {
        path: Utf8PathBuf,
        what: &'static str,
        then: String,
        now: String,
    },
    #[error("ended before everything was measured; nothing of the project has been changed")]
    Interrupted,
}
