//! The ZIP file, read with care.
//!
//! Programs that read ZIP files differ: some go by the directory at the end, some by the headers before each
//! entry, some take the first of two entries with one name and some the last. An archive in which these could
//! disagree is refused, since what is audited would not be what is installed.

use std::collections::{BTreeMap, BTreeSet};

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use crate::budget::{Budget, Counted, Exceeded, Limits};
use crate::report::{Findings, Rule};

/// An archive whose entries are where it says.
#[derive(Debug)]
pub(crate) struct Archive<'a> {
    pub(crate) entries: Vec<Entry<'a>>,
}

/// One file in it.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) name: String,
    /// The size it is to unpack to.
    pub(crate) size: u64,
    packed: &'a [u8],
    is_deflated: bool,
    crc32: u32,
}

/// An archive that cannot be read any further; why stands among the findings.
#[derive(Debug)]
pub(crate) struct Refused;

/// Where a part of the archive lies.
type Range = std::ops::Range<usize>;

impl<'a> Archive<'a> {
    /// Reads the directory of the archive, and compares it with the header of each entry.
    pub(crate) fn read(
        bytes: &'a [u8],
        budget: &Budget<'_>,
        findings: &mut Findings,
    ) -> Result<Result<Self, Refused>, Exceeded> {
        let limits = budget.limits;
        let directory = directory(bytes).map_err(Unreadable::from);
        let raw = directory.and_then(|directory| {
            let raw = central_entries(bytes, &directory, limits)?;
            check_layout(bytes, &raw, &directory, budget)?;
            Ok(raw)
        });
        let raw = match raw {
            Ok(raw) => raw,
            Err(Unreadable::Damaged(reason)) => {
                findings.error(Rule::Archive, "", reason);
                return Ok(Err(Refused));
            }
            Err(Unreadable::Exceeded(exceeded)) => return Err(exceeded),
        };
        check_names(&raw, findings);
        check_sizes(&raw, bytes.len() as u64, limits, findings);
        // With any of these it is unwise to unpack anything.
        if findings.any_error_of(&[Rule::Bomb, Rule::Path, Rule::Duplicate, Rule::Limit]) {
            return Ok(Err(Refused));
        }
        let entries = raw.into_iter().filter(|raw| !raw.name.ends_with('/'));
        let entries = entries.filter_map(|raw| raw.into_entry(bytes, findings));
        Ok(Ok(Self {
            entries: entries.collect(),
        }))
    }
}

/// Why an archive or an entry cannot be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// What is wrong, in words.
    Damaged(String),
    Exceeded(Exceeded),
}

impl From<String> for Unreadable {
    fn from(reason: String) -> Self {
        Self::Damaged(reason)
    }
}

impl From<Exceeded> for Unreadable {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

impl Entry<'_> {
    /// Its bytes, no more than it declares.
    pub(crate) fn read(&self, budget: &Budget<'_>) -> Result<Vec<u8>, Unreadable> {
        let content = if self.is_deflated {
            inflate(self.packed, self.size, budget)?
        } else {
            budget.spend(Counted::UnpackedBytes, self.packed.len() as u64)?;
            self.packed.to_vec()
        };
        if content.len() as u64 != self.size {
            return Err(Unreadable::Damaged(format!(
                "it unpacks to {} bytes and not to the {} it declares",
                content.len(),
                self.size
            )));
        }
        let mut crc = crc32fast::Hasher::new();
        crc.update(&content);
        if crc.finalize() != self.crc32 {
            return Err("its checksum (CRC-32) is another".to_owned().into());
        }
        Ok(content)
    }
}

/// So many packed bytes are unpacked before the time is looked at: they may unpack to nothing at all, and
/// take their time.
const STEP: usize = 16 << 10;

