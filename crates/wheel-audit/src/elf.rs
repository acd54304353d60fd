//! What an ELF file needs and offers, as far as an audit asks. The crate `object` reads it; a file that does
//! not hold what it says is an error, never a panic.

use std::collections::{BTreeMap, BTreeSet};

use object::elf::{
    DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_SONAME, FileHeader32, FileHeader64,
    GNU_PROPERTY_X86_ISA_1_NEEDED, PF_X, PT_DYNAMIC, PT_GNU_STACK, PT_NOTE, SHT_DYNSYM, STB_LOCAL,
    STB_WEAK,
};
use object::read::SectionIndex;
use object::read::elf::{
    Dyn as _, FileHeader, ProgramHeader, SectionHeader as _, SectionTable, Sym as _,
    VerneedIterator,
};
use object::{Endianness, FileKind};

use crate::archive::Unreadable;
use crate::budget::{Budget, Counted, Exceeded};

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
    /// The names it offers to Python.
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

/// A file, with the byte order that its numbers have.
struct File<'a, H: FileHeader<Endian = Endianness>> {
    bytes: &'a [u8],
    endian: Endianness,
    segments: &'a [H::ProgramHeader],
    sections: SectionTable<'a, H>,
    budget: &'a Budget<'a>,
}

impl<'a, H: FileHeader<Endian = Endianness>> File<'a, H> {
    /// The table of strings in the section `index`; empty if that is 0, which is none.
    fn strings(&self, index: SectionIndex) -> object::Result<&'a [u8]> {
        if index == SectionIndex(0) {
            return Ok(&[]);
        }
        self.sections.section(index)?.data(self.endian, self.bytes)
    }

    /// One entry more of the tables.
    fn count(&self) -> Result<(), Exceeded> {
        self.budget.spend(Counted::TableEntries, 1)
    }

    /// The string at `at`, which is kept.
    fn kept(&self, strings: &[u8], at: u32) -> Result<String, Unreadable> {
        let text = name(strings, at)?;
        self.budget.spend(Counted::Names, 1)?;
        self.budget.spend(Counted::NameBytes, text.len() as u64)?;
        Ok(String::from_utf8_lossy(text).into_owned())
    }
}

/// No name is longer, not even one that a compiler of C++ makes.
const LONGEST_NAME: usize = 64 << 10;

/// The string at `at`. Where it ends is looked for no further than names go: any number of names may begin
/// within one long string.
fn name(strings: &[u8], at: u32) -> Result<&[u8], Unreadable> {
    let rest = strings.get(at as usize..).unwrap_or_default();
    let rest = &rest[..rest.len().min(LONGEST_NAME + 1)];
    let end = memchr::memchr(0, rest);
    let end = end.ok_or_else(|| format!("a name in it has no end within {LONGEST_NAME} bytes"))?;
    Ok(&rest[..end])
}

impl From<object::Error> for Unreadable {
    fn from(error: object::Error) -> Self {
        Self::Damaged(format!("its ELF tables are damaged: {error}"))
    }
}

impl Elf {
    /// Reads a file.
    pub(crate) fn parse(bytes: &[u8], budget: &Budget<'_>) -> Result<Self, Unreadable> {
        let elf = match FileKind::parse(bytes)? {
            FileKind::Elf32 => Self::read::<FileHeader32<Endianness>>(bytes, budget)?,
            FileKind::Elf64 => Self::read::<FileHeader64<Endianness>>(bytes, budget)?,
            _ => return Err("its ELF header is damaged".to_owned().into()),
        };
        let no_headers = "it has no section headers, so that its needs cannot be told";
        elf.ok_or_else(|| no_headers.to_owned().into())
    }

    /// `None` for a file that the loader could load, and that does not tell here what it needs.
    fn read<H: FileHeader<Endian = Endianness>>(
        bytes: &[u8],
        budget: &Budget<'_>,
    ) -> Result<Option<Self>, Unreadable> {
        let header = H::parse(bytes)?;
        let endian = header.endian()?;
        let file = File::<H> {
            bytes,
            endian,
            segments: header.program_headers(endian, bytes)?,
            sections: header.sections(endian, bytes)?,
            budget,
        };
        budget.spend(Counted::TableEntries, file.sections.len() as u64)?;
        let is_dynamic = |segment: &H::ProgramHeader| segment.p_type(endian) == PT_DYNAMIC;
        if file.sections.is_empty() && file.segments.iter().any(is_dynamic) {
            return Ok(None);
        }
        let mut elf = Self {
            machine: Machine {
                number: header.e_machine(endian),
                is_64: header.is_class_64(),
                is_little: header.is_little_endian(),
            },
            ..Self::default()
        };
        elf.read_segments(&file)?;
        elf.read_dynamic(&file)?;
        elf.read_symbols(&file)?;
        elf.read_versions(&file)?;
        Ok(Some(elf))
    }

    /// Whether the loader, and not the program itself, resolves what it needs.
    pub(crate) fn is_dynamic(&self) -> bool {
        !self.needed.is_empty()
    }

