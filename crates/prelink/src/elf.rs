//! What an ELF file of this machine needs and offers, read piece by piece: a base library may have half a
//! gigabyte, and what is asked of it lies in a small part of that.

use std::collections::HashSet;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::mem::{offset_of, size_of};

use camino::Utf8Path;
use memchr::memmem;
use object::LittleEndian as LE;
use object::elf::{
    DT_NEEDED, DT_SONAME, Dyn64, FileHeader64, Rela64, SHF_ALLOC, SHN_UNDEF, SHT_DYNAMIC,
    SHT_DYNSYM, SHT_RELA, SHT_SYMTAB, STB_GLOBAL, STB_WEAK, STT_FUNC, STT_OBJECT, STT_TLS,
    STV_DEFAULT, STV_PROTECTED, SectionHeader64, Sym64,
};
use object::pod::{Pod, from_bytes, slice_from_bytes};

/// A file that has been opened.
pub(crate) struct Elf {
    file: fs_err::File,
    sections: Vec<SectionHeader64<LE>>,
    section_names: Vec<u8>,
}

/// The symbols of one table, with their names.
pub(crate) struct Symbols {
    table: Vec<u8>,
    names: Vec<u8>,
}

/// A symbol.
pub(crate) struct Symbol<'a> {
    pub(crate) index: usize,
    pub(crate) name: &'a [u8],
    entry: &'a Sym64<LE>,
}

impl Symbol<'_> {
    pub(crate) fn is_defined(&self) -> bool {
        self.entry.st_shndx.get(LE) != SHN_UNDEF
    }

    /// Whether it may be missing.
    pub(crate) fn is_weak(&self) -> bool {
        self.entry.st_bind() == STB_WEAK
    }

    pub(crate) fn is_global(&self) -> bool {
        self.entry.st_bind() == STB_GLOBAL
    }

    /// Whether other libraries cannot see it.
    pub(crate) fn is_hidden(&self) -> bool {
        ![STV_DEFAULT, STV_PROTECTED].contains(&self.entry.st_visibility())
    }

    /// Whether it is code or data, rather than a section or a file.
    pub(crate) fn is_code_or_data(&self) -> bool {
        [STT_FUNC, STT_OBJECT, STT_TLS].contains(&self.entry.st_type())
    }
}

impl Elf {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or is no ELF file of 64 bits with the little end first.
    pub(crate) fn open(path: &Utf8Path) -> io::Result<Self> {
        let mut file = fs_err::File::open(path)?;
        let header = read_at(&mut file, 0, size_of::<FileHeader64<LE>>())?;
        let (header, _) = from_bytes::<FileHeader64<LE>>(&header).map_err(|()| broken(path))?;
        let is_known = header.e_ident.magic == *b"\x7fELF"
            && header.e_ident.class == 2
            && header.e_ident.data == 1;
        if !is_known {
            return Err(broken(path));
        }
        let (count, offset) = (header.e_shnum.get(LE), header.e_shoff.get(LE));
        let bytes = read_at(
            &mut file,
            offset,
            usize::from(count) * size_of::<SectionHeader64<LE>>(),
        )?;
        let sections = pods::<SectionHeader64<LE>>(&bytes).to_vec();
        let mut elf = Self {
            file,
            sections,
            section_names: Vec::new(),
        };
        elf.section_names = elf.content(usize::from(header.e_shstrndx.get(LE)))?;
        Ok(elf)
    }

    /// The names of the sections that are loaded into memory.
    pub(crate) fn loaded_sections(&self) -> impl Iterator<Item = &[u8]> {
        let loaded = self.sections.iter();
        let loaded = loaded.filter(|it| it.sh_flags.get(LE) & u64::from(SHF_ALLOC) != 0);
        loaded.map(|it| name_at(&self.section_names, it.sh_name.get(LE)))
    }

    /// The symbols by which libraries find each other.
    pub(crate) fn dynamic_symbols(&mut self) -> io::Result<Symbols> {
        self.table(SHT_DYNSYM)
    }

    /// All symbols; none in a file that has been stripped.
    pub(crate) fn symbols(&mut self) -> io::Result<Symbols> {
        self.table(SHT_SYMTAB)
    }

    fn table(&mut self, kind: u32) -> io::Result<Symbols> {
        let mut symbols = Symbols {
            table: Vec::new(),
            names: Vec::new(),
        };
        if let Some(index) = self.find(kind) {
            symbols.table = self.content(index)?;
            symbols.names = self.content(self.sections[index].sh_link.get(LE) as usize)?;
        }
        Ok(symbols)
    }

