//! The lines that are changed, once it is known where they stand.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::results::EditRecord;
use crate::roles;
use crate::scenario::Role;

/// The files with the lines, relative to the root of the sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// By the place of the crate; `None`: no change in this crate makes another library.
    pub files: BTreeMap<Role, Option<Utf8PathBuf>>,
    /// The same to be reported.
    pub records: Vec<EditRecord>,
}

impl Marks {
    /// The file with the line of the crate at `role`; else why there is none.
    ///
    /// # Errors
    /// The reason, in words.
    pub fn file(&self, role: Role) -> Result<&Utf8Path, String> {
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
    pub fn require_any(&self) -> Result<(), String> {
        if self.files.values().any(Option::is_some) {
            return Ok(());
        }
        Err("no change of a line makes another library".to_owned())
    }
}
