//! Taking back what a command wrote: exactly what its marks stand on.

use std::ops::Range;

use crate::document::{Document, Kind, Splice};
use crate::layout::{Home, Shape};
use crate::marks::{self, Mark, Owner};
use crate::{EditError, array, lines};

/// One thing to be taken back, and what it means.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) splices: Vec<Splice>,
    pub(crate) paths: Vec<Vec<String>>,
}

/// What the line of a mark holds.
#[derive(Debug, Clone, Copy)]
enum Spot {
    /// An element of the array that is the value of this entry.
    Element(usize, usize),
    /// The end of the statement that this entry begins.
    Statement(usize),
    /// The header of this section.
    Header(usize),
}

impl<K: Kind> Document<K> {
    /// Takes back everything that `by` wrote.
    pub fn undo(&mut self, by: Owner) -> Result<(), EditError> {
        while let Some(step) = self.next_step(by)? {
            self.splice(step.splices, &step.paths)?;
        }
        Ok(())
    }

    /// From the inside out: what is left at last in a table or array decides whether it goes too.
    fn next_step(&self, by: Owner) -> Result<Option<Step>, EditError> {
        if let Some(step) = self.block_step(by)? {
            return Ok(Some(step));
        }
        let marked = self.marked(by);
        let steps = marked.iter().map(|(spot, mark)| self.step(*spot, mark));
        let first = steps.min_by_key(|(order, _)| *order);
        Ok(first.map(|(_, step)| step))
    }

    /// What takes `mark` away, and what it stands on; before it comes what has a lower number.
    fn step(&self, spot: Spot, mark: &Mark) -> (u8, Step) {
        if let Some(path) = mark.paths.first() {
            return (0, self.listed_step(mark, path));
        }
        match spot {
            Spot::Element(entry, index) => (1, self.element_step(entry, index, mark)),
            Spot::Header(section) => match self.section_step(section, mark) {
                Some(step) => (2, step),
                None => (4, self.header_step(section, mark)),
            },
            Spot::Statement(entry) => (3, self.statement_step(entry, mark)),
        }
    }

    /// Takes away a block of `by`.
    fn block_step(&self, by: Owner) -> Result<Option<Step>, EditError> {
        for (number, entry) in self.layout.entries.iter().enumerate() {
            if !matches!(entry.shape, Shape::Array(_)) {
                continue;
            }
            if let Some(block) = self.block(number, by)? {
                return Ok(Some(Step {
                    splices: self.block_removal(number, &block),
                    paths: vec![entry.path.clone()],
                }));
            }
        }
        Ok(None)
    }

    /// The marks of `by`, and what stands on their lines.
    fn marked(&self, by: Owner) -> Vec<(Spot, Mark)> {
        let comments = self.layout.comments.iter();
        let marks = comments.flat_map(|comment| marks::read(&self.text, comment.clone()));
        let own = marks.filter(|mark| mark.is_by(by));
        own.filter_map(|mark| Some((self.spot(mark.range.start)?, mark)))
            .collect()
    }

    /// What the line of the comment at `at` holds before it. `None` if nothing.
    fn spot(&self, at: usize) -> Option<Spot> {
        let on_this_line = |end: usize| end <= at && lines::next(&self.text, end) > at;
        let arrays = self.layout.entries.iter().enumerate().rev();
        for (number, entry) in arrays.filter(|(_, entry)| entry.value.contains(&at)) {
            let items = self.layout.items(number);
            let index = items.iter().rposition(|item| on_this_line(item.end));
            if let (Shape::Array(_), Some(index)) = (&entry.shape, index) {
                return Some(Spot::Element(number, index));
            }
        }
        let is_statement = |home| matches!(home, Home::Section(_));
        let mut entries = self.layout.entries.iter();
        let statement = entries.position(|e| is_statement(e.home) && on_this_line(e.value.end));
        let mut sections = self.layout.sections.iter().skip(1);
        let mut header = || sections.position(|section| on_this_line(section.header.end));
        statement
            .map(Spot::Statement)
            .or_else(|| Some(Spot::Header(header()? + 1)))
    }

