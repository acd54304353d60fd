//! What an ELF file needs and offers, as far as an audit asks (System V ABI, and the GNU extensions for symbol
//! versions). Every position is checked: a file that does not hold what it says is an error, never a panic.

use std::collections::{BTreeMap, BTreeSet};

/// What was read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Elf {
    /// `e_machine` and whether it has 64 bits and the byte order of the little end.
    pub(crate) machine: Machine,
    /// `DT_NEEDED`: the libraries that the loader has to find.
    pub(crate) needed: Vec<String>,
    /// `DT_SONAME`.
    pub(crate) soname: Option<String>,
    /// `DT_RPATH` and `DT_RUNPATH`, taken apart.
    pub(crate) run_paths: Vec<String>,
    /// By library, the versions of its symbols that it needs (`.gnu.version_r`).
    pub(crate) versions: BTreeMap<String, BTreeSet<String>>,
    /// The names it takes from elsewhere, without weak ones, which may be missing.
    pub(crate) undefined: BTreeSet<String>,
    /// The names it offers.
    pub(crate) defined: BTreeSet<String>,
    /// Whether it asks for a stack from which code may run.
    pub(crate) executable_stack: bool,
    /// The levels of x86-64 that it says it needs, as bits (`GNU_PROPERTY_X86_ISA_1_NEEDED`).
    pub(crate) x86_isa_needed: u32,
}

/// For what processor the code is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    number: u16,
    is_64: bool,
    is_little: bool,
}

impl Machine {
    /// The architecture as platform tags call it.
    pub(crate) fn architecture(self) -> Option<&'static str> {
        let known = [
            (62, true, true, "x86_64"),
            (3, false, true, "i686"),
            (183, true, true, "aarch64"),
            (40, false, true, "armv7l"),
            (21, true, true, "ppc64le"),
            (21, true, false, "ppc64"),
            (22, true, false, "s390x"),
            (243, true, true, "riscv64"),
            (258, true, true, "loongarch64"),
        ];
        let is_it = |&&(number, is_64, is_little, _): &&(u16, bool, bool, &str)| {
            (number, is_64, is_little) == (self.number, self.is_64, self.is_little)
        };
        known.iter().find(is_it).map(|known| known.3)
    }
}

/// Whether `bytes` begin as an ELF file does.
pub(crate) fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

const DYNAMIC: u32 = 6;
const DYNAMIC_SYMBOLS: u32 = 11;
const VERSIONS_NEEDED: u32 = 0x6fff_fffe;

