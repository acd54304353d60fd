//! The times of a copy, by content: what has not changed gets in another copy the time that it had in this
//! one. The files are the copy's own.

use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::{sha256, sha256_of};
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use crate::stage::{Stage, run_again};

/// What is in a copy, relative to its root.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Copied {
    /// When it was looked at.
    at: Option<SystemTime>,
    entries: BTreeMap<Utf8PathBuf, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// Of a file its digest, of a directory that of the names in it: a build script may depend on either.
    content: String,
    modified: SystemTime,
}

impl Copied {
    /// What is in `root`.
    pub(crate) fn of(root: &Utf8Path) -> io::Result<Self> {
        let mut entries = BTreeMap::new();
        for entry in WalkDir::new(root).sort_by_file_name() {
            let entry = entry?;
            let kind = entry.file_type();
            let Some(path) = Utf8Path::from_path(entry.path()).filter(|_| !kind.is_symlink())
            else {
                continue;
            };
            let content = if kind.is_dir() {
                names_in(path)?
            } else {
                sha256_of(path)?
            };
            let relative = path.strip_prefix(root).unwrap_or(path);
            let modified = fs_err::metadata(path)?.modified()?;
            entries.insert(relative.to_owned(), Entry { content, modified });
        }
        Ok(Self {
            at: Some(SystemTime::now()),
            entries,
        })
    }

    /// Whether all of it, and all that was built from it, is older than `time`. A clock may have been set back,
    /// or that of another machine may go ahead.
    pub(crate) fn is_earlier_than(&self, time: SystemTime) -> bool {
        let times = self.entries.values().map(|entry| entry.modified);
        self.at
            .is_some_and(|at| times.chain([at]).all(|it| it < time))
    }

    /// Gives what is the same in `stage` its time, and everything else the present one.
    pub(crate) fn give_times(&self, stage: &Stage) -> io::Result<()> {
        let now = SystemTime::now();
        let here = Self::of(&stage.root)?;
        for (path, entry) in &here.entries {
            let earlier = self.entries.get(path);
            let earlier = earlier.filter(|earlier| earlier.content == entry.content);
            let time = earlier.map_or(now, |earlier| earlier.modified);
            fs_err::File::open(stage.root.join(path))?
                .file()
                .set_modified(time)?;
        }
        // A build script that declares nothing depends on the newest file alone.
        let is_gone = |path: &Utf8PathBuf| !here.entries.contains_key(path);
        if self.entries.keys().any(is_gone) {
            run_again(stage.scripts.iter().cloned()).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

fn names_in(dir: &Utf8Path) -> io::Result<String> {
    let entries = dir.read_dir_utf8()?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(sha256(names.join("\n").as_bytes()))
}