    /// What a mark lists of a line that holds more than ours.
    fn listed_step(&self, mark: &Mark, path: &[String]) -> Step {
        let mut splices = self.listed_removal(path);
        splices.push(self.unlisted(mark, path));
        let paths = vec![path.to_vec(), path[..path.len() - 1].to_vec()];
        Step { splices, paths }
    }

    fn listed_removal(&self, path: &[String]) -> Vec<Splice> {
        let keys: Vec<_> = path.iter().map(String::as_str).collect();
        if let Some(number) = self.layout.find(&keys) {
            return self.entry_removal(number);
        }
        let Some((file, array)) = keys.split_last() else {
            return Vec::new();
        };
        let Some(number) = self.layout.find(array) else {
            return Vec::new();
        };
        let items = self.layout.items(number);
        let index = items.iter().position(|item| {
            let element = self.text[item.clone()].parse();
            element.is_ok_and(|element| array::name_of(&element) == Some(file))
        });
        index.map_or_else(Vec::new, |index| self.item_removal(number, index))
    }

    /// What it takes to have `path` no more in `mark`.
    pub(crate) fn unlisted(&self, mark: &Mark, path: &[String]) -> Splice {
        let mut paths = mark.paths.clone();
        paths.retain(|listed| listed != path);
        if paths.is_empty() {
            return self.unmarked(mark);
        }
        Splice::replace(mark.range.clone(), marks::listing(&mark.owner, &paths))
    }

    /// What it takes to have `mark` no more.
    fn unmarked(&self, mark: &Mark) -> Splice {
        let before = &self.text[..mark.range.start];
        let start = before.strip_suffix(' ').map_or(before.len(), str::len);
        Splice::cut(start..mark.range.end)
    }

    /// What it takes to have the entry `number` no more.
    pub(crate) fn entry_removal(&self, number: usize) -> Vec<Splice> {
        let entry = &self.layout.entries[number];
        match entry.home {
            Home::Section(section) => vec![Splice::cut(self.lines_of(number, section))],
            Home::Inline(table) => {
                let index = self
                    .layout
                    .within(entry.home)
                    .position(|inner| inner == number);
                self.item_removal(table, index.unwrap_or_default())
            }
        }
    }

    /// The lines of the entry `number`; with the blank line below it, if it stands alone above all tables.
    fn lines_of(&self, number: usize, section: usize) -> Range<usize> {
        let cut = lines::whole(&self.text, &self.layout.entries[number].range());
        let is_alone = section == 0 && self.layout.within(Home::Section(0)).count() == 1;
        let is_below = cut.end < self.text.len() && lines::is_blank(&self.text, cut.end);
        if is_alone && is_below {
            return cut.start..lines::next(&self.text, cut.end);
        }
        cut
    }

    fn element_step(&self, entry: usize, index: usize, mark: &Mark) -> Step {
        let splices = if self.is_alone_on_line(entry, index) {
            self.element_line_removal(entry, index)
        } else {
            let mut splices = self.item_removal(entry, index);
            splices.push(self.unmarked(mark));
            splices
        };
        let paths = vec![self.layout.entries[entry].path.clone()];
        Step { splices, paths }
    }

    /// Whether the user has put nothing on the line of this element.
    fn is_alone_on_line(&self, entry: usize, index: usize) -> bool {
        let items = self.layout.items(entry);
        let first = lines::start(&self.text, items[index].start);
        let next = lines::next(&self.text, items[index].end);
        let touches = |item: &&Range<usize>| item.end > first && item.start < next;
        items.iter().filter(touches).count() == 1 && self.layout.entries[entry].value.start < first
    }

    /// A whole `[[table]]`, if everything in it is ours.
    fn section_step(&self, number: usize, mark: &Mark) -> Option<Step> {
        let section = &self.layout.sections[number];
        let is_ours = |entry| {
            let its_mark = self.mark_of(entry);
            its_mark.is_some_and(|its_mark| its_mark.owner == mark.owner)
        };
        if !section.is_element || !self.layout.within(Home::Section(number)).all(is_ours) {
            return None;
        }
        let last = self.layout.within(Home::Section(number)).last();
        let end = last.map_or(section.header.end, |last| {
            self.layout.entries[last].value.end
        });
        Some(Step {
            splices: vec![Splice::cut(self.table_lines(section.header.start..end))],
            paths: vec![section.path.clone()],
        })
    }

