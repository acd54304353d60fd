//! What can be wrong with a cell that is asked for.

use std::io;

use build_env::RunError;
use camino::Utf8PathBuf;
use project_model::ProjectError;

/// There is no such cell.
#[derive(Debug, thiserror::Error)]
pub enum ColabError {
    /// A cell for the newest build looks it up itself.
    #[error("--manifest names a build\n  help: add `--mode pinned`")]
    ManifestOfNoBuild,
    /// The project.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// An extra that the project has not.
    #[error("{path} has no extra `{extra}`\n  help: it has: {known}")]
    NoExtra {
        /// The pyproject.toml.
        path: Utf8PathBuf,
        /// What was asked for.
        extra: String,
        /// Those that there are.
        known: String,
    },
    /// The manifest of a build cannot be read.
    #[error(
        "cannot read the manifest of a build\n  help: `cargo xtask wheel --release` writes it to {dist}/manifest.json"
    )]
    NoManifest {
        /// Where wheels are put.
        dist: Utf8PathBuf,
        /// What the operating system said, and of which file.
        source: io::Error,
    },
    /// The manifest of the release cannot be had.
    #[error(
        "cannot read {url}\n  help: name the manifest of a build, `--manifest {dist}/manifest.json`"
    )]
    Download {
        /// Its address.
        url: String,
        /// Where wheels are put.
        dist: Utf8PathBuf,
        /// What curl said.
        source: RunError,
    },
    /// Something else than a manifest.
    #[error("{place} is no manifest of wheels\n  help: `cargo xtask wheel` writes one")]
    BadManifest {
        /// The file or address.
        place: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The project's own last cell of the notebook cannot be read.
    #[error("cannot read `check` of [workspace.metadata.xtask.colab]")]
    Check(#[source] io::Error),
    /// What is to be written has no place.
    #[error("cannot write the snippet to {path}\n  help: name a file, `--output FILE`")]
    Output {
        /// What was named.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}
