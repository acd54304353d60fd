//! A TOML file in memory, edited by splicing its text.

use std::io;
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use toml_edit::{Document, Item};

use crate::layout::{Home, Layout};
use crate::marks::{self, Mark, Owner};
use crate::{Change, EditError, introduction, lines, meaning};

/// A file as it was read, and as it is to be. The text is TOML at all times.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) path: Utf8PathBuf,
    pub(crate) old: Option<String>,
    pub(crate) text: String,
    /// Of the text.
    pub(crate) layout: Layout,
    /// What is to stand above everything, if the file is a new one.
    pub(crate) introduction: Option<String>,
    /// The array in such files to which others add.
    pub(crate) shared: Option<Shared>,
}

/// An array that stays when what is ours in it goes, if somebody else has added to it.
#[derive(Debug, Clone, Copy)]
pub struct Shared {
    pub(crate) path: &'static [&'static str],
    /// How many of its elements, the first ones, are ours where the whole statement is.
    pub(crate) ours: usize,
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

impl Draft {
    /// Reads the file at `path`. `None` if it is not there.
    pub(crate) fn read_if_there(path: &Utf8Path) -> Result<Option<Self>, EditError> {
        match fs_err::read_to_string(path) {
            Ok(text) => Self::of(path, Some(text)).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(EditError::Read {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// A file at `path` that holds `old`.
    pub(crate) fn of(path: &Utf8Path, old: Option<String>) -> Result<Self, EditError> {
        let text = old.clone().unwrap_or_default();
        parse(&text).map_err(|source| EditError::Toml {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            old,
            layout: Layout::of(&text),
            text,
            introduction: None,
            shared: None,
        })
    }

    /// The text as values.
    pub(crate) fn document(&self) -> Document<String> {
        parse(&self.text).expect("a text is taken over only if it is TOML")
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
        let old = meaning::of(&self.document());
        let new = parse(&text).map(|document| meaning::of(&document));
        match new {
            Ok(new) if meaning::differ_only_below(&old, &new, intended) => {
                self.layout = Layout::of(&text);
                self.text = text;
                Ok(())
            }
            _ => Err(self.unforeseen(intended)),
        }
    }

    pub(crate) fn unforeseen(&self, intended: &[Vec<String>]) -> EditError {
        let keys: Vec<_> = intended.iter().map(|path| path.join(".")).collect();
        EditError::Unforeseen {
            path: self.path.clone(),
            key: keys.join("`, `"),
        }
    }

    /// Fails if something above `path` is there and is not a table.
    pub(crate) fn require_tables(&self, path: &[&str]) -> Result<(), EditError> {
        let document = self.document();
        let mut item: &Item = document.as_item();
        for (depth, key) in path.iter().enumerate() {
            let Some(table) = item.as_table_like() else {
                return Err(EditError::NotATable {
                    path: self.path.clone(),
                    key: path[..depth].join("."),
                });
            };
            match table.get(key) {
                Some(inner) => item = inner,
                None => return Ok(()),
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
            return Splice::replace(mark.range, marks::listing(by.0, &mark.paths));
        }
        let mark = marks::listing(by.0, &[owned(path)]);
        Splice::insert(lines::end(&self.text, at), format!(" {mark}"))
    }

    /// What is to be written.
    pub(crate) fn into_change(self) -> Change {
        let Some(old) = self.old else {
            let new = (!self.text.is_empty()).then(|| {
                let above = self.introduction.unwrap_or_default();
                format!("{above}{}", self.text)
            });
            return Change::new(self.path, None, new);
        };
        let is_left = old == self.text || !introduction::is_all(&self.text);
        Change::new(self.path, Some(old), is_left.then_some(self.text))
    }
}

fn parse(text: &str) -> Result<Document<String>, toml_edit::TomlError> {
    text.parse()
}
