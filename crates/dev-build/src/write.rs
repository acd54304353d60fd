//! Writing a small file as a whole.

use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use camino::Utf8Path;

/// Writes `text` to `path` so that at every moment there is either the old file or the new one. Without
/// `fsync`: after a power failure, the build is simply done again.
pub(crate) fn write_atomically(path: &Utf8Path, text: &str) -> io::Result<()> {
    let dir = path.parent().unwrap_or(path);
    let mut draft = tempfile::NamedTempFile::new_in(dir)?;
    draft.write_all(text.as_bytes())?;
    // `NamedTempFile` makes files that only their owner may read.
    draft
        .as_file()
        .set_permissions(std::fs::Permissions::from_mode(0o644))?;
    draft.persist(path)?;
    Ok(())
}
