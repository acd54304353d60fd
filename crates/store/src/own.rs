//! Units of path crates of the last build in a context, for a target directory that has none.
//!
//! cargo's fingerprint of such a unit says nothing of its content. So whoever keeps one notes what it was
//! built from, compares that with the sources at hand, and has what depends on another content built again.

use std::collections::BTreeSet;
use std::io;

use build_dir::{UnitId, parts};
use camino::{Utf8Path, Utf8PathBuf};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::dir::{self, Store};

/// The units of path crates of one build.
#[derive(Debug, Serialize, Deserialize)]
pub struct OwnSet<N, S = ()> {
    /// The project, for people.
    pub project: Utf8PathBuf,
    /// The units.
    pub members: Vec<OwnMember<N>>,
    /// What the caller notes of all of them.
    #[serde(default)]
    pub note: S,
}

/// A unit of a path crate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OwnMember<N> {
    /// Which it is.
    pub id: UnitId,
    /// A digest that another build of it has not.
    pub key: String,
    /// What the caller notes of it.
    pub note: N,
}

/// What tells which units a set names, whatever is noted of them.
#[derive(Deserialize)]
pub(crate) struct Keys {
    members: Vec<KeyOf>,
}

#[derive(Deserialize)]
struct KeyOf {
    key: String,
}

impl Keys {
    pub(crate) fn into_iter(self) -> impl Iterator<Item = String> {
        self.members.into_iter().map(|it| it.key)
    }
}

impl Store {
    fn own_dir(&self) -> Utf8PathBuf {
        self.dir().join("own")
    }

    fn own_file(&self, context: &str) -> Utf8PathBuf {
        self.own_dir().join(format!("{context}.json"))
    }

    /// All sets of such units.
    pub(crate) fn own_sets(&self) -> Vec<Utf8PathBuf> {
        let entries = self.own_dir().read_dir_utf8().into_iter().flatten();
        let files = entries.flatten().map(camino::Utf8DirEntry::into_path);
        files
            .filter(|file| file.extension() == Some("json"))
            .collect()
    }

    /// The units of the last build in `context`.
    #[must_use]
    pub fn own_units<N, S>(&self, context: &str) -> Option<OwnSet<N, S>>
    where
        N: DeserializeOwned,
        S: DeserializeOwned + Default,
    {
        let file = self.own_file(context);
        let set = dir::read(&file)?;
        dir::note_use(&file);
        Some(set)
    }

    /// Keeps `set`, which was built in `build_dir`, in place of what was kept in `context`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn keep_own_units<N: Serialize, S: Serialize>(
        &self,
        context: &str,
        build_dir: &Utf8Path,
        set: &OwnSet<N, S>,
    ) -> io::Result<()> {
        let is_due = |member: &&OwnMember<N>| !self.unit_dir(&member.key).is_dir();
        let due: Vec<_> = set.members.iter().filter(is_due).collect();
        let ids: Vec<_> = due.iter().map(|member| member.id.clone()).collect();
        let parts = parts::parts_of(build_dir, &ids)?;
        for member in due {
            if let Some(parts) = parts.get(&member.id) {
                // The times of what is made from path crates are set now and then: each has its own file.
                let parts: Vec<_> = parts.iter().map(parts::Part::apart).collect();
                self.keep_unit(build_dir, &member.key, &member.id, &parts)?;
            }
        }
        self.make("own".into())?;
        dir::write_json(&self.own_file(context), set)
    }

    /// Gives `build_dir` a unit of a path crate. Gives whether it was there to be had.
    ///
    /// # Errors
    /// What the file system says of `build_dir`.
    pub fn give_own_unit(&self, key: &str, build_dir: &Utf8Path) -> io::Result<bool> {
        let Some(note) = self.whole_unit(key) else {
            return Ok(false);
        };
        self.give(key, &note, build_dir, &mut BTreeSet::new())?;
        Ok(true)
    }
}
