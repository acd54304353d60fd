//! Keeping results: after every run, so that an abort loses none.

use camino::Utf8Path;
use trial::files::{read, replace};

use crate::error::BenchError;
use crate::results::{LaneRecord, Results, SCHEMA};

/// Writes `results` to `path`, whole or not at all.
pub fn save(results: &Results, path: &Utf8Path) -> Result<(), BenchError> {
    let text = serde_json::to_string_pretty(results).unwrap_or_default();
    Ok(replace(path, &text)?)
}

/// `results` as `--json` gives them out: with the timelines that a report shows, and no others.
pub(crate) fn json(results: &Results) -> String {
    let shown = results.clone().with_shown_timelines();
    serde_json::to_string(&shown).unwrap_or_default() + "\n"
}

/// Reads what [`save`] has written, or `--json`.
pub fn load(path: &Utf8Path) -> Result<Results, BenchError> {
    let text = read(path)?;
    let wrong = |source| BenchError::Results {
        path: path.to_owned(),
        source,
    };
    let mut results: Results = serde_json::from_str(&text).map_err(|error| wrong(Some(error)))?;
    if results.schema != SCHEMA {
        return Err(wrong(None));
    }
    if results.measured_at_s.is_none() {
        let lanes = std::mem::take(&mut results.method.lanes).into_iter();
        results.method.lanes = lanes.map(LaneRecord::without_launcher).collect();
    }
    Ok(results)
}

/// The same of `scenarios` alone, if some are named.
pub fn load_some(path: &Utf8Path, scenarios: &[String]) -> Result<Results, BenchError> {
    let mut results = load(path)?;
    results.keep(scenarios);
    if results.cells.is_empty() {
        return Err(BenchError::NothingNamed(path.to_owned()));
    }
    Ok(results)
}
