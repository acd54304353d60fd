//! What can be wrong with a project.

use std::io;

use camino::Utf8PathBuf;
use processes::{Invocation, RunError};

/// The command that builds the first of them.
fn dev_of(members: &[Utf8PathBuf]) -> Invocation {
    let dir = members.first().map_or("DIR", |dir| dir.as_str());
    Invocation::new("cargo").args(["xtask", "--project", dir, "dev"])
}

/// What to do with a project that has these bindings.
fn instead_of(bindings: &str) -> &'static str {
    match bindings {
        "bin" => {
            "a program is not imported, so there is nothing to develop: `cargo run` starts it, and `cargo xtask wheel` builds, audits and tries its wheel"
        }
        "cffi" => {
            "if it is to be one, add pyo3 to its Cargo.toml: `cargo add pyo3`; else `maturin develop` and `maturin build` work with all bindings"
        }
        _ => "`maturin develop` and `maturin build` work with all bindings",
    }
}

/// A directory that is no project, or one that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "each variant says what failed, and each field is named in it"
)]
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
    #[error(
        "{path}: build-backend is `{backend}`, and only maturin's projects can be built here\n  help: `uv sync` or `pip install --editable .` builds it with its own backend"
    )]
    OtherBackend { path: Utf8PathBuf, backend: String },
    /// Python does not load it as an extension module of pyo3's.
    #[error(
        "the bindings of {project} are {bindings}, and only pyo3's extension modules can be built here\n  help: {}",
        instead_of(bindings)
    )]
    OtherBindings {
        project: Utf8PathBuf,
        bindings: String,
    },
    /// The projects are below.
    #[error(
        "{root} is the root of a uv workspace, and no maturin project itself; members that are:{}\n  help: name one of them, such as `{}`",
        members.iter().map(|it| format!("\n    {it}")).collect::<String>(),
        dev_of(members)
    )]
    WorkspaceRoot {
        root: Utf8PathBuf,
        members: Vec<Utf8PathBuf>,
    },
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        path: Utf8PathBuf,
        source: io::Error,
    },
    /// A file is not TOML, or a key has the wrong type.
    #[error("cannot parse {path}")]
    Toml {
        path: Utf8PathBuf,
        source: toml_edit::de::Error,
    },
    /// `requires-python` is no version specifier.
    #[error("{path}: requires-python `{text}` is not a version specifier (PEP 440): {reason}")]
    RequiresPython {
        path: Utf8PathBuf,
        text: String,
        reason: String,
    },
    /// There is no crate where one is looked for.
    #[error("there is no Cargo.toml at {manifest}\n  help: {remedy}")]
    NoManifest {
        manifest: Utf8PathBuf,
        remedy: String,
    },
    /// There is no library where the manifest says so.
    #[error(
        "{manifest} says that the library begins with {library}, and there is no such file\n  help: {remedy}"
    )]
    NoLibrary {
        manifest: Utf8PathBuf,
        library: Utf8PathBuf,
        remedy: String,
    },
    /// Nothing says which version it is.
    #[error(
        "{path}: [project] has no version, and `dynamic` does not name it\n  help: `dynamic = [{dynamic}]` takes it from Cargo.toml; or write one: `version = \"0.1.0\"`"
    )]
    NoVersion { path: Utf8PathBuf, dynamic: String },
    /// There is no Python where it is said to be.
    #[error(
        "{path}: there is no directory {dir}, which `python-source = \"{dir}\"` under [tool.maturin] names\n  help: {remedy}"
    )]
    NoPythonSource {
        path: Utf8PathBuf,
        dir: Utf8PathBuf,
        remedy: String,
    },
    /// Python would not find its module in the library.
    #[error(
        "{file}:{line}: the module under #[pymodule] is called `{name}`, and Python looks for `{wanted}`\n  help: call it `{wanted}`; or have Python look for this one, under [tool.maturin] in pyproject.toml: `module-name = \"{other}\"`"
    )]
    OtherModuleName {
        file: Utf8PathBuf,
        line: usize,
        name: String,
        wanted: String,
        other: String,
    },
    /// The Cargo.toml is that of a workspace only.
    #[error(
        "{0} has no [package], so it is not an extension\n  help: name its Cargo.toml in pyproject.toml: `manifest-path` in [tool.maturin]"
    )]
    NoPackage(Utf8PathBuf),
    /// cargo does not understand the crate.
    #[error("cannot read the Cargo workspace of {manifest}")]
    Cargo {
        manifest: Utf8PathBuf,
        source: RunError,
    },
    /// What cargo answers is not what it should be.
    #[error("cannot understand what `cargo metadata` says of {manifest}")]
    Metadata {
        manifest: Utf8PathBuf,
        source: cargo_metadata::Error,
    },
    /// The project's policy has an error.
    #[error("[workspace.metadata.xtask], or that of the package, in {path} is wrong")]
    Policy {
        path: Utf8PathBuf,
        source: serde_json::Error,
    },
    /// What was named as the repository is none.
    #[error("`{0}` is no repository\n  help: name it as `--repo OWNER/NAME`")]
    NoRepository(String),
    /// Nothing says where it is on GitHub.
    #[error(
        "cannot tell where {0} is on GitHub: git's remote `origin` does not say\n  help: name it, `--repo OWNER/NAME`"
    )]
    RepositoryUnknown(Utf8PathBuf),
    /// maturin would pack nothing for it, and say nothing.
    #[error(
        "`{pattern}` in `{key}` of [tool.maturin] matches no file, and no build script could make one: nothing is packed for it ({path})\n  help: {remedy}"
    )]
    PacksNothing {
        path: Utf8PathBuf,
        key: &'static str,
        pattern: String,
        remedy: String,
    },
    /// The policy does not say which release the wheels are for.
    #[error(
        "{0} names no release tag\n  help: name one with `--tag`, or write `release-tag = \"latest\"` under [workspace.metadata.xtask.wheel]"
    )]
    NoReleaseTag(Utf8PathBuf),
}

