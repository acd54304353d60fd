//! Directories that this program makes in a place of the user's, and removing what is in them.
//!
//! The user chooses a root: a project, a target directory, a cache. It may be reached through links. What
//! lies below it under a name of ours is made by this program, and no link leads there: a link is somebody
//! else's, and what is behind it as well. So each directory below the root is looked at before anything is
//! made or removed there. Whoever could put a link in its place between the look and the act can write to the
//! user's directory anyway.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::process::geteuid;

/// The directory `below` in `root`, made where it is missing.
///
/// # Errors
/// Where a link, or something else that is no directory, is in its place. Nothing has been made behind it
/// then.
pub fn make_dir(root: &Utf8Path, below: impl AsRef<Utf8Path>) -> io::Result<Utf8PathBuf> {
    let path = root.join(below);
    fs_err::create_dir_all(root)?;
    for dir in between(root, &path)? {
        if !is_dir(&dir)? {
            match fs_err::create_dir(&dir) {
                // Another process was quicker, and has made a directory or not.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    is_dir(&dir)?;
                }
                made => made?,
            }
        }
    }
    Ok(path)
}

/// The directory `below` in `root`, if it is there.
///
/// # Errors
/// Those of [`make_dir`].
pub fn find_dir(root: &Utf8Path, below: impl AsRef<Utf8Path>) -> io::Result<Option<Utf8PathBuf>> {
    let path = root.join(below);
    for dir in between(root, &path)? {
        if !is_dir(&dir)? {
            return Ok(None);
        }
    }
    Ok(Some(path))
}

/// Removes what is at `below` in `root`: a file, a directory with all that is in it, or a link, but not what
/// that leads to. Gives whether there was anything.
///
/// # Errors
/// Where a directory above it is a link. Nothing has been removed then.
pub fn remove(root: &Utf8Path, below: impl AsRef<Utf8Path>) -> io::Result<bool> {
    let path = root.join(below);
    let above = path.parent().unwrap_or(&path);
    if path == root || find_dir(root, above)?.is_none() {
        return Ok(false);
    }
    let removed = match fs_err::symlink_metadata(&path) {
        // The standard library opens every directory in it without following a link.
        Ok(metadata) if metadata.is_dir() => fs_err::remove_dir_all(&path),
        Ok(_) => fs_err::remove_file(&path),
        Err(error) => Err(error),
    };
    was_there(removed)
}

/// Removes the directory `below` in `root` if nothing is left in it.
///
/// # Errors
/// Those of [`make_dir`].
pub fn remove_if_empty(root: &Utf8Path, below: impl AsRef<Utf8Path>) -> io::Result<()> {
    let Some(path) = find_dir(root, below)? else {
        return Ok(());
    };
    match fs_err::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => was_there(removed).map(drop),
    }
}

/// Has `dir` be there for this user alone, where others may write beside it, as in a directory for temporary
/// files.
///
/// # Errors
/// Where what is there is a link, belongs to somebody else, or is open to others.
pub fn private_dir(dir: &Utf8Path) -> io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if is_private(&fs_err::symlink_metadata(dir)?, geteuid().as_raw()) {
        return Ok(());
    }
    let text = format!("{dir} is no directory that is yours and closed to others");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

fn is_private(metadata: &Metadata, user: u32) -> bool {
    let of_others = metadata.mode() & 0o077;
    metadata.is_dir() && metadata.uid() == user && of_others == 0
}

