//! LZ4 frames, decompressed straight into their destination.
//!
//! `lz4_flex` has a frame decoder, a reader over a reader: it decompresses every block of at most
//! 64 KiB into a window of its own and copies it from there. An Arrow buffer is whole in memory and
//! its size is known, so the blocks can be decompressed where they belong, and matches reach back
//! into what is there already. Both formats are described at
//! <https://github.com/lz4/lz4/tree/dev/doc>.

use lz4_flex::block::{decompress_into, decompress_into_with_dict};
use twox_hash::XxHash32;

const MAGIC: u32 = 0x184D_2204;
/// The high bit of a block's size: the block is stored as it is.
const STORED: u32 = 1 << 31;
/// How far back a match reaches at most, in bytes.
const WINDOW: usize = 64 * 1024;

/// What a frame's descriptor says about its blocks.
#[derive(Debug, Default)]
struct Descriptor {
    /// Matches reach no further back than the block's start.
    independent: bool,
    block_checksums: bool,
    content_size: Option<u64>,
    content_checksum: bool,
    /// The size of a decompressed block at most, in bytes.
    max_block: usize,
}

/// The part of a frame that is not read yet.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self
            .0
            .split_at_checked(len)
            .ok_or("its LZ4 frame is cut off")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .ok_or("its LZ4 frame is cut off")?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_le_bytes(self.array()?))
    }
}

/// Decompresses the one frame that `content` must be, and returns how many bytes it filled.
pub(crate) fn decompress(content: &[u8], output: &mut [u8]) -> Result<usize, String> {
    let mut cursor = Cursor(content);
    let descriptor = read_descriptor(&mut cursor)?;
    let mut filled = 0;
    loop {
        let size = cursor.u32()?;
        if size == 0 {
            break;
        }
        filled += read_block(&mut cursor, &descriptor, size, output, filled)?;
    }
    if descriptor
        .content_size
        .is_some_and(|size| size != filled as u64)
    {
        return Err("its LZ4 frame has another size than it says".to_owned());
    }
    if descriptor.content_checksum {
        check(cursor.u32()?, &output[..filled])?;
    }
    if !cursor.0.is_empty() {
        return Err(format!("{} bytes follow its LZ4 frame", cursor.0.len()));
    }
    Ok(filled)
}

fn read_descriptor(cursor: &mut Cursor<'_>) -> Result<Descriptor, String> {
    if cursor.u32()? != MAGIC {
        return Err("it is no LZ4 frame".to_owned());
    }
    let start = cursor.0;
    let [flags, block] = cursor.array()?;
    let flag = |bit: u8| flags & (1 << bit) != 0;
    // Version 01, no reserved bit, no dictionary, and a block size from 64 KiB to 4 MiB.
    if flags >> 6 != 1 || flag(1) || flag(0) || block & 0x8f != 0 || block >> 4 < 4 {
        return Err("its LZ4 frame is of an unknown kind".to_owned());
    }
    let content_size = if flag(3) {
        Some(u64::from_le_bytes(cursor.array()?))
    } else {
        None
    };
    let described = &start[..start.len() - cursor.0.len()];
    let [checksum] = cursor.array()?;
    if (XxHash32::oneshot(0, described) >> 8) & 0xff != u32::from(checksum) {
        return Err(CHECKSUM.to_owned());
    }
    Ok(Descriptor {
        independent: flag(5),
        block_checksums: flag(4),
        content_size,
        content_checksum: flag(2),
        max_block: 1 << (8 + 2 * (block >> 4)),
    })
}

const CHECKSUM: &str = "a checksum of its LZ4 frame does not match";

fn check(expected: u32, bytes: &[u8]) -> Result<(), String> {
    if XxHash32::oneshot(0, bytes) == expected {
        Ok(())
    } else {
        Err(CHECKSUM.to_owned())
    }
}

/// Decompresses one block to `output[filled..]` and returns its size.
fn read_block(
    cursor: &mut Cursor<'_>,
    descriptor: &Descriptor,
    size: u32,
    output: &mut [u8],
    filled: usize,
) -> Result<usize, String> {
    let stored = size & STORED != 0;
    let block = cursor.take((size & !STORED) as usize)?;
    if descriptor.block_checksums {
        check(cursor.u32()?, block)?;
    }
    let (done, free) = output.split_at_mut(filled);
    let room = free.len().min(descriptor.max_block);
    let free = &mut free[..room];
    if stored {
        let target = free
            .get_mut(..block.len())
            .ok_or("its LZ4 frame is too long")?;
        target.copy_from_slice(block);
        return Ok(block.len());
    }
    let written = if descriptor.independent || done.is_empty() {
        decompress_into(block, free)
    } else {
        let window = &done[done.len().saturating_sub(WINDOW)..];
        decompress_into_with_dict(block, free, window)
    };
    written.map_err(|error| format!("its LZ4 frame is damaged: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

    use super::*;

    /// Half random, half repeated, with matches across blocks.
    fn sample(len: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let seed = next();
            if seed % 2 == 0 && bytes.len() > 50_000 {
                let from = bytes.len() - 50_000;
                bytes.extend_from_within(from..from + 500);
            } else {
                bytes.extend((0..300).map(|_| next()));
            }
        }
        bytes.truncate(len);
        bytes
    }

    fn compress(info: FrameInfo, content: &[u8]) -> Vec<u8> {
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn infos() -> Vec<FrameInfo> {
        let mut infos = Vec::new();
        for mode in [BlockMode::Independent, BlockMode::Linked] {
            for size in [BlockSize::Max64KB, BlockSize::Max256KB] {
                for checksums in [false, true] {
                    let info = FrameInfo::new().block_mode(mode).block_size(size);
                    infos.push(info.block_checksums(checksums).content_checksum(checksums));
                }
            }
        }
        infos
    }

    #[test]
    fn every_kind_of_frame_is_restored() {
        for len in [0, 1, 100, 65_536, 65_537, 400_000] {
            let content = sample(len);
            for info in infos() {
                let frame = compress(info.clone(), &content);
                let mut output = vec![0; len];
                assert_eq!(decompress(&frame, &mut output), Ok(len), "{info:?}");
                assert!(output == content, "{info:?}");
            }
        }
    }

    #[test]
    fn a_stated_size_is_compared() {
        let content = sample(1000);
        let info = FrameInfo::new().content_size(Some(1000));
        let frame = compress(info, &content);
        assert_eq!(decompress(&frame, &mut vec![0; 1000]), Ok(1000));
    }

    #[test]
    fn a_frame_cut_anywhere_is_an_error() {
        let frame = compress(FrameInfo::new(), &sample(3000));
        for len in 0..frame.len() {
            assert!(decompress(&frame[..len], &mut [0; 3000]).is_err(), "{len}");
        }
    }

    #[test]
    fn too_little_room_and_trailing_bytes_are_errors() {
        let mut frame = compress(FrameInfo::new(), &sample(3000));
        assert!(decompress(&frame, &mut [0; 2999]).is_err());
        frame.push(0);
        assert!(
            decompress(&frame, &mut [0; 3000])
                .unwrap_err()
                .contains("follow")
        );
    }

    #[test]
    fn flipped_bits_never_panic_and_checksums_notice_them() {
        let content = sample(2000);
        for checksums in [false, true] {
            let info = FrameInfo::new()
                .block_checksums(checksums)
                .content_checksum(checksums);
            let frame = compress(info, &content);
            for bit in 0..frame.len() * 8 {
                let mut damaged = frame.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let result = decompress(&damaged, &mut [0; 2000]);
                assert!(!checksums || result.is_err(), "bit {bit}");
            }
        }
    }
}
