//! What keeps anything from being measured or written.

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
#[expect(
    missing_docs,
    reason = "those without a comment are the errors of the step that they name"
)]
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
    /// A command could not be started.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The copy of the project does not build as the project is.
    #[error(
        "the project does not build as it is: {reason}\n  help: `cargo xtask dev` has to work before anything can be measured"
    )]
    DoesNotBuild {
        /// What cargo said first.
        reason: String,
    },
    /// Not even the project as it is.
    #[error(
        "building the project as it is takes longer than the time budget ({budget_s:.0} s)\n  help: `cargo xtask dev` first, since what that has compiled is taken over; or give more with --time-budget"
    )]
    BudgetTooSmall {
        /// The budget, in seconds.
        budget_s: f64,
    },
    /// There is no place where a changed line makes another library.
    #[error(
        "no change of a line in {crate_name} makes another library, so there is no edit to be measured\n  help: the extension crate needs a function that is not generic"
    )]
    NoEdit {
        /// The extension crate.
        crate_name: String,
    },
    /// The copy, or a file of results, cannot be read, made or changed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The disk is too small.
    #[error(transparent)]
    NoSpace(#[from] NoSpace),
    /// A file of results is of another form.
    #[error(
        "{path} is no measurement that can be read here\n  help: measure again: `cargo xtask tune`"
    )]
    Unreadable {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A measurement of something else.
    #[error(
        "{path} was measured with another {what} ({then}; now {now})\n  help: measure again: `cargo xtask tune`"
    )]
    OtherSubject {
        /// The file.
        path: Utf8PathBuf,
        /// What differs.
        what: &'static str,
        /// What it was.
        then: String,
        /// What it is.
        now: String,
    },
    /// The user has ended it.
    #[error("ended before everything was measured; nothing of the project has been changed")]
    Interrupted,
}
