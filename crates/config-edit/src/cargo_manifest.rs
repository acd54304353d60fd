//! The Cargo.toml of a workspace, as far as its profiles go
//! (<https://doc.rust-lang.org/cargo/reference/profiles.html>).

use std::io;

use camino::Utf8Path;

use crate::change::update;
use crate::draft::Draft;
use crate::insert::Signed;
use crate::{Change, EditError, Owner};

/// A `Cargo.toml`, read, and edited in memory. Profiles count only in that of a workspace's root.
#[derive(Debug, Clone)]
pub struct CargoManifest(Draft);

impl CargoManifest {
    /// Reads the file at `path`, which has to be there.
    pub fn read(path: &Utf8Path) -> Result<Self, EditError> {
        let draft = Draft::read_if_there(path)?;
        draft.map(Self).ok_or_else(|| EditError::Read {
            path: path.to_owned(),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    /// Sets a key of the profile `profile`: `key` is the path to it below that, `package."*".debug` being
    /// three keys; `value` is TOML in one line. `note` says why, in a few words or none: it becomes a
    /// comment, unless the line is one of the user's.
    ///
    /// # Errors
    /// If it is set to something else by somebody else.
    pub fn set_profile(
        &mut self,
        profile: &str,
        key: &[&str],
        value: &str,
        note: &str,
        by: Owner,
    ) -> Result<(), EditError> {
        let path = [&["profile", profile], key].concat();
        self.0.set_noted(&path, value, Signed { by, note })
    }

    /// Takes back everything that `by` wrote.
    pub fn undo(&mut self, by: Owner) -> Result<(), EditError> {
        self.0.undo(by)
    }

    /// What is to be written.
    #[must_use]
    pub fn into_change(self) -> Change {
        self.0.into_change()
    }

    /// Reads the file, edits it and applies that; again, if somebody else has written it meanwhile.
    ///
    /// # Errors
    /// Those of `edit`, and those of reading and writing.
    pub fn update(
        path: &Utf8Path,
        edit: impl Fn(&mut Self) -> Result<(), EditError>,
    ) -> Result<Change, EditError> {
        update(|| {
            let mut file = Self::read(path)?;
            edit(&mut file)?;
            Ok(file.into_change())
        })
    }
}
