//! What the checks go by.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::{Files, Layers, toolchain::MissingToolchain};
use compiler_cache::status::Status as CacheStatus;
use config_edit::Change;
use dev_build::maturin::BuildOptions;
use dev_build::state::State;
use dev_build::status::Status;
use processes::memory::Limit;
use project_model::{Closure, Project, Workspace};
use python_tools::places::{Found as FoundPlace, Why};
use python_tools::venv::{VenvError, VenvPlan};
use store::Held;
use wheel_build::bindings::Bindings;

use crate::finding::{Problem, Skipped};

/// What was looked at, or what kept us from it.
pub(crate) type Told<T> = Result<T, Problem>;

/// A file and its text.
pub(crate) type Text = (Utf8PathBuf, String);

/// Everything that was looked at.
#[derive(Debug)]
pub struct Facts {
    /// The directory of the project; the working directory, where there is none.
    pub(crate) root: Utf8PathBuf,
    /// The variables of the user's shell.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) project: Told<Project>,
    /// The mistake in its files for which no build is begun.
    pub(crate) mistake: Option<Problem>,
    /// Cargo's configuration.
    pub(crate) config: Told<Layers>,
    pub(crate) workspace: Told<Workspace>,
    pub(crate) closure: Told<Closure>,
    pub(crate) toolchain: Toolchain,
    pub(crate) environment: Option<Environment>,
    /// What `cargo xtask dev --status` says.
    pub(crate) status: Told<Status>,
    /// What is remembered of the last `cargo xtask dev`.
    pub(crate) state: Option<State>,
    pub(crate) cache: Told<CacheStatus>,
    pub(crate) bindings: Told<Bindings>,
    /// The change that makes the cache-keys current.
    pub(crate) keys: Told<Change>,
    pub(crate) memory: Option<Limit>,
    pub(crate) cores: u32,
    pub(crate) storage: Told<Storage>,
    /// Files of the project that git tracks and that hold settings. `None`: it is not in git.
    pub(crate) tracked: Option<Vec<Text>>,
    /// The workflows of GitHub's.
    pub(crate) workflows: Vec<Text>,
    /// What is to be said if git would commit this machine's own configuration.
    pub(crate) not_ignored: Option<String>,
}

/// What was found of Rust.
#[derive(Debug, Default)]
pub(crate) struct Toolchain {
    pub(crate) missing: Option<MissingToolchain>,
    /// What `cargo --version` says; the error, where it does not run.
    pub(crate) cargo: Option<Told<String>>,
    /// The triple that is compiled for where nothing is said.
    pub(crate) host: Option<Told<String>>,
    /// The `rust-version` of the extension's crate.
    pub(crate) rust_version: Option<String>,
    /// Whether the C compiler that links is there.
    pub(crate) has_c_compiler: bool,
}

/// The Python environment.
#[derive(Debug)]
pub(crate) struct Environment {
    /// Where it is, or would be, and why there.
    pub(crate) place: Result<(FoundPlace, Why), VenvError>,
    /// What a build would do about it.
    pub(crate) plan: Result<VenvPlan, VenvError>,
    /// What is active and not used.
    pub(crate) unused: Option<String>,
}

/// Where builds are kept.
#[derive(Debug)]
pub(crate) struct Storage {
    /// The directory of the store.
    pub(crate) store: Utf8PathBuf,
    pub(crate) held: Held,
    pub(crate) limit_bytes: u64,
    /// The directory that keeps this user from writing there.
    pub(crate) refuses: Option<Utf8PathBuf>,
    /// Whether the target directory is on another file system, as far as it is known.
    pub(crate) is_elsewhere: bool,
    /// What is free, by the directory.
    pub(crate) free_bytes: Vec<(Utf8PathBuf, u64)>,
}

/// What was looked at, for a check that cannot do without. What is wrong is a problem of another check.
fn needed<'a, T>(told: &'a Told<T>, what: &str) -> Result<&'a T, Skipped> {
    told.as_ref().map_err(|_| Skipped(what.to_owned()))
}

impl Facts {
    pub(crate) fn project(&self) -> Result<&Project, Skipped> {
        needed(&self.project, "there is no project that can be read")
    }

    pub(crate) fn config(&self) -> Result<&Layers, Skipped> {
        needed(&self.config, "cargo's configuration cannot be read")
    }

    pub(crate) fn workspace(&self) -> Result<&Workspace, Skipped> {
        self.project()?;
        needed(&self.workspace, "cargo does not read the workspace")
    }

    pub(crate) fn closure(&self) -> Result<&Closure, Skipped> {
        self.project()?;
        needed(&self.closure, "cargo does not read the workspace")
    }

    pub(crate) fn environment(&self) -> Result<&Environment, Skipped> {
        self.project()?;
        let skipped = || Skipped("it was not looked at".to_owned());
        self.environment.as_ref().ok_or_else(skipped)
    }

    pub(crate) fn status(&self) -> Result<&Status, Skipped> {
        self.project()?;
        needed(
            &self.status,
            "neither the environment nor the workspace may be broken for that",
        )
    }

    pub(crate) fn bindings(&self) -> Result<&Bindings, Skipped> {
        self.project()?;
        needed(
            &self.bindings,
            "Cargo.lock, or what it names, is not there before the first build",
        )
    }

    pub(crate) fn keys(&self) -> Result<&Change, Skipped> {
        self.project()?;
        needed(&self.keys, "cargo does not read the workspace")
    }

    pub(crate) fn storage(&self) -> Result<&Storage, Skipped> {
        needed(&self.storage, "where builds are kept is not known")
    }

    pub(crate) fn cache(&self) -> Result<&CacheStatus, Skipped> {
        self.config()?;
        needed(
            &self.cache,
            "the configuration of the compiler cache cannot be read",
        )
    }

    /// The files in which settings for the project stand.
    pub(crate) fn files(&self) -> Result<Files, Skipped> {
        Ok(Files::of(self.project()?, self.workspace()?))
    }

    /// What was asked for at the last build; nothing, where there was none.
    pub(crate) fn last_options(&self) -> BuildOptions {
        let options = self.state.as_ref().map(|state| state.options.clone());
        options.unwrap_or_default()
    }

    /// `path` as it is shown: relative to the project, where it lies in it.
    pub(crate) fn shown<'p>(&self, path: &'p Utf8Path) -> &'p Utf8Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}
