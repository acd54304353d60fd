//! What is in the archive, unpacked one entry after the other.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use sha2::digest::Output;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::archive::{Archive, Entry, Unreadable};
use crate::budget::{Budget, Exceeded};
use crate::elf::{Elf, is_elf};
use crate::fields::Headers;
use crate::paths;
use crate::record_lines::{self, Line};
use crate::report::{Findings, Rule};
use files::digest::hex;

/// The wheel's files and what they say.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    /// By path.
    pub(crate) files: BTreeMap<String, File>,
    /// The path of the `.dist-info` directory, if there is just one.
    pub(crate) dist_info: Option<String>,
    /// `METADATA`.
    pub(crate) metadata: Option<Headers>,
    /// `WHEEL`.
    pub(crate) wheel: Option<Headers>,
    /// `RECORD`.
    pub(crate) record: Option<Vec<Line>>,
    /// `entry_points.txt`.
    pub(crate) entry_points: Option<String>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) size: u64,
    /// In hexadecimal digits.
    pub(crate) sha256: String,
    /// By the algorithm that `RECORD` has for it, as `RECORD` writes it.
    pub(crate) digest: String,
    /// What it needs and offers, if it is an ELF file.
    pub(crate) elf: Option<Result<Elf, String>>,
}

/// For which Python a file name says that it is an extension module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Suffix {
    /// `.abi3.so`, and since 3.15 `.abi3-x86_64-linux-gnu.so`.
    Stable,
    /// `.abi3t.so`: the stable ABI that interpreters with and without the GIL have (PEP 803).
    StableWithoutGil,
    /// `.cpython-312-x86_64-linux-gnu.so`: `312`, or `313t` without the GIL.
    Version(String),
    /// `.so`: whichever.
    Plain,
    /// That of another implementation.
    Other,
}

impl Inside {
    /// Unpacks and describes everything. A file that cannot be unpacked is a finding, and is not there.
    pub(crate) fn read(
        archive: &Archive<'_>,
        forbidden: &[String],
        budget: &Budget<'_>,
        findings: &mut Findings,
    ) -> Result<Self, Exceeded> {
        let mut inside = Self {
            dist_info: dist_info(archive, findings),
            ..Self::default()
        };
        inside.read_texts(archive, budget, findings)?;
        let lines = std::mem::take(&mut inside.record);
        let algorithms = lines.iter().flatten();
        let algorithms: BTreeMap<_, _> = algorithms
            .map(|line| (line.path.as_str(), line.algorithm()))
            .collect();
        for entry in &archive.entries {
            let algorithm = algorithms.get(entry.name.as_str()).copied().flatten();
            let file = inside_of(entry, algorithm, forbidden, budget, findings);
            if let Some(file) = file.map_err(|exceeded| exceeded.at(&entry.name))? {
                inside.files.insert(entry.name.clone(), file);
            }
        }
        inside.record = lines;
        Ok(inside)
    }

    /// Reads the files that decide how the others are read.
    fn read_texts(
        &mut self,
        archive: &Archive<'_>,
        budget: &Budget<'_>,
        findings: &mut Findings,
    ) -> Result<(), Exceeded> {
        let Some(dist_info) = self.dist_info.clone() else {
            return Ok(());
        };
        let path = |name: &str| format!("{dist_info}/{name}");
        let mut text = |name: &str| text_of(archive, &path(name), budget, findings);
        let headers = |name: &str, text: Option<String>| {
            let parsed = text.map(|text| Headers::parse(&text, budget)).transpose();
            parsed.map_err(|exceeded| exceeded.at(&path(name)))
        };
        self.metadata = headers("METADATA", text("METADATA")?)?;
        self.wheel = headers("WHEEL", text("WHEEL")?)?;
        self.entry_points = text("entry_points.txt")?;
        let record = text("RECORD")?.map(|text| record_lines::parse(&text, budget));
        self.record = record
            .transpose()
            .map_err(|exceeded| exceeded.at(&path("RECORD")))?;
        Ok(())
    }

