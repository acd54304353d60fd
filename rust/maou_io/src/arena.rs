//! Memory for everything that is decompressed of a file.

use arrow::buffer::{Buffer, MutableBuffer};
use bytes::Bytes;
use memmap2::MmapMut;

/// From this size on, in bytes, an arena asks the system for pages of its own.
const LARGE: usize = 4 << 20;
/// Every column starts at a multiple of this, in bytes, as Arrow recommends.
const ALIGNMENT: usize = 64;

/// Zeroed memory for several columns, to be filled by several threads.
///
/// With one allocation for each column of each batch, reading a file of a million records takes
/// twelve thousand page faults, and those take longer than decompressing LZ4. Huge pages for all of
/// it make them two dozen.
pub(crate) enum Arena {
    Small(MutableBuffer),
    Large(MmapMut),
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
        let map = MmapMut::map_anon(total)
            .map_err(|error| format!("no memory for its {total} bytes: {error}"))?;
        // A wish: without huge pages it is only slower.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Self::Large(map))
    }

    /// The columns, in the order of the sizes.
    pub(crate) fn split<'a>(&'a mut self, sizes: &[usize]) -> Vec<&'a mut [u8]> {
        let mut rest: &mut [u8] = match self {
            Self::Small(buffer) => &mut *buffer,
            Self::Large(map) => &mut *map,
        };
        let mut columns = Vec::with_capacity(sizes.len());
        for size in sizes {
            let (column, behind) = rest.split_at_mut(size.next_multiple_of(ALIGNMENT));
            columns.push(&mut column[..*size]);
            rest = behind;
        }
        columns
    }

    /// The columns, in the order of the sizes, sharing the memory.
    pub(crate) fn freeze(self, sizes: &[usize]) -> Vec<Buffer> {
        let buffer = match self {
            Self::Small(buffer) => buffer.into(),
            Self::Large(map) => Buffer::from(Bytes::from_owner(map)),
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

fn padded(size: usize) -> Option<usize> {
    size.checked_next_multiple_of(ALIGNMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_to_a_column_is_in_its_buffer() {
        for size in [0, 1, 64, 65, LARGE] {
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
