//! Keeping results: after every run, so that an abort loses none.

use camino::Utf8Path;
use trial::files::{read, replace};

use crate::error::BenchError;
use crate::results::{LaneRecord, Results, SCHEMA};

/// Writes `results` beside `path`, and puts them in its place.
///
/// # Errors
/// If that is not possible; what was at `path` is still there then.
pub fn save(results: &Results, path: &Utf8Path) -> Result<(), BenchError> {
    Ok(replace(path, &json(results))?)
}

/// `results` as JSON, as `--json` gives it out.
#[must_use]
pub fn json(results: &Results) -> String {
    // Maps with other keys than strings could fail, and there are none.
    let mut text = serde_json::to_string_pretty(results).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads what [`save`] has written.
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

/// Of what [`save`] has written `scenarios` alone, if some are named.
pub fn load_some(path: &Utf8Path, scenarios: &[String]) -> Result<Results, BenchError> {
    let mut results = load(path)?;
    results.keep(scenarios);
    if results.cells.is_empty() {
        return Err(BenchError::NothingNamed(path.to_owned()));
    }
    Ok(results)
}
