//! Setting a key: where a new one goes, and in which style.

use crate::document::{Document, Kind, Splice, owned};
use crate::layout::{Home, Shape};
use crate::marks::{self, Owner};
use crate::{EditError, lines, meaning, render};

/// Where a new key goes.
#[derive(Debug)]
pub(crate) enum Place {
    /// On a line of its own that begins at `at`, in a table whose path has `depth` keys.
    Line {
        at: usize,
        depth: usize,
        indentation: String,
    },
    /// Into the inline table that is the value of the entry `table`, behind its last entry.
    Inline { table: usize },
    /// Into a table that is not there yet.
    NewTable,
    /// Before everything but a comment on the whole file.
    Top,
}

/// Who writes, and why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) by: Owner,
    /// A few words for the comment on the line. Left out where the line is the user's: what stands there
    /// before the mark is the user's too, and would stay when the mark goes.
    pub(crate) note: &'a str,
}

impl From<Owner> for Signed<'_> {
    fn from(by: Owner) -> Self {
        Self { by, note: "" }
    }
}

impl Signed<'_> {
    fn comment(self) -> String {
        if self.note.is_empty() {
            return String::new();
        }
        // A mark in there would be read as one.
        format!(" # {}", self.note.replace(['\n', '`'], " "))
    }
}

