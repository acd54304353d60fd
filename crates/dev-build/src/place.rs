//! Putting a library where Python looks for it.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use files::owned;

/// How a file was put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// Its blocks are shared until one side is written to (btrfs, XFS, APFS).
    Reflink,
    /// Its bytes were copied.
    Copy,
}

/// Puts `library` at `place`, in place of what is there, by the cheapest means that is safe on this file
/// system. `scratch` is a directory of ours, if possible on the same file system.
///
/// A hard link would be cheaper still where there are no reflinks. But it would be one file with two names:
/// whoever writes to the placed library (`cp` does, over an existing file) would write to cargo's artefact,
/// and cargo takes that for what it has built.
///
/// At every moment there is either the old file or the new one: the last step is a rename.
///
/// # Errors
/// What the file system says. The old file is in place then.
pub fn place(library: &Utf8Path, place: &Utf8Path, scratch: &Utf8Path) -> io::Result<Means> {
    let draft = scratch.join(place.file_name().unwrap_or_default());
    owned::remove(scratch, &draft)?;
    let means = reflink_or_copy(library, &draft)?;
    match exchange_or_rename(&draft, place) {
        Ok(()) => Ok(means),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            place_across_devices(library, place)
        }
        Err(error) => Err(error),
    }
}

/// What the kernel calls a file that was at `place`, and that some process still has, after another was put
/// there: by the name of before, or by the one that it was exchanged for.
pub(crate) fn names_of_replaced(place: &Utf8Path, scratch: &Utf8Path) -> [Utf8PathBuf; 2] {
    let name = place.file_name().unwrap_or_default();
    [place.to_owned(), scratch.join(name)]
}

fn reflink_or_copy(library: &Utf8Path, draft: &Utf8Path) -> io::Result<Means> {
    if reflink_copy::reflink(library, draft).is_ok() {
        return Ok(Means::Reflink);
    }
    fs_err::copy(library, draft)?;
    Ok(Means::Copy)
}

/// Gives `draft` the name `place`. Where there is a file of that name, the two are exchanged: when a rename
/// replaces a file, ext4 first writes the new one to the disk (`auto_da_alloc`), which takes a second for a
/// gigabyte of debug information.
fn exchange_or_rename(draft: &Utf8Path, place: &Utf8Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        let exchanged = renameat_with(
            CWD,
            draft.as_str(),
            CWD,
            place.as_str(),
            RenameFlags::EXCHANGE,
        );
        if exchanged.is_ok() {
            return remove(draft);
        }
    }
    fs_err::rename(draft, place)
}

/// The target directory lies on another file system, as in a container with a volume for it.
fn place_across_devices(library: &Utf8Path, place: &Utf8Path) -> io::Result<Means> {
    let dir = place.parent().unwrap_or(place);
    remove_abandoned_drafts(dir)?;
    let draft = tempfile::Builder::new()
        .prefix(DRAFT_PREFIX)
        .suffix(DRAFT_SUFFIX)
        .tempfile_in(dir)?;
    fs_err::copy(library, draft.path())?;
    draft.persist(place)?;
    Ok(Means::Copy)
}

/// Python does not take a file that begins and ends so for a module.
const DRAFT_PREFIX: &str = ".xtask-dev-";
const DRAFT_SUFFIX: &str = ".tmp";

/// Removes what a killed placement left behind. Only one placement runs at a time.
fn remove_abandoned_drafts(dir: &Utf8Path) -> io::Result<()> {
    for name in owned::names_in(dir)? {
        if name.starts_with(DRAFT_PREFIX) && name.ends_with(DRAFT_SUFFIX) {
            remove(&dir.join(name))?;
        }
    }
    Ok(())
}

/// Removes a library that maturin or we have put in place. A link is neither's.
pub(crate) fn remove(library: &Utf8Path) -> io::Result<()> {
    if library.is_symlink() {
        let text = format!("{library} is a link\n  help: move it away");
        return Err(io::Error::other(text));
    }
    fs_err::remove_file(library)
}

/// Whether both files have the same content.
pub(crate) fn same_bytes(one: &Utf8Path, other: &Utf8Path) -> bool {
    let length = |path| fs_err::metadata(path).map(|it| it.len()).ok();
    if length(one) != length(other) {
        return false;
    }
    match (fs_err::read(one), fs_err::read(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn the_file_is_replaced_and_nothing_else_is_left() {
        let dir = TempDir::new();
        let path = |name: &str| dir.path().join(name);
        for name in ["scratch", "package"] {
            fs_err::create_dir(path(name)).unwrap();
        }
        fs_err::write(path("library"), "new").unwrap();
        let target = path("package/_x.abi3.so");
        fs_err::write(&target, "old").unwrap();
        let old = fs_err::File::open(&target).unwrap();
        for _ in 0..2 {
            place(&path("library"), &target, &path("scratch")).unwrap();
            assert_eq!(fs_err::read_to_string(&target).unwrap(), "new");
            assert_eq!(path("package").read_dir_utf8().unwrap().count(), 1);
            assert_eq!(path("scratch").read_dir_utf8().unwrap().count(), 0);
        }
        // Whoever has the old file open still reads the old one.
        assert_eq!(std::io::read_to_string(old).unwrap(), "old");
    }

    #[test]
    fn a_place_that_cannot_be_written_keeps_its_file() {
        let dir = TempDir::new();
        fs_err::write(dir.path().join("library"), "new").unwrap();
        let missing = dir.path().join("no/such/dir/_x.so");
        assert!(place(&dir.path().join("library"), &missing, dir.path()).is_err());
        assert!(dir.path().join("library").is_file());
    }

    #[test]
    fn across_file_systems_an_abandoned_draft_is_removed() {
        let dir = TempDir::new();
        fs_err::write(dir.path().join("library"), "new").unwrap();
        fs_err::create_dir(dir.path().join("package")).unwrap();
        fs_err::write(dir.path().join("package/.xtask-dev-abc.tmp"), "half").unwrap();
        let notes = dir.path().join("package/.xtask-dev-notes");
        fs_err::write(&notes, "mine").unwrap();
        let target = dir.path().join("package/_x.abi3.so");
        place_across_devices(&dir.path().join("library"), &target).unwrap();
        assert_eq!(
            dir.path().join("package").read_dir_utf8().unwrap().count(),
            2
        );
        assert_eq!(fs_err::read_to_string(&target).unwrap(), "new");
        assert_eq!(fs_err::read_to_string(&notes).unwrap(), "mine");
    }
}
