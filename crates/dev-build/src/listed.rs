//! The files of an install: what its `RECORD` lists (PEP 376). Whoever removes or replaces the install
//! removes them.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use files::write;

/// What the names of the files begin with that have an import build: see [`crate::on_import`].
pub(crate) const HOOK: &str = "_on_import_";

/// Where Python keeps what it has compiled.
const COMPILED: &str = "__pycache__";

/// Whether a file of an install, by its path in `RECORD`, is one of these.
pub(crate) fn is_of_hook(file: &Utf8Path) -> bool {
    let dir = file.parent().map_or("", Utf8Path::as_str);
    let name = file.file_name().unwrap_or_default();
    matches!(dir, "" | COMPILED) && name.starts_with(HOOK)
}

/// Those of the files of the install in `dist_info` that `is_it` says of, relative to site-packages.
pub(crate) fn files(
    dist_info: &Utf8Path,
    is_it: impl Fn(&Utf8Path) -> bool,
) -> io::Result<Vec<Utf8PathBuf>> {
    let text = fs_err::read_to_string(dist_info.join("RECORD"))?;
    let files = text.lines().map(|line| Utf8Path::new(name(line)));
    Ok(files.filter(|file| is_it(file)).map(Into::into).collect())
}

/// The path in a line of `RECORD`. None of those that we list is in quotation marks.
fn name(line: &str) -> &str {
    line.split(',').next().unwrap_or(line)
}

/// Adds `files` to the `RECORD` in `dist_info`, without digest and size, and takes out others that `goes`
/// says of.
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
        is_due || !goes(Utf8Path::new(name(line)))
    });
    let is_same = due.is_empty() && lines.len() == text.lines().count();
    lines.extend(due.iter().map(String::as_str));
    if is_same {
        return Ok(());
    }
    write::atomically(&record, lines.join("\n") + "\n")
}