impl Elf {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file = File::of(bytes)?;
        let mut elf = Self {
            machine: file.machine,
            ..Self::default()
        };
        for segment in file.segments()? {
            elf.read_segment(&file, &segment)?;
        }
        let sections = file.sections()?;
        let strings = |section: &Section| {
            let strings = sections.get(section.link as usize);
            strings
                .ok_or("a section without its names")
                .and_then(|it| file.range(it.offset, it.size).ok_or("names beyond the end"))
        };
        for section in &sections {
            match section.kind {
                DYNAMIC => elf.read_dynamic(&file, section, strings(section)?)?,
                DYNAMIC_SYMBOLS => elf.read_symbols(&file, section, strings(section)?)?,
                VERSIONS_NEEDED => elf.read_versions(&file, section, strings(section)?)?,
                _ => {}
            }
        }
        if sections.is_empty() && file.has_dynamic_segment()? {
            return Err("it has no section headers, so that its needs cannot be told".to_owned());
        }
        Ok(elf)
    }

    /// Whether the loader, and not the program itself, resolves what it needs.
    pub(crate) fn is_dynamic(&self) -> bool {
        !self.needed.is_empty()
    }

    fn read_segment(&mut self, file: &File<'_>, segment: &Segment) -> Result<(), String> {
        const NOTE: u32 = 4;
        const GNU_STACK: u32 = 0x6474_e551;
        match segment.kind {
            GNU_STACK => self.executable_stack = segment.flags & 1 != 0,
            NOTE => {
                let notes = file.range(segment.offset, segment.size);
                let notes = notes.ok_or("a note beyond the end")?;
                self.x86_isa_needed |= isa_needed(file, notes, segment.align).unwrap_or(0);
            }
            _ => {}
        }
        Ok(())
    }

    fn read_dynamic(
        &mut self,
        file: &File<'_>,
        section: &Section,
        strings: &[u8],
    ) -> Result<(), String> {
        const NEEDED: u64 = 1;
        const SONAME: u64 = 14;
        const RPATH: u64 = 15;
        const RUNPATH: u64 = 29;
        let word = file.word();
        let table = file.range(section.offset, section.size);
        let table = table.ok_or("a dynamic section beyond the end")?;
        for entry in table.chunks_exact(2 * word) {
            let tag = file.number(entry, 0, word)?;
            let value = file.number(entry, word, word)?;
            match tag {
                0 => break,
                NEEDED => self.needed.push(string(strings, value)?),
                SONAME => self.soname = Some(string(strings, value)?),
                RPATH | RUNPATH => {
                    let paths = string(strings, value)?;
                    self.run_paths.extend(paths.split(':').map(str::to_owned));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_symbols(
        &mut self,
        file: &File<'_>,
        section: &Section,
        strings: &[u8],
    ) -> Result<(), String> {
        const WEAK: u64 = 2;
        const LOCAL: u64 = 0;
        let size = if file.machine.is_64 { 24 } else { 16 };
        let (info_at, section_at) = if file.machine.is_64 { (4, 6) } else { (12, 14) };
        let table = file.range(section.offset, section.size);
        for symbol in table.ok_or("symbols beyond the end")?.chunks_exact(size) {
            let name = string(strings, file.number(symbol, 0, 4)?)?;
            let binding = file.number(symbol, info_at, 1)? >> 4;
            let is_undefined = file.number(symbol, section_at, 2)? == 0;
            if name.is_empty() || binding == LOCAL {
                continue;
            }
            if !is_undefined {
                self.defined.insert(name);
            } else if binding != WEAK {
                self.undefined.insert(name);
            }
        }
        Ok(())
    }

    fn read_versions(
        &mut self,
        file: &File<'_>,
        section: &Section,
        strings: &[u8],
    ) -> Result<(), String> {
        let table = file.range(section.offset, section.size);
        let table = table.ok_or("symbol versions beyond the end")?;
        let mut at = 0;
        // Each step goes forward; `info` says how many there are.
        for _ in 0..section.info {
            let count = file.number(table, at + 2, 2)?;
            let library = string(strings, file.number(table, at + 4, 4)?)?;
            let mut aux = at + to_usize(file.number(table, at + 8, 4)?)?;
            let versions = self.versions.entry(library).or_default();
            for _ in 0..count {
                versions.insert(string(strings, file.number(table, aux + 8, 4)?)?);
                aux += to_usize(file.number(table, aux + 12, 4)?)?;
            }
            at += to_usize(file.number(table, at + 12, 4)?)?;
        }
        Ok(())
    }
}

/// Reads notes for the one that says which level of x86-64 the code needs.
fn isa_needed(file: &File<'_>, notes: &[u8], align: u64) -> Option<u32> {
    const PROPERTIES: u64 = 5;
    const ISA_NEEDED: u64 = 0xc000_8002;
    let align = if align == 8 { 8 } else { 4 };
    let mut at = 0;
    let mut needed = 0;
    while at + 12 <= notes.len() {
        let name_size = to_usize(file.number(notes, at, 4).ok()?).ok()?;
        let size = to_usize(file.number(notes, at + 4, 4).ok()?).ok()?;
        let kind = file.number(notes, at + 8, 4).ok()?;
        let content_at = (at + 12 + name_size).next_multiple_of(align);
        let content = notes.get(content_at..content_at.checked_add(size)?)?;
        let is_gnu = notes.get(at + 12..at + 16) == Some(b"GNU\0");
        let mut inner = 0;
        while is_gnu && kind == PROPERTIES && inner + 8 <= content.len() {
            let property = file.number(content, inner, 4).ok()?;
            let length = to_usize(file.number(content, inner + 4, 4).ok()?).ok()?;
            if property == ISA_NEEDED {
                needed |= u32::try_from(file.number(content, inner + 8, 4).ok()?).ok()?;
            }
            inner = (inner + 8 + length).next_multiple_of(file.word());
        }
        at = (content_at + size).next_multiple_of(align);
    }
    Some(needed)
}

/// A string in a table of strings, up to its NUL.
fn string(strings: &[u8], at: u64) -> Result<String, String> {
    let from = usize::try_from(at).ok().and_then(|at| strings.get(at..));
    let from = from.ok_or("a name beyond the end")?;
    let end = memchr::memchr(0, from).ok_or("a name without an end")?;
    Ok(String::from_utf8_lossy(&from[..end]).into_owned())
}

struct File<'a> {
    bytes: &'a [u8],
    machine: Machine,
}

struct Section {
    kind: u32,
    offset: u64,
    size: u64,
    link: u32,
    info: u32,
}

struct Segment {
    kind: u32,
    flags: u32,
    offset: u64,
    size: u64,
    align: u64,
}

impl<'a> File<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, String> {
        let (class, order) = match (bytes.get(4), bytes.get(5)) {
            (Some(class @ (1 | 2)), Some(order @ (1 | 2))) => (*class, *order),
            _ => return Err("its ELF header is damaged".to_owned()),
        };
        let mut file = Self {
            bytes,
            machine: Machine {
                number: 0,
                is_64: class == 2,
                is_little: order == 1,
            },
        };
        file.machine.number = file.small(bytes, 18)?;
        Ok(file)
    }

    /// The size of an address.
    fn word(&self) -> usize {
        if self.machine.is_64 { 8 } else { 4 }
    }

    fn number(&self, bytes: &[u8], at: usize, size: usize) -> Result<u64, String> {
        let end = at.checked_add(size);
        let digits = end.and_then(|end| bytes.get(at..end));
        let digits = digits.ok_or("its ELF tables end too early")?;
        let add = |sum: u64, digit: &u8| sum << 8 | u64::from(*digit);
        Ok(if self.machine.is_little {
            digits.iter().rev().fold(0, add)
        } else {
            digits.iter().fold(0, add)
        })
    }

    fn small(&self, bytes: &[u8], at: usize) -> Result<u16, String> {
        self.number(bytes, at, 2)
            .map(|number| u16::try_from(number).unwrap_or(0))
    }

    fn medium(&self, bytes: &[u8], at: usize) -> Result<u32, String> {
        self.number(bytes, at, 4)
            .map(|number| u32::try_from(number).unwrap_or(0))
    }

    fn range(&self, offset: u64, size: u64) -> Option<&'a [u8]> {
        let (offset, size) = (usize::try_from(offset).ok()?, usize::try_from(size).ok()?);
        self.bytes.get(offset..offset.checked_add(size)?)
    }

    /// The entries of a table of headers: where it is, how large an entry is, how many there are.
    fn table(&self, at: [usize; 3]) -> Result<impl Iterator<Item = &'a [u8]>, String> {
        let offset = self.number(self.bytes, at[0], self.word())?;
        let size = usize::from(self.small(self.bytes, at[1])?);
        let count = usize::from(self.small(self.bytes, at[2])?);
        let bytes = if count == 0 || offset == 0 {
            &[][..]
        } else {
            let table = self.range(offset, (size * count) as u64);
            table.ok_or("its ELF headers lie beyond the end")?
        };
        Ok(bytes.chunks_exact(size.max(1)))
    }

    fn sections(&self) -> Result<Vec<Section>, String> {
        let at = if self.machine.is_64 {
            [40, 58, 60]
        } else {
            [32, 46, 48]
        };
        let word = self.word();
        let section = |header: &[u8]| {
            Ok(Section {
                kind: self.medium(header, 4)?,
                offset: self.number(header, 8 + 2 * word, word)?,
                size: self.number(header, 8 + 3 * word, word)?,
                link: self.medium(header, 8 + 4 * word)?,
                info: self.medium(header, 12 + 4 * word)?,
            })
        };
        self.table(at)?.map(section).collect()
    }

    fn segments(&self) -> Result<Vec<Segment>, String> {
        let at = if self.machine.is_64 {
            [32, 54, 56]
        } else {
            [28, 42, 44]
        };
        let segment = |header: &[u8]| {
            let is_64 = self.machine.is_64;
            let word = self.word();
            Ok(Segment {
                kind: self.medium(header, 0)?,
                flags: self.medium(header, if is_64 { 4 } else { 24 })?,
                offset: self.number(header, if is_64 { 8 } else { 4 }, word)?,
                size: self.number(header, if is_64 { 32 } else { 16 }, word)?,
                align: self.number(header, if is_64 { 48 } else { 28 }, word)?,
            })
        };
        self.table(at)?.map(segment).collect()
    }

    fn has_dynamic_segment(&self) -> Result<bool, String> {
        const DYNAMIC_SEGMENT: u32 = 2;
        let mut segments = self.segments()?.into_iter();
        Ok(segments.any(|segment| segment.kind == DYNAMIC_SEGMENT))
    }
}

