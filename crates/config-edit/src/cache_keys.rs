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

use toml_edit::Value;

use crate::block;
use crate::document::owned;
use crate::insert::Place;
use crate::kinds::PyprojectFile;
use crate::layout::Shape;
use crate::marks::Owner;
use crate::{EditError, lines, render};

const PATH: [&str; 3] = ["tool", "uv", "cache-keys"];

/// What uv looks at: `file`, `dir` or `env`, and which.
type Key = (String, String);

impl PyprojectFile {
    /// Sets by what uv decides whether an install is fresh. What the user has listed there stays, and is not
    /// repeated. Each key is `file`, `dir` or `env`, and which.
    ///
    /// # Errors
    /// If it is no array, or another command has made it.
    pub fn set_cache_keys(
        &mut self,
        keys: &[(String, String)],
        by: Owner,
    ) -> Result<(), EditError> {
        self.require_tables(&PATH)?;
        let Some(entry) = self.layout.find(&PATH) else {
            return self.add_cache_keys(keys, by);
        };
        let mark = self.mark_of(entry);
        match mark {
            Some(mark) if !mark.is_by(by) => {
                return Err(self.taken(&PATH, Some(mark.owner)));
            }
            Some(mark) if mark.lists(&PATH) => return self.set_in_one_line(keys, by),
            _ => {}
        }
        if !matches!(self.layout.entries[entry].shape, Shape::Array(_)) {
            return Err(self.not_an_array(&PATH));
        }
        self.set_block(entry, keys, by)
    }

    /// The key is not there yet.
    fn add_cache_keys(&mut self, keys: &[Key], by: Owner) -> Result<(), EditError> {
        if self.item(&PATH).is_some() {
            // Tables with headers.
            return Err(self.not_an_array(&PATH));
        }
        let place = self.place(&PATH);
        let keys = missing(keys, &[]);
        if keys.is_empty() {
            return Ok(());
        }
        let line_end = lines::line_end_of(&self.text);
        let value = match place {
            Place::Inline { .. } => in_one_line(&keys),
            _ => block::array(&rendered(&keys), line_end, by),
        };
        let splices = self.insertion(place, &PATH, &value, Some(by.into()));
        self.splice(splices, &[owned(&PATH)])
    }

    /// The whole array is ours, in a line that is not.
    fn set_in_one_line(&mut self, keys: &[Key], by: Owner) -> Result<(), EditError> {
        let keys = missing(keys, &[]);
        if keys.is_empty() {
            return self.undo(by);
        }
        self.set(&PATH, &in_one_line(&keys), by)
    }

    fn set_block(&mut self, entry: usize, keys: &[Key], by: Owner) -> Result<(), EditError> {
        let block = self.block(entry, by)?;
        let ours = block.as_ref().map_or(0..0, |block| block.elements.clone());
        let elements = self.layout.items(entry).into_iter().enumerate();
        let users: Vec<_> = elements
            .filter(|(number, _)| !ours.contains(number))
            .filter_map(|(_, element)| parsed(&self.text[element]))
            .collect();
        let keys = rendered(&missing(keys, &users));
        let splices = match block {
            Some(_) if keys.is_empty() => return self.undo(by),
            None if keys.is_empty() => return Ok(()),
            Some(block) => vec![self.block_replacement(entry, &block, &keys)],
            None => self.block_insertion(entry, &keys, by),
        };
        self.splice(splices, &[owned(&PATH)])
    }
}

/// What of `keys` is not among `present`, each once.
fn missing(keys: &[Key], present: &[Key]) -> Vec<Key> {
    let mut missing: Vec<Key> = Vec::new();
    for key in keys {
        if !present.contains(key) && !missing.contains(key) {
            missing.push(key.clone());
        }
    }
    missing
}

fn in_one_line(keys: &[Key]) -> String {
    format!("[{}]", rendered(keys).join(", "))
}

fn rendered(keys: &[Key]) -> Vec<String> {
    let keys = keys.iter();
    keys.map(|(kind, name)| format!("{{ {kind} = {} }}", render::string(name)))
        .collect()
}

/// What `text`, an element of the array, stands for. uv takes a string for a file.
fn parsed(text: &str) -> Option<Key> {
    let table = match text.parse().ok()? {
        Value::String(file) => return Some(("file".to_owned(), file.value().clone())),
        Value::InlineTable(table) if table.len() == 1 => table,
        _ => return None,
    };
    let (kind, name) = table.iter().next()?;
    Some((kind.to_owned(), name.as_str()?.to_owned()))
}
