//! `cache-keys` in `[tool.uv]`: the inputs by which uv decides whether an install is fresh.
//!
//! What we write is a block between two comments, so that it can be replaced without touching the user's own:
//!
//! ```toml
//! cache-keys = [
//!     "mine.txt",
//!     # by `cargo xtask cache-keys`; run it again instead of editing these lines
//!     { file = "src/**/*.rs" },
//!     # end of what `cargo xtask cache-keys` wrote
//! ]
//! ```

use std::ops::Range;

use toml_edit::Value;

use crate::draft::{Draft, Splice, owned};
use crate::insert::Place;
use crate::layout::{Layout, Shape};
use crate::marks::Owner;
use crate::undo::Step;
use crate::{EditError, array, lines, render};

pub(crate) const PATH: [&str; 3] = ["tool", "uv", "cache-keys"];
/// Ends the last line of a block for which we moved the closing bracket to a line of its own.
const MOVED: &str = "; `]` belongs above";

/// Something that uv looks at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CacheKey {
    /// The time of a file, or of the files that a pattern matches.
    File(String),
    /// The time at which a directory was made.
    Dir(String),
    /// The value of an environment variable.
    Env(String),
}

impl CacheKey {
    fn render(&self) -> String {
        let (kind, name) = match self {
            Self::File(name) => ("file", name),
            Self::Dir(name) => ("dir", name),
            Self::Env(name) => ("env", name),
        };
        format!("{{ {kind} = {} }}", render::string(name))
    }

    /// What `text`, an element of the array, stands for. uv takes a string for a file.
    fn parse(text: &str) -> Option<Self> {
        let table = match text.parse().ok()? {
            Value::String(file) => return Some(Self::File(file.value().clone())),
            Value::InlineTable(table) if table.len() == 1 => table,
            _ => return None,
        };
        let (kind, name) = table.iter().next()?;
        let name = name.as_str()?.to_owned();
        match kind {
            "file" => Some(Self::File(name)),
            "dir" => Some(Self::Dir(name)),
            "env" => Some(Self::Env(name)),
            _ => None,
        }
    }
}

fn first_line(by: Owner) -> String {
    format!("# {by}; run it again instead of editing these lines")
}

fn last_line(by: Owner) -> String {
    format!("# end of what `{}` wrote", by.0)
}

/// Our part of an array.
#[derive(Debug)]
struct Block {
    /// The comments that enclose it.
    first: Range<usize>,
    last: Range<usize>,
    /// The numbers of its elements.
    elements: Range<usize>,
    has_moved_bracket: bool,
}

impl Draft {
    /// Sets what uv looks at, beside what the user has listed.
    pub(crate) fn set_cache_keys(&mut self, keys: &[CacheKey], by: Owner) -> Result<(), EditError> {
        self.require_tables(&PATH)?;
        let layout = self.layout();
        let Some(entry) = layout.find(&PATH) else {
            return self.add_cache_keys(&layout, keys, by);
        };
        let mark = self.mark_of(&layout, entry);
        match mark {
            Some(mark) if !mark.is_by(by) => {
                return Err(self.taken(&layout, &PATH, Some(mark.owner)));
            }
            Some(mark) if mark.lists(&PATH) => return self.set_in_one_line(keys, by),
            _ => {}
        }
        if !matches!(layout.entries[entry].shape, Shape::Array(_)) {
            return Err(self.not_an_array());
        }
        self.set_block(&layout, entry, keys, by)
    }

    /// The key is not there yet.
    fn add_cache_keys(
        &mut self,
        layout: &Layout,
        keys: &[CacheKey],
        by: Owner,
    ) -> Result<(), EditError> {
        if self.meaning_at(&PATH).is_some() {
            // Tables with headers.
            return Err(self.not_an_array());
        }
        let place = self.place(layout, &PATH);
        let keys = missing(keys, &[]);
        if keys.is_empty() {
            return Ok(());
        }
        let line_end = lines::line_end_of(&self.text);
        let value = match place {
            Place::Inline { .. } => in_one_line(&keys),
            _ => format!("[{line_end}{}]", block(&keys, true, line_end, "", by)),
        };
        let splices = self.insertion(layout, place, &PATH, &value, Some(by.into()));
        self.splice(splices, &[owned(&PATH)])
    }

    /// The whole array is ours, in a line that is not.
    fn set_in_one_line(&mut self, keys: &[CacheKey], by: Owner) -> Result<(), EditError> {
        let keys = missing(keys, &[]);
        if keys.is_empty() {
            return self.undo(by);
        }
        self.set(&PATH, &in_one_line(&keys), by)
    }

    fn set_block(
        &mut self,
        layout: &Layout,
        entry: usize,
        keys: &[CacheKey],
        by: Owner,
    ) -> Result<(), EditError> {
        let block = self.block(layout, entry, by)?;
        let ours = block.as_ref().map_or(0..0, |block| block.elements.clone());
        let elements = layout.items(entry).into_iter().enumerate();
        let users: Vec<_> = elements
            .filter(|(number, _)| !ours.contains(number))
            .filter_map(|(_, element)| CacheKey::parse(&self.text[element]))
            .collect();
        let keys = missing(keys, &users);
        let splices = match block {
            Some(_) if keys.is_empty() => return self.undo(by),
            None if keys.is_empty() => return Ok(()),
            Some(block) => vec![self.block_replacement(layout, entry, &block, &keys)],
            None => self.block_insertion(layout, entry, &keys, by),
        };
        self.splice(splices, &[owned(&PATH)])
    }

