//! Writing a file of records, all of it or nothing.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::error::ArrowError;
use arrow::ipc::MetadataVersion;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use tempfile::NamedTempFile;

use crate::checksum::Sealer;
use crate::compression::Compression;
use crate::error::{Error, Reason, Result};
use crate::schema::{conform, schema};

/// How many rows a batch has at most, and all but the last of a file have exactly. It is what
/// `pyarrow` writes: 3 MiB of records, enough for the cost per batch to vanish.
pub const MAX_BATCH_ROWS: usize = 65_536;

/// What buffers are aligned to, in bytes. arrow's default of 64 also moves the schema message from
/// byte 8 of the file, where the format has it, to byte 64.
const ALIGNMENT: usize = 8;

/// Writes records to a file that appears under its name only when it is complete.
///
/// They are written to a temporary file in the same directory, which [`Self::finish`] renames. If
/// the writer is dropped before, the temporary file is removed and an existing file stays as it is.
/// That holds for errors and for the end of the process, not for a power failure: nothing is forced
/// to the disk, and it is the checksums that tell what did not get there.
pub struct RecordWriter {
    path: PathBuf,
    temporary: NamedTempFile,
    writer: FileWriter<SealingWriter>,
    /// Gathers small batches and cuts large ones.
    coalescer: BatchCoalescer,
    rows: u64,
}

impl RecordWriter {
    /// Starts a file.
    pub fn create(path: &Path, compression: Compression) -> Result<Self> {
        let temporary = temporary_beside(path).map_err(Error::io(path))?;
        let file = temporary.reopen().map_err(Error::io(path))?;
        let writer = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)
            .and_then(|options| options.try_with_compression(compression.to_arrow()))
            .and_then(|options| {
                FileWriter::try_new_with_options(SealingWriter::new(file), &schema(), options)
            })
            .map_err(|error| failed(path, error))?;
        let coalescer = BatchCoalescer::new(schema(), MAX_BATCH_ROWS);
        Ok(Self {
            path: path.to_path_buf(),
            temporary,
            writer,
            coalescer,
            rows: 0,
        })
    }

    /// Adds the records of a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = conform(batch).map_err(|reason| Error::Rejected {
            path: self.path.clone(),
            reason,
        })?;
        let mut start = 0;
        // Piece by piece, so that no more than one is in memory a second time.
        while start < batch.num_rows() {
            let len = MAX_BATCH_ROWS.min(batch.num_rows() - start);
            self.coalescer
                .push_batch(batch.slice(start, len))
                .map_err(|error| failed(&self.path, error))?;
            self.write_completed()?;
            start += len;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Completes the file, puts it under its name and returns how many records it has.
    pub fn finish(mut self) -> Result<u64> {
        self.coalescer
            .finish_buffered_batch()
            .map_err(|error| failed(&self.path, error))?;
        self.write_completed()?;
        let path = self.path;
        self.writer.get_mut().part = Part::Tail;
        let sealing = self
            .writer
            .into_inner()
            .map_err(|error| failed(&path, error))?;
        sealing.finish().map_err(Error::io(&path))?;
        self.temporary.persist(&path).map_err(|error| Error::Io {
            path,
            source: error.error,
        })?;
        Ok(self.rows)
    }

    fn write_completed(&mut self) -> Result<()> {
        while let Some(batch) = self.coalescer.next_completed_batch() {
            self.writer.get_mut().part = Part::Block;
            self.writer
                .write(&batch)
                .map_err(|error| failed(&self.path, error))?;
            self.writer.get_mut().sealer.end_block();
        }
        Ok(())
    }
}

/// Writes batches to a file and returns how many records they have.
///
/// `batches` is drawn from as the file grows: memory holds a few batches, not the file.
pub fn write<E: std::fmt::Display>(
    path: &Path,
    compression: Compression,
    batches: impl IntoIterator<Item = Result<RecordBatch, E>>,
) -> Result<u64> {
    let mut writer = RecordWriter::create(path, compression)?;
    for batch in batches {
        let batch = batch.map_err(|error| Error::Source {
            path: path.to_path_buf(),
            message: error.to_string(),
        })?;
        writer.write(&batch)?;
    }
    writer.finish()
}

/// A failure of arrow's writer: almost always the operating system's.
fn failed(path: &Path, error: ArrowError) -> Error {
    let path = path.to_path_buf();
    match error {
        ArrowError::IoError(_, source) => Error::Io { path, source },
        other => Error::Rejected {
            path,
            reason: Reason::Unsupported(other.to_string()),
        },
    }
}

/// A hidden file in the directory of `path`, with the permissions of any new file.
fn temporary_beside(path: &Path) -> io::Result<NamedTempFile> {
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let prefix = format!(".{}.", name.to_string_lossy());
    let mut refusal = None;
    let created = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".tmp")
        .make_in(directory_of(path), |path| {
            let file = File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(path);
            file.inspect_err(|error| refusal = error.raw_os_error())
        });
    // `tempfile` wraps the system's error, for it adds the name that it made up. For the caller it
    // is the output that failed, and the number that counts.
    created.map_err(|error| refusal.map_or(error, io::Error::from_raw_os_error))
}

/// The directory that `path` is in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// What of the file is being written.
enum Part {
    Head,
    Block,
    Tail,
}

/// Passes on what arrow writes, and puts the seal before the footer.
struct SealingWriter {
    file: BufWriter<File>,
    sealer: Sealer,
    part: Part,
    /// The end-of-stream marker and all that follows it.
    tail: Vec<u8>,
}

impl SealingWriter {
    /// The size of the end-of-stream marker.
    const MARKER_LEN: usize = 8;

    fn new(file: File) -> Self {
        let file = BufWriter::with_capacity(1 << 20, file);
        Self {
            file,
            sealer: Sealer::new(),
            part: Part::Head,
            tail: Vec::new(),
        }
    }

    fn finish(mut self) -> io::Result<()> {
        let (marker, footer) = self.tail.split_at(Self::MARKER_LEN.min(self.tail.len()));
        let seal = self.sealer.seal(marker, footer);
        self.file.write_all(marker)?;
        self.file.write_all(&seal)?;
        self.file.write_all(footer)?;
        self.file.flush()
    }
}

impl Write for SealingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.part {
            Part::Head => self.sealer.head(bytes),
            Part::Block => self.sealer.block(bytes),
            Part::Tail => {
                self.tail.extend_from_slice(bytes);
                return Ok(());
            }
        }
        self.file.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
