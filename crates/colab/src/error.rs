//! What can be wrong with a cell that is asked for.

use std::io;

use camino::Utf8PathBuf;
use packaging::checked::NotOne;
use processes::RunError;
use project_model::ProjectError;

/// There is no such cell.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "each variant says what failed, and each field is named in it"
)]
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
        path: Utf8PathBuf,
        extra: String,
        known: String,
    },
    /// What the project says cannot stand in a cell.
    #[error("{path} has what cannot stand in a cell")]
    NotOne { path: Utf8PathBuf, source: NotOne },
    /// The page of the repository cannot either.
    #[error(
        "`{0}` is no page of a repository\n  help: set `repository = \"https://github.com/OWNER/NAME\"` under [workspace.metadata.xtask], or name it, `--repo OWNER/NAME`"
    )]
    Page(String),
    /// The manifest of a build cannot be read.
    #[error(
        "cannot read the manifest of a build\n  help: `cargo xtask wheel --release` writes it to {dist}/manifest.json"
    )]
    NoManifest {
        dist: Utf8PathBuf,
        source: io::Error,
    },
    /// The manifest of the release cannot be had.
    #[error(
        "cannot read {url}\n  help: name the manifest of a build, `--manifest {dist}/manifest.json`"
    )]
    Download {
        url: String,
        dist: Utf8PathBuf,
        source: RunError,
    },
    /// Something else than a manifest.
    #[error("{place} is no manifest of wheels\n  help: `cargo xtask wheel` writes one")]
    BadManifest {
        place: String,
        source: serde_json::Error,
    },
    /// The project's own last cell of the notebook cannot be read.
    #[error("cannot read `check` of [workspace.metadata.xtask.colab]")]
    Check(#[source] io::Error),
    /// What is to be written has no place.
    #[error("cannot write the snippet to {path}\n  help: name a file, `--output FILE`")]
    Output {
        path: Utf8PathBuf,
        source: io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    #[test]
    fn each_error_says_what_helps() {
        let (dist, path) = (Utf8PathBuf::from("dist"), Utf8PathBuf::from("/p/a"));
        let io = || io::Error::from(io::ErrorKind::NotFound);
        let no_extra = |known: &str| ColabError::NoExtra {
            path: "/p/pyproject.toml".into(),
            extra: "cpu".to_owned(),
            known: known.to_owned(),
        };
        let errors = [
            ColabError::ManifestOfNoBuild,
            ColabError::Project(ProjectError::NoRepository("nonsense".to_owned())),
            ColabError::Project(ProjectError::RepositoryUnknown("/p".into())),
            no_extra("gpu, fast"),
            ColabError::NotOne {
                path: "/p/pyproject.toml".into(),
                source: "a b".parse::<packaging::checked::Name>().unwrap_err(),
            },
            ColabError::Page("https://a b".to_owned()),
            ColabError::NoManifest {
                dist: dist.clone(),
                source: io(),
            },
            ColabError::Download {
                url: "https://github.com/o/r/releases/download/latest/manifest.json".to_owned(),
                dist,
                source: RunError::Start {
                    program: "curl".into(),
                    source: io(),
                },
            },
            ColabError::BadManifest {
                place: "wrong.json".to_owned(),
                source: serde_json::from_str::<()>("{}").unwrap_err(),
            },
            ColabError::Check(io()),
            ColabError::Output { path, source: io() },
        ];
        let text: String = errors.iter().map(|error| format!("{error}\n")).collect();
        expect_file!["snapshots/errors.txt"].assert_eq(&text);
    }
}
