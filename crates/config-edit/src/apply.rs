//! Writing a change, so that there is the old file or the new one whatever happens.

use std::fs::{Metadata, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;

use crate::EditError;
use crate::lock::DirLock;

/// Ends the name under which a file is written before it gets its own.
const DRAFT: &str = ".config-edit-draft";

/// Checks that the file at `path` holds `old`, and has it hold `new`.
pub(crate) fn apply(
    path: &Utf8Path,
    old: Option<&str>,
    new: Option<&str>,
) -> Result<(), EditError> {
    let target = Target::of(path)?;
    target.require_place()?;
    let (lock, made) = target.written(locked(&target.dir))?;
    let done = target.change(old, new, &lock);
    if done.is_err() {
        // Before the lock is released: whoever gets it next looks whether the directory is still there.
        made.remove();
    }
    done
}

/// Fails where the file at `path` may not be written, by what its mode and that of its directory say.
pub(crate) fn require_possible(path: &Utf8Path) -> Result<(), EditError> {
    let target = Target::of(path)?;
    target.require_place()?;
    target.require_writable()
}

/// The lock on `dir`, which is made if it is not there.
fn locked(dir: &Utf8Path) -> io::Result<(DirLock, MadeDirs)> {
    loop {
        let made = MadeDirs::make(dir)?;
        match DirLock::take(dir) {
            Ok(lock) => return Ok((lock, made)),
            // Another writer has removed the last file, and the directory with it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                made.remove();
                return Err(error);
            }
        }
    }
}

/// The file that a path leads to.
struct Target<'c> {
    /// As it was given.
    path: &'c Utf8Path,
    /// Without symbolic links.
    file: Utf8PathBuf,
    dir: Utf8PathBuf,
}

impl<'c> Target<'c> {
    fn of(path: &'c Utf8Path) -> Result<Self, EditError> {
        let file = match (path.canonicalize_utf8(), path.read_link_utf8()) {
            (Ok(file), _) => file,
            (Err(_), Err(_)) => path.to_owned(),
            (Err(_), Ok(target)) => {
                let path = path.to_owned();
                return Err(EditError::DanglingLink { path, target });
            }
        };
        let dir = match file.parent() {
            Some(dir) if dir != "" => dir.to_owned(),
            _ => ".".into(),
        };
        Ok(Self { path, file, dir })
    }

    fn change(
        &self,
        old: Option<&str>,
        new: Option<&str>,
        lock: &DirLock,
    ) -> Result<(), EditError> {
        let present = self.written(found(fs_err::read(&self.file)))?;
        if present.as_deref() != old.map(str::as_bytes) {
            let path = self.path.to_owned();
            return Err(EditError::Changed { path });
        }
        self.require_writable()?;
        match new {
            Some(text) => self.replace(text)?,
            // Where a link leads to our file, it was not us who put the link there.
            None if self.path.is_symlink() => self.replace("")?,
            None => self.written(fs_err::remove_file(&self.file))?,
        }
        lock.sync().map_err(|source| EditError::Unsynced {
            path: self.path.to_owned(),
            source,
        })?;
        if new.is_none() {
            self.remove_empty_dirs();
        }
        Ok(())
    }

    /// Nobody keeps one of these that is empty, and git cannot.
    fn remove_empty_dirs(&self) {
        const NAMES: [&str; 6] = [
            ".cargo",
            ".devcontainer",
            "workflows",
            ".github",
            "scripts",
            "docs",
        ];
        let is_one = |dir: &&Utf8Path| dir.file_name().is_some_and(|name| NAMES.contains(&name));
        for dir in self.dir.ancestors().take_while(is_one) {
            // Fails if it is not empty.
            let _ = fs_err::remove_dir(dir);
        }
    }

    /// Fails if the directory is not there and cannot be made.
    fn require_place(&self) -> Result<(), EditError> {
        let nearest = self.dir.ancestors().find(|dir| dir.exists());
        nearest.map_or(Ok(()), |dir| self.require_mode(dir))
    }

    fn require_writable(&self) -> Result<(), EditError> {
        self.require_mode(&self.dir)?;
        self.require_mode(&self.file)
    }

