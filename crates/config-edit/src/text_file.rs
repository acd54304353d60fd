//! A file of lines, such as `.gitignore` or a script, with a block of ours at its end.
//!
//! ```text
//! theirs
//! # by `cargo xtask init`; run it again instead of editing these lines
//! ours
//! # end of what `cargo xtask init` wrote
//! ```

use std::io;
use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};

use crate::marks::{self, Owner};
use crate::{Change, EditError, lines};

/// Ends the last line of a block before which a file had no final line end.
const NO_LINE_END: &str = "; the line above the block has no end";

/// Ends the last line of a block in a file that had been there without anything in it.
const WAS_EMPTY: &str = "; the file was there, and empty";

/// The file as it was read, and as it is to be. One that is not there counts as empty.
#[derive(Debug, Clone)]
pub struct TextFile {
    path: Utf8PathBuf,
    old: Option<String>,
    text: String,
    /// Whether it was there before our block, and stays without anything in it.
    was_empty: bool,
}

/// Where our block is, and what is in it.
struct Block {
    /// All of its lines.
    all: Range<usize>,
    /// Those between the first and the last.
    inner: Range<usize>,
    /// What the last line notes of the file before.
    note: String,
}

impl TextFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or is not UTF-8.
    pub fn read(path: &Utf8Path) -> Result<Self, EditError> {
        let old = match fs_err::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => {
                let path = path.to_owned();
                return Err(EditError::Read { path, source });
            }
        };
        Ok(Self {
            path: path.to_owned(),
            text: old.clone().unwrap_or_default(),
            was_empty: old.as_deref() == Some(""),
            old,
        })
    }

    /// The text, with what has been edited since.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines of `by`'s block.
    ///
    /// # Errors
    /// If the block has no end.
    pub fn block(&self, by: Owner) -> Result<Vec<String>, EditError> {
        let block = self.find(by)?;
        let inner = block.map_or("", |block| &self.text[block.inner]);
        Ok(inner.lines().map(str::to_owned).collect())
    }

    /// Has `by`'s block hold these lines. It stays where it is; a new one comes last.
    ///
    /// # Errors
    /// If the block has no end.
    pub fn set_block(&mut self, block: &[String], by: Owner) -> Result<(), EditError> {
        let line_end = lines::line_end_of(&self.text);
        let inner: String = block
            .iter()
            .map(|line| format!("{line}{line_end}"))
            .collect();
        if let Some(old) = self.find(by)? {
            self.text.replace_range(old.inner, &inner);
            return Ok(());
        }
        let had_no_line_end = !self.text.is_empty() && !self.text.ends_with('\n');
        let (before, note) = match had_no_line_end {
            true => (line_end, NO_LINE_END),
            false if self.was_empty => ("", WAS_EMPTY),
            false => ("", ""),
        };
        let (first, last) = (marks::first_line(by), marks::last_line(by));
        self.text.push_str(&format!(
            "{before}{first}{line_end}{inner}{last}{note}{line_end}"
        ));
        Ok(())
    }

    /// Takes `by`'s block back.
    ///
    /// # Errors
    /// If the block has no end.
    pub fn undo(&mut self, by: Owner) -> Result<(), EditError> {
        let Some(block) = self.find(by)? else {
            return Ok(());
        };
        let mut all = block.all;
        self.was_empty = block.note == WAS_EMPTY;
        if block.note == NO_LINE_END && all.end == self.text.len() {
            all.start = lines::before_line_end(&self.text, all.start);
        }
        self.text.replace_range(all, "");
        Ok(())
    }

    /// What is to be written. A file in which nothing is left goes.
    #[must_use]
    pub fn into_change(self) -> Change {
        let is_ours = self.text.is_empty() && !self.was_empty;
        let new = (!is_ours).then_some(self.text);
        Change::new(self.path, self.old, new)
    }

    fn find(&self, by: Owner) -> Result<Option<Block>, EditError> {
        let lines =
            || lines::all(&self.text).map(|range| (self.text[range.clone()].trim_end(), range));
        let is_first = |line: &str| marks::owner_of_first(line).is_some_and(|it| by.is(it));
        let Some((_, first)) = lines().find(|(line, _)| is_first(line)) else {
            return Ok(None);
        };
        let rest_of_last = |line: &'_ str| {
            let (owner, rest) = marks::owner_of_last(line)?;
            by.is(owner).then(|| rest.to_owned())
        };
        let mut below = lines().filter(|(_, range)| range.start >= first.end);
        let last = below.find_map(|(line, range)| Some((range, rest_of_last(line)?)));
        let (last, note) = last.ok_or_else(|| EditError::UnfinishedText {
            path: self.path.clone(),
            owner: by.command(),
        })?;
        Ok(Some(Block {
            all: first.start..last.end,
            inner: first.end..last.start,
            note,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: Owner = Owner("cargo xtask init");

    fn file(text: Option<&str>) -> TextFile {
        TextFile {
            path: "/p/.gitignore".into(),
            old: text.map(str::to_owned),
            text: text.unwrap_or_default().to_owned(),
            was_empty: text == Some(""),
        }
    }

    fn block(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|&line| line.to_owned()).collect()
    }

    #[test]
    fn a_block_is_written_replaced_and_taken_back_to_the_byte() {
        for text in [
            None,
            Some(""),
            Some("/target\n"),
            Some("/target"),
            Some("a\r\nb\r\n"),
            Some("a\r\nb"),
        ] {
            let mut edited = file(text);
            edited.set_block(&block(&["/x", "/y"]), BY).unwrap();
            let written = edited.clone().into_change().new.unwrap();
            assert!(written.starts_with(text.unwrap_or_default()), "{written:?}");
            assert_eq!(edited.block(BY).unwrap(), ["/x", "/y"]);
            edited.set_block(&block(&["/x"]), BY).unwrap();
            edited.set_block(&block(&["/x", "/y"]), BY).unwrap();
            assert_eq!(edited.text, written);
            let mut again = file(Some(&written));
            again.undo(BY).unwrap();
            let undone = again.into_change().new;
            assert_eq!(undone.as_deref(), text, "{text:?}");
        }
    }

    #[test]
    fn what_the_user_has_added_since_stays() {
        let mut edited = file(Some("a"));
        edited.set_block(&block(&["/x"]), BY).unwrap();
        edited.text.push_str("mine\n");
        edited.undo(BY).unwrap();
        assert_eq!(edited.text, "a\nmine\n");
    }

    #[test]
    fn a_block_without_its_end_is_left_alone() {
        let mut edited = file(Some("a\n"));
        edited.set_block(&block(&["/x"]), BY).unwrap();
        let cut = edited.text.find("# end").unwrap();
        edited.text.truncate(cut);
        assert!(edited.undo(BY).is_err() && edited.set_block(&[], BY).is_err());
    }
}