/// Unpacks `packed`, which declares `size` bytes. The kernel gives the memory as it is written to.
fn inflate(packed: &[u8], size: u64, budget: &Budget<'_>) -> Result<Vec<u8>, Unreadable> {
    let damaged = || "its compressed data are damaged".to_owned();
    let size = usize::try_from(size).map_err(|_| damaged())?;
    let mut state = DecompressorOxide::new();
    // One byte more than declared, so that going on is noticed.
    let mut out = vec![0; size + 1];
    let (mut read, mut written) = (0, 0);
    loop {
        let end = packed.len().min(read + STEP);
        let mut flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        if end < packed.len() {
            flags |= TINFL_FLAG_HAS_MORE_INPUT;
        }
        let (status, more_read, more_written) =
            decompress(&mut state, &packed[read..end], &mut out, written, flags);
        read += more_read;
        written += more_written;
        budget.spend(Counted::UnpackedBytes, more_written as u64)?;
        budget.check_time()?;
        match status {
            TINFLStatus::Done => break,
            TINFLStatus::NeedsMoreInput if end < packed.len() => {}
            TINFLStatus::HasMoreOutput => {
                let reason = format!("it goes on beyond the {size} bytes it declares");
                return Err(reason.into());
            }
            _ => return Err(damaged().into()),
        }
    }
    if read != packed.len() {
        let reason = "there are bytes after the end of its compressed data";
        return Err(reason.to_owned().into());
    }
    out.truncate(written);
    Ok(out)
}

/// The central directory.
#[derive(Debug)]
struct Directory {
    at: Range,
    entries: u64,
}

const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const END64_LOCATOR: u32 = 0x0706_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const LOCAL: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;

/// Finds the directory by the record at the very end.
fn directory(bytes: &[u8]) -> Result<Directory, String> {
    let ends: Vec<_> = ends(bytes).collect();
    let end = match ends.as_slice() {
        [] => return Err("it is no ZIP file, or its end is missing".to_owned()),
        [end] => *end,
        _ => {
            return Err("it has two ends, so that programs may read two archives in it".to_owned());
        }
    };
    if u16_at(bytes, end + 4)? != 0 || u16_at(bytes, end + 6)? != 0 {
        return Err("it is a part of an archive in several files".to_owned());
    }
    let small = (
        u64::from(u16_at(bytes, end + 10)?),
        u64::from(u32_at(bytes, end + 12)?),
        u64::from(u32_at(bytes, end + 16)?),
    );
    let needs_64 = small.0 == 0xffff || small.1 == 0xffff_ffff || small.2 == 0xffff_ffff;
    let ((entries, length, start), before) = match end64(bytes, end)? {
        Some((large, at)) => (large, at),
        None if needs_64 => return Err("its ZIP64 record is missing".to_owned()),
        None => (small, end),
    };
    let (start, length) = (to_usize(start)?, to_usize(length)?);
    if start.checked_add(length) != Some(before) {
        return Err(
            "its directory is not where it says: something stands before, within or after the archive"
                .to_owned(),
        );
    }
    Ok(Directory {
        at: start..before,
        entries,
    })
}

/// Where a record could be that ends the archive together with its comment.
fn ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let last = bytes.len().saturating_sub(22);
    let first = last.saturating_sub(0xffff);
    (first..=last).filter(move |&at| {
        let comment = u16_at(bytes, at + 20).map(usize::from);
        let rest = bytes.len().checked_sub(at + 22);
        u32_at(bytes, at) == Ok(END) && comment.is_ok() && comment.ok() == rest
    })
}

type Numbers = (u64, u64, u64);

/// The ZIP64 record before the end at `end`, and where it is.
fn end64(bytes: &[u8], end: usize) -> Result<Option<(Numbers, usize)>, String> {
    let Some(locator) = end.checked_sub(20) else {
        return Ok(None);
    };
    if u32_at(bytes, locator)? != END64_LOCATOR {
        return Ok(None);
    }
    let at = to_usize(u64_at(bytes, locator + 8)?)?;
    if u32_at(bytes, at)? != END64 {
        return Err("its ZIP64 record is not where it says".to_owned());
    }
    let length = to_usize(u64_at(bytes, at.saturating_add(4))?)?;
    if at.checked_add(12).and_then(|at| at.checked_add(length)) != Some(locator) {
        return Err("its ZIP64 record has a wrong length".to_owned());
    }
    let numbers = (
        u64_at(bytes, at + 32)?,
        u64_at(bytes, at + 40)?,
        u64_at(bytes, at + 48)?,
    );
    Ok(Some((numbers, at)))
}

/// An entry of the directory, as it stands there.
#[derive(Debug)]
struct Raw {
    name: String,
    flags: u16,
    method: u16,
    crc32: u32,
    packed_size: u64,
    size: u64,
    mode: u32,
    header: usize,
    /// Where its data lie, once that is known.
    data: Range,
}

