//! Bringing a file from one directory to another with its time.

use std::io;

use camino::Utf8Path;

/// Makes `to`, where nothing is, what `from` is. `may_share`: whether nobody writes into either, so that
/// they may be one file with two names where the file system cannot share blocks.
pub(crate) fn bring(from: &Utf8Path, to: &Utf8Path, may_share: bool) -> io::Result<()> {
    // A link, where there can be one, is cheaper than sharing blocks, and keeps all times.
    if may_share && std::fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let metadata = fs_err::metadata(from)?;
    if reflink_copy::reflink(from, to).is_err() {
        fs_err::copy(from, to)?;
    }
    let file = fs_err::File::options().append(true).open(to)?;
    file.file().set_permissions(metadata.permissions())?;
    file.file().set_modified(metadata.modified()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn what_may_be_written_to_is_another_file_with_the_same_time() {
        let dir = TempDir::new();
        let path = |name: &str| dir.path().join(name);
        fs_err::write(path("a"), "one").unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(9);
        let file = fs_err::File::options()
            .append(true)
            .open(path("a"))
            .unwrap();
        file.file().set_modified(time).unwrap();
        bring(&path("a"), &path("copy"), false).unwrap();
        bring(&path("a"), &path("link"), true).unwrap();
        for name in ["copy", "link"] {
            assert_eq!(fs_err::read_to_string(path(name)).unwrap(), "one");
            assert_eq!(
                fs_err::metadata(path(name)).unwrap().modified().unwrap(),
                time
            );
        }
        fs_err::write(path("copy"), "two").unwrap();
        assert_eq!(fs_err::read_to_string(path("a")).unwrap(), "one");
    }
}