    /// A path as it is installed: what is in `.data/purelib` and `.data/platlib` goes where everything else
    /// goes.
    pub(crate) fn installed(path: &str) -> &str {
        let mut parts = path.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(data), Some("purelib" | "platlib"), Some(rest)) if data.ends_with(".data") => {
                rest
            }
            _ => path,
        }
    }

    /// The files that are extension modules going by their names, and plain libraries that offer to be one.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = (&String, Suffix)> {
        self.files.iter().filter_map(|(path, file)| {
            let suffix = suffix(path)?;
            let elf = file.elf.as_ref().and_then(|elf| elf.as_ref().ok());
            let offers = elf.is_some_and(|elf| offers_module(elf, path));
            (suffix != Suffix::Plain || path.ends_with(".pyd") || offers).then_some((path, suffix))
        })
    }

    /// The names by which the wheel's own libraries can be found.
    pub(crate) fn own_libraries(&self) -> BTreeSet<&str> {
        let names = self.files.iter().filter(|(_, file)| file.elf.is_some());
        names
            .flat_map(|(path, file)| {
                let elf = file.elf.as_ref().and_then(|elf| elf.as_ref().ok());
                let soname = elf.and_then(|elf| elf.soname.as_deref());
                [Some(file_name(path)), soname]
            })
            .flatten()
            .collect()
    }

    /// The ELF files that could be read.
    pub(crate) fn elves(&self) -> impl Iterator<Item = (&String, &Elf)> {
        let files = self.files.iter();
        files.filter_map(|(path, file)| Some((path, file.elf.as_ref()?.as_ref().ok()?)))
    }
}

/// What is in `entry`; nothing if it cannot be unpacked.
fn inside_of(
    entry: &Entry<'_>,
    algorithm: Option<&str>,
    forbidden: &[String],
    budget: &Budget<'_>,
    findings: &mut Findings,
) -> Result<Option<File>, Exceeded> {
    let content = match entry.read(budget) {
        Ok(content) => content,
        Err(Unreadable::Damaged(reason)) => {
            findings.error(Rule::Content, &entry.name, reason);
            return Ok(None);
        }
        Err(Unreadable::Exceeded(exceeded)) => return Err(exceeded),
    };
    for path in paths::of_the_builder(&content, forbidden) {
        let reason = format!("it holds the path `{path}` of the machine that built it");
        findings.error(Rule::BuildPath, &entry.name, reason);
    }
    File::of(&content, algorithm, budget).map(Some)
}

impl File {
    fn of(content: &[u8], algorithm: Option<&str>, budget: &Budget<'_>) -> Result<Self, Exceeded> {
        let sha256 = digest::<Sha256>(content, budget)?;
        let digest = match algorithm {
            Some("sha384") => URL_SAFE_NO_PAD.encode(digest::<Sha384>(content, budget)?),
            Some("sha512") => URL_SAFE_NO_PAD.encode(digest::<Sha512>(content, budget)?),
            _ => URL_SAFE_NO_PAD.encode(sha256),
        };
        let elf = is_elf(content).then(|| Elf::parse(content, budget));
        let elf = match elf {
            Some(Err(Unreadable::Exceeded(exceeded))) => return Err(exceeded),
            Some(Err(Unreadable::Damaged(reason))) => Some(Err(reason)),
            Some(Ok(elf)) => Some(Ok(elf)),
            None => None,
        };
        Ok(Self {
            size: content.len() as u64,
            sha256: hex(&sha256),
            digest,
            elf,
        })
    }
}

/// The digest of `content`, which may be large.
fn digest<D: Digest>(content: &[u8], budget: &Budget<'_>) -> Result<Output<D>, Exceeded> {
    let mut digest = D::new();
    for part in content.chunks(16 << 20) {
        digest.update(part);
        budget.check_time()?;
    }
    Ok(digest.finalize())
}

/// The one directory at the top that is called `.dist-info`.
fn dist_info(archive: &Archive<'_>, findings: &mut Findings) -> Option<String> {
    let tops = archive
        .entries
        .iter()
        .filter_map(|entry| entry.name.split_once('/'));
    let found = tops
        .map(|(top, _)| top)
        .filter(|top| top.ends_with(".dist-info"));
    let found: BTreeSet<_> = found.collect();
    match found.len() {
        1 => found.first().map(|&top| top.to_owned()),
        0 => {
            findings.error(Rule::DistInfo, "", "it has no .dist-info directory");
            None
        }
        _ => {
            let names = found.into_iter().collect::<Vec<_>>().join(", ");
            findings.error(
                Rule::DistInfo,
                "",
                format!("it has several .dist-info directories: {names}"),
            );
            None
        }
    }
}