    fn read_segments<H>(&mut self, file: &File<'_, H>) -> Result<(), Unreadable>
    where
        H: FileHeader<Endian = Endianness>,
    {
        for segment in file.segments {
            file.count()?;
            match segment.p_type(file.endian) {
                PT_GNU_STACK => {
                    self.executable_stack = segment.p_flags(file.endian) & PF_X != 0;
                }
                PT_NOTE => self.read_notes(file, segment)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_notes<H>(
        &mut self,
        file: &File<'_, H>,
        segment: &H::ProgramHeader,
    ) -> Result<(), Unreadable>
    where
        H: FileHeader<Endian = Endianness>,
    {
        let Some(mut notes) = segment.notes(file.endian, file.bytes)? else {
            return Ok(());
        };
        while let Ok(Some(note)) = notes.next() {
            file.count()?;
            let Some(mut properties) = note.gnu_properties(file.endian) else {
                continue;
            };
            while let Ok(Some(property)) = properties.next() {
                file.count()?;
                if property.pr_type() == GNU_PROPERTY_X86_ISA_1_NEEDED {
                    self.x86_isa_needed |= property.data_u32(file.endian).unwrap_or(0);
                }
            }
        }
        Ok(())
    }

    fn read_dynamic<H>(&mut self, file: &File<'_, H>) -> Result<(), Unreadable>
    where
        H: FileHeader<Endian = Endianness>,
    {
        let Some((entries, link)) = file.sections.dynamic(file.endian, file.bytes)? else {
            return Ok(());
        };
        let strings = file.strings(link)?;
        for entry in entries {
            file.count()?;
            let value = || -> Result<String, Unreadable> {
                let at = u32::try_from(entry.d_val(file.endian).into());
                file.kept(strings, at.unwrap_or(u32::MAX))
            };
            match entry.tag(file.endian) {
                DT_NULL => break,
                DT_NEEDED => self.needed.push(value()?),
                DT_SONAME => self.soname = Some(value()?),
                DT_RPATH | DT_RUNPATH => {
                    for path in value()?.split(':') {
                        file.budget.spend(Counted::Names, 1)?;
                        self.run_paths.push(path.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_symbols<H>(&mut self, file: &File<'_, H>) -> Result<(), Unreadable>
    where
        H: FileHeader<Endian = Endianness>,
    {
        let symbols = file.sections.symbols(file.endian, file.bytes, SHT_DYNSYM)?;
        let strings = file.strings(symbols.string_section())?;
        for symbol in symbols.iter() {
            file.budget.spend(Counted::Symbols, 1)?;
            let binding = symbol.st_bind();
            let at = symbol.st_name(file.endian);
            if at == 0 || binding == STB_LOCAL {
                continue;
            }
            if !symbol.is_undefined(file.endian) {
                // A library in C++ offers hundreds of thousands, of which nobody asks for another.
                let begins = strings.get(at as usize..).unwrap_or_default();
                if begins.starts_with(b"Py") {
                    self.defined.insert(file.kept(strings, at)?);
                }
            } else if binding != STB_WEAK {
                self.undefined.insert(file.kept(strings, at)?);
            }
        }
        Ok(())
    }

    fn read_versions<H>(&mut self, file: &File<'_, H>) -> Result<(), Unreadable>
    where
        H: FileHeader<Endian = Endianness>,
    {
        let needed = file.sections.gnu_verneed(file.endian, file.bytes)?;
        match needed {
            Some((needed, link)) => self.note_versions(needed, file.strings(link)?, file),
            None => Ok(()),
        }
    }

    fn note_versions<H>(
        &mut self,
        mut needed: VerneedIterator<'_, H>,
        strings: &[u8],
        file: &File<'_, H>,
    ) -> Result<(), Unreadable>
    where
        H: FileHeader<Endian = Endianness>,
    {
        while let Some((library, mut entries)) = needed.next()? {
            file.count()?;
            let library = file.kept(strings, library.vn_file.get(file.endian))?;
            let versions = self.versions.entry(library).or_default();
            while let Some(entry) = entries.next()? {
                file.count()?;
                versions.insert(file.kept(strings, entry.vna_name.get(file.endian))?);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Limits;

    fn parse(bytes: &[u8]) -> Result<Elf, Unreadable> {
        Elf::parse(bytes, &Budget::new(&Limits::default()))
    }

    /// This test itself is an ELF file.
    fn own_bytes() -> Vec<u8> {
        std::fs::read("/proc/self/exe").unwrap()
    }

    #[test]
    fn a_program_of_this_machine_is_read() {
        let elf = parse(&own_bytes()).unwrap();
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
    fn no_beginning_of_a_file_makes_it_panic() {
        let bytes = own_bytes();
        let headers = &bytes[..4096];
        for length in 4..headers.len() {
            let _ = parse(&headers[..length]);
        }
        assert!(parse(&bytes[..64]).is_err());
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
            let _ = parse(&changed);
        }
    }
}