    /// The lines of `table`, with the blank line above.
    fn table_lines(&self, table: Range<usize>) -> Range<usize> {
        let first = lines::start(&self.text, table.start);
        let above = lines::before_line_end(&self.text, first);
        let is_below_blank = above < first && lines::is_blank(&self.text, above);
        let start = if is_below_blank { above } else { first };
        lines::whole(&self.text, &(start..table.end))
    }

    /// A statement that is ours. One to which the user has added something in the meantime stays with that.
    fn statement_step(&self, number: usize, mark: &Mark) -> Step {
        let entry = &self.layout.entries[number];
        let mut shared = K::SHARED.iter();
        let shared = shared.find(|shared| entry.path == shared.path);
        let splices = match shared {
            Some(shared) if self.layout.items(number).len() > shared.ours => match shared.ours {
                0 => vec![self.unmarked(mark)],
                _ => self.first_element_removal(number, mark),
            },
            // Into other arrays, such as that of a linker's flags, nobody adds what is to outlive ours.
            _ => self.entry_removal(number),
        };
        let paths = vec![entry.path.clone()];
        Step { splices, paths }
    }

    /// What it takes to have the first element no more, for which `mark` stands. If the next one is listed in
    /// the mark of another command, the statement becomes that command's.
    fn first_element_removal(&self, number: usize, mark: &Mark) -> Vec<Splice> {
        let mut splices = self.item_removal(number, 0);
        let entry = &self.layout.entries[number];
        let next = &self.layout.items(number)[1];
        let file = self.text[next.clone()].parse().ok();
        let file = file.as_ref().and_then(array::name_of);
        let path = [
            entry.path.clone(),
            vec![file.unwrap_or_default().to_owned()],
        ]
        .concat();
        let marks = self.marks_after(entry.value.end);
        match marks.iter().find(|other| other.lists(&path)) {
            Some(other) => {
                let handed_over = format!("# by `{}`", other.owner);
                splices.push(Splice::replace(mark.range.clone(), handed_over));
                splices.push(self.unlisted(other, &path));
            }
            None => splices.push(self.unmarked(mark)),
        }
        splices
    }

    /// A header that we added. It stays where something of somebody else's has come under it.
    fn header_step(&self, number: usize, mark: &Mark) -> Step {
        let empty = self.empty_table_step(number);
        empty.unwrap_or_else(|| Step {
            splices: vec![self.handed_over(number, mark)],
            paths: vec![self.layout.sections[number].path.clone()],
        })
    }

    /// Takes away the header of the section `number`, if there is nothing under it.
    pub(crate) fn empty_table_step(&self, number: usize) -> Option<Step> {
        let section = &self.layout.sections[number];
        let below = lines::next(&self.text, section.header.end);
        // A comment right below it may be a setting that the user has commented out.
        let has_comment = self.text[below..]
            .trim_start_matches([' ', '\t'])
            .starts_with('#');
        if has_comment || self.layout.within(Home::Section(number)).next().is_some() {
            return None;
        }
        Some(Step {
            splices: vec![Splice::cut(self.table_lines(section.header.clone()))],
            paths: vec![section.path.clone()],
        })
    }

    /// The mark of a header becomes that of another command, if only that one needs the header now.
    fn handed_over(&self, number: usize, mark: &Mark) -> Splice {
        let entries = self.layout.within(Home::Section(number));
        let owners: Option<Vec<_>> = entries
            .map(|entry| self.mark_of(entry).filter(Mark::is_whole))
            .collect();
        match owners.and_then(|owners| owners.into_iter().next()) {
            Some(other) => Splice::replace(mark.range.clone(), format!("# by `{}`", other.owner)),
            None => self.unmarked(mark),
        }
    }
}
