//! Extensions by the content of all that they were made of.
//!
//! Which files an extension is made of is known after it was built. So a build is found in three steps: its
//! context (the call of cargo, the lock file, the compiler, variables), one of the lists of sources that
//! builds in this context had, and the digest of what is in these sources now.

use std::io;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::{sha256, sha256_of};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::dir::{self, Store};
use crate::transfer::bring;

/// How many lists of sources of one context are looked at: those that were used last.
const LISTS: usize = 8;

/// An extension that is kept.
#[derive(Debug, Clone)]
pub struct Found<N> {
    dir: Utf8PathBuf,
    noted: Noted<N>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Noted<N> {
    /// For people.
    project: Utf8PathBuf,
    bytes: u64,
    /// When it was written, by which a large one is told that was written to since.
    modified: SystemTime,
    /// Of one that is no larger than [`LARGE_BYTES`].
    sha256: Option<String>,
    by_caller: N,
}

/// Beyond this size a library is one file with cargo's, since to copy it and to read it takes seconds.
/// Linkers make a library anew under its name; who writes into it all the same changes its time.
pub const LARGE_BYTES: u64 = 64 << 20;

const LIST: &str = "sources.json";
const NOTE: &str = "extension.json";
const LIBRARY: &str = "library";

/// Which extension: its context and what its sources are.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The digest of all but the sources.
    pub context: &'a str,
    /// The digest of the sources, in the order of the list.
    pub content: &'a str,
}

impl Store {
    fn context_dir(&self, context: &str) -> Utf8PathBuf {
        self.dir().join("extensions").join(context)
    }

    /// The lists of sources that builds in `context` had, those that were used last first.
    #[must_use]
    pub fn source_lists<S: DeserializeOwned>(&self, context: &str) -> Vec<(String, S)> {
        let dir = self.context_dir(context);
        let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
        let mut lists: Vec<_> = entries
            .map(|entry| (dir::last_use(&entry.path().join(LIST)), entry.into_path()))
            .collect();
        lists.sort();
        let lists = lists.into_iter().rev().take(LISTS);
        let lists = lists.filter_map(|(_, dir)| {
            Some((dir.file_name()?.to_owned(), dir::read(&dir.join(LIST))?))
        });
        lists.collect()
    }

    /// The extension that was built in a context from this content of the sources in `list`. `None` also if
    /// it is damaged.
    #[must_use]
    pub fn extension<N: DeserializeOwned>(&self, key: Key<'_>, list: &str) -> Option<Found<N>> {
        let list = self.context_dir(key.context).join(list);
        let dir = list.join(key.content);
        let noted: Noted<N> = dir::read(&dir.join(NOTE))?;
        let library = fs_err::symlink_metadata(dir.join(LIBRARY)).ok()?;
        (library.is_file() && library.len() == noted.bytes).then_some(Found { dir, noted })
    }

    /// Whether it is kept.
    ///
    /// # Errors
    /// If the list cannot be written as JSON.
    pub fn has_extension<S: Serialize>(&self, key: Key<'_>, list: &S) -> io::Result<bool> {
        let dir = self
            .context_dir(key.context)
            .join(name_of(&serde_json::to_vec(list)?));
        Ok(dir.join(key.content).is_dir())
    }

    /// Keeps `library`, which was built for `project`, with `note`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep_extension<S: Serialize, N: Serialize>(
        &self,
        key: Key<'_>,
        project: &Utf8Path,
        list: &S,
        library: &Utf8Path,
        note: N,
    ) -> io::Result<()> {
        let text = serde_json::to_vec(list)?;
        let name = name_of(&text);
        let below = Utf8Path::new("extensions").join(key.context).join(name);
        let above = self.make(&below)?;
        let draft = self.draft()?;
        let into = Utf8Path::from_path(draft.path()).ok_or(io::ErrorKind::InvalidFilename)?;
        let is_large = fs_err::metadata(library)?.len() > LARGE_BYTES;
        // Whoever writes into cargo's library must not write into this one.
        bring(library, &into.join(LIBRARY), is_large)?;
        let metadata = fs_err::metadata(into.join(LIBRARY))?;
        let sha256 = (!is_large)
            .then(|| sha256_of(&into.join(LIBRARY)))
            .transpose()?;
        let note = Noted {
            project: project.to_owned(),
            bytes: metadata.len(),
            modified: metadata.modified()?,
            sha256,
            by_caller: note,
        };
        fs_err::write(into.join(NOTE), serde_json::to_vec(&note)?)?;
        files::write::atomically(&above.join(LIST), text)?;
        self.settle(draft, &above.join(key.content))
    }
}

/// The name of a list of sources.
fn name_of(list: &[u8]) -> String {
    sha256(list)[..16].to_owned()
}

impl<N> Noted<N> {
    /// Whether the file at `path` is the library that was kept.
    fn is(&self, path: &Utf8Path) -> io::Result<bool> {
        let metadata = fs_err::metadata(path)?;
        let has_times = metadata.len() == self.bytes && metadata.modified()? == self.modified;
        Ok(match &self.sha256 {
            Some(sha256) => sha256_of(path)? == *sha256,
            None => has_times,
        })
    }
}

impl<N> Found<N> {
    /// What was noted of it.
    #[must_use]
    pub fn note(&self) -> &N {
        &self.noted.by_caller
    }

    /// Puts the library at `place`, if it is what it was. Gives whether it is; one that is damaged goes.
    ///
    /// # Errors
    /// What the file system says of `place`.
    pub fn put(&self, store: &Store, place: &Utf8Path) -> io::Result<bool> {
        let above = place.parent().unwrap_or(place);
        fs_err::create_dir_all(above)?;
        let draft = tempfile::Builder::new()
            .prefix(".xtask-")
            .tempdir_in(above)?;
        let copy = Utf8Path::from_path(draft.path())
            .ok_or(io::ErrorKind::InvalidFilename)?
            .join(LIBRARY);
        let is_brought = bring(&self.dir.join(LIBRARY), &copy, self.noted.sha256.is_none()).is_ok();
        if !is_brought || !self.noted.is(&copy)? {
            let _ = store.drop_dir(&self.dir);
            return Ok(false);
        }
        fs_err::rename(&copy, place)?;
        dir::note_use(&self.dir.join(NOTE));
        dir::note_use(&self.dir.with_file_name(LIST));
        Ok(true)
    }
}