fn text_of(
    archive: &Archive<'_>,
    path: &str,
    budget: &Budget<'_>,
    findings: &mut Findings,
) -> Result<Option<String>, Exceeded> {
    let mut entries = archive.entries.iter();
    let Some(entry) = entries.find(|entry| entry.name == path) else {
        return Ok(None);
    };
    let most = budget.limits.text_bytes;
    if entry.size > most {
        return Err(Exceeded {
            path: path.to_owned(),
            reason: format!(
                "it has {} bytes, and no more than {most} are looked at",
                entry.size
            ),
        });
    }
    let content = match entry.read(budget) {
        Ok(content) => content,
        // What is wrong with its bytes is said when all files are read.
        Err(Unreadable::Damaged(_)) => return Ok(None),
        Err(Unreadable::Exceeded(exceeded)) => return Err(exceeded.at(path)),
    };
    let text = String::from_utf8(content);
    let text = text.map_err(|_| findings.error(Rule::DistInfo, path, "it is not UTF-8"));
    Ok(text.ok())
}

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The name of the module that the file `path` would be, and what follows it.
fn stem_and_suffix(path: &str) -> (&str, &str) {
    let name = file_name(path);
    name.split_once('.').unwrap_or((name, ""))
}

/// The name under which Python looks for `path`, without packages.
pub(crate) fn stem(path: &str) -> &str {
    stem_and_suffix(path).0
}

/// For which Python `path` is an extension module, going by its name. `libfoo.so.1` is none.
pub(crate) fn suffix(path: &str) -> Option<Suffix> {
    let (stem, rest) = stem_and_suffix(path);
    let extension = rest
        .strip_suffix("so")
        .or_else(|| rest.strip_suffix("pyd"))?;
    let tag = match extension.strip_suffix('.') {
        Some(tag) => tag,
        None if extension.is_empty() => "",
        None => return None,
    };
    if stem.is_empty() || tag.contains(".so") {
        return None;
    }
    let cpython = tag
        .strip_prefix("cpython-")
        .or_else(|| tag.strip_prefix("cp"));
    let abi = tag.split_once('-').map_or(tag, |(abi, _)| abi);
    Some(match (abi, cpython) {
        ("", _) => Suffix::Plain,
        ("abi3", _) => Suffix::Stable,
        ("abi3t", _) => Suffix::StableWithoutGil,
        (_, Some(rest)) if rest.starts_with(|c: char| c.is_ascii_digit()) => {
            Suffix::Version(rest.split('-').next().unwrap_or(rest).to_owned())
        }
        // `libfoo-1a2b.3.so` is a library with a version in its name.
        _ if tag.starts_with("pypy") || tag.starts_with("graalpy") => Suffix::Other,
        _ => return None,
    })
}

/// Whether it exports what Python calls to make a module of `path`.
pub(crate) fn offers_module(elf: &Elf, path: &str) -> bool {
    let stem = stem(path);
    // The second is what PEP 793 adds; a name that is not ASCII is exported under an encoded name (PEP 489).
    let names = ["PyInit_", "PyModExport_"].map(|prefix| format!("{prefix}{stem}"));
    names.iter().any(|name| elf.defined.contains(name)) || !stem.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_told_by_their_names() {
        let version = |text: &str| Some(Suffix::Version(text.to_owned()));
        for name in ["a/_x.abi3.so", "_x.abi3-x86_64-linux-gnu.so"] {
            assert_eq!(suffix(name), Some(Suffix::Stable));
        }
        for name in ["a/_x.abi3t.so", "_x.abi3t-x86_64-linux-gnu.so"] {
            assert_eq!(suffix(name), Some(Suffix::StableWithoutGil));
        }
        assert_eq!(suffix("x.cpython-312-x86_64-linux-gnu.so"), version("312"));
        assert_eq!(suffix("x.cpython-313t-darwin.so"), version("313t"));
        assert_eq!(suffix("x.cp312-win_amd64.pyd"), version("312"));
        assert_eq!(suffix("x.so"), Some(Suffix::Plain));
        assert_eq!(
            suffix("x.pypy310-pp73-x86_64-linux-gnu.so"),
            Some(Suffix::Other)
        );
        for path in [
            "x.libs/libz-1a2b.so.1.2",
            "x.py",
            "libfoo-3.2.so",
            "libtorso",
            ".so",
        ] {
            assert_eq!(suffix(path), None, "{path}");
        }
    }

    #[test]
    fn what_is_in_data_directories_is_installed_with_the_rest() {
        assert_eq!(Inside::installed("a-1.data/platlib/a/x.so"), "a/x.so");
        assert_eq!(
            Inside::installed("a-1.data/scripts/a"),
            "a-1.data/scripts/a"
        );
        assert_eq!(Inside::installed("a/x.so"), "a/x.so");
    }
}
