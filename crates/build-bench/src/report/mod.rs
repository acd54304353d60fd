//! What was measured, for people: on the terminal, in Markdown, as one HTML page.

mod bars;
pub(crate) mod chart;
pub mod document;
mod gantt;
pub(crate) mod html;
pub(crate) mod markdown;
mod remarks;
pub(crate) mod section;
pub mod table;
pub(crate) mod words;

use build_env::tools::Say;
use camino::Utf8Path;
use trial::files::{FileError, replace};

use crate::error::BenchError;
use crate::results::Results;
use crate::store;

/// The files that reports are written to, as far as they are wanted.
#[derive(Debug, Clone, Copy)]
pub struct ReportFiles<'a> {
    /// The results as JSON.
    pub json: Option<&'a Utf8Path>,
    /// Tables.
    pub markdown: Option<&'a Utf8Path>,
    /// A page with charts.
    pub html: Option<&'a Utf8Path>,
}

impl ReportFiles<'_> {
    /// Writes them. `kept` is the file in which the results are kept, if nobody knows it yet.
    pub fn write(
        &self,
        results: &Results,
        kept: Option<&Utf8Path>,
        say: Say<'_>,
    ) -> Result<(), BenchError> {
        let written = self.try_write(results, say);
        written.map_err(|source| match kept.map(Utf8Path::to_owned) {
            Some(kept) => BenchError::ReportNotWritten { kept, source },
            None => source.into(),
        })
    }

    fn try_write(&self, results: &Results, say: Say<'_>) -> Result<(), FileError> {
        let reports: [(_, fn(&Results) -> String); 3] = [
            (self.json, store::json),
            (self.markdown, markdown::markdown),
            (self.html, html::html),
        ];
        for (path, report) in reports {
            if let Some(path) = path {
                replace(path, &report(results))?;
                say("Written", path.as_str());
            }
        }
        Ok(())
    }
}
