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

use camino::Utf8Path;
use processes::Say;
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
        let put = |path: &Utf8Path, report: String| {
            replace(path, &report)?;
            say("Written", path.as_str());
            Ok(())
        };
        self.json
            .map_or(Ok(()), |path| put(path, store::json(results)))?;
        let markdown = self.markdown;
        markdown.map_or(Ok(()), |path| put(path, markdown::markdown(results)))?;
        self.html
            .map_or(Ok(()), |path| put(path, html::html(results)))
    }
}
