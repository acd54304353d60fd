//! An index over a directory of training records.
//!
//! The index is in memory and takes 14 bytes per record: the ids, sorted, each with its row, and
//! the evaluations in the order of the rows. Only the columns `id` and `eval` are decoded for it.

mod scan;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{Int16Type, UInt64Type};
use maou_io::{Column, RecordFile, Result, pool};
use rayon::prelude::*;

pub use scan::record_files;

/// How many evaluations share one pair of bounds: few enough that a narrow range skips most of a
/// file that is sorted by date or opening, enough that the bounds cost next to nothing.
const CHUNK_ROWS: usize = 4096;

/// Where a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location<'a> {
    /// The file.
    pub file: &'a Path,
    /// The row in the file, counted from 0.
    pub row: u64,
}

/// Finds the records of a directory by id and by evaluation.
#[derive(Debug)]
pub struct Index {
    files: Vec<PathBuf>,
    /// Where every file's rows start among all rows, and behind the last the number of all rows.
    starts: Vec<u64>,
    /// All ids, sorted.
    ids: Vec<u64>,
    /// The row of every id in `ids`, ascending where ids are equal.
    rows: Vec<Row>,
    /// All evaluations in centipawns, in the order of the rows.
    evals: Vec<i16>,
    /// The lowest and highest evaluation of every chunk of `evals`.
    bounds: Vec<(i16, i16)>,
}

/// A row among all rows. 32 bits are enough for what fits into memory, see [`Error::TooManyRows`].
type Row = u32;

/// Why there is no index.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be read, or holds no records.
    #[error(transparent)]
    File(#[from] maou_io::Error),
    /// There are more rows than an index addresses.
    #[error("{}: {rows} records are too many for one index, the limit is {}", directory.display(), Row::MAX)]
    TooManyRows {
        /// The directory.
        directory: PathBuf,
        /// How many records it has.
        rows: u64,
    },
}

/// The indexed columns of one file.
struct FileColumns {
    ids: Vec<ArrayRef>,
    evals: Vec<ArrayRef>,
    rows: u64,
}

impl Index {
    /// Reads all record files of a directory, see [`record_files`], in parallel. The first damaged
    /// one, in the order of the paths, is the error.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let files = record_files(directory)?;
        let columns: Vec<Result<FileColumns>> =
            pool::install(|| files.par_iter().map(|file| read_columns(file)).collect());
        let columns = columns.into_iter().collect::<Result<Vec<_>>>()?;
        let starts = starts(&columns);
        let rows = starts.last().copied().unwrap_or_default();
        if rows > u64::from(Row::MAX) {
            return Err(Error::TooManyRows {
                directory: directory.to_path_buf(),
                rows,
            });
        }
        Ok(pool::install(|| Self::build(files, starts, &columns)))
    }

    fn build(files: Vec<PathBuf>, starts: Vec<u64>, columns: &[FileColumns]) -> Self {
        let (ids, rows) = sorted_ids(columns);
        let evals = columns.iter().flat_map(|file| &file.evals);
        let evals: Vec<i16> = evals
            .flat_map(|batch| batch.as_primitive::<Int16Type>().values())
            .copied()
            .collect();
        let bounds = evals.par_chunks(CHUNK_ROWS).map(bounds).collect();
        Self {
            files,
            starts,
            ids,
            rows,
            evals,
            bounds,
        }
    }

    /// The files of the index, sorted by path.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// How many records the index has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.evals.len()
    }

    /// Whether the index has no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.evals.is_empty()
    }

    /// The records with one of these ids, sorted by file and row, each of them once.
    #[must_use]
    pub fn find_ids(&self, ids: &[u64]) -> Vec<Location<'_>> {
        let mut rows: Vec<Row> = ids
            .iter()
            .flat_map(|id| self.rows_of(*id))
            .copied()
            .collect();
        rows.sort_unstable();
        rows.dedup();
        rows.into_iter().map(|row| self.location(row)).collect()
    }

    /// The rows with this id, ascending.
    fn rows_of(&self, id: u64) -> &[Row] {
        let start = self.ids.partition_point(|found| *found < id);
        let count = self.ids[start..].partition_point(|found| *found == id);
        &self.rows[start..start + count]
    }

    /// The records whose evaluation in centipawns is within `range`, sorted by file and row. They
    /// are searched as they are drawn, so the first few cost little.
    pub fn find_evals(&self, range: RangeInclusive<i16>) -> impl Iterator<Item = Location<'_>> {
        self.matching_chunks(range.clone())
            .flat_map(move |(start, chunk)| {
                let range = range.clone();
                let rows = (start..)
                    .zip(chunk)
                    .filter(move |(_, eval)| range.contains(eval));
                rows.map(|(row, _)| self.location(row))
            })
    }

    /// How many records have an evaluation within `range`.
    #[must_use]
    pub fn count_evals(&self, range: RangeInclusive<i16>) -> usize {
        let count = |chunk: &[i16]| chunk.iter().filter(|eval| range.contains(eval)).count();
        self.matching_chunks(range.clone())
            .map(|(_, chunk)| count(chunk))
            .sum()
    }

    /// The chunks that may have an evaluation within `range`, with their first row.
    fn matching_chunks(&self, range: RangeInclusive<i16>) -> impl Iterator<Item = (Row, &[i16])> {
        let chunks = (0..).step_by(CHUNK_ROWS).zip(self.evals.chunks(CHUNK_ROWS));
        let chunks = chunks.zip(&self.bounds);
        let may_match =
            move |(low, high): (i16, i16)| low <= *range.end() && *range.start() <= high;
        chunks
            .filter(move |(_, bounds)| may_match(**bounds))
            .map(|(chunk, _)| chunk)
    }

    fn location(&self, row: Row) -> Location<'_> {
        let row = u64::from(row);
        let file = self.starts.partition_point(|start| *start <= row) - 1;
        Location {
            file: &self.files[file],
            row: row - self.starts[file],
        }
    }
}

fn read_columns(path: &Path) -> Result<FileColumns> {
    let file = RecordFile::open(path)?;
    let (mut ids, mut evals) = (Vec::new(), Vec::new());
    for batch in file.read_columns(&[Column::Id, Column::Eval])? {
        let mut columns = batch.into_iter();
        ids.extend(columns.next());
        evals.extend(columns.next());
    }
    Ok(FileColumns {
        ids,
        evals,
        rows: file.num_rows(),
    })
}

fn starts(columns: &[FileColumns]) -> Vec<u64> {
    let mut next = 0;
    let mut starts = vec![0];
    starts.extend(columns.iter().map(|file| {
        next += file.rows;
        next
    }));
    starts
}

/// All ids, sorted, and the row of each.
fn sorted_ids(columns: &[FileColumns]) -> (Vec<u64>, Vec<Row>) {
    let batches = columns.iter().flat_map(|file| &file.ids);
    let ids = batches.flat_map(|batch| batch.as_primitive::<UInt64Type>().values());
    let mut pairs: Vec<(u64, Row)> = ids.copied().zip(0..).collect();
    // Files are often written in the order of the ids; then there is nothing to sort.
    if !pairs.is_sorted() {
        pairs.par_sort_unstable();
    }
    pairs.into_iter().unzip()
}

/// The lowest and the highest of at least one evaluation.
fn bounds(chunk: &[i16]) -> (i16, i16) {
    chunk
        .iter()
        .fold((i16::MAX, i16::MIN), |(low, high), eval| {
            (low.min(*eval), high.max(*eval))
        })
}
