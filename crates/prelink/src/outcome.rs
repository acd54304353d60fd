//! What the stand-in for the linker is told, and what it tells of what it has done.

use std::collections::BTreeSet;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::why::Why;

/// What the stand-in is told, in the file that [`environment::vars::XTASK_PRELINK`] names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The directory of [`crate::Bases`].
    pub bases: Utf8PathBuf,
    /// The module that is linked.
    pub module: String,
    /// Where it notes what it has done: an [`Outcome`].
    pub outcome: Utf8PathBuf,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How the extension was linked.
    pub linked: Linked,
    /// Whether rustc has compiled incrementally, going by its arguments.
    pub incremental: bool,
    /// By which the link is known, if there is anything to know of it.
    pub key: Option<String>,
    /// What was found out about the rlibs.
    pub(crate) known: Known,
}

/// How an extension was linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Linked {
    /// Against a base library.
    Prelinked(Prelinked),
    /// As rustc says.
    AsRustcSays {
        /// The reason.
        why: Why,
        /// Whether it was found out just now.
        is_new: bool,
    },
    /// Not at all: rustc's arguments are not those of the user's linker.
    Impossible(Utf8PathBuf),
}

/// An extension and its base library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prelinked {
    /// The file name of the base library.
    pub base: String,
    /// How many crates are in it.
    pub crates: usize,
    /// The size of the base library, in bytes.
    pub base_bytes: u64,
    /// The size of the extension, in bytes.
    pub extension_bytes: u64,
    /// How long it took to make the base library, if that was now.
    pub made: Option<Duration>,
}

impl Outcome {
    /// The one that was noted in `file`.
    #[must_use]
    pub fn read(file: &Utf8Path) -> Option<Self> {
        serde_json::from_str(&fs_err::read_to_string(file).ok()?).ok()
    }
}

/// Rlibs by who has written them.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) fetched: BTreeSet<Utf8PathBuf>,
    pub(crate) own: BTreeSet<Utf8PathBuf>,
}

impl Known {
    pub(crate) fn is_fetched(&self, rlib: &Utf8Path) -> Option<bool> {
        let is_own = self.own.contains(rlib);
        (is_own || self.fetched.contains(rlib)).then_some(!is_own)
    }
}
