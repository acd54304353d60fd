//! `pyproject.toml`.

use std::io;

use camino::Utf8Path;

use crate::change::update;
use crate::draft::Draft;
use crate::{Change, EditError, Owner, cache_keys};

/// A `pyproject.toml`, read, and edited in memory.
#[derive(Debug, Clone)]
pub struct PyprojectFile(Draft);

impl PyprojectFile {
    /// Reads the file at `path`, which has to be there.
    pub fn read(path: &Utf8Path) -> Result<Self, EditError> {
        let draft = Draft::read_if_there(path)?;
        let draft = draft.map(|draft| Self(draft.sharing(cache_keys::SHARED)));
        draft.ok_or_else(|| EditError::Read {
            path: path.to_owned(),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    /// Sets by what uv decides whether an install is fresh: `cache-keys` in `[tool.uv]`. What the user has
    /// listed there stays, and is not repeated. Each key is `file`, `dir` or `env`, and which.
    ///
    /// # Errors
    /// If it is no array, or another command has made it.
    pub fn set_cache_keys(
        &mut self,
        keys: &[(String, String)],
        by: Owner,
    ) -> Result<(), EditError> {
        self.0.set_cache_keys(keys, by)
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
