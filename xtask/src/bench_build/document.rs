//! `cargo xtask bench-build --into`: a chart and a table in a Markdown file, from results that are kept
//! beside it.

use anyhow::bail;
use build_bench::report::chart::chart;
use build_bench::report::section::{BEGIN, CHART, END, drift, with_section};
use build_bench::results::Results;
use camino::{Utf8Path, Utf8PathBuf};
use config_edit::Change;
use fs_err as fs;

use crate::Answer;
use crate::ui;

/// The results in the file `from`, and the document that is to show them.
pub(super) struct Document<'a> {
    pub(super) results: &'a Results,
    pub(super) from: &'a Utf8Path,
    pub(super) path: &'a Utf8Path,
}

impl Document<'_> {
    /// Writes what has changed.
    pub(super) fn write(&self) -> anyhow::Result<Answer> {
        for problem in drift(self.results) {
            ui::warn(&format!("{problem}\n  help: {}", self.measure_again()));
        }
        for change in self.changes()? {
            change.apply()?;
            let verb = if change.is_empty() {
                "Unchanged"
            } else {
                "Written"
            };
            ui::say(verb, change.path.as_str());
        }
        Ok(Answer::Done)
    }

    /// Tells what would be changed, and which names no longer mean what was measured.
    pub(super) fn check(&self) -> anyhow::Result<Answer> {
        let drift = drift(self.results);
        for problem in &drift {
            println!("{}: {problem}", self.from);
        }
        let changes = self.changes()?;
        let stale = changes.iter().filter(|it| !it.is_empty());
        let stale: Vec<_> = stale.map(|it| &it.path).collect();
        for path in &stale {
            println!("{path}: it is not what {} says", self.from);
        }
        if drift.is_empty() && stale.is_empty() {
            ui::say("Unchanged", self.path.as_str());
            return Ok(Answer::Done);
        }
        if !drift.is_empty() {
            ui::say("Differs", &self.measure_again());
        }
        let write = format!(
            "`cargo xtask bench-build --from {} --into {}`",
            self.from, self.path
        );
        ui::say("Differs", &format!("{write} writes document and chart"));
        Ok(Answer::Differs)
    }

    fn measure_again(&self) -> String {
        format!(
            "`cargo xtask bench-build --json {}` measures it again",
            self.from
        )
    }

    /// Of the document and of its chart.
    fn changes(&self) -> anyhow::Result<[Change; 2]> {
        let old = fs::read_to_string(self.path)?;
        let Some(new) = with_section(&old, self.results) else {
            bail!(
                "cannot tell where the figures go in {}\n  help: write a line `{BEGIN}` and below it one `{END}`, each once",
                self.path
            );
        };
        let document = Change {
            path: self.path.to_owned(),
            old: Some(old),
            new: Some(new),
        };
        let path = self.chart();
        let chart = Change {
            old: path
                .is_file()
                .then(|| fs::read_to_string(&path))
                .transpose()?,
            new: Some(chart(self.results)),
            path,
        };
        Ok([chart, document])
    }

    fn chart(&self) -> Utf8PathBuf {
        let dir = self.path.parent().unwrap_or(Utf8Path::new(""));
        dir.join(CHART)
    }
}
