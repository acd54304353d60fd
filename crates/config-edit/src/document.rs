//! A TOML file, read, and edited in memory by splicing its text.

use std::io;
use std::marker::PhantomData;
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use toml_edit::Item;

use crate::change::update;
use crate::layout::{Home, Layout};
use crate::marks::{self, Mark, Owner};
use crate::{Change, EditError, introduction, lines, meaning};

/// A kind of file.
pub trait Kind {
    /// Whether one that is not there counts as empty.
    const MAY_BE_ABSENT: bool;
    /// The arrays in it to which others add.
    #[doc(hidden)]
    const SHARED: &'static [Shared];
}

/// An array that stays when what is ours in it goes, if somebody else has added to it.
#[derive(Debug, Clone, Copy)]
pub struct Shared {
    pub(crate) path: &'static [&'static str],
    /// How many of its elements, the first ones, are ours where the whole statement is.
    pub(crate) ours: usize,
}

/// A file of the kind `K` as it was read, and as it is to be. The text is TOML at all times.
#[derive(Debug, Clone)]
pub struct Document<K> {
    pub(crate) path: Utf8PathBuf,
    pub(crate) old: Option<String>,
    pub(crate) text: String,
    /// The text as values, and as positions.
    pub(crate) values: toml_edit::Document<String>,
    pub(crate) layout: Layout,
    /// What is to stand above everything, if the file is a new one.
    pub(crate) introduction: Option<String>,
    kind: PhantomData<K>,
}

/// A place in a text and what is to stand there instead.
#[derive(Debug, Clone)]
pub(crate) struct Splice {
    pub(crate) at: Range<usize>,
    pub(crate) with: String,
}

impl Splice {
    pub(crate) fn insert(at: usize, with: impl Into<String>) -> Self {
        Self::replace(at..at, with)
    }

    pub(crate) fn replace(at: Range<usize>, with: impl Into<String>) -> Self {
        let with = with.into();
        Self { at, with }
    }

    pub(crate) fn cut(at: Range<usize>) -> Self {
        Self::replace(at, "")
    }
}

/// A path as it is handed around.
pub(crate) fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|&key| key.to_owned()).collect()
}

impl<K: Kind> Document<K> {
    /// Reads the file at `path`.
    pub fn read(path: &Utf8Path) -> Result<Self, EditError> {
        let old = match fs_err::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && K::MAY_BE_ABSENT => None,
            Err(source) => {
                let path = path.to_owned();
                return Err(EditError::Read { path, source });
            }
        };
        let text = old.clone().unwrap_or_default();
        Ok(Self {
            path: path.to_owned(),
            old,
            values: text.parse().map_err(|source| EditError::Toml {
                path: path.to_owned(),
                source,
            })?,
            layout: Layout::of(&text),
            text,
            introduction: None,
            kind: PhantomData,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The text of the file, with what has been edited since.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is to be written. A new file that would hold nothing but its introduction is not made.
    #[must_use]
    pub fn into_change(self) -> Change {
        let new = match &self.old {
            None if self.text.is_empty() => None,
            None => Some(self.introduction.unwrap_or_default() + &self.text),
            Some(old) if *old != self.text && introduction::is_all(&self.text) => None,
            Some(_) => Some(self.text),
        };
        Change::new(self.path, self.old, new)
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

    /// Makes all `splices` at once. `intended` is what may mean something else afterwards; if more does, or
    /// the text is no longer TOML, nothing is changed.
    pub(crate) fn splice(
        &mut self,
        mut splices: Vec<Splice>,
        intended: &[Vec<String>],
    ) -> Result<(), EditError> {
        // From the end, so that the positions before stay what they are.
        splices.sort_by_key(|splice| splice.at.start);
        let mut text = self.text.clone();
        for splice in splices.iter().rev() {
            text.replace_range(splice.at.clone(), &splice.with);
        }
        let old = meaning::of(&self.values);
        let stays = |new: &_| meaning::differ_only_below(&old, &meaning::of(new), intended);
        let values = text.parse().ok().filter(stays);
        self.values = values.ok_or_else(|| self.unforeseen(intended))?;
        self.layout = Layout::of(&text);
        self.text = text;
        Ok(())
    }

    pub(crate) fn unforeseen(&self, intended: &[Vec<String>]) -> EditError {
        let keys: Vec<_> = intended.iter().map(|path| path.join(".")).collect();
        EditError::Unforeseen {
            path: self.path.clone(),
            key: keys.join("`, `"),
        }
    }

    pub(crate) fn not_an_array(&self, key: &[&str]) -> EditError {
        EditError::NotAnArray {
            path: self.path.clone(),
            key: key.join("."),
        }
    }

    /// What stands at `path`.
    pub(crate) fn item(&self, path: &[&str]) -> Option<&Item> {
        let mut keys = path.iter();
        keys.try_fold(self.values.as_item(), |item, key| item.get(key))
    }

    /// Fails if something above `path` is there and is not a table.
    pub(crate) fn require_tables(&self, path: &[&str]) -> Result<(), EditError> {
        for depth in 0..path.len() {
            let above = &path[..depth];
            if self.item(above).is_some_and(|it| !it.is_table_like()) {
                return Err(EditError::NotATable {
                    path: self.path.clone(),
                    key: above.join("."),
                });
            }
        }
        Ok(())
    }

    /// The marks at the end of the line in which `at` lies.
    pub(crate) fn marks_after(&self, at: usize) -> Vec<Mark> {
        let end = lines::end(&self.text, at);
        let mut comments = self.layout.comments.iter();
        let comment = comments.find(|comment| (at..end).contains(&comment.start));
        comment.map_or_else(Vec::new, |comment| marks::read(&self.text, comment.clone()))
    }

    /// The mark that stands on the entry `number`.
    pub(crate) fn mark_of(&self, number: usize) -> Option<Mark> {
        let entry = &self.layout.entries[number];
        let statement = &self.layout.entries[self.layout.statement(number)];
        let marks = self.marks_after(statement.value.end);
        marks.into_iter().find(|mark| match entry.home {
            Home::Section(_) => mark.is_whole(),
            Home::Inline(_) => mark.lists(&entry.path) || mark.is_whole(),
        })
    }

    /// What it takes to write, at the end of the line in which `at` lies, that `path` is `by`'s.
    pub(crate) fn listing_mark(&self, at: usize, path: &[&str], by: Owner) -> Splice {
        let mut marks = self.marks_after(at).into_iter();
        if let Some(mut mark) = marks.find(|mark| mark.is_by(by) && !mark.is_whole()) {
            mark.paths.push(owned(path));
            return Splice::replace(mark.range, marks::listing(&mark.owner, &mark.paths));
        }
        let mark = marks::listing(&by.command(), &[owned(path)]);
        Splice::insert(lines::end(&self.text, at), format!(" {mark}"))
    }
}
