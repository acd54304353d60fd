//! `maou._rust.io`: files of records.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StructArray};
use arrow::datatypes::Field;
use maou_io::{Column, Compression, Error, FileInfo, RecordWriter, no_panic};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::PyRecordBatchReader;
use pyo3_arrow::error::PyArrowResult;
use pyo3_arrow::ffi::{ArrayIterator, to_schema_pycapsule, to_stream_pycapsule};

use crate::errors::{RecordDataError, RecordError, RecordFileError, to_python};

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add(
        "__doc__",
        "Files of training records: reading, writing, merging, re-sharding.",
    )?;
    let py = module.py();
    module.add("RecordError", py.get_type::<RecordError>())?;
    module.add("RecordFileError", py.get_type::<RecordFileError>())?;
    module.add("RecordDataError", py.get_type::<RecordDataError>())?;
    module.add_class::<Records>()?;
    module.add_class::<PyFileInfo>()?;
    module.add_function(wrap_pyfunction!(read, module)?)?;
    module.add_function(wrap_pyfunction!(write, module)?)?;
    module.add_function(wrap_pyfunction!(merge, module)?)?;
    module.add_function(wrap_pyfunction!(reshard, module)?)?;
    module.add_function(wrap_pyfunction!(info, module)?)
}

/// Does `work` without the GIL and with a net below it; `path` is what it works on.
pub(crate) fn detached<T: Send>(
    py: Python<'_>,
    path: &Path,
    work: impl FnOnce() -> maou_io::Result<T> + Send,
) -> PyResult<T> {
    py.detach(|| no_panic(path, work))
        .map_err(|error| to_python(py, &error))
}

fn parse_compression(name: &str) -> PyResult<Compression> {
    name.parse()
        .map_err(|error: maou_io::UnknownCompression| PyValueError::new_err(error.to_string()))
}

/// Whether no signal, such as Ctrl-C, has arrived. What its handler raised is kept in `raised`.
fn no_signal(raised: &mut Option<PyErr>) -> bool {
    Python::attach(|py| match py.check_signals() {
        Ok(()) => true,
        Err(error) => {
            *raised = Some(error);
            false
        }
    })
}

/// Training records in memory.
///
/// They go to pyarrow, polars and every other Arrow library without a copy: `pyarrow.table(records)`.
/// The other way, `Records(data)` takes any object with `__arrow_c_stream__`, such as a
/// `pyarrow.Table`, and shares its memory; a `RecordDataError` says what makes it no training records.
#[pyclass(frozen, module = "maou._rust.io")]
pub(crate) struct Records {
    batches: Vec<RecordBatch>,
}

#[pymethods]
impl Records {
    #[new]
    fn new(py: Python<'_>, data: PyRecordBatchReader) -> PyResult<Self> {
        let path = Path::new("<memory>");
        let reader = data.into_reader()?;
        detached(py, path, || {
            let conformed = reader.map(|batch| {
                let batch = batch.map_err(|error| source_failed(path, &error))?;
                let rejected = |reason| Error::Rejected {
                    path: path.to_path_buf(),
                    reason,
                };
                maou_io::conform(&batch).map_err(rejected)
            });
            Ok(Self {
                batches: conformed.collect::<Result<_, _>>()?,
            })
        })
    }

    /// The number of records.
    #[getter]
    fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The number of batches that the records are in.
    #[getter]
    fn num_batches(&self) -> usize {
        self.batches.len()
    }

    /// The size of the records in bytes, 49 for each.
    #[getter]
    fn nbytes(&self) -> usize {
        self.num_rows()
            * Column::ALL
                .iter()
                .map(|column| column.width())
                .sum::<usize>()
    }

    fn __len__(&self) -> usize {
        self.num_rows()
    }

    fn __repr__(&self) -> String {
        format!(
            "<maou.Records: {} rows, {} batches>",
            self.num_rows(),
            self.num_batches()
        )
    }

    /// The schema as an Arrow `PyCapsule`.
    #[expect(
        clippy::unused_self,
        reason = "a method to Python; the schema is always the same"
    )]
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyArrowResult<Bound<'py, PyCapsule>> {
        to_schema_pycapsule(py, maou_io::schema().as_ref())
    }

    /// The records as an Arrow `PyCapsule` stream, without a copy unless another schema is requested.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyArrowResult<Bound<'py, PyCapsule>> {
        let field = Field::new_struct("", maou_io::schema().fields().clone(), false);
        let batches = self.batches.clone().into_iter();
        let structs = batches.map(|batch| Ok(Arc::new(StructArray::from(batch)) as ArrayRef));
        let reader = ArrayIterator::new(structs, Arc::new(field));
        to_stream_pycapsule(py, Box::new(reader), requested_schema)
    }
}

fn source_failed(path: &Path, error: &impl ToString) -> Error {
    Error::Source {
        path: path.to_path_buf(),
        message: error.to_string(),
    }
}

