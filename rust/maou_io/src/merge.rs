//! Many files into one, or into files of equal size.

use std::fs;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;

use crate::compression::Compression;
use crate::error::{Error, Result};
use crate::file::{check_layouts, stream};
use crate::write::{RecordWriter, directory_of};

/// Writes the records of `inputs`, in that order, to one file and returns how many they are.
///
/// Nothing is sorted and nothing dropped: a record that is in two inputs is twice in the output.
/// Memory holds one batch of the inputs and one of the output, however large the files are.
/// `keep_going` is asked before every batch; if it says no, the result is [`Error::Interrupted`]
/// and there is no output.
pub fn merge(
    inputs: &[PathBuf],
    output: &Path,
    compression: Compression,
    keep_going: impl FnMut() -> bool,
) -> Result<u64> {
    refuse_input_as_output(inputs, output)?;
    check_layouts(inputs)?;
    let mut writer = RecordWriter::create(output, compression)?;
    for_each_batch(inputs, keep_going, |batch| writer.write(batch))?;
    writer.finish()
}

/// Writes the records of `inputs`, in that order, to files of `rows_per_file` records each, the
/// last of which may have fewer, and returns their paths: `records-00000.arrow` and so on in
/// `directory`. Without a record there is one file, without records.
///
/// The directory is created; if it exists, it must be empty. It appears complete or not at all.
/// Memory and `keep_going` are as in [`merge`].
pub fn reshard(
    inputs: &[PathBuf],
    directory: &Path,
    rows_per_file: NonZero<u64>,
    compression: Compression,
    keep_going: impl FnMut() -> bool,
) -> Result<Vec<PathBuf>> {
    refuse_occupied(directory)?;
    check_layouts(inputs)?;
    let parent = directory_of(directory);
    // Asked for its own sake: the error of `tempfile` would have no number and a made-up path.
    fs::metadata(parent).map_err(Error::io(parent))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".maou-reshard.").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
    let temporary = builder.tempdir_in(parent).map_err(Error::io(directory))?;
    let mut shards = Shards::start(temporary.path(), rows_per_file, compression)?;
    for_each_batch(inputs, keep_going, |batch| shards.write(batch))?;
    let names = shards.finish()?;
    fs::rename(temporary.path(), directory).map_err(Error::io(directory))?;
    // It is not there any more under its temporary name.
    let _ = temporary.keep();
    Ok(names.iter().map(|name| directory.join(name)).collect())
}

fn for_each_batch(
    inputs: &[PathBuf],
    mut keep_going: impl FnMut() -> bool,
    mut write: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    for batch in stream(inputs) {
        if !keep_going() {
            return Err(Error::Interrupted);
        }
        write(&batch?)?;
    }
    Ok(())
}

fn refuse_input_as_output(inputs: &[PathBuf], output: &Path) -> Result<()> {
    // What does not exist is no input; an input that does not exist is reported when it is opened.
    let Ok(target) = fs::canonicalize(output) else {
        return Ok(());
    };
    let is_target = |input: &&PathBuf| fs::canonicalize(input).is_ok_and(|input| input == target);
    match inputs.iter().find(is_target) {
        Some(_) => Err(Error::OutputIsInput {
            path: output.to_path_buf(),
        }),
        None => Ok(()),
    }
}

fn refuse_occupied(directory: &Path) -> Result<()> {
    let occupied = || {
        Err(Error::OutputNotEmpty {
            path: directory.to_path_buf(),
        })
    };
    match fs::read_dir(directory) {
        Ok(mut entries) => entries.next().map_or(Ok(()), |_| occupied()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => occupied(),
        Err(error) => Err(Error::io(directory)(error)),
    }
}

/// Numbered files, one of them being written.
struct Shards<'a> {
    directory: &'a Path,
    rows_per_file: NonZero<u64>,
    compression: Compression,
    names: Vec<String>,
    current: RecordWriter,
    /// How many more records the current file takes.
    room: u64,
}

impl<'a> Shards<'a> {
    fn start(
        directory: &'a Path,
        rows_per_file: NonZero<u64>,
        compression: Compression,
    ) -> Result<Self> {
        let names = vec![shard_name(0)];
        let current = RecordWriter::create(&directory.join(&names[0]), compression)?;
        Ok(Self {
            directory,
            rows_per_file,
            compression,
            names,
            current,
            room: rows_per_file.get(),
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut start = 0;
        while start < batch.num_rows() {
            if self.room == 0 {
                self.next()?;
            }
            let rest = batch.num_rows() - start;
            let len = usize::try_from(self.room).map_or(rest, |room| room.min(rest));
            self.current.write(&batch.slice(start, len))?;
            self.room -= len as u64;
            start += len;
        }
        Ok(())
    }

    fn next(&mut self) -> Result<()> {
        let name = shard_name(self.names.len());
        let next = RecordWriter::create(&self.directory.join(&name), self.compression)?;
        std::mem::replace(&mut self.current, next).finish()?;
        self.names.push(name);
        self.room = self.rows_per_file.get();
        Ok(())
    }

    fn finish(self) -> Result<Vec<String>> {
        self.current.finish()?;
        Ok(self.names)
    }
}

/// Sorted by name, files are in order; from the hundred thousandth on by length as well.
fn shard_name(index: usize) -> String {
    format!("records-{index:05}.arrow")
}