fn central_entries(
    bytes: &[u8],
    directory: &Directory,
    limits: &Limits,
) -> Result<Vec<Raw>, Unreadable> {
    let too_many = |reason| {
        let path = String::new();
        Err(Unreadable::Exceeded(Exceeded { path, reason }))
    };
    if directory.entries > limits.entries as u64 {
        return too_many(format!(
            "it has {} entries, and no more than {} are looked at",
            directory.entries, limits.entries
        ));
    }
    if directory.at.len() as u64 > limits.directory_bytes {
        return too_many(format!(
            "its directory has {} bytes, and no more than {} are looked at",
            directory.at.len(),
            limits.directory_bytes
        ));
    }
    let mut entries = Vec::new();
    let mut at = directory.at.start;
    while at < directory.at.end && entries.len() as u64 <= directory.entries {
        let (raw, next) = central_entry(&bytes[..directory.at.end], at)?;
        entries.push(raw);
        at = next;
    }
    if entries.len() as u64 != directory.entries {
        let reason = format!(
            "its directory does not have the {} entries it declares",
            directory.entries
        );
        return Err(reason.into());
    }
    Ok(entries)
}

fn central_entry(bytes: &[u8], at: usize) -> Result<(Raw, usize), String> {
    if u32_at(bytes, at)? != CENTRAL {
        return Err("its directory is damaged".to_owned());
    }
    let name_at = at + 46;
    let extra_at = name_at + usize::from(u16_at(bytes, at + 28)?);
    let comment_at = extra_at + usize::from(u16_at(bytes, at + 30)?);
    let next = comment_at + usize::from(u16_at(bytes, at + 32)?);
    let flags = u16_at(bytes, at + 8)?;
    let name = name_of(slice(bytes, name_at..extra_at)?, flags)?;
    let mut sizes = Sizes {
        size: u64::from(u32_at(bytes, at + 24)?),
        packed: u64::from(u32_at(bytes, at + 20)?),
        header: u64::from(u32_at(bytes, at + 42)?),
    };
    sizes.extend(slice(bytes, extra_at..comment_at)?, &name)?;
    slice(bytes, comment_at..next)?;
    let made_by_unix = u16_at(bytes, at + 4)? >> 8 == 3;
    let attributes = u32_at(bytes, at + 38)?;
    let raw = Raw {
        flags,
        method: u16_at(bytes, at + 10)?,
        crc32: u32_at(bytes, at + 16)?,
        packed_size: sizes.packed,
        size: sizes.size,
        mode: if made_by_unix { attributes >> 16 } else { 0 },
        header: to_usize(sizes.header)?,
        data: 0..0,
        name,
    };
    Ok((raw, next))
}

/// Numbers that ZIP64 moves into the extra field if they are too large.
struct Sizes {
    size: u64,
    packed: u64,
    header: u64,
}

