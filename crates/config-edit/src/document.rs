//! A configuration file, read, and edited in memory: what is the same for all kinds of them.

use std::io;
use std::marker::PhantomData;

use camino::Utf8Path;

use crate::change::update;
use crate::draft::{Draft, Shared};
use crate::{Change, EditError, Owner};

/// A kind of file.
pub trait Kind {
    /// Whether one that is not there counts as empty.
    const MAY_BE_ABSENT: bool;
    /// The array in it to which others add.
    #[doc(hidden)]
    const SHARED: Option<Shared>;
}

/// A file of the kind `K`.
#[derive(Debug, Clone)]
pub struct Document<K>(pub(crate) Draft, PhantomData<K>);

impl<K: Kind> Document<K> {
    /// Reads the file at `path`.
    pub fn read(path: &Utf8Path) -> Result<Self, EditError> {
        let draft = match Draft::read_if_there(path)? {
            None if !K::MAY_BE_ABSENT => Err(EditError::Read {
                path: path.to_owned(),
                source: io::ErrorKind::NotFound.into(),
            }),
            None => Draft::of(path, None),
            Some(draft) => Ok(draft),
        };
        let draft = Draft {
            shared: K::SHARED,
            ..draft?
        };
        Ok(Self(draft, PhantomData))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Utf8Path {
        &self.0.path
    }

    /// The text of the file, with what has been edited since.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Takes back everything that `by` wrote.
    pub fn undo(&mut self, by: Owner) -> Result<(), EditError> {
        self.0.undo(by)
    }

    /// What is to be written. A new file that would hold nothing but its introduction is not made.
    #[must_use]
    pub fn into_change(self) -> Change {
        self.0.into_change()
    }

    /// Reads the file, edits it and applies that; again, if somebody else has written it meanwhile.
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
