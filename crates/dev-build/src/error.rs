//! The errors of a development build.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use processes::RunError;
use processes::help_to_write;
use project_model::ProjectError;
use python_tools::tools::ToolError;
use python_tools::venv::VenvError;

use crate::compile::CompileError;
use crate::import::ImportError;
use crate::install::InstallError;
use crate::maturin::MaturinError;

/// The step that failed.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "each variant is the error of the step that it names"
)]
pub enum DevError {
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error(transparent)]
    Venv(#[from] VenvError),
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error(
        "cannot install the dependencies of {project}\n  help: `cargo xtask dev --no-deps` leaves them as they are and builds the extension"
    )]
    Dependencies {
        project: Utf8PathBuf,
        source: RunError,
    },
    #[error(
        "extras and groups of {project} cannot be chosen: the policy's `dev-requirements` fix what is installed\n  help: put what is wanted into one of those files, or have uv.lock in their place"
    )]
    Selection { project: Utf8PathBuf },
    #[error("cannot understand which packages uv would install for {project}")]
    Packages {
        project: Utf8PathBuf,
        source: serde_json::Error,
    },
    #[error(transparent)]
    Config(#[from] config_edit::EditError),
    #[error(transparent)]
    Maturin(#[from] MaturinError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error("cannot put {library} in place as {place}; the old one has been left there")]
    Place {
        library: Utf8PathBuf,
        place: Utf8PathBuf,
        source: io::Error,
    },
    #[error(
        "cannot put the library of third-party crates into {dir}, beside the extension that needs it; what is installed has been left as it was\n  help: `cargo xtask dev --no-prelink` builds an extension that needs none"
    )]
    Base { dir: Utf8PathBuf, source: io::Error },
    #[error(
        "{leftover} is imported instead of {library}, and was not put there by maturin or this tool\n  help: if nobody needs it, remove it: `rm {leftover}`"
    )]
    Shadowed {
        leftover: Utf8PathBuf,
        library: Utf8PathBuf,
    },
    #[error(
        "{library} has just been built from {source_file}, by another checkout that has the same target directory; what is installed has been left as it was\n  help: run the command again, or give each checkout its own target directory with CARGO_TARGET_DIR"
    )]
    BuiltElsewhere {
        library: Utf8PathBuf,
        source_file: Utf8PathBuf,
    },
    #[error(
        "the new library is in place, but what it is made of cannot be noted in {dist_info}\n  help: make the directory writable, and run the command again"
    )]
    NotRemembered {
        dist_info: Utf8PathBuf,
        source: io::Error,
    },
    #[error(
        "cannot write to the target directory {dir}{}",
        help_to_write(dir, source, "CARGO_TARGET_DIR")
    )]
    Target { dir: Utf8PathBuf, source: io::Error },
    #[error(
        "the extension cannot be built in place: {dir}, where the library goes, cannot be written by you\n  help: make it writable for you, or build in a copy of the project"
    )]
    Package { dir: Utf8PathBuf },
    #[error("another process has built it at the same time, and was told:\n{told}")]
    ElsewhereInVain { told: String },
    #[error("cannot read or change {path}")]
    Io {
        path: Utf8PathBuf,
        source: io::Error,
    },
}

impl DevError {
    /// Whether the sources are at fault, or what they need, and not the machine.
    #[must_use]
    pub fn is_of_the_sources(&self) -> bool {
        match self {
            Self::Compile(error) => error.is_of_the_sources(),
            Self::Project(error) => error.is_of_the_sources(),
            Self::Maturin(error) => error.is_of_the_sources(),
            Self::Import(_) | Self::ElsewhereInVain { .. } => true,
            _ => false,
        }
    }
}

pub(crate) fn not_remembered(dist_info: &Utf8Path) -> impl Fn(io::Error) -> DevError {
    move |source| DevError::NotRemembered {
        dist_info: dist_info.to_owned(),
        source,
    }
}

pub(crate) fn target_error(dir: &Utf8Path) -> impl Fn(io::Error) -> DevError {
    move |source| DevError::Target {
        dir: dir.to_owned(),
        source,
    }
}

pub(crate) fn io_error(path: &Utf8Path) -> impl Fn(io::Error) -> DevError {
    move |source| DevError::Io {
        path: path.to_owned(),
        source,
    }
}
