//! Keeping results: after every run, so that an abort loses none.

use camino::{Utf8Path, Utf8PathBuf};

use crate::error::{BenchError, at};
use crate::results::{LaneRecord, Results, SCHEMA};

/// Writes `results` beside `path`, and puts them in its place.
///
/// # Errors
/// If that is not possible; what was at `path` is still there then.
pub fn save(results: &Results, path: &Utf8Path) -> Result<(), BenchError> {
    write(path, &json(results))
}

/// `results` as JSON, as `--json` gives it out.
#[must_use]
pub fn json(results: &Results) -> String {
    // Maps with other keys than strings could fail, and there are none.
    let mut text = serde_json::to_string_pretty(results).unwrap_or_default();
    text.push('\n');
    text
}

/// Writes `text` beside `path`, and puts it in its place.
///
/// # Errors
/// See [`save`].
pub fn write(path: &Utf8Path, text: &str) -> Result<(), BenchError> {
    if let Some(parent) = path.parent().filter(|dir| !dir.as_str().is_empty()) {
        fs_err::create_dir_all(parent).map_err(at(parent))?;
    }
    let draft = draft_of(path);
    fs_err::write(&draft, text).map_err(at(&draft))?;
    fs_err::rename(&draft, path).map_err(at(path))
}

fn draft_of(path: &Utf8Path) -> Utf8PathBuf {
    let name = path.file_name().unwrap_or("results");
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

/// Reads what [`save`] has written.
///
/// # Errors
/// If it is not there, or of another form.
pub fn load(path: &Utf8Path) -> Result<Results, BenchError> {
    let text = fs_err::read_to_string(path).map_err(at(path))?;
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
