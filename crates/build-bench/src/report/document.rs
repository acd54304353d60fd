//! `cargo xtask bench-build --into`: a chart and a table in a Markdown file, from results that are kept
//! beside it.

use camino::Utf8Path;
use config_edit::Change;
use processes::Say;
use trial::files::read;

use super::chart::chart;
use super::section::{CHART, drift, with_section};
use crate::error::BenchError;
use crate::results::Results;

/// The results in the file `from`, and the document that is to show them.
pub struct Document<'a> {
    /// The results.
    pub results: &'a Results,
    /// Where they are kept.
    pub from: &'a Utf8Path,
    /// The document.
    pub path: &'a Utf8Path,
}

impl Document<'_> {
    /// Writes what has changed.
    pub fn write(&self, say: Say<'_>, warn: &dyn Fn(&str)) -> Result<(), BenchError> {
        for problem in drift(self.results) {
            warn(&format!("{problem}\n  help: {}", self.measure_again()));
        }
        for change in self.changes()? {
            change.apply()?;
            let is_same = change.is_empty();
            let verb = if is_same { "Unchanged" } else { "Written" };
            say(verb, change.path.as_str());
        }
        Ok(())
    }

    /// What would be changed, and which names no longer mean what was measured, line by line. What helps is
    /// said.
    pub fn check(&self, say: Say<'_>) -> Result<Vec<String>, BenchError> {
        let Self { from, path, .. } = self;
        let drift = drift(self.results).into_iter();
        let mut lines: Vec<_> = drift.map(|it| format!("{from}: {it}")).collect();
        if !lines.is_empty() {
            say("Differs", &self.measure_again());
        }
        let changes = self.changes()?.into_iter();
        let stale = changes.filter(|it| !it.is_empty());
        lines.extend(stale.map(|it| format!("{}: it is not what {from} says", it.path)));
        if lines.is_empty() {
            say("Unchanged", path.as_str());
        } else {
            let write = format!("`cargo xtask bench-build --from {from} --into {path}`");
            say("Differs", &format!("{write} writes document and chart"));
        }
        Ok(lines)
    }

    fn measure_again(&self) -> String {
        let measure = format!("`cargo xtask bench-build --json {}`", self.from);
        format!("{measure} measures it again")
    }

    /// Of the chart and of the document.
    fn changes(&self) -> Result<[Change; 2], BenchError> {
        let old = read(self.path)?;
        let new = with_section(&old, self.results);
        let document = Change {
            path: self.path.to_owned(),
            old: Some(old),
            new: Some(new.ok_or_else(|| BenchError::NoMarkers(self.path.to_owned()))?),
        };
        let dir = self.path.parent().unwrap_or(Utf8Path::new(""));
        let path = dir.join(CHART);
        let chart = Change {
            old: path.is_file().then(|| read(&path)).transpose()?,
            new: Some(chart(self.results)),
            path,
        };
        Ok([chart, document])
    }
}
