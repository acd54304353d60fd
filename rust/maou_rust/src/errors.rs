//! Rust's errors as Python exceptions.

use std::io;
use std::path::Path;

use maou_io::Error;
use pyo3::create_exception;
use pyo3::exceptions::{
    PyFileExistsError, PyIsADirectoryError, PyKeyboardInterrupt, PyOSError, PyRuntimeError,
    PyValueError,
};
use pyo3::prelude::*;

create_exception!(
    maou,
    RecordError,
    PyValueError,
    "Something is wrong with training records: `path` says where, `reason` says what."
);
create_exception!(
    maou,
    RecordFileError,
    RecordError,
    "A file holds no records that can be trusted."
);
create_exception!(
    maou,
    RecordDataError,
    RecordError,
    "Data to be written are no training records."
);

/// The exception for an error.
pub(crate) fn to_python(py: Python<'_>, error: &Error) -> PyErr {
    let message = error.to_string();
    match error {
        Error::Io { path, source } => os_error(path, source),
        Error::Invalid { path, reason } => with_details(
            py,
            RecordFileError::new_err(message),
            path,
            &reason.to_string(),
        ),
        Error::Rejected { path, reason } => with_details(
            py,
            RecordDataError::new_err(message),
            path,
            &reason.to_string(),
        ),
        Error::Source {
            path,
            message: reason,
        } => with_details(py, RecordDataError::new_err(message), path, reason),
        Error::OutputIsInput { .. } => PyValueError::new_err(message),
        Error::OutputNotEmpty { path } => {
            let (number, text) = (17, "exists and is not an empty directory");
            PyFileExistsError::new_err((number, text, path.as_os_str().to_owned()))
        }
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
        _ => PyRuntimeError::new_err(message),
    }
}

/// The subclass of `OSError` that Python itself would raise, with `errno` and `filename`.
fn os_error(path: &Path, source: &io::Error) -> PyErr {
    let path = path.as_os_str().to_owned();
    if let Some(number) = source.raw_os_error() {
        // Rust appends the number, Python puts it in front.
        let text = source.to_string();
        let text = text
            .split(" (os error")
            .next()
            .unwrap_or_default()
            .to_owned();
        return PyOSError::new_err((number, text, path));
    }
    if source.kind() == io::ErrorKind::IsADirectory {
        return PyIsADirectoryError::new_err((21, "Is a directory", path));
    }
    PyOSError::new_err(format!("{}: {source}", path.display()))
}

/// Adds the attributes. Exceptions that a stable-ABI extension defines have no fields of their own.
fn with_details(py: Python<'_>, error: PyErr, path: &Path, reason: &str) -> PyErr {
    let value = error.value(py);
    match value
        .setattr("path", path.as_os_str())
        .and_then(|()| value.setattr("reason", reason))
    {
        Ok(()) => error,
        Err(other) => other,
    }
}
