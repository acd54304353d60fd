//! `pyproject.toml`.

use crate::document::{Document, Kind};
use crate::draft::Shared;
use crate::{EditError, Owner, cache_keys};

/// A `pyproject.toml`, read, and edited in memory.
pub type PyprojectFile = Document<Pyproject>;

/// The kind of file that describes a project of Python.
#[derive(Debug, Clone)]
pub enum Pyproject {}

impl Kind for Pyproject {
    const MAY_BE_ABSENT: bool = false;
    const SHARED: Option<Shared> = Some(cache_keys::SHARED);
}

impl PyprojectFile {
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
}
