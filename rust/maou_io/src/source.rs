//! Where the bytes of a file come from: a memory map, or one read after the other.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use arrow::buffer::Buffer;
use bytes::Bytes;
use memmap2::Mmap;

use crate::error::{Fault, Reason};

/// The bytes of a file.
#[derive(Debug)]
pub(crate) enum Source {
    /// All of it, in memory or mapped into it; slices share it.
    Whole(Buffer),
    /// An open file of `len` bytes; every slice is read into memory of its own.
    Stream { file: Mutex<File>, len: u64 },
}

impl Source {
    /// Maps the file: whole files are read without a copy, by many threads at once.
    pub(crate) fn map(path: &Path) -> Result<Self, Fault> {
        let (file, len) = open_regular(path)?;
        if len == 0 {
            return Ok(Self::Whole(Buffer::from(Vec::<u8>::new())));
        }
        Ok(Self::Whole(map(&file)?))
    }

    /// Opens the file for reading in pieces: memory then holds no more than the piece in use.
    ///
    /// A map would do as well for the kernel, which drops its pages when memory is short, but not
    /// under a limit on address space or resident memory, where every page ever touched counts.
    pub(crate) fn stream(path: &Path) -> Result<Self, Fault> {
        let (file, len) = open_regular(path)?;
        Ok(Self::Stream {
            file: Mutex::new(file),
            len,
        })
    }

    /// The size in bytes.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Whole(buffer) => buffer.len() as u64,
            Self::Stream { len, .. } => *len,
        }
    }

    /// The bytes of a range. A range that is not all within the file is damage.
    pub(crate) fn slice(&self, range: Range<u64>) -> Result<Buffer, Fault> {
        if range.start > range.end || range.end > self.len() {
            let message = format!(
                "bytes {range:?} are outside the file of {} bytes",
                self.len()
            );
            return Err(Reason::Damaged(message).into());
        }
        let start = to_usize(range.start)?;
        let len = to_usize(range.end - range.start)?;
        match self {
            Self::Whole(buffer) => Ok(buffer.slice_with_length(start, len)),
            Self::Stream { file, .. } => Ok(read_at(file, range.start, len)?),
        }
    }
}

/// A number of bytes as this machine addresses them.
fn to_usize(bytes: u64) -> Result<usize, Reason> {
    usize::try_from(bytes)
        .map_err(|_| Reason::Unsupported(format!("{bytes} bytes are too many for this machine")))
}

fn open_regular(path: &Path) -> Result<(File, u64), Fault> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file").into());
    }
    Ok((file, metadata.len()))
}

fn map(file: &File) -> io::Result<Buffer> {
    // SAFETY: the map is read only, and nothing in this library changes a file in place: outputs
    // are written beside their target and renamed over it, which leaves mapped bytes as they were.
    // What remains is a foreign process that shortens the file meanwhile; the documentation rules
    // that out, as it does for every memory-mapped reader.
    #[allow(unsafe_code)]
    let map = unsafe { Mmap::map(file)? };
    // All of it is going to be read: fetching it ahead saves a page fault per 4 KiB.
    #[cfg(unix)]
    let _ = map.advise(memmap2::Advice::WillNeed);
    Ok(Buffer::from(Bytes::from_owner(map)))
}

fn read_at(file: &Mutex<File>, start: u64, len: usize) -> io::Result<Buffer> {
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(len)
        .map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(start))?;
    let read = (&mut *file).take(len as u64).read_to_end(&mut bytes)?;
    if read < len {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the file shrank while it was read",
        ));
    }
    Ok(Buffer::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn both_kinds_give_the_same_bytes() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"0123456789").unwrap();
        for source in [
            Source::map(file.path()).unwrap(),
            Source::stream(file.path()).unwrap(),
        ] {
            assert_eq!(source.len(), 10);
            assert_eq!(source.slice(3..6).unwrap().as_slice(), b"345");
            assert_eq!(source.slice(10..10).unwrap().as_slice(), b"");
        }
    }

    #[test]
    fn a_range_outside_the_file_is_damage() {
        let source = Source::Whole(Buffer::from(b"0123"));
        #[expect(clippy::reversed_empty_ranges, reason = "damage may well produce one")]
        for range in [0..5, 5..6, 3..2, u64::MAX..u64::MAX] {
            let fault = source.slice(range).unwrap_err();
            assert!(
                matches!(fault, Fault::Reason(Reason::Damaged(_))),
                "{fault:?}"
            );
        }
    }

    #[test]
    fn a_directory_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let fault = Source::map(dir.path()).unwrap_err();
        let Fault::Io(error) = fault else {
            panic!("{fault:?}")
        };
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }
}
