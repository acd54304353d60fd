//! The patterns in `exclude`, which maturin reads as lines of a `.gitignore` (the crate `ignore`, 0.4).

use glob::{MatchOptions, Pattern};

/// `*` and `?` stop at a `/`; a leading dot is like any other character.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// All of them, in their order: the last that matches decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Exclusion(Vec<Line>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    patterns: Vec<Pattern>,
    /// Whether it begins with `!`.
    keeps: bool,
}

impl Exclusion {
    pub(crate) fn new<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        Self(lines.filter_map(line).collect())
    }

    /// Whether the file at `path`, relative to the project or in the wheel, is left out.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let fits = |line: &&Line| {
            line.patterns
                .iter()
                .any(|it| it.matches_with(path, OPTIONS))
        };
        let last = self.0.iter().rev().find(fits);
        last.is_some_and(|line| !line.keeps)
    }
}

/// One line, if it matches any file: a comment does not, nor does a pattern of directories (`a/`), since
/// maturin asks for files only.
fn line(text: &str) -> Option<Line> {
    let text = text.trim_end();
    if text.is_empty() || text.starts_with('#') || text.ends_with('/') {
        return None;
    }
    let (keeps, text) = text
        .strip_prefix('!')
        .map_or((false, text), |it| (true, it));
    let anchored = text.strip_prefix('/');
    let mut pattern = match anchored {
        Some(rest) => rest.to_owned(),
        None if text.contains('/') => text.to_owned(),
        None => format!("**/{text}"),
    };
    if pattern.ends_with("/**") {
        pattern.push_str("/*");
    }
    let patterns = alternatives(&pattern).into_iter();
    let patterns = patterns.filter_map(|it| Pattern::new(&in_words_of_glob(&it)).ok());
    Some(Line {
        keeps,
        patterns: patterns.collect(),
    })
}

/// `a.{b,c}` as `a.b` and `a.c`.
fn alternatives(pattern: &str) -> Vec<String> {
    let inner = pattern
        .find('}')
        .and_then(|end| Some((pattern[..end].rfind('{')?, end)));
    let Some((start, end)) = inner else {
        return vec![pattern.to_owned()];
    };
    let (before, after) = (&pattern[..start], &pattern[end + 1..]);
    let parts = pattern[start + 1..end].split(',');
    parts
        .flat_map(|part| alternatives(&format!("{before}{part}{after}")))
        .collect()
}

/// Two stars that are no whole part of a path mean one, and a backslash takes the meaning from what follows.
fn in_words_of_glob(pattern: &str) -> String {
    let part = |part: &str| {
        let mut text = part.to_owned();
        while part != "**" && text.contains("**") {
            text = text.replace("**", "*");
        }
        let mut plain = String::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => plain.extend(characters.next().map(|it| Pattern::escape(&it.to_string()))),
                other => plain.push(other),
            }
        }
        plain
    };
    pattern.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_what_it_means_to_git() {
        for (lines, path, expected) in [
            (&["*.txt"][..], "a/b.txt", true),
            (&["/*.txt"], "a/b.txt", false),
            (&["/*.txt"], "b.txt", true),
            (&["a/*.txt"], "a/b.txt", true),
            (&["a/*.txt"], "a/c/b.txt", false),
            (&["a/**"], "a/c/b.txt", true),
            (&["a/**"], "a/b.txt", true),
            (&["**/c/*"], "a/c/b.txt", true),
            (&["a/**/b.txt"], "a/b.txt", true),
            // Of directories maturin is not asked.
            (&["a/"], "a/b.txt", false),
            (&["a"], "a/b.txt", false),
            (&["*.txt", "!b.txt"], "a/b.txt", false),
            (&["!b.txt", "*.txt"], "a/b.txt", true),
            (&["*.{txt,md}"], "a/b.md", true),
            (&["*.{txt,md}"], "a/b.rs", false),
            (&["a**.txt"], "ab.txt", true),
            (&["\\*.txt"], "a.txt", false),
            (&["\\*.txt"], "*.txt", true),
            (&["# *"], "# a", false),
            (&["[ab].txt"], "x/b.txt", true),
            (&["b.tx?"], ".b/b.txt", true),
            (&[], "a", false),
        ] {
            let exclusion = Exclusion::new(lines.iter().copied());
            assert_eq!(exclusion.matches(path), expected, "{lines:?} {path}");
        }
    }
}
