//! The comments that say who wrote a line.
//!
//! ```toml
//! rustc-wrapper = "/p/sccache" # by `cargo xtask sccache`
//! build = { jobs = 1, rustc-wrapper = "/p/sccache" } # by `cargo xtask sccache`: build.rustc-wrapper
//! ```
//!
//! Where a line holds both the user's and ours, the mark lists what is ours.

use std::fmt;
use std::ops::Range;

use environment::program;

use crate::render;

/// Who writes: the command, as one would type it for `cargo xtask`. What the other program has written with
/// the same command is the same owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner(pub &'static str);

impl Owner {
    /// The command, as it is written into files: of the program that was called.
    #[must_use]
    pub fn command(self) -> String {
        program::renamed(self.0, program::in_files()).into_owned()
    }

    /// Whether `command`, as it stands in a file, is this one.
    #[must_use]
    pub fn is(self, command: &str) -> bool {
        program::is_same_command(self.0, command)
    }
}

/// `` by `cargo xtask sccache` ``, as it stands in every mark.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "by `{}`", self.command())
    }
}

/// A mark in a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) owner: String,
    /// What of the line is the owner's, as paths. Empty: all of it.
    pub(crate) paths: Vec<Vec<String>>,
    /// From its `#` to its end, in the text.
    pub(crate) range: Range<usize>,
}

impl Mark {
    /// Whether it is `owner`'s.
    pub(crate) fn is_by(&self, owner: Owner) -> bool {
        owner.is(&self.owner)
    }

    /// Whether it speaks of the whole line.
    pub(crate) fn is_whole(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether it lists `path`.
    pub(crate) fn lists<S: AsRef<str>>(&self, path: &[S]) -> bool {
        self.paths.iter().any(|listed| same(listed, path))
    }
}

fn same<S: AsRef<str>>(a: &[String], b: &[S]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b.as_ref())
}

/// The mark of a line, without the space before it.
pub(crate) fn whole(by: Owner) -> String {
    format!("# {by}")
}

/// The mark of what stands at `paths`.
pub(crate) fn listing<S: AsRef<str>>(owner: &str, paths: &[Vec<S>]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| render::key(path)).collect();
    format!("# by `{owner}`: {}", paths.join(", "))
}

/// Ends the first line of a block.
const BEGIN: &str = "; run it again instead of editing these lines";

/// The comment above a block of lines.
pub(crate) fn first_line(by: Owner) -> String {
    format!("# {by}{BEGIN}")
}

/// The comment below it.
pub(crate) fn last_line(by: Owner) -> String {
    format!("# end of what `{}` wrote", by.command())
}

/// The command that has written a first line.
pub(crate) fn owner_of_first(comment: &str) -> Option<&str> {
    comment
        .strip_prefix("# by `")?
        .strip_suffix(BEGIN)?
        .strip_suffix('`')
}

/// The command that has written a last line, and what stands after that.
pub(crate) fn owner_of_last(comment: &str) -> Option<(&str, &str)> {
    comment
        .strip_prefix("# end of what `")?
        .split_once("` wrote")
}

/// The marks at the end of the comment in `range` of `text`; before them may stand words of the user.
pub(crate) fn read(text: &str, range: Range<usize>) -> Vec<Mark> {
    const BEGIN: &str = "# by `";
    let comment = &text[range.clone()];
    let begins = comment.match_indices(BEGIN).map(|(at, _)| at);
    let mut found = begins.map(|at| all(comment, at, range.start));
    found.find_map(|marks| marks).unwrap_or_default()
}

/// The marks that `comment` consists of from `at` on. `None` if there is something else.
fn all(comment: &str, mut at: usize, offset: usize) -> Option<Vec<Mark>> {
    let end = comment.trim_end().len();
    let mut marks = Vec::new();
    while at < end {
        let mark = one(comment, at, offset)?;
        at = mark.range.end - offset;
        at += comment[at..].len() - comment[at..].trim_start().len();
        marks.push(mark);
    }
    Some(marks)
}

/// The mark that begins at `at`.
fn one(comment: &str, at: usize, offset: usize) -> Option<Mark> {
    let rest = comment[at..].strip_prefix("# by `")?;
    let (owner, rest) = rest.split_once('`')?;
    let mut paths = Vec::new();
    let mut left = rest;
    if let Some(mut list) = rest.strip_prefix(": ") {
        loop {
            let (path, after) = render::leading_key(list)?;
            paths.push(path);
            left = after;
            match after.strip_prefix(", ") {
                Some(more) => list = more,
                None => break,
            }
        }
    }
    let ends = left.is_empty() || left.starts_with(char::is_whitespace);
    let start = offset + at;
    ends.then(|| Mark {
        owner: owner.to_owned(),
        paths,
        range: start..offset + comment.len() - left.len(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(comment: &str) -> Vec<(String, Vec<Vec<String>>)> {
        let marks = read(comment, 0..comment.len());
        marks.into_iter().map(|m| (m.owner, m.paths)).collect()
    }

    fn path(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|&key| key.to_owned()).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let by = Owner("cargo xtask dev");
        assert_eq!(marks(&whole(by)), [(by.0.to_owned(), Vec::new())]);
        let paths = vec![path(&["env", "A, `b"]), path(&["x"])];
        let text = format!("# why not {}", listing(by.0, &paths));
        assert_eq!(marks(&text), [(by.0.to_owned(), paths)]);
    }

    #[test]
    fn what_the_other_program_has_written_is_the_same_owners() {
        let text = "# by `cargo pyext dev`";
        let mark = &read(text, 0..text.len())[0];
        assert!(mark.is_by(Owner("cargo xtask dev")));
        assert!(!mark.is_by(Owner("cargo xtask tune")));
    }

    #[test]
    fn several_owners_share_a_line() {
        let found = marks("# mine # by `a`: x # by `b`");
        assert_eq!(found[0], ("a".to_owned(), vec![path(&["x"])]));
        assert_eq!(found[1], ("b".to_owned(), Vec::new()));
    }

    #[test]
    fn other_comments_are_none() {
        for comment in [
            "# by hand",
            "# by `a` and b",
            "# by `a`; run it",
            "# by `a`x",
            "#",
        ] {
            assert!(marks(comment).is_empty(), "{comment}");
        }
    }
}
