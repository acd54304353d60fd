//! The lines that are changed, once it is known where they stand.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use trial::files::{FileError, read, write};

use crate::results::EditRecord;
use crate::roles;
use crate::scenario::Role;
use crate::session::Stop;

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
    pub(crate) fn save(&self, root: &Utf8Path) -> Result<(), FileError> {
        let text = serde_json::to_string(self).unwrap_or_default();
        write(&root.join(FILE), &text)
    }

    pub(crate) fn load(root: &Utf8Path) -> Option<Self> {
        serde_json::from_str(&read(&root.join(FILE)).ok()?).ok()
    }

    /// The file with the line of the crate at `role`.
    pub(crate) fn file(&self, role: Role) -> Result<&Utf8Path, Stop> {
        let reason = match self.files.get(&role) {
            Some(Some(file)) => return Ok(file),
            Some(None) => "no change of a line in this crate makes another library",
            None => roles::missing(role),
        };
        Err(Stop::Failed(reason.to_owned()))
    }

    /// Refuses where there is no line by which two branches can differ.
    pub(crate) fn require_any(&self) -> Result<(), Stop> {
        if self.files.values().any(Option::is_some) {
            return Ok(());
        }
        let reason = "no change of a line makes another library";
        Err(Stop::Failed(reason.to_owned()))
    }
}