/// The names of all that is in `dir`, as far as they are UTF-8: no other is one of ours.
///
/// # Errors
/// If it cannot be read.
pub fn names_in(dir: &Utf8Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs_err::read_dir(dir)? {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

/// The directories below `root`, down to `path`.
fn between(root: &Utf8Path, path: &Utf8Path) -> io::Result<Vec<Utf8PathBuf>> {
    let below = path.strip_prefix(root).ok();
    let is_plain = |below: &&Utf8Path| !below.components().any(|part| part.as_str() == "..");
    let Some(below) = below.filter(is_plain) else {
        let text = format!("{path} does not lie in {root}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    };
    let mut dirs: Vec<_> = below
        .ancestors()
        .filter(|part| !part.as_str().is_empty())
        .map(|part| root.join(part))
        .collect();
    dirs.reverse();
    Ok(dirs)
}

/// Whether there is a directory at `path`. `false` if there is nothing.
fn is_dir(path: &Utf8Path) -> io::Result<bool> {
    let what = match fs_err::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Ok(true),
        Ok(metadata) if metadata.is_symlink() => "a link, and what is behind it is not ours",
        Ok(_) => "no directory",
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let text = format!("{path} is {what}\n  help: move it away");
    Err(io::Error::new(io::ErrorKind::NotADirectory, text))
}

fn was_there(removed: io::Result<()>) -> io::Result<bool> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use testkit::TempDir;

    /// A root beside a directory of the user's, which holds `inner/file`.
    struct Place {
        _dir: TempDir,
        root: Utf8PathBuf,
        foreign: Utf8PathBuf,
    }

    impl Place {
        fn new() -> Self {
            let dir = TempDir::new();
            let (root, foreign) = (dir.path().join("root"), dir.path().join("foreign"));
            fs_err::create_dir(&root).unwrap();
            fs_err::create_dir_all(foreign.join("inner")).unwrap();
            fs_err::write(foreign.join("inner/file"), "mine").unwrap();
            Self {
                _dir: dir,
                root,
                foreign,
            }
        }

        /// A link to the user's directory at `name` in the root.
        fn with_link(name: &str) -> Self {
            let place = Self::new();
            let link = place.root.join(name);
            fs_err::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(&place.foreign, link).unwrap();
            place
        }

        fn assert_foreign_is_whole(&self) {
            let text = fs_err::read_to_string(self.foreign.join("inner/file"));
            assert_eq!(text.unwrap(), "mine");
            assert_eq!(names_in(&self.foreign).unwrap().len(), 1);
        }
    }

    #[test]
    fn a_link_in_place_of_a_directory_is_refused_at_every_depth() {
        for (link, below) in [
            ("ours", "ours/inner"),
            ("ours", "ours"),
            ("ours/deep", "ours/deep/inner"),
            ("ours/deep", "ours/deep/new"),
        ] {
            let place = Place::with_link(link);
            for refused in [
                make_dir(&place.root, below).map(drop),
                find_dir(&place.root, below).map(drop),
                remove(&place.root, Utf8Path::new(below).join("file")).map(drop),
                remove_if_empty(&place.root, below),
            ] {
                let text = refused.unwrap_err().to_string();
                assert!(
                    text.contains("is a link") && text.contains("help: "),
                    "{text}"
                );
            }
            place.assert_foreign_is_whole();
        }
    }

    #[test]
    fn a_link_to_a_foreign_directory_is_removed_and_the_directory_survives() {
        let place = Place::with_link("ours/inputs");
        assert!(remove(&place.root, "ours/inputs").unwrap());
        assert!(!place.root.join("ours/inputs").is_symlink());
        place.assert_foreign_is_whole();
        // Nor is one followed that lies within what is removed.
        symlink(&place.foreign, place.root.join("ours/inputs")).unwrap();
        assert!(remove(&place.root, "ours").unwrap());
        assert!(!place.root.join("ours").exists());
        place.assert_foreign_is_whole();
    }

    #[test]
    fn a_link_in_place_of_a_file_is_removed_and_the_file_survives() {
        let place = Place::new();
        let dir = make_dir(&place.root, "ours").unwrap();
        symlink(place.foreign.join("inner/file"), dir.join("list")).unwrap();
        assert!(remove(&place.root, "ours/list").unwrap());
        assert!(!remove(&place.root, "ours/list").unwrap());
        place.assert_foreign_is_whole();
        // A file in place of a directory is nobody's to remove.
        fs_err::write(dir.join("file"), "").unwrap();
        assert!(make_dir(&place.root, "ours/file/x").is_err());
        assert!(dir.join("file").is_file());
    }

    #[test]
    fn a_root_that_the_user_has_linked_is_used() {
        let place = Place::new();
        let root = place.root.with_file_name("linked");
        symlink(&place.root, &root).unwrap();
        make_dir(&root, "ours/deep").unwrap();
        assert!(place.root.join("ours/deep").is_dir());
        remove_if_empty(&root, "ours").unwrap();
        assert!(place.root.join("ours/deep").is_dir());
        remove_if_empty(&root, "ours/deep").unwrap();
        assert!(!place.root.join("ours/deep").exists());
        assert!(remove(&root, "ours").unwrap());
    }

    #[test]
    fn a_directory_of_somebody_else_is_not_private() {
        let place = Place::new();
        let dir = place.root.join("private");
        private_dir(&dir).unwrap();
        private_dir(&dir).unwrap();
        let metadata = fs_err::symlink_metadata(&dir).unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o700);
        assert!(!is_private(&metadata, metadata.uid() + 1));
        let link = place.root.join("link");
        symlink(&dir, &link).unwrap();
        assert!(private_dir(&link).is_err());
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o770);
        fs_err::set_permissions(&dir, open).unwrap();
        let error = private_dir(&dir).unwrap_err().to_string();
        assert!(error.contains("closed to others"), "{error}");
    }

    #[test]
    fn nothing_outside_of_the_root_is_touched() {
        let place = Place::new();
        let outside = [
            Utf8PathBuf::from("../foreign/inner"),
            place.foreign.join("inner"),
        ];
        for path in outside {
            assert!(remove(&place.root, &path).is_err(), "{path}");
            assert!(make_dir(&place.root, &path).is_err(), "{path}");
        }
        assert!(!remove(&place.root, "").unwrap());
        place.assert_foreign_is_whole();
    }
}
