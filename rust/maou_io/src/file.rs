//! Reading a file of records.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, FixedSizeBinaryArray, Int8Array, Int16Array, RecordBatch, UInt16Array,
    UInt64Array,
};
use arrow::buffer::{Buffer, ScalarBuffer};
use arrow::datatypes::ArrowNativeType;
use rayon::prelude::*;

use crate::arena::Arena;
use crate::compression::Compression;
use crate::error::{Error, Fault, Reason, Result};
use crate::layout::{self, BatchLayout, Layout};
use crate::pool;
use crate::schema::{Column, check_values, schema};
use crate::source::Source;

/// An open file whose layout is checked: every offset and size in it is possible.
#[derive(Debug)]
pub struct RecordFile {
    path: PathBuf,
    source: Source,
    layout: Layout,
}

impl RecordFile {
    /// Opens a file to read all of it, by mapping it into memory.
    ///
    /// No other process may shorten or overwrite the file while the result, or a batch that was
    /// read from an uncompressed file, is in use. Replacing the file by renaming another over it,
    /// as this crate does, is fine.
    pub fn open(path: &Path) -> Result<Self> {
        Self::from_source(path, Source::map(path))
    }

    /// Opens a file to read one batch after the other, with memory for no more than one.
    pub fn open_streaming(path: &Path) -> Result<Self> {
        Self::from_source(path, Source::stream(path))
    }

    /// Takes the content of a file from memory; `path` is for messages.
    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        Self::from_buffer(path, Buffer::from_vec(bytes))
    }

    /// Takes the content of a file from memory that is shared; `path` is for messages.
    pub fn from_buffer(path: &Path, bytes: Buffer) -> Result<Self> {
        Self::from_source(path, Ok(Source::Whole(bytes)))
    }

    fn from_source(path: &Path, source: Result<Source, Fault>) -> Result<Self> {
        let open = || {
            let source = source?;
            let layout = layout::read(&source)?;
            Ok(Self {
                path: path.to_path_buf(),
                source,
                layout,
            })
        };
        open().map_err(|fault: Fault| fault.at(path))
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size of the file in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.source.len()
    }

    /// How many batches the file has.
    #[must_use]
    pub fn num_batches(&self) -> usize {
        self.layout.batches.len()
    }

    /// How many records the file has.
    #[must_use]
    pub fn num_rows(&self) -> u64 {
        self.layout
            .batches
            .iter()
            .map(|batch| batch.rows as u64)
            .sum()
    }

    /// How the first batch is compressed; writers do not change it from batch to batch.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.layout
            .batches
            .first()
            .map_or(Compression::None, |batch| batch.compression)
    }

    /// Whether the file has checksums. All files that this crate writes do.
    #[must_use]
    pub fn has_checksums(&self) -> bool {
        self.layout.checksums.is_some()
    }

    /// Reads all batches, in parallel. Uncompressed ones share the memory map.
    pub fn read_all(&self) -> Result<Vec<RecordBatch>> {
        let batches = self.read_columns(&Column::ALL)?;
        batches
            .into_iter()
            .map(|columns| self.batch(columns))
            .collect()
    }

    /// Reads one batch.
    pub fn read_batch(&self, index: usize) -> Result<RecordBatch> {
        let mut columns = self.read(index..index + 1, &Column::ALL)?;
        self.batch(columns.pop().unwrap_or_default())
    }

    /// Reads some columns of all batches, in parallel: per batch one array for every column asked
    /// for. Checksums are compared over whole batches all the same.
    pub fn read_columns(&self, columns: &[Column]) -> Result<Vec<Vec<ArrayRef>>> {
        self.read(0..self.num_batches(), columns)
    }

    fn read(&self, batches: Range<usize>, columns: &[Column]) -> Result<Vec<Vec<ArrayRef>>> {
        pool::install(|| {
            let blocks = self.blocks(batches)?;
            self.verify(&blocks)?;
            let tasks: Vec<Task<'_>> = blocks
                .iter()
                .flat_map(|block| {
                    columns.iter().map(|column| Task {
                        block,
                        column: *column,
                    })
                })
                .collect();
            let arrays = decode(&tasks)?;
            Ok(arrays
                .chunks(columns.len().max(1))
                .map(<[_]>::to_vec)
                .collect())
        })
        .map_err(|fault: Fault| fault.at(&self.path))
    }

    /// The bytes of some batches.
    fn blocks(&self, batches: Range<usize>) -> Result<Vec<Block<'_>>, Fault> {
        let layouts = self.layout.batches.get(batches.clone());
        let layouts =
            layouts.ok_or_else(|| Reason::Damaged(format!("there are no batches {batches:?}")))?;
        let numbered = batches.zip(layouts);
        numbered
            .map(|(index, layout)| block(&self.source, index, layout))
            .collect()
    }

    fn verify(&self, blocks: &[Block<'_>]) -> Result<(), Fault> {
        let Some(checksums) = &self.layout.checksums else {
            return Ok(());
        };
        let check = |block: &Block<'_>| checksums.check(block.index, &block.bytes);
        first_failure(blocks.par_iter().map(check).collect())?;
        Ok(())
    }

    fn batch(&self, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
        RecordBatch::try_new(schema(), columns)
            .map_err(|error| Fault::from(Reason::Damaged(error.to_string())).at(&self.path))
    }
}