impl Sizes {
    fn extend(&mut self, mut extra: &[u8], name: &str) -> Result<(), String> {
        while extra.len() >= 4 {
            let (id, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
            let field = slice(extra, 4..4 + length)?;
            match id {
                0x0001 => self.take_from(field)?,
                0x7075 => {
                    return Err(format!(
                        "{name:?} has a second name, which some programs go by"
                    ));
                }
                _ => {}
            }
            extra = &extra[4 + length..];
        }
        Ok(())
    }

    fn take_from(&mut self, field: &[u8]) -> Result<(), String> {
        let mut at = 0;
        for number in [&mut self.size, &mut self.packed, &mut self.header] {
            if *number == 0xffff_ffff {
                *number = u64_at(field, at)?;
                at += 8;
            }
        }
        Ok(())
    }
}

/// The name, which has to be one for everybody: without the flag for UTF-8 other letters than ASCII's are
/// read in the code page of the reader's machine.
fn name_of(bytes: &[u8], flags: u16) -> Result<String, String> {
    let is_utf8 = flags & 1 << 11 != 0;
    let name = str::from_utf8(bytes).ok();
    let name = name.filter(|name| is_utf8 || name.is_ascii());
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    name.map(str::to_owned)
        .ok_or_else(|| format!("the name {:?} is not UTF-8, or does not say so", shown()))
}

/// Compares each entry with the header before its data, and sees that entries neither overlap nor leave room
/// between them, in which something could stand that only some programs read.
fn check_layout(
    bytes: &[u8],
    raw: &[Raw],
    directory: &Directory,
    budget: &Budget<'_>,
) -> Result<(), Unreadable> {
    let mut spans = BTreeMap::new();
    for entry in raw {
        let data = entry.locate(bytes)?;
        // Only now it is known where the header ends, and only later that no two share their bytes.
        let header = data.start.saturating_sub(entry.header);
        budget.spend(Counted::HeaderBytes, header as u64)?;
        let has_descriptor = entry.flags & 1 << 3 != 0;
        if spans
            .insert(entry.header, (data.end, has_descriptor))
            .is_some()
        {
            let reason = format!("{:?} and another entry share their data", entry.name);
            return Err(reason.into());
        }
    }
    let mut end = 0;
    let mut may_have_descriptor = false;
    let starts = spans.keys().copied().chain([directory.at.start]);
    for start in starts {
        if start < end {
            return Err("its entries overlap".to_owned().into());
        }
        let gap = slice(bytes, end..start)?;
        if !(gap.is_empty() || may_have_descriptor && is_descriptor(gap)) {
            return Err(format!("{} bytes in it belong to no entry", gap.len()).into());
        }
        if let Some((next_end, descriptor)) = spans.get(&start) {
            (end, may_have_descriptor) = (*next_end, *descriptor);
        }
    }
    Ok(())
}

/// Checksum and sizes after the data, with 4 or 8 bytes for a size, and with or without a signature.
fn is_descriptor(gap: &[u8]) -> bool {
    match gap.len() {
        12 | 20 => true,
        16 | 24 => u32_at(gap, 0) == Ok(DESCRIPTOR),
        _ => false,
    }
}

impl Raw {
    /// Where its data lie, going by its own header, which has to say the same as the directory.
    fn locate(&self, bytes: &[u8]) -> Result<Range, String> {
        let differs = |what| {
            format!(
                "{:?} has another {what} before its data than in the directory",
                self.name
            )
        };
        let at = self.header;
        if u32_at(bytes, at)? != LOCAL {
            return Err(format!("{:?} is not where the directory says", self.name));
        }
        let name_at = at + 30;
        let extra_at = name_at + usize::from(u16_at(bytes, at + 26)?);
        let data_at = extra_at + usize::from(u16_at(bytes, at + 28)?);
        if slice(bytes, name_at..extra_at)? != self.name.as_bytes() {
            return Err(differs("name"));
        }
        if u16_at(bytes, at + 8)? != self.method
            || (u16_at(bytes, at + 6)? ^ self.flags) & 0b1001 != 0
        {
            return Err(differs("method"));
        }
        let mut sizes = Sizes {
            size: u64::from(u32_at(bytes, at + 22)?),
            packed: u64::from(u32_at(bytes, at + 18)?),
            header: 0,
        };
        sizes.extend(slice(bytes, extra_at..data_at)?, &self.name)?;
        let has_descriptor = self.flags & 1 << 3 != 0;
        let crc32 = u32_at(bytes, at + 14)?;
        if !has_descriptor
            && (sizes.size, sizes.packed, crc32) != (self.size, self.packed_size, self.crc32)
        {
            return Err(differs("size or checksum"));
        }
        let end = to_usize(self.packed_size)?.checked_add(data_at);
        let end = end.filter(|end| *end <= bytes.len());
        let end = end.ok_or_else(|| format!("{:?} goes on beyond the end", self.name))?;
        Ok(data_at..end)
    }

    fn into_entry<'a>(mut self, bytes: &'a [u8], findings: &mut Findings) -> Option<Entry<'a>> {
        self.data = self.locate(bytes).ok()?;
        if self.flags & 1 != 0 {
            findings.error(Rule::Archive, &self.name, "it is encrypted");
            return None;
        }
        let is_deflated = match self.method {
            0 => false,
            8 => true,
            method => {
                let reason =
                    format!("it is packed by method {method}, which installers do not know");
                findings.error(Rule::Archive, &self.name, reason);
                return None;
            }
        };
        Some(Entry {
            packed: &bytes[self.data.clone()],
            is_deflated,
            name: self.name,
            size: self.size,
            crc32: self.crc32,
        })
    }
}

