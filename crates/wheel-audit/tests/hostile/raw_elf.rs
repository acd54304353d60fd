//! ELF files whose tables say what no linker writes.

/// Of sections and segments, which may share what they hold.
#[derive(Default)]
pub(crate) struct RawElf {
    chunks: Vec<Vec<u8>>,
    /// Kind, chunk, link, info.
    sections: Vec<(u32, usize, u32, u32)>,
    /// Kind, chunk.
    segments: Vec<(u32, usize)>,
}

pub(crate) const STRINGS: u32 = 3;
pub(crate) const DYNAMIC: u32 = 6;
pub(crate) const SYMBOLS: u32 = 11;
pub(crate) const VERSIONS: u32 = 0x6fff_fffe;
pub(crate) const NOTE: u32 = 4;

impl RawElf {
    /// One with an empty first section, as all have, and `strings` as the second.
    pub(crate) fn with_strings(strings: Vec<u8>) -> Self {
        let mut elf = Self::default();
        let empty = elf.chunk(Vec::new());
        elf.section(0, empty, 0, 0);
        let strings = elf.chunk(strings);
        elf.section(STRINGS, strings, 0, 0);
        elf
    }

    pub(crate) fn chunk(&mut self, bytes: Vec<u8>) -> usize {
        self.chunks.push(bytes);
        self.chunks.len() - 1
    }

    pub(crate) fn section(&mut self, kind: u32, chunk: usize, link: u32, info: u32) {
        self.sections.push((kind, chunk, link, info));
    }

    pub(crate) fn segment(&mut self, kind: u32, chunk: usize) {
        self.segments.push((kind, chunk));
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut at = 64 + 56 * self.segments.len();
        let mut places = Vec::new();
        for chunk in &self.chunks {
            at = at.next_multiple_of(8);
            places.push((at as u64, chunk.len() as u64));
            at += chunk.len();
        }
        let sections_at = at.next_multiple_of(8);
        let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        let counts = [self.segments.len(), self.sections.len()];
        let counts = counts.map(|count| u16::try_from(count).unwrap());
        for number in [3u16, 62] {
            file.extend(number.to_le_bytes());
        }
        file.extend(1u32.to_le_bytes());
        for number in [0, 64, sections_at as u64] {
            file.extend(number.to_le_bytes());
        }
        file.extend(0u32.to_le_bytes());
        for number in [64, 56, counts[0], 64, counts[1], 1] {
            file.extend(number.to_le_bytes());
        }
        for (kind, chunk) in &self.segments {
            let (offset, size) = places[*chunk];
            file.extend(kind.to_le_bytes());
            file.extend(4u32.to_le_bytes());
            for number in [offset, 0, 0, size, size, 4] {
                file.extend(number.to_le_bytes());
            }
        }
        for (chunk, (offset, _)) in self.chunks.iter().zip(&places) {
            file.resize(usize::try_from(*offset).unwrap(), 0);
            file.extend(chunk);
        }
        file.resize(sections_at, 0);
        for (kind, chunk, link, info) in &self.sections {
            let (offset, size) = places[*chunk];
            file.extend(0u32.to_le_bytes());
            file.extend(kind.to_le_bytes());
            for number in [0, 0, offset, size] {
                file.extend(number.to_le_bytes());
            }
            for number in [link, info] {
                file.extend(number.to_le_bytes());
            }
            file.extend([8u64, 0].map(u64::to_le_bytes).concat());
        }
        file
    }
}
