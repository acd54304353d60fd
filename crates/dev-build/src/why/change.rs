//! What the causes follow from: the units that were compiled, and what else is known of the build.

use std::collections::{BTreeMap, BTreeSet};

use build_dir::explanation::Explanation;
use camino::Utf8PathBuf;

use super::settings::{Settings, Versions};

/// A unit that was compiled, or a build script that was run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    pub(crate) package: String,
    pub(crate) is_path_crate: bool,
    /// `lib-NAME`, `build-script-…`, `run-build-script-…`.
    pub(crate) kind: String,
    pub(crate) was: Was,
    pub(crate) now: Explanation,
    /// By which what is made with it knows it.
    pub(crate) fingerprint: Option<u64>,
    /// Variables that rustc has read, and that had other values.
    pub(crate) variables: BTreeSet<String>,
    /// Files that it is made from and that are newer than it was, as messages show them.
    pub(crate) newer: Vec<String>,
    /// Those among them that are newer than now.
    pub(crate) future: Vec<String>,
    /// What a build script names and is not there.
    pub(crate) missing: Vec<String>,
    /// What it is made with that was built after it, by the names of the packages.
    pub(crate) remade: BTreeSet<String>,
    /// Whether its artefact was gone.
    pub(crate) is_gone: bool,
    /// Whether somebody else had built it, in a directory that checkouts share.
    pub(crate) is_foreign: bool,
}

/// What was there before.
#[derive(Debug, Clone, Default)]
pub(crate) enum Was {
    /// Nothing of its profile.
    #[default]
    First,
    /// Other units, and none of this kind.
    Nothing,
    /// The unit itself.
    Same(Explanation),
    /// One of the same package, made in another way.
    Like(Explanation),
}

/// What else is known of this build and of the one before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// The package of the extension.
    pub(crate) extension: String,
    /// Whether no file has changed since anything was built, as in a proof.
    pub(crate) is_unedited: bool,
    /// The names of what has changed since what is installed was built.
    pub(crate) changed: BTreeSet<String>,
    /// A file with flags that only some calls of cargo read, and the one that others read in its place.
    pub(crate) scattered: Option<(String, Option<String>)>,
    /// Variables with flags that are set.
    pub(crate) flag_variables: Vec<String>,
    /// Whether the variables of a build are shared with every cargo.
    pub(crate) shares_variables: bool,
    /// Packages that were made stale, since they were not what cargo took them for, with the cause.
    pub(crate) made_stale: BTreeMap<String, String>,
    /// The build directory, where checkouts share it.
    pub(crate) shared_dir: Option<Utf8PathBuf>,
    pub(crate) settings_before: Option<Settings>,
    pub(crate) settings: Settings,
    pub(crate) versions_before: Option<Versions>,
    pub(crate) versions: Versions,
}

impl Change {
    pub(super) fn is_run(&self) -> bool {
        self.kind.starts_with("run-")
    }

    /// Whether it is a build script, or the run of one.
    pub(super) fn is_script(&self) -> bool {
        self.kind.contains("build-script-")
    }
}
