//! Whether an extension and its base library mean together what one library would have meant: what the linker
//! alone does not tell.

use std::collections::{BTreeSet, HashSet};
use std::io;

use camino::Utf8Path;
use files::digest::short_digest;
use serde::{Deserialize, Serialize};

use crate::elf::{Elf, Symbol};
use crate::why::Why;

/// What there is to know of a base library.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseFacts {
    /// Names that it has and that other libraries cannot see.
    #[serde(skip)]
    pub hidden: Names,
    /// Names of other languages that it offers, in lines: those of bundled C libraries, and `#[no_mangle]`.
    pub unmangled: String,
    /// Names of Rust's that it uses and does not have: `__rust_alloc` and the like, where the project has an
    /// allocator of its own.
    pub wanted: Vec<String>,
    /// A section that is collected from all that is linked, if there is one.
    pub collected: Option<String>,
}

/// A set of names, of which only digests are kept: there may be hundreds of thousands, and each link asks for
/// some.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Names(Vec<u64>);

impl Names {
    fn has(&self, name: &str) -> bool {
        self.0.binary_search(&short_digest(name.as_bytes())).is_ok()
    }

    /// As bytes of a file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|digest| digest.to_le_bytes())
            .collect()
    }

    /// From the bytes of a file.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let digests = bytes
            .chunks_exact(8)
            .filter_map(|chunk| chunk.try_into().ok());
        Self(digests.map(u64::from_le_bytes).collect())
    }
}

impl<'a> FromIterator<&'a [u8]> for Names {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(names: I) -> Self {
        let mut digests: Vec<_> = names.into_iter().map(short_digest).collect();
        digests.sort_unstable();
        digests.dedup();
        Self(digests)
    }
}

/// What there is to know of an extension.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ExtensionFacts {
    /// Names that it takes from elsewhere.
    pub undefined: BTreeSet<String>,
    /// Names of other languages that it has itself.
    pub unmangled: BTreeSet<String>,
    /// A section that is collected from all that is linked, if there is one.
    pub collected: Option<String>,
}

/// What is wrong with the two together.
#[must_use]
pub fn objection(extension: &ExtensionFacts, base: &BaseFacts) -> Option<Why> {
    let mut used = extension.undefined.iter();
    if let Some(name) = used.find(|name| base.hidden.has(name)) {
        return Some(Why::Hidden(name.clone()));
    }
    let offered: HashSet<_> = base.unmangled.lines().collect();
    let mut own = extension.unmangled.iter();
    if let Some(name) = own.find(|name| offered.contains(name.as_str())) {
        return Some(Why::Twice(name.clone()));
    }
    extension.collected.clone().map(Why::Collected)
}

impl BaseFacts {
    /// Reads those of the library at `path`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(path: &Utf8Path) -> io::Result<Self> {
        let mut elf = Elf::open(path)?;
        let collected = collected(&elf);
        let (all, offered) = (elf.symbols()?, elf.dynamic_symbols()?);
        let defined = || all.iter().filter(Symbol::is_defined);
        let visible: HashSet<_> = offered
            .iter()
            .filter(Symbol::is_defined)
            .map(|it| it.name)
            .collect();
        let hidden = defined().filter(|it| it.is_hidden() && !visible.contains(it.name));
        let unmangled = offered.iter().filter(|it| {
            it.is_defined() && it.is_global() && it.is_code_or_data() && !is_rusts(it.name)
        });
        let wanted = offered
            .iter()
            .filter(|it| !it.is_defined() && !it.is_weak() && is_rusts(it.name));
        Ok(Self {
            hidden: hidden.map(|it| it.name).collect(),
            unmangled: lines(unmangled),
            wanted: wanted.map(|it| text(it.name)).collect(),
            collected,
        })
    }
}

impl ExtensionFacts {
    /// Reads those of the library at `path`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(path: &Utf8Path) -> io::Result<Self> {
        let mut elf = Elf::open(path)?;
        let collected = collected(&elf);
        let (all, dynamic) = (elf.symbols()?, elf.dynamic_symbols()?);
        // rustc has the linker keep some names that nothing refers to: those of the allocator shim.
        let referred_to = elf.referred_to()?;
        let undefined = dynamic
            .iter()
            .filter(|it| !it.is_defined() && referred_to.contains(&it.index));
        let unmangled = all
            .iter()
            .filter(|it| it.is_defined() && it.is_code_or_data() && !is_rusts(it.name));
        Ok(Self {
            undefined: undefined.map(|it| text(it.name)).collect(),
            unmangled: unmangled.map(|it| text(it.name)).collect(),
            collected,
        })
    }
}

/// The linker gives the bounds of a section whose name is a name of C to whoever asks for `__start_NAME`, and
/// only of what is in the same library.
fn collected(elf: &Elf) -> Option<String> {
    let mut names = elf.loaded_sections();
    let is_name = |name: &&[u8]| {
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        !name.is_empty() && name.iter().all(is_letter)
    };
    names.find(is_name).map(text)
}

/// Whether rustc has made the name: no two crates have the same.
fn is_rusts(name: &[u8]) -> bool {
    let hash = name.len().checked_sub(20).map(|start| &name[start..]);
    let has_hash = hash.is_some_and(|hash| hash.starts_with(b"17h") && hash.ends_with(b"E"));
    let is_mangled = name.starts_with(b"_R") || name.starts_with(b"_ZN") && has_hash;
    is_mangled || name.contains(&b'.') || name == b"rust_eh_personality"
}

fn lines<'a>(symbols: impl Iterator<Item = Symbol<'a>>) -> String {
    let names: BTreeSet<_> = symbols.map(|symbol| text(symbol.name)).collect();
    names.into_iter().collect::<Vec<_>>().join("\n")
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> BTreeSet<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_two_libraries_would_not_mean_together_is_found() {
        let base = BaseFacts {
            hidden: [&b"secret"[..], b"other"].into_iter().collect(),
            unmangled: "ZSTD_compress\nblake3".to_owned(),
            ..BaseFacts::default()
        };
        let table = [
            ("PyLong_FromLong memcpy", "PyInit_x", None, None),
            (
                "memcpy secret",
                "",
                None,
                Some(Why::Hidden("secret".to_owned())),
            ),
            (
                "",
                "helper ZSTD_compress",
                None,
                Some(Why::Twice("ZSTD_compress".to_owned())),
            ),
            (
                "",
                "",
                Some("linkme_X"),
                Some(Why::Collected("linkme_X".to_owned())),
            ),
        ];
        for (undefined, unmangled, collected, expected) in table {
            let extension = ExtensionFacts {
                undefined: names(undefined),
                unmangled: names(unmangled),
                collected: collected.map(str::to_owned),
            };
            assert_eq!(
                objection(&extension, &base),
                expected,
                "{undefined} {unmangled}"
            );
        }
    }

    #[test]
    fn names_that_crates_cannot_share_are_no_matter() {
        for name in [
            "_RNvCs1_4core3foo",
            "_ZN4core3foo17h0123456789abcdefE",
            "anon.0123.4",
            "rust_eh_personality",
        ] {
            assert!(is_rusts(name.as_bytes()), "{name}");
        }
        for name in ["ZSTD_compress", "_ZN6leveldb2DB4OpenE", "PyInit_x", "_Zfoo"] {
            assert!(!is_rusts(name.as_bytes()), "{name}");
        }
    }
}
