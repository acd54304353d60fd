//! Whether this user may write somewhere, asked before the work and not after it.

use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{Access, access};
use rustix::io::Errno;

/// The directory that keeps this user from making files in `dir`: `dir` itself, or the nearest one above it
/// where it is not there yet. `None` where nothing does.
#[must_use]
pub fn keeps_from_writing(dir: &Utf8Path) -> Option<Utf8PathBuf> {
    let nearest = dir.ancestors().find(|it| it.exists());
    let nearest = nearest.unwrap_or(Utf8Path::new("."));
    let answered = access(nearest.as_std_path(), Access::WRITE_OK | Access::EXEC_OK);
    // Whatever else is wrong, writing says better.
    matches!(answered, Err(Errno::ACCESS | Errno::ROFS)).then(|| nearest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn the_nearest_directory_that_is_there_decides() {
        let dir = TempDir::new();
        for path in [dir.path().to_owned(), dir.path().join("a/b"), "new".into()] {
            assert_eq!(keeps_from_writing(&path), None, "{path}");
        }
        // Not even root may enter a directory that is a file without that bit.
        let file = dir.path().join("file");
        fs_err::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below/it")] {
            assert_eq!(keeps_from_writing(&path), Some(file.clone()), "{path}");
        }
    }
}
