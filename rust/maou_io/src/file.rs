//! Reading a file of records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, FixedSizeBinaryArray, Int8Array, Int16Array, RecordBatch, UInt16Array,
    UInt64Array,
};
use arrow::buffer::{Buffer, ScalarBuffer};
use arrow::datatypes::ArrowNativeType;
use rayon::prelude::*;

use crate::compression::Compression;
use crate::error::{Error, Fault, Reason, Result};
use crate::layout::{self, Layout};
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
        Self::from_source(path, Ok(Source::Whole(Buffer::from_vec(bytes))))
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
        let batches = self
            .read_columns(&Column::ALL)?
            .into_iter()
            .map(|columns| self.batch(columns));
        batches.collect()
    }

    /// Reads one batch on the calling thread.
    pub fn read_batch(&self, index: usize) -> Result<RecordBatch> {
        let block = self.block(index).map_err(|fault| fault.at(&self.path))?;
        self.verify(index, &block)
            .map_err(|fault| fault.at(&self.path))?;
        let columns = Column::ALL
            .iter()
            .map(|column| self.decode(index, *column, &block));
        let columns: Result<_, _> = columns.collect();
        self.batch(columns.map_err(|fault| fault.at(&self.path))?)
    }

    /// Reads some columns of all batches, in parallel: per batch one array for every column asked
    /// for. Checksums are compared over whole batches all the same.
    pub fn read_columns(&self, columns: &[Column]) -> Result<Vec<Vec<ArrayRef>>> {
        pool::install(|| {
            let batches = (0..self.num_batches()).into_par_iter();
            let batches: Vec<_> = batches
                .map(|index| self.read_batch_columns(index, columns))
                .collect();
            // Of several failures the first in the file is reported, whichever thread was faster.
            batches.into_iter().collect::<Result<_, _>>()
        })
        .map_err(|fault: Fault| fault.at(&self.path))
    }

    /// Columns are tasks of their own: a file may well be one large batch.
    fn read_batch_columns(&self, index: usize, columns: &[Column]) -> Result<Vec<ArrayRef>, Fault> {
        let block = self.block(index)?;
        let decode = || -> Vec<_> {
            columns
                .par_iter()
                .map(|column| self.decode(index, *column, &block))
                .collect()
        };
        let (verified, arrays) = rayon::join(|| self.verify(index, &block), decode);
        verified?;
        arrays.into_iter().collect()
    }

    /// A batch's bytes, metadata and body.
    fn block(&self, index: usize) -> Result<Buffer, Fault> {
        match self.layout.batches.get(index) {
            Some(batch) => self.source.slice(batch.block.clone()),
            None => Err(Reason::Damaged(format!("there is no batch {index}")).into()),
        }
    }

    fn verify(&self, index: usize, block: &Buffer) -> Result<(), Fault> {
        match &self.layout.checksums {
            Some(checksums) => Ok(checksums.check(index, block)?),
            None => Ok(()),
        }
    }

    /// One column of the batch whose bytes are `block`.
    fn decode(&self, index: usize, column: Column, block: &Buffer) -> Result<ArrayRef, Fault> {
        let batch = &self.layout.batches[index];
        let place = &batch.columns[column as usize];
        let offset = |position: u64| usize::try_from(position - batch.block.start).ok();
        let stored = offset(place.start)
            .zip(offset(place.end))
            .filter(|(_, end)| *end <= block.len())
            .map(|(start, end)| block.slice_with_length(start, end - start));
        let values = stored
            .ok_or_else(|| "it is outside its batch".to_owned())
            .and_then(|stored| {
                batch
                    .compression
                    .restore(&stored, batch.rows * column.width())
            })
            .and_then(|values| array(column, values, batch.rows));
        let array = values.map_err(|what| {
            Reason::Damaged(format!("batch {index}, column `{}`: {what}", column.name()))
        })?;
        check_values(column, &array)?;
        Ok(array)
    }

    fn batch(&self, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
        RecordBatch::try_new(schema(), columns)
            .map_err(|error| Fault::from(Reason::Damaged(error.to_string())).at(&self.path))
    }
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
pub(crate) fn stream<'a>(paths: &'a [PathBuf]) -> impl Iterator<Item = Result<RecordBatch>> + 'a {
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
