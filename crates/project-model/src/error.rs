//! What can be wrong with a project.

use std::io;

use camino::Utf8PathBuf;
use processes::RunError;

/// A directory that is no project, or one that cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// There is nothing to start from.
    #[error(
        "{0} is not a maturin project: it has no pyproject.toml\n  help: name a project with `--project DIR`"
    )]
    NotAProject(Utf8PathBuf),
    /// maturin does not build it without.
    #[error(
        "{0} has no [build-system]\n  help: maturin needs these lines in it:\n    [build-system]\n    requires = [\"maturin>=1,<2\"]\n    build-backend = \"maturin\""
    )]
    NoBuildSystem(Utf8PathBuf),
    /// Built by something else.
    #[error("{path}: build-backend is `{backend}`, and only maturin's projects can be built here")]
    OtherBackend {
        /// The pyproject.toml.
        path: Utf8PathBuf,
        /// What it says.
        backend: String,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is not TOML, or a key has the wrong type.
    #[error("cannot parse {path}")]
    Toml {
        /// The file.
        path: Utf8PathBuf,
        /// Where, and what was expected.
        source: toml_edit::de::Error,
    },
    /// `requires-python` is no version specifier.
    #[error("{path}: requires-python `{text}` is not a version specifier (PEP 440): {reason}")]
    RequiresPython {
        /// The pyproject.toml.
        path: Utf8PathBuf,
        /// What it says.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The Cargo.toml is that of a workspace only.
    #[error(
        "{0} has no [package], so it is not an extension\n  help: name its Cargo.toml in pyproject.toml: `manifest-path` in [tool.maturin]"
    )]
    NoPackage(Utf8PathBuf),
    /// cargo does not understand the crate.
    #[error("cannot read the Cargo workspace of {manifest}")]
    Cargo {
        /// The Cargo.toml.
        manifest: Utf8PathBuf,
        /// What cargo said.
        source: RunError,
    },
    /// What cargo answers is not what it should be.
    #[error("cannot understand what `cargo metadata` says of {manifest}")]
    Metadata {
        /// The Cargo.toml.
        manifest: Utf8PathBuf,
        /// What is wrong with it.
        source: cargo_metadata::Error,
    },
    /// The project's policy has an error.
    #[error("[workspace.metadata.xtask] in {path} is wrong")]
    Policy {
        /// The Cargo.toml.
        path: Utf8PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}
