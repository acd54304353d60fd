//! Memory for everything that is decompressed of a file.

use std::sync::Mutex;

use arrow::buffer::{Buffer, MutableBuffer};
use bytes::Bytes;
use memmap2::MmapMut;

/// From this size on, in bytes, an arena asks the system for pages of its own.
const LARGE: usize = 4 << 20;
/// Every column starts at a multiple of this, in bytes, as Arrow recommends.
const ALIGNMENT: usize = 64;

/// The largest arena that is kept when nobody needs it any more, in bytes.
const LARGEST_SPARE: usize = 256 << 20;

/// Memory for several columns, to be filled by several threads. What is in it before is unspecified.
///
/// With one allocation for each column of each batch, reading a file of a million records takes
/// twelve thousand page faults, and those take longer than decompressing LZ4. Huge pages for all of
/// it make them two dozen.
pub(crate) enum Arena {
    Small(MutableBuffer),
    Large(Pages),
}

impl Arena {
    /// Memory for columns of these sizes in bytes. Memory that the machine does not have is an
    /// error, not the end of the process.
    pub(crate) fn new(sizes: &[usize]) -> Result<Self, String> {
        let add = |total: usize, size: &usize| total.checked_add(padded(*size)?);
        let total = sizes.iter().try_fold(0, add);
        let total = total.ok_or("the file decompresses to more than this machine can address")?;
        if total < LARGE {
            return Ok(Self::Small(MutableBuffer::from_len_zeroed(total)));
        }
        let pages = Pages::reuse(total).map_or_else(|| Pages::ask(total), Ok);
        pages.map(Self::Large)
    }

    /// The columns, in the order of the sizes, each with the room behind it up to the next multiple
    /// of 64 bytes.
    pub(crate) fn split<'a>(&'a mut self, sizes: &[usize]) -> Vec<&'a mut [u8]> {
        let mut rest: &mut [u8] = match self {
            Self::Small(buffer) => &mut *buffer,
            Self::Large(pages) => pages.as_mut(),
        };
        let mut columns = Vec::with_capacity(sizes.len());
        for size in sizes {
            let (column, behind) = rest.split_at_mut(size.next_multiple_of(ALIGNMENT));
            columns.push(column);
            rest = behind;
        }
        columns
    }

    /// The columns, in the order of the sizes, sharing the memory.
    pub(crate) fn freeze(self, sizes: &[usize]) -> Vec<Buffer> {
        let buffer = match self {
            Self::Small(buffer) => buffer.into(),
            Self::Large(pages) => Buffer::from(Bytes::from_owner(pages)),
        };
        let mut start = 0;
        let mut columns = Vec::with_capacity(sizes.len());
        for size in sizes {
            columns.push(buffer.slice_with_length(start, *size));
            start += size.next_multiple_of(ALIGNMENT);
        }
        columns
    }
}

/// Pages of the system, kept for the next arena when they are dropped.
///
/// Training reads file after file of the same size, and every time the system would take pages away
/// only to zero others, which is a fifth of the time of reading LZ4.
pub(crate) struct Pages(Option<MmapMut>);

/// The pages that were dropped last. It is only ever tried to lock it: a process may be forked while
/// it is locked, and then nobody unlocks it in the child.
static SPARE: Mutex<Option<MmapMut>> = Mutex::new(None);

impl Pages {
    /// The spare pages, if they are enough for `size` bytes and not far too many.
    fn reuse(size: usize) -> Option<Self> {
        let mut spare = SPARE.try_lock().ok()?;
        let fits = size..=size.saturating_mul(2);
        spare
            .take_if(|map| fits.contains(&map.len()))
            .map(|map| Self(Some(map)))
    }

    fn ask(size: usize) -> Result<Self, String> {
        let map = MmapMut::map_anon(size)
            .map_err(|error| format!("no memory for its {size} bytes: {error}"))?;
        // A wish: without huge pages it is only slower.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Self(Some(map)))
    }

    fn as_mut(&mut self) -> &mut [u8] {
        self.0.as_deref_mut().unwrap_or_default()
    }
}

impl AsRef<[u8]> for Pages {
    fn as_ref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let Some(map) = self.0.take_if(|map| map.len() <= LARGEST_SPARE) else {
            return;
        };
        // SAFETY: from now on the system may replace the pages by zeroed ones until they are written
        // to. Nobody looks at them before: an arena is written in full, or its content is dropped.
        #[cfg(target_os = "linux")]
        #[allow(unsafe_code)]
        let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::Free) };
        if let Ok(mut spare) = SPARE.try_lock() {
            *spare = Some(map);
        }
    }
}

fn padded(size: usize) -> Option<usize> {
    size.checked_next_multiple_of(ALIGNMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_to_a_column_is_in_its_buffer() {
        // The last ones find what the ones before have left behind.
        for size in [0, 1, 64, 65, LARGE, LARGE + 1, LARGE] {
            let sizes = [size, 3, 0, size];
            let mut arena = Arena::new(&sizes).unwrap();
            for (column, value) in arena.split(&sizes).into_iter().zip(1..) {
                column.fill(value);
            }
            for ((buffer, size), value) in arena.freeze(&sizes).iter().zip(sizes).zip(1_u8..) {
                assert_eq!(buffer.len(), size);
                assert!(buffer.iter().all(|byte| *byte == value));
                assert_eq!(buffer.as_ptr().align_offset(ALIGNMENT), 0);
            }
        }
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        assert!(Arena::new(&[usize::MAX - 100]).is_err());
        assert!(Arena::new(&[usize::MAX / 2, usize::MAX / 2, 64]).is_err());
        assert!(Arena::new(&[usize::MAX / 2]).is_err());
    }
}
