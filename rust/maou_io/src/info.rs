//! What is in a file.

use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, Date32Type, Int8Type, Int16Type};

use crate::compression::Compression;
use crate::error::Result;
use crate::file::RecordFile;
use crate::schema::Column;

/// A summary of a file, read from it in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// How many records it has.
    pub rows: u64,
    /// How many batches they are in.
    pub batches: usize,
    /// How the batches are compressed.
    pub compression: Compression,
    /// Whether it has checksums; they match, or there would be no summary.
    pub checksums: bool,
    /// The lowest and the highest evaluation in centipawns; none without records.
    pub eval: Option<(i16, i16)>,
    /// The first and the last day, in days since 1970-01-01; none without records.
    pub date: Option<(i32, i32)>,
    /// How many records are won by the side to move.
    pub wins: u64,
    /// How many records are drawn.
    pub draws: u64,
    /// How many records are lost by the side to move.
    pub losses: u64,
}

/// Summarizes a file. It is read as a whole, so that a summary also says that the file is sound.
pub fn info(path: &Path) -> Result<FileInfo> {
    let file = RecordFile::open(path)?;
    let batches = file.read_columns(&Column::ALL)?;
    let column = |column: Column| batches.iter().map(move |batch| &batch[column as usize]);
    let results = |result: i8| count(column(Column::Result), result);
    Ok(FileInfo {
        path: path.to_path_buf(),
        size: file.size(),
        rows: file.num_rows(),
        batches: file.num_batches(),
        compression: file.compression(),
        checksums: file.has_checksums(),
        eval: bounds::<Int16Type>(column(Column::Eval)),
        date: bounds::<Date32Type>(column(Column::Date)),
        wins: results(1),
        draws: results(0),
        losses: results(-1),
    })
}

/// The lowest and the highest value of a column's batches.
fn bounds<'a, T>(batches: impl Iterator<Item = &'a ArrayRef>) -> Option<(T::Native, T::Native)>
where
    T: ArrowPrimitiveType<Native: Ord>,
{
    let values = batches.flat_map(values::<T>);
    values.fold(None, |bounds, value| match bounds {
        None => Some((*value, *value)),
        Some((low, high)) => Some((low.min(*value), high.max(*value))),
    })
}

fn values<T: ArrowPrimitiveType>(array: &ArrayRef) -> &[T::Native] {
    let array: &PrimitiveArray<T> = array.as_primitive();
    array.values()
}

fn count<'a>(batches: impl Iterator<Item = &'a ArrayRef>, result: i8) -> u64 {
    let values = batches.flat_map(values::<Int8Type>);
    values.filter(|value| **value == result).count() as u64
}