/// A summary of one file.
#[pyclass(frozen, get_all, name = "FileInfo", module = "maou._rust.io")]
pub(crate) struct PyFileInfo {
    /// The path of the file.
    path: PathBuf,
    /// The size of the file in bytes.
    size: u64,
    /// The number of records.
    rows: u64,
    /// The number of batches that the records are in.
    batches: usize,
    /// The compression: `lz4`, `zstd` or `none`.
    compression: &'static str,
    /// Whether the file has checksums, as every file that maou writes does; they match.
    checksums: bool,
    /// The lowest and highest evaluation in centipawns; None without records.
    eval: Option<(i16, i16)>,
    /// The first and last day, in days since 1970-01-01; None without records.
    date: Option<(i32, i32)>,
    /// The number of records that the side to move won.
    wins: u64,
    /// The number of drawn records.
    draws: u64,
    /// The number of records that the side to move lost.
    losses: u64,
}

impl From<FileInfo> for PyFileInfo {
    fn from(info: FileInfo) -> Self {
        Self {
            path: info.path,
            size: info.size,
            rows: info.rows,
            batches: info.batches,
            compression: info.compression.name(),
            checksums: info.checksums,
            eval: info.eval,
            date: info.date,
            wins: info.wins,
            draws: info.draws,
            losses: info.losses,
        }
    }
}

#[pymethods]
impl PyFileInfo {
    fn __repr__(&self) -> String {
        format!(
            "<maou.FileInfo: {}, {} rows, {}>",
            self.path.display(),
            self.rows,
            self.compression
        )
    }
}

/// Reads all records of a file.
///
/// The file must not be changed in place while the records are in use: those of an uncompressed file
/// are not copied from it. Raises `RecordFileError` if the file is damaged or holds something else.
#[pyfunction]
fn read(py: Python<'_>, path: PathBuf) -> PyResult<Records> {
    detached(py, &path, || {
        Ok(Records {
            batches: maou_io::read(&path)?,
        })
    })
}

/// Writes records to a file and returns their number.
///
/// `data` is any object with `__arrow_c_stream__`; of a reader one batch after the other is drawn.
/// The file appears when it is complete; after an exception an existing file is as it was.
#[pyfunction]
#[pyo3(signature = (data, path, *, compression="lz4"))]
fn write(
    py: Python<'_>,
    data: PyRecordBatchReader,
    path: PathBuf,
    compression: &str,
) -> PyResult<u64> {
    let compression = parse_compression(compression)?;
    let reader = data.into_reader()?;
    interruptible(py, &path, |keep_going| {
        let mut writer = RecordWriter::create(&path, compression)?;
        for batch in reader {
            if !keep_going() {
                return Err(Error::Interrupted);
            }
            writer.write(&batch.map_err(|error| source_failed(&path, &error))?)?;
        }
        writer.finish()
    })
}

/// Writes the records of the inputs, in that order, to one file and returns their number.
///
/// Memory holds a few batches, however large the files are. The output must not be an input.
#[pyfunction]
#[pyo3(signature = (inputs, output, *, compression="lz4"))]
fn merge(
    py: Python<'_>,
    inputs: Vec<PathBuf>,
    output: PathBuf,
    compression: &str,
) -> PyResult<u64> {
    let compression = parse_compression(compression)?;
    interruptible(py, &output, |keep_going| {
        maou_io::merge(&inputs, &output, compression, keep_going)
    })
}

/// Writes the records of the inputs, in that order, to files of `rows_per_file` records and returns
/// the paths: `records-00000.arrow` and so on in `directory`, which must be new or empty.
#[pyfunction]
#[pyo3(signature = (inputs, directory, *, rows_per_file, compression="lz4"))]
fn reshard(
    py: Python<'_>,
    inputs: Vec<PathBuf>,
    directory: PathBuf,
    rows_per_file: u64,
    compression: &str,
) -> PyResult<Vec<PathBuf>> {
    let compression = parse_compression(compression)?;
    let rows_per_file = NonZero::new(rows_per_file)
        .ok_or_else(|| PyValueError::new_err("rows_per_file must be at least 1"))?;
    interruptible(py, &directory, |keep_going| {
        maou_io::reshard(&inputs, &directory, rows_per_file, compression, keep_going)
    })
}

/// Summarizes a file. It is read in full, so that a summary also says that the file is sound.
#[pyfunction]
fn info(py: Python<'_>, path: PathBuf) -> PyResult<PyFileInfo> {
    detached(py, &path, || Ok(maou_io::info(&path)?.into()))
}

/// [`detached`] for work that asks now and then whether to go on, and stops at a signal.
fn interruptible<T: Send>(
    py: Python<'_>,
    path: &Path,
    work: impl FnOnce(&mut dyn FnMut() -> bool) -> maou_io::Result<T> + Send,
) -> PyResult<T> {
    let mut raised = None;
    let result = detached(py, path, || work(&mut || no_signal(&mut raised)));
    match raised {
        Some(error) => Err(error),
        None => result,
    }
}
