//! A wheel on the disk.

use std::fs::{FileType, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;

use crate::budget::Limits;
use crate::project::Expected;
use crate::report::{Findings, Report, Rule};

/// Audits the file `path`. What is no regular file, or is too large, is refused and not read.
///
/// # Errors
/// If there is nothing, or it cannot be read.
pub fn audit_file(path: &Path, expected: Option<&Expected>) -> io::Result<Report> {
    let limits = Limits::default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let metadata = std::fs::metadata(path)?;
    if let Some((rule, reason)) = why_unread(&metadata, &limits) {
        let mut findings = Findings::default();
        findings.error(rule, "", reason);
        return Ok(findings.into_report(Report::unread(&name, metadata.len())));
    }
    // Should it have become a pipe by now, nobody may ever write to it.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    // Should it be growing, the audit says that it has no end.
    file.take(limits.held_bytes).read_to_end(&mut bytes)?;
    Ok(crate::audit_within(&name, &bytes, expected, &limits))
}

fn why_unread(metadata: &Metadata, limits: &Limits) -> Option<(Rule, String)> {
    if !metadata.is_file() {
        let kind = kind(metadata.file_type());
        return Some((Rule::NoFile, format!("it is {kind} and no regular file")));
    }
    let (size, most) = (metadata.len(), limits.held_bytes);
    (size > most).then(|| {
        let reason = format!("it has {size} bytes, and no more than {most} are looked at");
        (Rule::Limit, reason)
    })
}

fn kind(kind: FileType) -> &'static str {
    match () {
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () => "something else",
    }
}
