//! The directory of the store.

use std::io;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use files::{owned, write};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The number of the form of what is kept. Each form has a directory of its own, so that programs of
/// different versions do not see what they cannot read.
pub(crate) const FORM: &str = "v1";

/// What is kept on this machine.
#[derive(Debug, Clone)]
pub struct Store {
    root: Utf8PathBuf,
}

impl Store {
    /// The one in `root`, which need not be there.
    #[must_use]
    pub fn at(root: &Utf8Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The directory that it is in.
    #[must_use]
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    pub(crate) fn dir(&self) -> Utf8PathBuf {
        self.root.join(FORM)
    }

    /// A directory of the store, made where it is missing.
    pub(crate) fn make(&self, below: &Utf8Path) -> io::Result<Utf8PathBuf> {
        let tag = self.root.join("CACHEDIR.TAG");
        let is_new = !self.dir().is_dir();
        let dir = owned::make_dir(&self.root, Utf8Path::new(FORM).join(below))?;
        if is_new {
            // Backups may skip it (<https://bford.info/cachedir/>).
            write::atomically(&tag, "Signature: 8a477f597d28d172789f06886806bc55\n")?;
        }
        Ok(dir)
    }

    /// A directory that nobody else sees, to be given its name when it is whole.
    pub(crate) fn draft(&self) -> io::Result<tempfile::TempDir> {
        let dir = self.make("drafts".into())?;
        tempfile::tempdir_in(dir)
    }

    /// Gives `draft` its place. What was there goes.
    pub(crate) fn settle(&self, draft: tempfile::TempDir, place: &Utf8Path) -> io::Result<()> {
        let above = place.parent().unwrap_or(place);
        fs_err::create_dir_all(above)?;
        let draft = Utf8PathBuf::try_from(draft.keep()).map_err(io::Error::other)?;
        for _ in 0..3 {
            match fs_err::rename(&draft, place) {
                Ok(()) => return Ok(()),
                Err(_) if place.is_dir() => self.drop_dir(place)?,
                Err(error) => {
                    let _ = self.remove(&draft);
                    return Err(error);
                }
            }
        }
        // Others write the same meanwhile, and what they write is as good.
        self.remove(&draft)
    }

    /// Removes what lies in the store.
    pub(crate) fn remove(&self, path: &Utf8Path) -> io::Result<()> {
        owned::remove(&self.root, path).map(drop)
    }

    /// Removes a directory of the store, so that nobody sees a part of it.
    pub(crate) fn drop_dir(&self, dir: &Utf8Path) -> io::Result<()> {
        let grave = self.draft()?;
        let gone = Utf8Path::from_path(grave.path()).map(|grave| grave.join("gone"));
        if let Some(gone) = gone {
            match fs_err::rename(dir, gone) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        grave.close()
    }
}

/// What a file of the store says. `None` if it is not there, or says nothing that is understood.
pub(crate) fn read<T: DeserializeOwned>(path: &Utf8Path) -> Option<T> {
    serde_json::from_slice(&fs_err::read(path).ok()?).ok()
}

pub(crate) fn write_json(path: &Utf8Path, value: &impl Serialize) -> io::Result<()> {
    write::atomically(path, serde_json::to_vec(value)?)
}

/// Notes that what `file` tells of is used. The order in which things go is all that depends on it.
pub(crate) fn note_use(file: &Utf8Path) {
    let opened = fs_err::File::options().append(true).open(file);
    let _ = opened.and_then(|file| file.file().set_modified(SystemTime::now()));
}

/// When it was last used.
pub(crate) fn last_use(file: &Utf8Path) -> SystemTime {
    let modified = fs_err::metadata(file).and_then(|it| it.modified());
    modified.unwrap_or(SystemTime::UNIX_EPOCH)
}
