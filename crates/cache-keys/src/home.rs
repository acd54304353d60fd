//! The directory in a project that is this program's own. It ignores itself, so that git never sees it.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use files::{owned, write};

/// Its name.
const DIR: &str = ".xtask";

/// What has git ignore it, in a file of this name.
const IGNORE: (&str, &str) = (".gitignore", "*\n");

/// The directory, made where it is missing.
///
/// # Errors
/// Where a link is in its place.
pub(crate) fn make(root: &Utf8Path) -> io::Result<Utf8PathBuf> {
    let is_new = owned::find_dir(root, DIR)?.is_none();
    let dir = owned::make_dir(root, DIR)?;
    let ignore = dir.join(IGNORE.0);
    if is_new && ignore.symlink_metadata().is_err() {
        write::atomically(&ignore, IGNORE.1)?;
    }
    Ok(dir)
}

/// Removes it, if nothing is left in it.
///
/// # Errors
/// Those of [`make`].
pub(crate) fn remove_if_empty(root: &Utf8Path) -> io::Result<()> {
    let Some(dir) = owned::find_dir(root, DIR)? else {
        return Ok(());
    };
    let ignore = dir.join(IGNORE.0);
    let is_alone = owned::names_in(&dir)?.iter().eq([IGNORE.0]);
    if is_alone && fs_err::read_to_string(&ignore).is_ok_and(|text| text == IGNORE.1) {
        owned::remove(root, &ignore)?;
    }
    owned::remove_if_empty(root, &dir)
}
