//! What can go wrong, always with the path it went wrong at.

use std::io;
use std::path::{Path, PathBuf};

/// The result of everything in this crate that touches files.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused: no such file, no permission, no space left.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file that was read holds no records that can be trusted.
    #[error("{}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: Reason,
    },
    /// Data that was to be written are no training records.
    #[error("{}: the data are no training records: {reason}", path.display())]
    Rejected {
        /// The file that they were to be written to.
        path: PathBuf,
        /// What is wrong with the data.
        reason: Reason,
    },
    /// The source of the data to be written failed on its own.
    #[error("{}: the source of the records failed: {message}", path.display())]
    Source {
        /// The file that would have been written.
        path: PathBuf,
        /// What the source said.
        message: String,
    },
    /// The output of a merge is one of its inputs.
    #[error("{}: is an input, so it cannot be the output as well", path.display())]
    OutputIsInput {
        /// The file that is both.
        path: PathBuf,
    },
    /// The output directory of a re-shard holds something already.
    #[error("{}: exists and is not an empty directory", path.display())]
    OutputNotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A defect of this library.
    #[error("{}: internal error, please report it: {message}", path.display())]
    Internal {
        /// The file that was worked on.
        path: PathBuf,
        /// The panic's message.
        message: String,
    },
}

/// What is wrong with a file or with data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// There is not one byte in the file.
    #[error("is empty")]
    Empty,
    /// Some other format.
    #[error("not an Arrow IPC file: {0}")]
    NotArrow(&'static str),
    /// The end of the file is missing.
    #[error("truncated: {0}")]
    Truncated(String),
    /// Lengths, offsets or compressed data contradict each other.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The bytes are not those that were written.
    #[error("damaged: the checksum of {0} does not match")]
    Checksum(String),
    /// Valid Arrow, but nothing that a writer of training records produces.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// The columns are not those of training records.
    #[error(transparent)]
    Schema(#[from] SchemaMismatch),
    /// A column has nulls; records have none.
    #[error("column `{column}` has {count} nulls, expected none")]
    Nulls {
        /// The column.
        column: &'static str,
        /// How many nulls the first offending batch has.
        count: u64,
    },
    /// A value outside its range.
    #[error("column `{column}` has the value {value} in row {row} of a batch, expected {expected}")]
    Value {
        /// The column.
        column: &'static str,
        /// The row, counted from 0 within its batch.
        row: usize,
        /// The value found.
        value: i64,
        /// The values allowed.
        expected: &'static str,
    },
}

/// A failure whose path the caller adds.
#[derive(Debug)]
pub(crate) enum Fault {
    Io(io::Error),
    Reason(Reason),
}

impl Fault {
    /// The failure of reading the file at `path`.
    pub(crate) fn at(self, path: &Path) -> Error {
        let path = path.to_path_buf();
        match self {
            Self::Io(source) => Error::Io { path, source },
            Self::Reason(reason) => Error::Invalid { path, reason },
        }
    }
}

impl From<io::Error> for Fault {
    fn from(source: io::Error) -> Self {
        Self::Io(source)
    }
}

impl<R: Into<Reason>> From<R> for Fault {
    fn from(reason: R) -> Self {
        Self::Reason(reason.into())
    }
}

impl Error {
    /// An operating system's refusal at `path`, for `map_err`.
    pub fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }

    /// The file or directory that the failure is about; none for an interruption.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. }
            | Self::Invalid { path, .. }
            | Self::Rejected { path, .. }
            | Self::Source { path, .. }
            | Self::OutputIsInput { path }
            | Self::OutputNotEmpty { path }
            | Self::Internal { path, .. } => Some(path),
            Self::Interrupted => None,
        }
    }
}

/// How a schema differs from that of training records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaMismatch {
    /// A column is not there.
    #[error("column `{0}` is missing")]
    Missing(&'static str),
    /// A column that records do not have.
    #[error("column `{0}` is not a column of training records")]
    Extra(String),
    /// All columns are there, in another order.
    #[error("column {index} is `{found}`, expected `{expected}`: the order is fixed")]
    Order {
        /// The place, counted from 0.
        index: usize,
        /// The column that is there.
        found: String,
        /// The column that belongs there.
        expected: &'static str,
    },
    /// A column of another type.
    #[error("column `{column}` is {found}, expected {expected}")]
    Type {
        /// The column.
        column: &'static str,
        /// The type that it has.
        found: String,
        /// The type that it must have.
        expected: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_file_and_the_reason() {
        let error = Fault::from(Reason::Empty).at(Path::new("data/a.arrow"));
        assert_eq!(error.to_string(), "data/a.arrow: is empty");
        assert_eq!(error.path(), Some(Path::new("data/a.arrow")));
    }
}