    /// Those of the `symbols` by which libraries find each other that code or data refers to: by their index.
    pub(crate) fn referred_to(&mut self) -> io::Result<HashSet<usize>> {
        let tables = self.sections.iter().enumerate();
        let tables = tables.filter(|(_, it)| it.sh_type.get(LE) == SHT_RELA);
        let tables: Vec<_> = tables.map(|(index, _)| index).collect();
        let mut indices = HashSet::new();
        for table in tables {
            let content = self.content(table)?;
            let relocations = pods::<Rela64<LE>>(&content).iter();
            indices.extend(relocations.map(|it| it.r_sym(LE, false) as usize));
        }
        Ok(indices)
    }

    /// The names of the libraries that it needs (`DT_NEEDED`), and its own (`DT_SONAME`).
    pub(crate) fn libraries(&mut self) -> io::Result<(Vec<String>, Option<String>)> {
        let Some(index) = self.find(SHT_DYNAMIC) else {
            return Ok((Vec::new(), None));
        };
        let (entries, names) = (self.content(index)?, self.sections[index].sh_link.get(LE));
        let names = self.content(names as usize)?;
        let of = |tag: i64| {
            let entries = pods::<Dyn64<LE>>(&entries).iter();
            let entries = entries.filter(move |entry| entry.d_tag.get(LE) == tag);
            entries.map(|entry| {
                let offset = u32::try_from(entry.d_val.get(LE)).unwrap_or(u32::MAX);
                String::from_utf8_lossy(name_at(&names, offset)).into_owned()
            })
        };
        Ok((of(DT_NEEDED).collect(), of(DT_SONAME).next()))
    }

    fn find(&self, kind: u32) -> Option<usize> {
        let mut sections = self.sections.iter();
        sections.position(|section| section.sh_type.get(LE) == kind)
    }

    fn content(&mut self, index: usize) -> io::Result<Vec<u8>> {
        let section = self.sections.get(index);
        let section =
            section.ok_or_else(|| broken(self.file.path().try_into().unwrap_or("".into())))?;
        let (offset, size) = (section.sh_offset.get(LE), section.sh_size.get(LE));
        read_at(
            &mut self.file,
            offset,
            usize::try_from(size).unwrap_or(usize::MAX),
        )
    }
}

impl Symbols {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Symbol<'_>> {
        // The first entry of a table is none.
        let symbols = pods::<Sym64<LE>>(&self.table).iter().enumerate().skip(1);
        symbols.map(|(index, entry)| Symbol {
            index,
            name: name_at(&self.names, entry.st_name.get(LE)),
            entry,
        })
    }
}

/// Whether the object at `path` defines a name with `part` in it.
///
/// # Errors
/// Those of [`Elf::open`].
pub(crate) fn defines(path: &Utf8Path, part: &str) -> io::Result<bool> {
    let symbols = Elf::open(path)?.symbols()?;
    let mut defined = symbols.iter().filter(Symbol::is_defined);
    Ok(defined.any(|symbol| memmem::find(symbol.name, part.as_bytes()).is_some()))
}

/// The object at `path` with those of `names` visible to other libraries that it defines and hides. `None` if
/// there are none.
///
/// # Errors
/// Those of [`Elf::open`].
pub(crate) fn revealing(path: &Utf8Path, names: &HashSet<&[u8]>) -> io::Result<Option<Vec<u8>>> {
    let mut elf = Elf::open(path)?;
    let symbols = elf.symbols()?;
    let is_wanted = |symbol: &Symbol<'_>| {
        symbol.is_defined() && symbol.is_hidden() && names.contains(symbol.name)
    };
    let wanted: Vec<_> = symbols
        .iter()
        .filter(is_wanted)
        .map(|it| it.index)
        .collect();
    let Some(table) = elf.find(SHT_SYMTAB).filter(|_| !wanted.is_empty()) else {
        return Ok(None);
    };
    let table = usize::try_from(elf.sections[table].sh_offset.get(LE)).unwrap_or(usize::MAX);
    let mut bytes = fs_err::read(path)?;
    for index in wanted {
        let visibility = table + index * size_of::<Sym64<LE>>() + offset_of!(Sym64<LE>, st_other);
        bytes[visibility] = bytes[visibility] & !3 | STV_DEFAULT;
    }
    Ok(Some(bytes))
}

fn name_at(names: &[u8], offset: u32) -> &[u8] {
    let rest = names.get(offset as usize..).unwrap_or_default();
    let end = rest.iter().position(|byte| *byte == 0);
    &rest[..end.unwrap_or(rest.len())]
}

fn pods<T: Pod>(bytes: &[u8]) -> &[T] {
    let whole = slice_from_bytes(bytes, bytes.len() / size_of::<T>());
    whole.map_or(&[], |(pods, _)| pods)
}

fn read_at(file: &mut fs_err::File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    // What a file that was cut off says of its sections may be anything.
    if offset.saturating_add(length as u64) > file.metadata()?.len() {
        return Err(broken(file.path().try_into().unwrap_or("".into())));
    }
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn broken(path: &Utf8Path) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{path} is no whole ELF file of this machine"),
    )
}
