//! How the buffers of a file are compressed.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use arrow::ipc::CompressionType;

use crate::lz4;

/// The largest alignment that writers pad to, in bytes.
pub(crate) const MAX_ALIGNMENT: u64 = 64;

/// How the buffers of a file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all: the largest files, read without a copy.
    None,
    /// LZ4 frames: fast, and what `pyarrow` writes by default.
    #[default]
    Lz4,
    /// Zstandard, level 3: smaller than LZ4 and slower.
    Zstd,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Lz4, Self::Zstd];

    /// The name in commands and Python calls: `none`, `lz4` or `zstd`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// arrow's name for it.
    pub(crate) const fn to_arrow(self) -> Option<CompressionType> {
        match self {
            Self::None => None,
            Self::Lz4 => Some(CompressionType::LZ4_FRAME),
            Self::Zstd => Some(CompressionType::ZSTD),
        }
    }

    /// How many bytes one stored byte can at most stand for.
    ///
    /// LZ4 extends a match by 255 with every byte. A Zstandard block yields at most 128 KiB and
    /// takes at least 4 bytes (RFC 8878, 3.1.1.2).
    const fn max_ratio(self) -> u64 {
        match self {
            Self::None => 1,
            Self::Lz4 => 256,
            Self::Zstd => 128 * 1024 / 4,
        }
    }

    /// Whether `size` bytes can be stored in that much space. Nothing larger is ever allocated, so
    /// a damaged row count cannot ask for more memory than a file of that size may need.
    pub(crate) fn fits(self, stored: &Range<u64>, size: u64) -> bool {
        let stored = stored.end - stored.start;
        match self {
            Self::None => (size..size.saturating_add(MAX_ALIGNMENT)).contains(&stored),
            _ if size == 0 => stored <= PREFIX_LEN as u64 + MAX_ALIGNMENT,
            _ => stored > PREFIX_LEN as u64 && size <= stored.saturating_mul(self.max_ratio()),
        }
    }

    /// Fills the first `size` bytes of `output` with what `stored` stands for.
    ///
    /// Writers may compress a buffer with its padding: pyarrow does so with a slice of a table, whose
    /// values go on behind it. So as many bytes as `output` has room for may be written, the values
    /// and their padding.
    pub(crate) fn restore(
        self,
        stored: &[u8],
        output: &mut [u8],
        size: usize,
    ) -> Result<(), String> {
        if size == 0 {
            return Ok(());
        }
        let (prefix, content) = stored
            .split_first_chunk()
            .ok_or("it is shorter than its length prefix")?;
        let prefix = i64::from_le_bytes(*prefix);
        if prefix == STORED_AS_IS {
            output[..size].copy_from_slice(unpadded(content, size)?);
            return Ok(());
        }
        let padded = usize::try_from(prefix).ok();
        let padded = padded.filter(|padded| (size..=output.len()).contains(padded));
        let padded =
            padded.ok_or_else(|| format!("it claims {prefix} bytes, its rows take {size}"))?;
        let output = &mut output[..padded];
        let written = match self {
            Self::Zstd => zstd::bulk::decompress_to_buffer(content, output)
                .map_err(|error| error.to_string())?,
            _ => lz4::decompress(content, output)?,
        };
        if written == padded {
            return Ok(());
        }
        Err(format!(
            "it decompresses to {written} bytes and claims {padded}"
        ))
    }
}

/// The size of the prefix of a compressed buffer: its decompressed length as `i64`.
const PREFIX_LEN: usize = 8;
/// The prefix of a buffer that compression would not have made smaller.
const STORED_AS_IS: i64 = -1;

/// The first `size` bytes of values that may be padded.
pub(crate) fn unpadded(stored: &[u8], size: usize) -> Result<&[u8], String> {
    let padding = stored.len().checked_sub(size);
    if padding.is_some_and(|padding| (padding as u64) < MAX_ALIGNMENT) {
        Ok(&stored[..size])
    } else {
        Err(format!(
            "it has {} bytes, its rows take {size}",
            stored.len()
        ))
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that is no compression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown compression `{0}`, expected `none`, `lz4` or `zstd`")]
pub struct UnknownCompression(String);

impl FromStr for Compression {
    type Err = UnknownCompression;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .into_iter()
            .find(|compression| compression.name() == name);
        found.ok_or_else(|| UnknownCompression(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `restore` makes of `content` with that prefix.
    fn restore(
        compression: Compression,
        prefix: i64,
        content: &[u8],
        size: usize,
    ) -> Result<Vec<u8>, String> {
        let stored = [&prefix.to_le_bytes()[..], content].concat();
        // As in an arena, there is room for padding.
        let mut output = vec![0; size.next_multiple_of(64)];
        compression.restore(&stored, &mut output, size)?;
        output.truncate(size);
        Ok(output)
    }

    #[test]
    fn names_are_parsed_back() {
        for compression in Compression::ALL {
            assert_eq!(compression.name().parse(), Ok(compression));
        }
        let error = "gzip".parse::<Compression>().unwrap_err();
        assert!(error.to_string().contains("`gzip`"));
    }

    #[test]
    fn what_did_not_compress_is_taken_as_it_is() {
        assert_eq!(restore(Compression::Lz4, -1, b"abcd", 4).unwrap(), b"abcd");
        assert_eq!(
            restore(Compression::Lz4, -1, b"abcd\0\0\0\0", 4).unwrap(),
            b"abcd"
        );
        assert!(restore(Compression::Lz4, -1, b"abc", 4).is_err());
    }

    #[test]
    fn a_claimed_length_must_be_that_of_the_rows() {
        for claimed in [i64::MAX, i64::MIN, -2, 0, 3, 65, 1 << 40] {
            let error = restore(Compression::Zstd, claimed, b"abcd", 4).unwrap_err();
            assert!(error.contains("claims"), "{error}");
        }
    }

    #[test]
    fn zstd_must_yield_all_bytes_and_no_more() {
        let content = zstd::bulk::compress(b"abcd", 3).unwrap();
        assert_eq!(restore(Compression::Zstd, 4, &content, 4).unwrap(), b"abcd");
        assert!(restore(Compression::Zstd, 3, &content, 3).is_err());
        assert!(restore(Compression::Zstd, 5, &content, 5).is_err());
    }

    #[test]
    fn padding_may_be_compressed_with_the_values() {
        let padded = b"abcdefg\0";
        let content = zstd::bulk::compress(padded, 3).unwrap();
        assert_eq!(
            restore(Compression::Zstd, 8, &content, 7).unwrap(),
            b"abcdefg"
        );
        assert!(restore(Compression::Zstd, 7, &content, 7).is_err());
        assert!(restore(Compression::Zstd, 9, &content, 7).is_err());
    }

    #[test]
    fn sizes_beyond_the_best_ratio_do_not_fit() {
        assert!(Compression::Lz4.fits(&(0..100), 25_600));
        assert!(!Compression::Lz4.fits(&(0..100), 25_601));
        assert!(!Compression::Zstd.fits(&(0..100), u64::MAX));
        assert!(!Compression::None.fits(&(0..100), 101));
        assert!(Compression::None.fits(&(0..104), 100));
    }
}