    fn block_insertion(
        &self,
        layout: &Layout,
        entry: usize,
        keys: &[CacheKey],
        by: Owner,
    ) -> Vec<Splice> {
        let end = self.array_end(layout, entry);
        let line_end = lines::line_end_of(&self.text);
        let mut splices = Vec::new();
        if !end.is_empty && !end.has_comma {
            splices.push(Splice::insert(end.last, ","));
        }
        // The comma behind our last tells, when the block goes, whether there was one before it came.
        let has_comma = end.is_empty || end.has_comma;
        splices.push(if end.is_on_own_line {
            let at = lines::start(&self.text, end.close);
            Splice::insert(at, block(keys, has_comma, line_end, "", by))
        } else {
            let block = block(keys, has_comma, line_end, MOVED, by);
            Splice::insert(end.close, format!("{line_end}{block}"))
        });
        splices
    }

    fn block_replacement(
        &self,
        layout: &Layout,
        entry: usize,
        block: &Block,
        keys: &[CacheKey],
    ) -> Splice {
        let items = layout.items(entry);
        let end = layout.entries[entry].value.end;
        let last = items[block.elements.clone()].last();
        let has_comma = last.is_none_or(|last| layout.comma_in(last.end..end).is_some());
        let at =
            lines::next(&self.text, block.first.end)..lines::start(&self.text, block.last.start);
        Splice::replace(
            at,
            elements(keys, has_comma, lines::line_end_of(&self.text)),
        )
    }

    /// The block of `by` in the array that is the value of `entry`.
    fn block(&self, layout: &Layout, entry: usize, by: Owner) -> Result<Option<Block>, EditError> {
        let entry_ = &layout.entries[entry];
        let within = |comment: &&Range<usize>| entry_.value.contains(&comment.start);
        let mut comments = layout.comments.iter().filter(within);
        let text_of = |comment: &Range<usize>| self.text[comment.clone()].trim_end();
        let Some(first) = comments.find(|comment| text_of(comment) == first_line(by)) else {
            return Ok(None);
        };
        let end = last_line(by);
        let rest_of = |comment: &Range<usize>| text_of(comment).strip_prefix(&end);
        let last = comments.find(|comment| matches!(rest_of(comment), Some("" | MOVED)));
        let last = last.ok_or_else(|| EditError::Unfinished {
            path: self.path.clone(),
            key: entry_.path.join("."),
        })?;
        let items = layout.items(entry);
        let before = |at: usize| items.iter().filter(|item| item.start < at).count();
        Ok(Some(Block {
            first: first.clone(),
            last: last.clone(),
            elements: before(first.start)..before(last.start),
            has_moved_bracket: rest_of(last) == Some(MOVED),
        }))
    }

    /// Takes away a block of `by`.
    pub(crate) fn block_step(&self, layout: &Layout, by: Owner) -> Result<Option<Step>, EditError> {
        for (number, entry) in layout.entries.iter().enumerate() {
            if !matches!(entry.shape, Shape::Array(_)) {
                continue;
            }
            if let Some(block) = self.block(layout, number, by)? {
                return Ok(Some(Step {
                    splices: self.block_removal(layout, number, &block),
                    paths: vec![entry.path.clone()],
                }));
            }
        }
        Ok(None)
    }

    fn block_removal(&self, layout: &Layout, entry: usize, block: &Block) -> Vec<Splice> {
        let mut start = lines::start(&self.text, block.first.start);
        if block.has_moved_bracket {
            start = lines::before_line_end(&self.text, start);
        }
        let mut splices = vec![Splice::cut(start..lines::next(&self.text, block.last.end))];
        if !block.elements.is_empty() {
            let (first, last) = (block.elements.start, block.elements.end - 1);
            splices.extend(array::comma_before(layout, entry, first, last));
        }
        splices
    }

    fn not_an_array(&self) -> EditError {
        EditError::NotAnArray {
            path: self.path.clone(),
            key: PATH.join("."),
        }
    }
}

/// What of `keys` is not among `present`, each once.
fn missing(keys: &[CacheKey], present: &[CacheKey]) -> Vec<CacheKey> {
    let mut missing: Vec<CacheKey> = Vec::new();
    for key in keys {
        if !present.contains(key) && !missing.contains(key) {
            missing.push(key.clone());
        }
    }
    missing
}

fn in_one_line(keys: &[CacheKey]) -> String {
    let keys: Vec<_> = keys.iter().map(CacheKey::render).collect();
    format!("[{}]", keys.join(", "))
}

fn elements(keys: &[CacheKey], has_comma: bool, line_end: &str) -> String {
    let lines = keys.iter().enumerate().map(|(number, key)| {
        let is_last = number + 1 == keys.len();
        let comma = if is_last && !has_comma { "" } else { "," };
        format!("    {}{comma}{line_end}", key.render())
    });
    lines.collect()
}

fn block(keys: &[CacheKey], has_comma: bool, line_end: &str, note: &str, by: Owner) -> String {
    let (first, last) = (first_line(by), last_line(by));
    let elements = elements(keys, has_comma, line_end);
    format!("    {first}{line_end}{elements}    {last}{note}{line_end}")
}
