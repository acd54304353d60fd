//! Writing a change, so that there is the old file or the new one whatever happens.

use std::fs::{Metadata, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use camino::{Utf8Path, Utf8PathBuf};

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
    let locked = locked(&target.dir);
    let (lock, made) = locked.map_err(|source| target.cannot_write(source))?;
    let done = target.change(old, new, &lock);
    if done.is_err() {
        // Before the lock is released: whoever gets it next looks whether the directory is still there.
        made.remove();
    }
    done
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
        let file = match path.canonicalize_utf8() {
            Ok(file) => file,
            Err(_) => match path.read_link_utf8() {
                Ok(target) => {
                    let path = path.to_owned();
                    return Err(EditError::DanglingLink { path, target });
                }
                Err(_) => path.to_owned(),
            },
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
        let cannot_write = |source| self.cannot_write(source);
        let present = self.present().map_err(cannot_write)?;
        if present.as_deref() != old.map(str::as_bytes) {
            let path = self.path.to_owned();
            return Err(EditError::Changed { path });
        }
        self.require_writable().map_err(cannot_write)??;
        match new {
            Some(text) => self.replace(text)?,
            // Where a link leads to our file, it was not us who put the link there.
            None if self.path.is_symlink() => self.replace("")?,
            None => self.remove().map_err(cannot_write)?,
        }
        lock.sync().map_err(|source| EditError::Unsynced {
            path: self.path.to_owned(),
            source,
        })?;
        if new.is_none() {
            self.remove_empty_dir();
        }
        Ok(())
    }

    /// What it holds; `None` if it is not there.
    fn present(&self) -> io::Result<Option<Vec<u8>>> {
        found(fs_err::read(&self.file))
    }

    /// Looks at the modes, since they do not hold for root, who is not to ignore them unasked.
    fn require_writable(&self) -> io::Result<Result<(), EditError>> {
        for path in [&self.dir, &self.file] {
            let metadata = found(fs_err::metadata(path))?;
            if metadata.is_some_and(|metadata| metadata.mode() & 0o222 == 0) {
                return Ok(Err(EditError::ReadOnly {
                    path: self.path.to_owned(),
                    read_only: path.clone(),
                }));
            }
        }
        Ok(Ok(()))
    }

    fn replace(&self, text: &str) -> Result<(), EditError> {
        let cannot_write = |source| self.cannot_write(source);
        let old = found(fs_err::metadata(&self.file)).map_err(cannot_write)?;
        let mut draft = self.draft().map_err(cannot_write)?;
        if let Some(old) = &old {
            self.keep_owner(&draft, old)?;
        }
        fill(&mut draft, text, old.as_ref()).map_err(cannot_write)?;
        let persisted = draft.persist(&self.file);
        persisted.map_err(|error| self.cannot_write(error.error))?;
        Ok(())
    }

    /// A new file in the same directory, which is removed unless it gets the name of the target.
    fn draft(&self) -> io::Result<tempfile::NamedTempFile> {
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

    fn keep_owner(&self, draft: &tempfile::NamedTempFile, old: &Metadata) -> Result<(), EditError> {
        let ours = draft.as_file().metadata();
        let ours = ours.map_err(|source| self.cannot_write(source))?;
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

    fn remove(&self) -> io::Result<()> {
        fs_err::remove_file(&self.file)
    }

    /// Nobody keeps an empty `.cargo`, and git cannot.
    fn remove_empty_dir(&self) {
        if self.dir.file_name() == Some(".cargo") {
            // Fails if it is not empty.
            let _ = fs_err::remove_dir(&self.dir);
        }
    }

    fn cannot_write(&self, source: io::Error) -> EditError {
        EditError::Write {
            path: self.path.to_owned(),
            source,
        }
    }
}

/// Has `text` on the disk, with the mode of the old file.
fn fill(draft: &mut tempfile::NamedTempFile, text: &str, old: Option<&Metadata>) -> io::Result<()> {
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
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
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
        let mut done = fs_err::create_dir_all(dir);
        for _ in 1..ATTEMPTS {
            match &done {
                Err(error) if is_contended(error, dir) => {
                    done = fs_err::create_dir_all(dir);
                }
                _ => break,
            }
        }
        if let Err(error) = done {
            made.remove();
            return Err(error);
        }
        Ok(made)
    }

    /// Takes them away again, as far as they are empty.
    fn remove(&self) {
        for dir in &self.0 {
            let _ = fs_err::remove_dir(dir);
        }
    }
}
