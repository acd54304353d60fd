//! Telling whether something changed: by content (SHA-256), or by what the file system says of it.

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::{sha256, sha256_of};

pub use files::Stamp;

/// The SHA-256 of a file's content. `None` if it cannot be read.
#[must_use]
pub fn sha256_of_file(path: &Utf8Path) -> Option<String> {
    sha256_of(path).ok()
}

/// The SHA-256 of the names and stamps of `files`.
pub(crate) fn sha256_of_stamps(files: impl Iterator<Item = Utf8PathBuf>) -> String {
    let lines = files.map(|path| format!("{path} {:?}\n", Stamp::of(&path).ok()));
    sha256(lines.collect::<String>().as_bytes())
}
