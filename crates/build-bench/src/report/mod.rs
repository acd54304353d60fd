//! What was measured, for people: on the terminal, in Markdown, as one HTML page.

mod bars;
pub mod chart;
pub mod document;
mod gantt;
pub mod html;
pub mod markdown;
pub mod section;
pub mod table;
pub mod words;

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
        self.try_write(results, say).map_err(|source| match kept {
            Some(kept) => BenchError::ReportNotWritten {
                kept: kept.to_owned(),
                source,
            },
            None => source.into(),
        })
    }

    fn try_write(&self, results: &Results, say: Say<'_>) -> Result<(), FileError> {
        let put = |path: Option<&Utf8Path>, report: fn(&Results) -> String| {
            path.map_or(Ok(()), |path| {
                replace(path, &report(results))?;
                say("Written", path.as_str());
                Ok(())
            })
        };
        put(self.json, store::json)?;
        put(self.markdown, markdown::markdown)?;
        put(self.html, html::html)
    }
}