fn to_usize(number: u64) -> Result<usize, String> {
    // Half of the range, so that adding two positions does not overflow.
    let number = usize::try_from(number)
        .ok()
        .filter(|it| *it < usize::MAX / 2);
    number.ok_or_else(|| "a number in it is larger than any file".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This test itself is an ELF file.
    fn own_bytes() -> Vec<u8> {
        std::fs::read("/proc/self/exe").unwrap()
    }

    #[test]
    fn a_program_of_this_machine_is_read() {
        let elf = Elf::parse(&own_bytes()).unwrap();
        assert_eq!(elf.machine.architecture(), Some(std::env::consts::ARCH));
        assert!(elf.needed.iter().any(|library| library == "libc.so.6"));
        let glibc = &elf.versions["libc.so.6"];
        assert!(
            glibc.iter().all(|version| version.starts_with("GLIBC_")),
            "{glibc:?}"
        );
        assert!(elf.undefined.contains("write") && !elf.executable_stack);
    }

    #[test]
    fn every_beginning_of_a_file_is_an_error_or_read() {
        let bytes = own_bytes();
        let headers = &bytes[..4096];
        for length in 4..headers.len() {
            let _ = Elf::parse(&headers[..length]);
        }
        assert!(Elf::parse(&bytes[..64]).is_err());
    }

    #[test]
    fn changed_bytes_do_not_panic() {
        let bytes = own_bytes();
        let end = bytes.len();
        // Headers stand at the beginning and, for sections, at the end.
        for at in (0..1024).chain(end.saturating_sub(4096)..end) {
            let mut changed = bytes[..1024.min(end)].to_vec();
            changed.extend(&bytes[end.saturating_sub(4096)..]);
            let at = if at < 1024 {
                at
            } else {
                1024 + at - (end - 4096)
            };
            changed[at] ^= 0xff;
            let _ = Elf::parse(&changed);
        }
    }
}