    /// Looks at the mode, since it does not hold for root, who is not to ignore it unasked.
    fn require_mode(&self, path: &Utf8Path) -> Result<(), EditError> {
        let metadata = self.written(found(fs_err::metadata(path)))?;
        if metadata.is_some_and(|metadata| metadata.mode() & 0o222 == 0) {
            return Err(EditError::ReadOnly {
                path: self.path.to_owned(),
                read_only: path.to_owned(),
            });
        }
        Ok(())
    }

    fn replace(&self, text: &str) -> Result<(), EditError> {
        let old = self.written(found(fs_err::metadata(&self.file)))?;
        let mut draft = self.written(self.draft())?;
        if let Some(old) = &old {
            self.keep_owner(&draft, old)?;
        }
        self.written(fill(&mut draft, text, old.as_ref()))?;
        let persisted = draft.persist(&self.file).map(drop);
        self.written(persisted.map_err(|error| error.error))
    }

    /// A new file in the same directory, which is removed unless it gets the name of the target.
    fn draft(&self) -> io::Result<NamedTempFile> {
        let name = self.file.file_name().unwrap_or_default();
        let draft = format!(".{name}{DRAFT}");
        // We hold the lock, so nobody writes it any more.
        found(fs_err::remove_file(self.dir.join(&draft)))?;
        tempfile::Builder::new()
            .prefix(&draft)
            .rand_bytes(0)
            // Less what the user's umask forbids, as for every new file.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(&self.dir)
    }

    fn keep_owner(&self, draft: &NamedTempFile, old: &Metadata) -> Result<(), EditError> {
        let ours = self.written(draft.as_file().metadata())?;
        let (uid, gid) = (old.uid(), old.gid());
        if (ours.uid(), ours.gid()) == (uid, gid) {
            return Ok(());
        }
        let changed = std::os::unix::fs::fchown(draft, Some(uid), Some(gid));
        changed.map_err(|source| EditError::Ownership {
            path: self.path.to_owned(),
            uid,
            gid,
            source,
        })
    }

    /// What was `done` to write the file, with its name in the error.
    fn written<T>(&self, done: io::Result<T>) -> Result<T, EditError> {
        done.map_err(|source| EditError::Write {
            path: self.path.to_owned(),
            source,
        })
    }
}

/// Has `text` on the disk, with the mode of the old file.
fn fill(draft: &mut NamedTempFile, text: &str, old: Option<&Metadata>) -> io::Result<()> {
    draft.write_all(text.as_bytes())?;
    // After the change of the owner, at which the system takes away some bits.
    if let Some(old) = old {
        draft.as_file().set_permissions(old.permissions())?;
    }
    draft.as_file().sync_all()
}

/// `None` where there is nothing.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// How often a directory is made that another writer removes at the same time.
const ATTEMPTS: u32 = 100;

/// Whether `dir` could not be made only because another writer makes or removes it at the same time: the
/// standard library first tries to make it, and then looks whether it is there.
fn is_contended(error: &io::Error, dir: &Utf8Path) -> bool {
    let kinds = [io::ErrorKind::AlreadyExists, io::ErrorKind::NotFound];
    kinds.contains(&error.kind()) && (dir.is_dir() || dir.symlink_metadata().is_err())
}

/// Directories that were not there before.
struct MadeDirs(Vec<Utf8PathBuf>);

impl MadeDirs {
    fn make(dir: &Utf8Path) -> io::Result<Self> {
        let missing = dir.ancestors().take_while(|dir| !dir.exists());
        let made = Self(missing.map(Utf8Path::to_owned).collect());
        let mut attempts = 1;
        loop {
            match fs_err::create_dir_all(dir) {
                Ok(()) => return Ok(made),
                Err(error) if attempts < ATTEMPTS && is_contended(&error, dir) => attempts += 1,
                Err(error) => {
                    made.remove();
                    return Err(error);
                }
            }
        }
    }

    /// Takes them away again, as far as they are empty.
    fn remove(&self) {
        for dir in &self.0 {
            let _ = fs_err::remove_dir(dir);
        }
    }
}