/// What cargo exits with where a manifest is wrong. rustup, which may stand in its place, has another code
/// for what it has not got.
const OF_CARGO: i32 = 101;

impl ProjectError {
    /// Whether the files of the project say something that cannot be: they are there, and wrong. What is
    /// gone, or was never ours to build, is no mistake in them.
    #[must_use]
    pub fn is_of_the_sources(&self) -> bool {
        match self {
            Self::Read { source, .. } => source.kind() != io::ErrorKind::NotFound,
            Self::Cargo { manifest, source } => {
                matches!(source, RunError::Failed { status, .. } if status.code() == Some(OF_CARGO))
                    && manifest.is_file()
            }
            Self::NoBuildSystem(_)
            | Self::Toml { .. }
            | Self::RequiresPython { .. }
            | Self::NoLibrary { .. }
            | Self::NoVersion { .. }
            | Self::NoPythonSource { .. }
            | Self::OtherModuleName { .. }
            | Self::NoPackage(_)
            | Self::Policy { .. }
            | Self::PacksNothing { .. } => true,
            Self::NotAProject(_)
            | Self::OtherBackend { .. }
            | Self::OtherBindings { .. }
            | Self::WorkspaceRoot { .. }
            | Self::NoManifest { .. }
            | Self::Metadata { .. }
            | Self::NoRepository(_)
            | Self::RepositoryUnknown(_)
            | Self::NoReleaseTag(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Project, Workspace};
    use testkit::Fixture;

    #[test]
    fn a_mistake_in_a_manifest_is_one_of_the_sources_and_a_missing_one_is_not() {
        let manifest = "native/Cargo.toml";
        let replaced = |name, from, to| {
            let fixture = Fixture::mixed("wrong_thing");
            fixture.edit(name, from, to);
            fixture
        };
        let without = |name| {
            let fixture = Fixture::mixed("wrong_thing");
            fs_err::remove_file(fixture.root().join(name)).unwrap();
            fixture
        };
        let not_text = Fixture::mixed("wrong_thing");
        fs_err::write(not_text.root().join(manifest), b"\xff").unwrap();
        let missing_crate = "[dependencies]\nnone = { path = \"none\" }\n";
        for (fixture, expected) in [
            (replaced(manifest, "name = \"", "name = "), true),
            (replaced("pyproject.toml", "name = \"", "name = "), true),
            (replaced(manifest, "[dependencies]\n", missing_crate), true),
            (
                replaced(manifest, "version = \"0.1.0\"", "version = \"x\""),
                true,
            ),
            (not_text, true),
            (without(manifest), false),
            (without("pyproject.toml"), false),
        ] {
            let loaded = Project::load(&fixture.root());
            let error = loaded.and_then(|it| Workspace::load(&it)).unwrap_err();
            assert_eq!(error.is_of_the_sources(), expected, "{error}");
        }
    }
}
