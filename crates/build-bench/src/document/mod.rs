//! Figures in the tables of a Markdown file. A row asks a question, by the command that answers it; the answer is written
//! into the same row. All else in the file is its author's and stays as it is, byte for byte.
//!
//! ```markdown
//! <!-- bench-build: figures -->
//! | way | decision | figure | command |
//! |---|---|---|---|
//! | sccache on disk | adopted | | `cargo xtask bench-build --scenario target --strategy maturin-develop` |
//! <!-- bench-build: end -->
//!
//! <!-- bench-build: legend -->
//! <!-- bench-build: end -->
//! ```
//!
//! The legend tells what the names in the commands mean and where the figures were measured.

mod legend;
mod question;
mod tables;

use std::fmt;
use std::ops::Range;

use crate::lane::{Lane, Row};
use crate::results::Results;
use crate::scenario::{SCENARIOS, Scenario};
use question::Question;

/// A Markdown file with places for figures.
#[derive(Debug)]
pub struct Document {
    text: String,
    entries: Vec<Entry>,
    /// Where the legend stands, and its first line.
    legend: Option<(Range<usize>, usize)>,
}

/// A row of a table.
#[derive(Debug)]
struct Entry {
    /// The number of its line, from 1.
    line: usize,
    /// Where its figure stands: what is between the bars.
    figure: Range<usize>,
    question: Question,
}

/// Something that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// A file with new figures.
#[derive(Debug, PartialEq, Eq)]
pub struct Filled {
    /// Its text.
    pub text: String,
    /// The lines whose figures are those of before, since the results do not answer them.
    pub kept: Vec<usize>,
}

impl Document {
    /// Finds the tables and their questions in `text`.
    ///
    /// # Errors
    /// Everything that is wrong: a marker without its end, a table without the two columns, a command that is none.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut found = tables::find(text);
        let mut entries = Vec::new();
        for row in found.rows {
            match Question::parse(&row.command) {
                Ok(question) => entries.push(Entry {
                    line: row.line,
                    figure: row.figure,
                    question,
                }),
                Err(what) => found.problems.push(Problem {
                    line: row.line,
                    what,
                }),
            }
        }
        if entries.is_empty() && found.problems.is_empty() {
            let what = format!("there is no table after a line `{}`", tables::FIGURES);
            found.problems.push(Problem { line: 1, what });
        }
        if found.problems.is_empty() {
            Ok(Self {
                text: text.to_owned(),
                entries,
                legend: found.legend,
            })
        } else {
            found.problems.sort_by_key(|problem| problem.line);
            Err(found.problems)
        }
    }

    /// What has to be measured to answer all questions.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let asked = || self.entries.iter().flat_map(|it| it.question.rows());
        let mut lanes: Vec<Lane> = Vec::new();
        for row in asked() {
            if !lanes.contains(&row.lane) {
                lanes.push(row.lane);
            }
        }
        let row = |lane: Lane| {
            let is_asked =
                |it: &&Scenario| asked().any(|row| row.lane == lane && row.scenarios.contains(it));
            Row {
                lane,
                scenarios: SCENARIOS.iter().filter(is_asked).collect(),
            }
        };
        lanes.into_iter().map(row).collect()
    }

    /// The file with the answers that `results` has, and the legend.
    #[must_use]
    pub fn filled(&self, results: &Results) -> Filled {
        let mut edits = Vec::new();
        let mut kept = Vec::new();
        for entry in &self.entries {
            match entry.question.answer(results) {
                Some(answer) => edits.push((entry.figure.clone(), format!(" {answer} "))),
                None => kept.push(entry.line),
            }
        }
        if let Some((place, _)) = self.legend.clone().filter(|_| !edits.is_empty()) {
            let before = if kept.is_empty() {
                ""
            } else {
                &self.text[place.clone()]
            };
            let line_end = if self.text.contains("\r\n") {
                "\r\n"
            } else {
                "\n"
            };
            let legend = legend::legend(&self.lanes(), results, before, line_end);
            edits.push((place, legend));
        }
        edits.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
        let mut text = self.text.clone();
        for (place, new) in edits {
            text.replace_range(place, &new);
        }
        Filled { text, kept }
    }

    /// What no longer fits together, whatever the figures are: a figure that is missing or answers another question, and
    /// a legend whose commands are no longer those that are run.
    #[must_use]
    pub fn drift(&self) -> Vec<Problem> {
        let unanswered = self.entries.iter().filter_map(|entry| {
            let figure = self.text[entry.figure.clone()].trim();
            let what = entry.question.is_not_answered_by(figure)?;
            Some(Problem {
                line: entry.line,
                what,
            })
        });
        let mut problems: Vec<_> = unanswered.collect();
        if let Some((place, line)) = &self.legend
            && !legend::names_are_current(&self.text[place.clone()], &self.lanes())
        {
            problems.push(Problem {
                line: *line,
                what: "the legend does not tell what is run today".to_owned(),
            });
        }
        problems
    }

    fn lanes(&self) -> Vec<Lane> {
        self.rows().iter().map(|row| row.lane).collect()
    }
}
