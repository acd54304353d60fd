//! Our elements in an array to which the user may add others: a block between two comments, or, in a line
//! that is not ours, the whole array.

use crate::block;
use crate::document::{Document, Kind, owned};
use crate::insert::Place;
use crate::layout::Shape;
use crate::marks::Owner;
use crate::{EditError, lines};

/// How an element is written where we write it, if it is one of those that we could write.
pub(crate) type Normal = fn(&str) -> Option<String>;

impl<K: Kind> Document<K> {
    /// Has the array at `path` hold `elements`, in the form that `normal` gives. What the user has listed
    /// there stays, and is not repeated.
    pub(crate) fn set_elements(
        &mut self,
        path: &[&str],
        elements: &[String],
        normal: Normal,
        by: Owner,
    ) -> Result<(), EditError> {
        self.require_tables(path)?;
        let Some(entry) = self.layout.find(path) else {
            return self.add_elements(path, elements, by);
        };
        let mark = self.mark_of(entry);
        match mark {
            Some(mark) if !mark.is_by(by) => {
                return Err(self.taken(path, Some(mark.owner)));
            }
            Some(mark) if mark.lists(path) => {
                return self.set_elements_in_one_line(path, elements, by);
            }
            _ => {}
        }
        if !matches!(self.layout.entries[entry].shape, Shape::Array(_)) {
            return Err(self.not_an_array(path));
        }
        self.set_block(entry, path, elements, normal, by)
    }

    /// The key is not there yet.
    fn add_elements(
        &mut self,
        path: &[&str],
        elements: &[String],
        by: Owner,
    ) -> Result<(), EditError> {
        if self.item(path).is_some() {
            // Tables with headers.
            return Err(self.not_an_array(path));
        }
        let place = self.place(path);
        let elements = missing(elements, &[]);
        if elements.is_empty() {
            return Ok(());
        }
        let line_end = lines::line_end_of(&self.text);
        let value = match place {
            Place::Inline { .. } => in_one_line(&elements),
            _ => block::array(&elements, line_end, by),
        };
        let splices = self.insertion(place, path, &value, Some(by.into()));
        self.splice(splices, &[owned(path)])
    }

    /// The whole array is ours, in a line that is not.
    fn set_elements_in_one_line(
        &mut self,
        path: &[&str],
        elements: &[String],
        by: Owner,
    ) -> Result<(), EditError> {
        let elements = missing(elements, &[]);
        if elements.is_empty() {
            return self.undo(by);
        }
        self.set(path, &in_one_line(&elements), by)
    }

    fn set_block(
        &mut self,
        entry: usize,
        path: &[&str],
        elements: &[String],
        normal: Normal,
        by: Owner,
    ) -> Result<(), EditError> {
        let block = self.block(entry, by)?;
        let ours = block.as_ref().map_or(0..0, |block| block.elements.clone());
        let present = self.layout.items(entry).into_iter().enumerate();
        let users: Vec<_> = present
            .filter(|(number, _)| !ours.contains(number))
            .filter_map(|(_, element)| normal(&self.text[element]))
            .collect();
        let elements = missing(elements, &users);
        let splices = match block {
            Some(_) if elements.is_empty() => return self.undo(by),
            None if elements.is_empty() => return Ok(()),
            Some(block) => vec![self.block_replacement(entry, &block, &elements)],
            None => self.block_insertion(entry, &elements, by),
        };
        self.splice(splices, &[owned(path)])
    }
}

/// What of `elements` is not among `present`, each once.
fn missing(elements: &[String], present: &[String]) -> Vec<String> {
    let mut missing: Vec<String> = Vec::new();
    for element in elements {
        if !present.contains(element) && !missing.contains(element) {
            missing.push(element.clone());
        }
    }
    missing
}

fn in_one_line(elements: &[String]) -> String {
    format!("[{}]", elements.join(", "))
}
