//! `cargo xtask bench-build --document`: figures in the tables of a Markdown file.

use anyhow::bail;
use build_bench::document::{Document, Problem};
use build_bench::lane::Row;
use build_bench::results::Results;
use camino::{Utf8Path, Utf8PathBuf};
use config_edit::Change;
use fs_err as fs;

use crate::Answer;
use crate::ui;

/// A file with places for figures, as it was read.
pub(super) struct File {
    path: Utf8PathBuf,
    text: String,
    document: Document,
}

impl File {
    /// # Errors
    /// If it cannot be read, or asks what `bench-build` does not answer.
    pub(super) fn read(path: &Utf8Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)?;
        match Document::parse(&text) {
            Ok(document) => Ok(Self {
                path: path.to_owned(),
                text,
                document,
            }),
            Err(problems) => bail!(
                "cannot tell what to measure for {path}\n{}\n  help: nothing has been measured or written; docs/bench-build.md tells how such a table is written",
                lines(path, &problems).join("\n")
            ),
        }
    }

    /// What has to be measured.
    pub(super) fn rows(&self) -> Vec<Row> {
        self.document.rows()
    }

    /// Tells what no longer fits together.
    pub(super) fn check(&self) -> Answer {
        let problems = lines(&self.path, &self.document.drift());
        for line in &problems {
            println!("{line}");
        }
        if problems.is_empty() {
            ui::say("Unchanged", self.path.as_str());
            return Answer::Done;
        }
        let command = format!("cargo xtask bench-build --document {}", self.path);
        ui::say("Differs", &format!("`{command}` measures it again"));
        Answer::Differs
    }

    /// Writes the figures of `results`.
    pub(super) fn fill(&self, results: &Results) -> anyhow::Result<()> {
        // Measuring takes long enough for somebody to work on the file meanwhile.
        let current = Self::read(&self.path)?;
        let filled = current.document.filled(results);
        let change = Change {
            path: current.path,
            old: Some(current.text),
            new: Some(filled.text),
        };
        change.apply()?;
        if !filled.kept.is_empty() {
            let kept: Vec<_> = filled.kept.iter().map(ToString::to_string).collect();
            ui::warn(&format!(
                "{}: not measured, so kept as it was: line {}",
                self.path,
                kept.join(", ")
            ));
        }
        let verb = if change.is_empty() {
            "Unchanged"
        } else {
            "Written"
        };
        ui::say(verb, self.path.as_str());
        Ok(())
    }
}

/// As compilers tell it, so that editors find the place.
fn lines(path: &Utf8Path, problems: &[Problem]) -> Vec<String> {
    let lines = problems
        .iter()
        .map(|it| format!("{path}:{}: {}", it.line, it.what));
    lines.collect()
}
