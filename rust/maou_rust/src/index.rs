//! `maou._rust.index`: finding records in a directory.

use std::path::PathBuf;

use maou_index::Location;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::to_python;
use crate::io::detached;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__doc__", "Finding records in a directory of files.")?;
    module.add_class::<Index>()?;
    module.add_function(wrap_pyfunction!(record_files, module)?)
}

/// A file and a row in it, as Python sees them.
type Found<'py> = (Bound<'py, PyAny>, u64);

/// Locations, sorted by file, as Python objects: one path object for all rows of a file.
fn to_tuples<'py>(py: Python<'py>, locations: &[Location<'_>]) -> PyResult<Vec<Found<'py>>> {
    let mut found = Vec::with_capacity(locations.len());
    for rows in locations.chunk_by(|a, b| a.file == b.file) {
        let file = rows[0].file.into_pyobject(py)?;
        found.extend(rows.iter().map(|location| (file.clone(), location.row)));
    }
    Ok(found)
}

/// An index of the records in a directory, in memory, with 14 bytes for each.
///
/// All files that `record_files` lists are read. A damaged one raises `RecordFileError`.
#[pyclass(frozen, module = "maou._rust.index")]
pub(crate) struct Index(maou_index::Index);

#[pymethods]
impl Index {
    #[new]
    fn new(py: Python<'_>, directory: PathBuf) -> PyResult<Self> {
        let opened = detached(py, &directory, || Ok(maou_index::Index::open(&directory)))?;
        match opened {
            Ok(index) => Ok(Self(index)),
            Err(maou_index::Error::File(error)) => Err(to_python(py, &error)),
            Err(other) => Err(PyValueError::new_err(other.to_string())),
        }
    }

    /// The files of the index, sorted.
    #[getter]
    fn files(&self) -> Vec<PathBuf> {
        self.0.files().to_vec()
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __repr__(&self) -> String {
        format!(
            "<maou.Index: {} rows in {} files>",
            self.0.len(),
            self.0.files().len()
        )
    }

    /// Finds the records with one of these ids: a list of (file, row), sorted, each of them once.
    ///
    /// Rows are counted from 0.
    fn find_ids<'py>(&self, py: Python<'py>, ids: Vec<u64>) -> PyResult<Vec<Found<'py>>> {
        to_tuples(py, &py.detach(|| self.0.find_ids(&ids)))
    }

    /// Finds the records with an evaluation from `low` to `high` centipawns, both included.
    ///
    /// The result is a list of (file, row), sorted, cut after `limit`.
    #[pyo3(signature = (low, high, *, limit=None))]
    fn find_evals<'py>(
        &self,
        py: Python<'py>,
        low: i16,
        high: i16,
        limit: Option<usize>,
    ) -> PyResult<Vec<Found<'py>>> {
        let limit = limit.unwrap_or(usize::MAX);
        let found: Vec<_> = py.detach(|| self.0.find_evals(low..=high).take(limit).collect());
        to_tuples(py, &found)
    }

    /// Counts the records with an evaluation from `low` to `high` centipawns, both included.
    fn count_evals(&self, py: Python<'_>, low: i16, high: i16) -> usize {
        py.detach(|| self.0.count_evals(low..=high))
    }
}

/// Lists the record files in a directory and the directories in it, sorted.
///
/// Record files are those ending in `.arrow` or `.feather`; names that start with a dot are skipped.
#[pyfunction]
fn record_files(py: Python<'_>, directory: PathBuf) -> PyResult<Vec<PathBuf>> {
    detached(py, &directory, || maou_index::record_files(&directory))
}