/// The bytes of one batch.
struct Block<'a> {
    index: usize,
    layout: &'a BatchLayout,
    /// Metadata and body.
    bytes: Buffer,
}

fn block<'a>(source: &Source, index: usize, layout: &'a BatchLayout) -> Result<Block<'a>, Fault> {
    Ok(Block {
        index,
        layout,
        bytes: source.slice(layout.block.clone())?,
    })
}

/// One column of one batch. Columns are tasks of their own: a file may well be one large batch.
struct Task<'a> {
    block: &'a Block<'a>,
    column: Column,
}

impl Task<'_> {
    /// The size of the values in bytes.
    fn size(&self) -> usize {
        self.block.layout.rows * self.column.width()
    }

    /// The size of the memory to decompress to; what is not compressed is not copied.
    fn arena_size(&self) -> usize {
        if self.block.layout.compression == Compression::None {
            0
        } else {
            self.size()
        }
    }

    /// The values as they are in the file. The layout has placed them within the block.
    fn stored(&self) -> Buffer {
        let start = self.block.layout.block.start;
        let place = &self.block.layout.columns[self.column as usize];
        let [start, end] = [place.start - start, place.end - start]
            .map(|offset| usize::try_from(offset).unwrap_or(usize::MAX));
        self.block.bytes.slice_with_length(start, end - start)
    }

    fn restore(&self, output: &mut [u8]) -> Result<(), Reason> {
        let compression = self.block.layout.compression;
        if compression == Compression::None {
            return Ok(());
        }
        compression
            .restore(&self.stored(), output, self.size())
            .map_err(|what| self.damaged(&what))
    }

    /// The array over the values, which are shared: those in the arena, or those in the file.
    fn array(&self, restored: Buffer) -> Result<ArrayRef, Reason> {
        let values = if self.block.layout.compression == Compression::None {
            self.stored().slice_with_length(0, self.size())
        } else {
            restored
        };
        let array = array(self.column, values, self.block.layout.rows);
        let array = array.map_err(|what| self.damaged(&what))?;
        check_values(self.column, &array)?;
        Ok(array)
    }

    fn damaged(&self, what: &str) -> Reason {
        let (index, column) = (self.block.index, self.column.name());
        Reason::Damaged(format!("batch {index}, column `{column}`: {what}"))
    }
}

/// Decodes columns in parallel.
fn decode(tasks: &[Task<'_>]) -> Result<Vec<ArrayRef>, Reason> {
    let sizes: Vec<usize> = tasks.iter().map(Task::arena_size).collect();
    let mut arena = Arena::new(&sizes).map_err(Reason::Damaged)?;
    let outputs = arena.split(&sizes);
    let restored = tasks
        .par_iter()
        .zip(outputs)
        .map(|(task, output)| task.restore(output));
    first_failure(restored.collect())?;
    let arrays = tasks
        .iter()
        .zip(arena.freeze(&sizes))
        .map(|(task, values)| task.array(values));
    arrays.collect()
}

/// Of several failures the first in the file is reported, whichever thread was faster.
fn first_failure(results: Vec<Result<(), Reason>>) -> Result<(), Reason> {
    results.into_iter().collect()
}

/// An array over a column's values, which are shared.
fn array(column: Column, values: Buffer, rows: usize) -> Result<ArrayRef, String> {
    Ok(match column {
        Column::Id => Arc::new(UInt64Array::new(scalars(values, rows), None)),
        Column::Position => {
            let array = FixedSizeBinaryArray::try_new(32, values, None);
            Arc::new(array.map_err(|error| error.to_string())?)
        }
        Column::Eval => Arc::new(Int16Array::new(scalars(values, rows), None)),
        Column::BestMove => Arc::new(UInt16Array::new(scalars(values, rows), None)),
        Column::Result => Arc::new(Int8Array::new(scalars(values, rows), None)),
        Column::Date => Arc::new(Date32Array::new(scalars(values, rows), None)),
    })
}

/// Values as numbers. Files align them; where one does not, they are copied to where they are.
fn scalars<T: ArrowNativeType>(values: Buffer, rows: usize) -> ScalarBuffer<T> {
    let aligned = values.as_ptr().align_offset(align_of::<T>()) == 0;
    let values = if aligned {
        values
    } else {
        Buffer::from(values.as_slice())
    };
    ScalarBuffer::new(values, 0, rows)
}

/// Reads a whole file: [`RecordFile::open`] and [`RecordFile::read_all`].
pub fn read(path: &Path) -> Result<Vec<RecordBatch>> {
    RecordFile::open(path)?.read_all()
}

/// The batches of several files one after the other, with memory for one of them.
pub(crate) fn stream(paths: &[PathBuf]) -> impl Iterator<Item = Result<RecordBatch>> {
    paths.iter().flat_map(|path| {
        let (file, error) = match RecordFile::open_streaming(path) {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(Err(error))),
        };
        let batches = file
            .into_iter()
            .flat_map(|file| (0..file.num_batches()).map(move |index| file.read_batch(index)));
        error.into_iter().chain(batches)
    })
}

/// Fails with the first of the files that cannot be opened or whose layout is damaged.
pub(crate) fn check_layouts(paths: &[PathBuf]) -> Result<(), Error> {
    paths
        .iter()
        .try_for_each(|path| RecordFile::open_streaming(path).map(drop))
}
