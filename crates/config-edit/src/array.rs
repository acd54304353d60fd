//! Items of arrays and inline tables: adding one, taking one out.

use toml_edit::{TableLike, Value};

use crate::document::{Document, Kind, Splice};
use crate::layout::Shape;
use crate::lines;
use crate::marks::{self, Owner};

/// What an element is called, by itself or by its `path`.
pub(crate) fn name_of(element: &Value) -> Option<&str> {
    match element {
        Value::String(name) => Some(name.value()),
        Value::InlineTable(table) => name_of_table(table),
        _ => None,
    }
}

/// The same of an element that is a table.
pub(crate) fn name_of_table(table: &dyn TableLike) -> Option<&str> {
    table.get("path")?.as_str()
}

/// Where something new can go at the end of an array.
#[derive(Debug)]
pub(crate) struct ArrayEnd {
    /// The end of the last element, or of the opening bracket.
    pub(crate) last: usize,
    /// Where the closing bracket stands.
    pub(crate) close: usize,
    pub(crate) is_empty: bool,
    /// Whether a comma follows the last element.
    pub(crate) has_comma: bool,
    /// Whether the closing bracket has a line for itself.
    pub(crate) is_on_own_line: bool,
}

impl<K: Kind> Document<K> {
    /// The end of the array that is the value of `entry`.
    pub(crate) fn array_end(&self, entry: usize) -> ArrayEnd {
        let value = &self.layout.entries[entry].value;
        let items = self.layout.items(entry);
        let close = value.end - 1;
        let last = items.last().map_or(value.start + 1, |item| item.end);
        let gap = &self.text[last..close];
        let before_close = gap.rsplit_once('\n').map(|(_, rest)| rest);
        ArrayEnd {
            last,
            close,
            is_empty: items.is_empty(),
            has_comma: self.layout.comma_in(last..close).is_some(),
            is_on_own_line: before_close.is_some_and(|rest| rest.trim().is_empty()),
        }
    }

    /// What it takes to have `item` as the last one in the array or inline table that is the value of
    /// `entry`, on the line of the one before.
    pub(crate) fn item_insertion(&self, entry: usize, item: &str) -> Splice {
        let open = self.layout.entries[entry].value.start + 1;
        match self.layout.items(entry).last() {
            Some(last) => Splice::insert(last.end, format!(", {item}")),
            None if self.text[open..].starts_with(' ') => Splice::insert(open, format!(" {item}")),
            None => Splice::insert(open, item),
        }
    }

    /// What it takes to have `element` as the last one in the array that is the value of `entry`, in the
    /// style of the array. `path` stands for it in a mark.
    pub(crate) fn element_insertion(
        &self,
        entry: usize,
        element: &str,
        path: &[&str],
        by: Owner,
    ) -> Vec<Splice> {
        let end = self.array_end(entry);
        if !end.is_on_own_line {
            let statement = &self.layout.entries[self.layout.statement(entry)];
            let mark = self.listing_mark(statement.value.end, path, by);
            return vec![self.item_insertion(entry, element), mark];
        }
        let mut splices = Vec::new();
        if !end.is_empty && !end.has_comma {
            splices.push(Splice::insert(end.last, ","));
        }
        // The comma tells, when the element is taken out again, whether the one before had one.
        let comma = if end.is_empty || end.has_comma {
            ","
        } else {
            ""
        };
        let indentation = self.indentation_of_elements(entry);
        let line = format!("{indentation}{element}{comma} {}", marks::whole(by));
        let at = lines::start(&self.text, end.close);
        splices.push(Splice::insert(at, lines::inserted(&self.text, at, &line)));
        splices
    }

    fn indentation_of_elements(&self, entry: usize) -> String {
        let items = self.layout.items(entry);
        let open = self.layout.entries[entry].value.start;
        let first_line = lines::end(&self.text, open);
        match items.last() {
            Some(last) if last.start > first_line => {
                lines::indentation(&self.text, last.start).to_owned()
            }
            _ => "    ".to_owned(),
        }
    }

    /// What it takes to have the item `index` no more in the array or inline table that is the value of
    /// `entry`.
    pub(crate) fn item_removal(&self, entry: usize, index: usize) -> Vec<Splice> {
        let items = self.layout.items(entry);
        let item = items[index].clone();
        let value = &self.layout.entries[entry].value;
        let before = match index {
            0 => value.start + 1,
            _ => items[index - 1].end,
        };
        let next = items.get(index + 1);
        let span = match (index, next) {
            (0, Some(next)) => item.start..next.start,
            _ => before..item.end,
        };
        if !self.text[span.clone()].contains('\n') {
            return vec![Splice::cut(span)];
        }
        // Comments and line ends in between stay.
        let after = item.end..next.map_or(value.end, |next| next.start);
        let comma = self
            .layout
            .comma_in(after)
            .or_else(|| self.layout.comma_in(before..item.start));
        let mut splices = vec![Splice::cut(item)];
        splices.extend(comma.map(|comma| Splice::cut(comma..comma + 1)));
        splices
    }

    /// What it takes to have the element `index` no more, which has a line for itself.
    pub(crate) fn element_line_removal(&self, entry: usize, index: usize) -> Vec<Splice> {
        let Shape::Array(elements) = &self.layout.entries[entry].shape else {
            return Vec::new();
        };
        let element = &elements[index];
        let mut splices = vec![Splice::cut(lines::whole(&self.text, element))];
        splices.extend(self.comma_before(entry, index, index));
        splices
    }

    /// What it takes to take away the comma before the items `first` to `last` of `entry`, if they are the
    /// last ones and have none behind them: then it is there only for them.
    pub(crate) fn comma_before(&self, entry: usize, first: usize, last: usize) -> Option<Splice> {
        let items = self.layout.items(entry);
        let is_last = last + 1 == items.len();
        let end = self.layout.entries[entry].value.end;
        let has_comma = self.layout.comma_in(items[last].end..end).is_some();
        if first == 0 || !is_last || has_comma {
            return None;
        }
        let comma = self
            .layout
            .comma_in(items[first - 1].end..items[first].start)?;
        Some(Splice::cut(comma..comma + 1))
    }
}