impl<K: Kind> Document<K> {
    /// Sets `path` to `value`, which is TOML in one line.
    pub(crate) fn set<'a>(
        &mut self,
        path: &[&str],
        value: &str,
        signed: impl Into<Signed<'a>>,
    ) -> Result<(), EditError> {
        let signed = signed.into();
        self.require_tables(path)?;
        let Some(present) = self.item(path).map(meaning::of_item) else {
            return self.insert(path, value, Some(signed));
        };
        if Some(present) == meaning::of_value(value) {
            return Ok(());
        }
        let found = self.layout.find(path);
        let mark = found.and_then(|number| self.mark_of(number));
        match (found, mark) {
            (Some(number), Some(mark)) if mark.is_by(signed.by) => {
                let at = self.layout.entries[number].value.clone();
                self.splice(vec![Splice::replace(at, value)], &[owned(path)])
            }
            (_, mark) => Err(self.taken(path, mark.map(|mark| mark.owner))),
        }
    }

    /// The error that `path` belongs to `owner`, or to the user.
    pub(crate) fn taken(&self, path: &[&str], owner: Option<String>) -> EditError {
        let found = self.layout.find(path);
        let value = found.map(|number| self.layout.entries[number].value.clone());
        let value = value.map(|at| format!("`{}`", &self.text[at]));
        EditError::Taken {
            path: self.path.clone(),
            key: path.join("."),
            value: value.unwrap_or_else(|| "a table".to_owned()),
            owner,
        }
    }

    /// Adds `path`, which is not there yet. Without an owner nothing says who wrote it.
    pub(crate) fn insert(
        &mut self,
        path: &[&str],
        value: &str,
        signed: Option<Signed<'_>>,
    ) -> Result<(), EditError> {
        let place = self.place(path);
        let splices = self.insertion(place, path, value, signed);
        self.splice(splices, &[owned(path)])
    }

    /// Where `path` goes: beside what stands nearest to it, in the style in which that is written.
    pub(crate) fn place(&self, path: &[&str]) -> Place {
        let parent = path.len() - 1;
        for depth in (1..=parent).rev() {
            let above = &path[..depth];
            if let Some(place) = self.place_in_section(above, depth == parent) {
                return place;
            }
            if let Some(place) = self.place_in_inline(above) {
                return place;
            }
            if let Some(place) = self.place_beside_dotted(above) {
                return place;
            }
        }
        if parent > 0 {
            return Place::NewTable;
        }
        match self.layout.within(Home::Section(0)).last() {
            Some(last) => self.line_below(last, 0),
            None => Place::Top,
        }
    }

    /// Below the last entry of `[above]`, if there is that header.
    fn place_in_section(&self, above: &[&str], is_parent: bool) -> Option<Place> {
        let mut sections = self.layout.sections.iter().skip(1);
        let number = sections.position(|s| !s.is_element && s.path == above)? + 1;
        if !is_parent {
            return None;
        }
        let depth = above.len();
        if let Some(last) = self.layout.within(Home::Section(number)).last() {
            return Some(self.line_below(last, depth));
        }
        let header = self.layout.sections[number].header.end;
        Some(Place::Line {
            at: lines::next(&self.text, header),
            depth,
            indentation: String::new(),
        })
    }

    /// Below the last `above.key = value`.
    fn place_beside_dotted(&self, above: &[&str]) -> Option<Place> {
        let beside = self.layout.entries.iter().rposition(|entry| {
            entry.is_below(above) && self.layout.path_of(entry.home).len() < above.len()
        })?;
        Some(match self.layout.entries[beside].home {
            Home::Section(section) => {
                let depth = self.layout.sections[section].path.len();
                self.line_below(beside, depth)
            }
            Home::Inline(table) => Place::Inline { table },
        })
    }

    fn line_below(&self, entry: usize, depth: usize) -> Place {
        let entry = &self.layout.entries[entry];
        Place::Line {
            at: lines::next(&self.text, entry.value.end),
            depth,
            indentation: lines::indentation(&self.text, entry.key.start).to_owned(),
        }
    }

    /// What it takes to have `path` at `place`.
    pub(crate) fn insertion(
        &self,
        place: Place,
        path: &[&str],
        value: &str,
        signed: Option<Signed<'_>>,
    ) -> Vec<Splice> {
        let by = signed.map(|signed| signed.by);
        let mark = by.map_or_else(String::new, |by| format!(" {}", marks::whole(by)));
        let note = signed.map_or_else(String::new, Signed::comment);
        let line = |depth: usize| format!("{} = {value}{note}{mark}", render::key(&path[depth..]));
        match place {
            Place::Line {
                at,
                depth,
                indentation,
            } => {
                let line = format!("{indentation}{}", line(depth));
                vec![Splice::insert(at, lines::inserted(&self.text, at, &line))]
            }
            Place::Inline { table } => self.inline_insertion(table, path, value, by),
            Place::NewTable => {
                let parent = path.len() - 1;
                let header = format!("[{}]{mark}", render::key(&path[..parent]));
                vec![self.appended_table(&[header, line(parent)])]
            }
            Place::Top => {
                let at = self.top();
                let mut lines = lines::inserted(&self.text, at, &line(0));
                if at < self.text.len() {
                    lines.push_str(lines::line_end_of(&self.text));
                }
                vec![Splice::insert(at, lines)]
            }
        }
    }

    fn inline_insertion(
        &self,
        table: usize,
        path: &[&str],
        value: &str,
        by: Option<Owner>,
    ) -> Vec<Splice> {
        let depth = self.layout.entries[table].path.len();
        let key = format!("{} = {value}", render::key(&path[depth..]));
        let mut splices = vec![self.item_insertion(table, &key)];
        if let Some(by) = by {
            let statement = &self.layout.entries[self.layout.statement(table)];
            splices.push(self.listing_mark(statement.value.end, path, by));
        }
        splices
    }

    /// `table`, a header and its lines, at the end of the text after a blank line.
    pub(crate) fn appended_table(&self, table: &[String]) -> Splice {
        let (text, line_end) = (&self.text, lines::line_end_of(&self.text));
        let table = table.join(line_end);
        let at = text.len();
        let is_empty = at == lines::body(text);
        let lines = lines::inserted(text, at, &table);
        let blank = if is_empty { "" } else { line_end };
        Splice::insert(at, format!("{blank}{lines}"))
    }

    /// Behind a comment at the top that a blank line sets off from the rest; else at the very top.
    fn top(&self) -> usize {
        let text = &self.text;
        let body = lines::body(text);
        let mut at = body;
        while at < text.len() && text[at..].starts_with('#') {
            at = lines::next(text, at);
        }
        let is_set_off = at > body && at < text.len() && lines::is_blank(text, at);
        if is_set_off {
            lines::next(text, at)
        } else {
            body
        }
    }

    fn place_in_inline(&self, above: &[&str]) -> Option<Place> {
        let table = self.layout.find(above)?;
        matches!(self.layout.entries[table].shape, Shape::Table).then_some(Place::Inline { table })
    }
}
