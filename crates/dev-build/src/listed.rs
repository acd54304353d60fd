//! The files of an install: what its `RECORD` lists (PEP 376). Whoever removes or replaces the install removes
//! them.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use files::write;

/// What the names of the files begin with that have an import build: see [`crate::on_import`].
pub(crate) const HOOK: &str = "_on_import_";

/// Whether a file of an install, by its path in `RECORD`, is one of these.
pub(crate) fn is_of_hook(file: &Utf8Path) -> bool {
    file.components().count() == 1 && file.as_str().starts_with(HOOK)
}

/// Adds `files` to the `RECORD` in `dist_info`, without digest and size, and takes out others that `goes` says
/// of.
pub(crate) fn change(
    dist_info: &Utf8Path,
    files: &[Utf8PathBuf],
    goes: impl Fn(&Utf8Path) -> bool,
) -> io::Result<()> {
    let record = dist_info.join("RECORD");
    let text = fs_err::read_to_string(&record)?;
    let mut due: Vec<_> = files.iter().map(|file| format!("{file},,")).collect();
    let mut lines: Vec<_> = text.lines().collect();
    lines.retain(|line| {
        let is_due = due.iter().any(|it| it == line);
        due.retain(|it| it != line);
        is_due || !goes(Utf8Path::new(line.split(',').next().unwrap_or(line)))
    });
    let is_same = due.is_empty() && lines.len() == text.lines().count();
    lines.extend(due.iter().map(String::as_str));
    if is_same {
        return Ok(());
    }
    write::atomically(&record, lines.join("\n") + "\n")
}
