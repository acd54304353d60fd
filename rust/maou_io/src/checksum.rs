//! The checksums of the files that this crate writes.
//!
//! Arrow IPC has none: a flipped bit in an uncompressed column is simply another value. So the
//! writer puts a *seal* between the end-of-stream marker and the footer. No reader looks there: a
//! file reader finds the footer from the end of the file, a stream reader stops at the marker. For
//! `n` batches the seal is, in little-endian byte order,
//!
//! | bytes | content |
//! |---|---|
//! | `8 n` | XXH3-64 of every batch's block, metadata and body |
//! | 8 | XXH3-64 of everything else: the file up to the first batch, the `8 n` bytes above, and the file from the footer to its end, with the end-of-stream marker before the footer |
//! | 8 | `MAOUSUM1` |
//!
//! Thus every byte of the file is covered but the last eight of the seal, and a file whose mark is
//! damaged is one of another writer with unexplained bytes before its footer, an error as well. A
//! batch can be checked without the rest of the file. A program that rewrites the file drops the
//! seal with everything else that is not data, so that a seal never outlives what it covers.

use std::hash::Hasher;
use std::ops::Range;

use twox_hash::XxHash3_64;

use crate::error::{Fault, Reason};
use crate::source::Source;

const MARK: &[u8; 8] = b"MAOUSUM1";
/// The size of one checksum.
const SUM_LEN: usize = size_of::<u64>();

/// The checksums of a file's batches, themselves checked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Checksums(Vec<u64>);

impl Checksums {
    /// Compares a batch's block with its checksum.
    pub(crate) fn check(&self, index: usize, block: &[u8]) -> Result<(), Reason> {
        if self.0.get(index) == Some(&XxHash3_64::oneshot(block)) {
            Ok(())
        } else {
            Err(Reason::Checksum(format!("batch {index}")))
        }
    }
}

/// Reads the seal at the end of `gap`, the bytes between the last batch and the footer, and checks
/// what it says about all but the batches. A file of another writer has no seal.
pub(crate) fn read(
    source: &Source,
    head: Range<u64>,
    gap: Range<u64>,
    batches: usize,
) -> Result<Option<Checksums>, Fault> {
    let seal_len = (batches as u64 + 2) * SUM_LEN as u64;
    if gap.end - gap.start < seal_len {
        return Ok(None);
    }
    let seal = source.slice(gap.end - seal_len..gap.end)?;
    let Some(seal_sums) = seal.strip_suffix(MARK) else {
        return Ok(None);
    };
    let (sums, frame_sum) = seal_sums.split_at(batches * SUM_LEN);
    let mut frame = XxHash3_64::with_seed(0);
    frame.write(&source.slice(head)?);
    frame.write(sums);
    frame.write(&source.slice(gap.start..gap.end - seal_len)?);
    frame.write(&source.slice(gap.end..source.len())?);
    if frame_sum != frame.finish().to_le_bytes() {
        return Err(Reason::Checksum("the schema, the footer or the checksums".to_owned()).into());
    }
    let sums = sums
        .as_chunks()
        .0
        .iter()
        .map(|sum| u64::from_le_bytes(*sum));
    Ok(Some(Checksums(sums.collect())))
}

/// Computes the seal of a file as its parts are written.
pub(crate) struct Sealer {
    /// Over everything but the batches.
    frame: XxHash3_64,
    /// Over the batch at hand.
    block: XxHash3_64,
    sums: Vec<u8>,
}

impl Sealer {
    pub(crate) fn new() -> Self {
        Self {
            frame: XxHash3_64::with_seed(0),
            block: XxHash3_64::with_seed(0),
            sums: Vec::new(),
        }
    }

    /// Bytes before the first batch.
    pub(crate) fn head(&mut self, bytes: &[u8]) {
        self.frame.write(bytes);
    }

    /// Bytes of the batch at hand.
    pub(crate) fn block(&mut self, bytes: &[u8]) {
        self.block.write(bytes);
    }

    /// The batch at hand is complete.
    pub(crate) fn end_block(&mut self) {
        self.sums.extend(self.block.finish().to_le_bytes());
        self.block = XxHash3_64::with_seed(0);
    }

    /// The seal of a file with this end-of-stream marker, and this footer with all that follows it.
    pub(crate) fn seal(mut self, marker: &[u8], footer: &[u8]) -> Vec<u8> {
        self.frame.write(&self.sums);
        self.frame.write(marker);
        self.frame.write(footer);
        let mut seal = self.sums;
        seal.extend(self.frame.finish().to_le_bytes());
        seal.extend(MARK);
        seal
    }
}

#[cfg(test)]
mod tests {
    use arrow::buffer::Buffer;

    use super::*;

    /// `head`, two blocks, a marker, the seal, a footer.
    fn sealed() -> (Source, Range<u64>) {
        let mut sealer = Sealer::new();
        sealer.head(b"head");
        for block in [b"one", b"two"] {
            sealer.block(block);
            sealer.end_block();
        }
        let seal = sealer.seal(b"eos", b"footer");
        let gap = 10..10 + 3 + seal.len() as u64;
        let bytes = [b"headonetwoeos".as_slice(), &seal, b"footer"].concat();
        (Source::Whole(Buffer::from_vec(bytes)), gap)
    }

    #[test]
    fn a_seal_is_read_back() {
        let (source, gap) = sealed();
        let checksums = read(&source, 0..4, gap, 2).unwrap().unwrap();
        assert_eq!(checksums.check(0, b"one"), Ok(()));
        assert_eq!(checksums.check(1, b"two"), Ok(()));
        for (index, block) in [(0, b"two"), (2, b"two")] {
            assert!(matches!(
                checksums.check(index, block),
                Err(Reason::Checksum(_))
            ));
        }
    }

    #[test]
    fn no_flipped_bit_leaves_a_valid_seal() {
        let (source, gap) = sealed();
        let bytes = source.slice(0..source.len()).unwrap().to_vec();
        for bit in (0..bytes.len() * 8).filter(|bit| !(4 * 8..10 * 8).contains(bit)) {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let source = Source::Whole(Buffer::from_vec(damaged));
            let result = read(&source, 0..4, gap.clone(), 2);
            assert!(!matches!(result, Ok(Some(_))), "bit {bit}");
        }
    }

    #[test]
    fn other_files_have_no_seal() {
        let source = Source::Whole(Buffer::from(b"headonetwoeosfooter"));
        assert_eq!(read(&source, 0..4, 10..13, 2).unwrap(), None);
        assert_eq!(read(&source, 0..4, 10..10, 0).unwrap(), None);
    }
}
