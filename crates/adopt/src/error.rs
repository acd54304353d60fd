//! Why a project cannot be taken over, or given back.
#![expect(missing_docs, reason = "the message of each error says what it is")]

use std::io;

use camino::Utf8PathBuf;
use config_edit::EditError;
use project_model::ProjectError;

/// Nothing has been written.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error("cannot remove {path}, which a build has made")]
    Remove {
        path: Utf8PathBuf,
        source: io::Error,
    },
    #[error("cannot take the hook that builds on import out of the environment {venv}")]
    Hook {
        venv: Utf8PathBuf,
        source: io::Error,
    },
}
