//! Our part of an array that is the user's as well: elements between two comments, so that they can be
//! replaced without touching the user's own.

use std::ops::Range;

use crate::document::{Document, Kind, Splice};
use crate::marks::{Owner, first_line, last_line, owner_of_first, owner_of_last};
use crate::{EditError, lines};

/// Ends the last line of a block for which we moved the closing bracket to a line of its own.
const MOVED: &str = "; `]` belongs above";

/// Our part of an array.
#[derive(Debug)]
pub(crate) struct Block {
    /// The comments that enclose it.
    first: Range<usize>,
    last: Range<usize>,
    /// The numbers of its elements.
    pub(crate) elements: Range<usize>,
    has_moved_bracket: bool,
}

impl<K: Kind> Document<K> {
    /// The block of `by` in the array that is the value of `entry`.
    pub(crate) fn block(&self, entry: usize, by: Owner) -> Result<Option<Block>, EditError> {
        let entry_ = &self.layout.entries[entry];
        let within = |comment: &&Range<usize>| entry_.value.contains(&comment.start);
        let mut comments = self.layout.comments.iter().filter(within);
        let text_of = |comment: &Range<usize>| self.text[comment.clone()].trim_end();
        let is_first =
            |comment: &Range<usize>| owner_of_first(text_of(comment)).is_some_and(|it| by.is(it));
        let Some(first) = comments.find(|comment| is_first(comment)) else {
            return Ok(None);
        };
        let rest_of = |comment: &Range<usize>| {
            let (owner, rest) = owner_of_last(text_of(comment))?;
            by.is(owner).then_some(rest)
        };
        let last = comments.find(|comment| matches!(rest_of(comment), Some("" | MOVED)));
        let last = last.ok_or_else(|| EditError::Unfinished {
            path: self.path.clone(),
            key: entry_.path.join("."),
        })?;
        let items = self.layout.items(entry);
        let before = |at: usize| items.iter().filter(|item| item.start < at).count();
        Ok(Some(Block {
            first: first.clone(),
            last: last.clone(),
            elements: before(first.start)..before(last.start),
            has_moved_bracket: rest_of(last) == Some(MOVED),
        }))
    }

    /// What it takes to have a block with these elements.
    pub(crate) fn block_insertion(
        &self,
        entry: usize,
        elements: &[String],
        by: Owner,
    ) -> Vec<Splice> {
        let end = self.array_end(entry);
        let line_end = lines::line_end_of(&self.text);
        let mut splices = Vec::new();
        if !end.is_empty && !end.has_comma {
            splices.push(Splice::insert(end.last, ","));
        }
        // The comma behind our last tells, when the block goes, whether there was one before it came.
        let has_comma = end.is_empty || end.has_comma;
        splices.push(if end.is_on_own_line {
            let at = lines::start(&self.text, end.close);
            Splice::insert(at, text(elements, has_comma, line_end, "", by))
        } else {
            let block = text(elements, has_comma, line_end, MOVED, by);
            Splice::insert(end.close, format!("{line_end}{block}"))
        });
        splices
    }

    /// What it takes to have these elements in `block`.
    pub(crate) fn block_replacement(
        &self,
        entry: usize,
        block: &Block,
        elements: &[String],
    ) -> Splice {
        let items = self.layout.items(entry);
        let end = self.layout.entries[entry].value.end;
        let last = items[block.elements.clone()].last();
        let has_comma = last.is_none_or(|last| self.layout.comma_in(last.end..end).is_some());
        let at =
            lines::next(&self.text, block.first.end)..lines::start(&self.text, block.last.start);
        Splice::replace(
            at,
            block_lines(elements, has_comma, lines::line_end_of(&self.text)),
        )
    }

    /// What it takes to have `block` no more.
    pub(crate) fn block_removal(&self, entry: usize, block: &Block) -> Vec<Splice> {
        let mut start = lines::start(&self.text, block.first.start);
        if block.has_moved_bracket {
            start = lines::before_line_end(&self.text, start);
        }
        let mut splices = vec![Splice::cut(start..lines::next(&self.text, block.last.end))];
        if !block.elements.is_empty() {
            let (first, last) = (block.elements.start, block.elements.end - 1);
            splices.extend(self.comma_before(entry, first, last));
        }
        splices
    }
}

/// An array that holds nothing but a block.
pub(crate) fn array(elements: &[String], line_end: &str, by: Owner) -> String {
    format!("[{line_end}{}]", text(elements, true, line_end, "", by))
}

fn block_lines(elements: &[String], has_comma: bool, line_end: &str) -> String {
    let lines = elements.iter().enumerate().map(|(number, element)| {
        let is_last = number + 1 == elements.len();
        let comma = if is_last && !has_comma { "" } else { "," };
        format!("    {element}{comma}{line_end}")
    });
    lines.collect()
}

fn text(elements: &[String], has_comma: bool, line_end: &str, note: &str, by: Owner) -> String {
    let (first, last) = (first_line(by), last_line(by));
    let elements = block_lines(elements, has_comma, line_end);
    format!("    {first}{line_end}{elements}    {last}{note}{line_end}")
}