fn check_names(raw: &[Raw], findings: &mut Findings) {
    let mut names = BTreeSet::new();
    let mut folded = BTreeMap::new();
    for entry in raw {
        if let Some(reason) = why_unsafe(entry) {
            findings.error(Rule::Path, &entry.name, reason);
        }
        let name = entry.name.trim_end_matches('/');
        if !names.insert(name) {
            findings.error(Rule::Duplicate, &entry.name, "it is there twice");
        } else if let Some(other) = folded.insert(name.to_lowercase(), name) {
            let reason = format!("where letters have no case, it is the same file as {other}");
            findings.warning(Rule::Duplicate, &entry.name, reason);
        }
    }
    check_directories(raw, findings);
}

/// Sees that no file is a directory for others. Sorted part by part, what lies below a file follows it.
fn check_directories(raw: &[Raw], findings: &mut Findings) {
    let by_parts = |entry: &Raw| entry.name.replace('/', "\0");
    let mut names: Vec<_> = raw.iter().map(by_parts).collect();
    names.sort_unstable();
    let mut file: Option<&str> = None;
    for name in &names {
        let below = file.and_then(|file| name.strip_prefix(file));
        if below.is_some_and(|below| below.starts_with('\0')) {
            let [file, name] = [file.unwrap_or_default(), name].map(|it| it.replace('\0', "/"));
            let reason = format!("a file cannot hold it: {file}");
            findings.error(Rule::Duplicate, name.trim_end_matches('/'), reason);
        } else if !name.ends_with('\0') {
            file = Some(name);
        }
    }
}

/// Why an entry must not be unpacked under its name.
fn why_unsafe(entry: &Raw) -> Option<&'static str> {
    let path = entry.name.trim_end_matches('/');
    let mut parts = path.split('/');
    if entry.name.starts_with('/') {
        return Some("its path begins at the root");
    }
    if path.contains('\\') || path.split('/').any(|part| part.contains(':')) {
        return Some("its path leads elsewhere on Windows");
    }
    if path.chars().any(char::is_control) {
        return Some("its path has control characters");
    }
    if parts.any(|part| matches!(part, "" | "." | "..")) {
        return Some("its path leads out of the directory it is unpacked into, or has empty parts");
    }
    match entry.mode & 0o170_000 {
        0 | 0o100_000 | 0o040_000 => None,
        0o120_000 => Some("it is a symbolic link"),
        _ => Some("it is no regular file"),
    }
}

fn check_sizes(raw: &[Raw], archive_bytes: u64, limits: &Limits, findings: &mut Findings) {
    let is_bomb = |size: u64, packed: u64| {
        size > limits.ratio_from_bytes && size / limits.ratio > packed.max(1)
    };
    for entry in raw {
        if entry.size.saturating_add(archive_bytes) > limits.held_bytes {
            let reason = format!(
                "with its {} bytes beside the {archive_bytes} of the wheel it would take more than {} bytes of memory",
                entry.size, limits.held_bytes
            );
            findings.error(Rule::Limit, &entry.name, reason);
        }
        if is_bomb(entry.size, entry.packed_size) {
            let reason = format!(
                "it would unpack {} bytes to {}",
                entry.packed_size, entry.size
            );
            findings.error(Rule::Bomb, &entry.name, reason);
        }
    }
    let total = raw
        .iter()
        .map(|entry| entry.size)
        .fold(0, u64::saturating_add);
    if is_bomb(total, archive_bytes) {
        let reason = format!("{archive_bytes} bytes would unpack to {total}");
        findings.error(Rule::Bomb, "", reason);
    } else if total > limits.unpacked_bytes {
        let reason = format!(
            "it would unpack to {total} bytes, and no more than {} are looked at",
            limits.unpacked_bytes
        );
        findings.error(Rule::Limit, "", reason);
    }
}

fn slice(bytes: &[u8], at: Range) -> Result<&[u8], String> {
    bytes.get(at).ok_or_else(|| "it ends too early".to_owned())
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], String> {
    let found = at.checked_add(N).and_then(|end| bytes.get(at..end));
    let found = found.and_then(|found| found.try_into().ok());
    found.ok_or_else(|| "it ends too early".to_owned())
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, String> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, String> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, String> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// A position or size: one that does not fit into memory is beyond the end in any case.
fn to_usize(number: u64) -> Result<usize, String> {
    // So that adding the length of a header does not overflow.
    let limit = usize::MAX / 4;
    let number = usize::try_from(number)
        .ok()
        .filter(|number| *number < limit);
    number.ok_or_else(|| "a number in it is larger than any file".to_owned())
}
