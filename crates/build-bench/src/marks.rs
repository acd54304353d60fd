//! The lines that are changed, once it is known where they stand.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use trial::files::{FileError, read, write};

use crate::results::EditRecord;
use crate::roles;
use crate::scenario::Role;

/// The files with the lines, relative to the root of the sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marks {
    /// By the place of the crate; `None`: no change in this crate makes another library.
    pub(crate) files: BTreeMap<Role, Option<Utf8PathBuf>>,
    /// The same to be reported.
    pub(crate) records: Vec<EditRecord>,
}

/// The file in the scratch directory that keeps them.
pub(crate) const FILE: &str = "marks.json";

impl Marks {
    /// Keeps them below `root`.
    pub(crate) fn save(&self, root: &Utf8Path) -> Result<(), FileError> {
        let text = serde_json::to_string(self).unwrap_or_default();
        write(&root.join(FILE), &text)
    }

    /// Those that are kept below `root`, if there are any.
    pub(crate) fn load(root: &Utf8Path) -> Option<Self> {
        serde_json::from_str(&read(&root.join(FILE)).ok()?).ok()
    }

    /// The file with the line of the crate at `role`; else why there is none.
    ///
    /// # Errors
    /// The reason, in words.
    pub(crate) fn file(&self, role: Role) -> Result<&Utf8Path, String> {
        match self.files.get(&role) {
            Some(Some(file)) => Ok(file),
            Some(None) => Err("no change of a line in this crate makes another library".to_owned()),
            None => Err(roles::missing(role).to_owned()),
        }
    }

    /// Whether there is a line at all by which two branches can differ.
    ///
    /// # Errors
    /// The reason, in words.
    pub(crate) fn require_any(&self) -> Result<(), String> {
        if self.files.values().any(Option::is_some) {
            return Ok(());
        }
        Err("no change of a line makes another library".to_owned())
    }
}
