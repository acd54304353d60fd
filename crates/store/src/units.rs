//! Artefacts of third-party crates: kept after a build, and given back before one.
//!
//! The key of a unit is a digest of its name and of cargo's fingerprint, in which everything is that cargo
//! decides it by: the compiler, the profile, features, flags, what its build script has declared, and the
//! fingerprints of what it was made with. A unit that is given back is judged by cargo as any other.
//!
//! Path crates are not kept, nor what is made with one (a crate of a registry with a `[patch]`): their
//! fingerprints say nothing of their content.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use build_dir::UnitId;
use build_dir::parts::{self, Part};
use camino::{Utf8Path, Utf8PathBuf};
use files::digest::sha256;
use files::owned;
use serde::{Deserialize, Serialize};

use crate::dir::{self, Store};
use crate::needed::Needed;
use crate::set::{Member, Set};
use crate::transfer::bring;

/// A unit of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltUnit {
    /// Which it is.
    pub id: UnitId,
    /// The version of its package.
    pub version: String,
    /// Whether its package comes from a directory of the user's.
    pub is_path: bool,
    /// Whether it was compiled by this build.
    pub is_new: bool,
}

/// What was given back.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// How many units.
    pub units: usize,
    /// How many bytes, whether they were copied or not.
    pub bytes: u64,
}

/// What is known of a unit in the store.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Note {
    id: UnitId,
    parts: Vec<Kept>,
}

/// A file of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) path: Utf8PathBuf,
    bytes: u64,
    /// When it was written, by which a damaged file is told.
    modified_ns: i128,
    may_share: bool,
}

impl Kept {
    /// `part`, as it lies in `dir`.
    pub(crate) fn of(dir: &Utf8Path, part: &Part) -> io::Result<Self> {
        let metadata = fs_err::metadata(dir.join(&part.path))?;
        Ok(Self {
            path: part.path.clone(),
            bytes: metadata.len(),
            modified_ns: nanoseconds(metadata.modified()?),
            may_share: part.is_replaced,
        })
    }

    fn is_whole_in(&self, dir: &Utf8Path) -> bool {
        let metadata = fs_err::symlink_metadata(dir.join(&self.path));
        metadata.is_ok_and(|it| {
            let modified = it.modified().map(nanoseconds).unwrap_or_default();
            it.is_file() && it.len() == self.bytes && modified == self.modified_ns
        })
    }
}

fn nanoseconds(time: SystemTime) -> i128 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i128::try_from(since.as_nanos()).unwrap_or_default()
}

/// The packages in the lock file at `path`, by name and version.
#[must_use]
pub fn packages(path: &Utf8Path) -> BTreeSet<(String, String)> {
    crate::set::packages(path)
}

impl Store {
    pub(crate) fn unit_dir(&self, key: &str) -> Utf8PathBuf {
        self.dir().join("units").join(&key[..2]).join(key)
    }

    /// Keeps what `build` was made of, as far as it is third-party. Gives how many units are new to the
    /// store.
    ///
    /// # Errors
    /// What the file system says. What has been kept until then stays.
    pub fn keep_units(&self, needed: &Needed<'_>, build: &[BuiltUnit]) -> io::Result<usize> {
        let fit = third_party(needed.build_dir, build);
        let keyed: Vec<_> = fit
            .iter()
            .map(|unit| (key(needed.build_dir, &unit.id), *unit))
            .collect();
        let due: Vec<_> = keyed
            .iter()
            .filter(|(key, unit)| unit.is_new || !self.unit_dir(key).is_dir())
            .map(|(key, unit)| (key.as_str(), unit.id.clone()))
            .collect();
        let ids: Vec<_> = due.iter().map(|(_, id)| id.clone()).collect();
        let parts = parts::parts_of(needed.build_dir, &ids)?;
        for (key, id) in &due {
            if let Some(parts) = parts.get(id) {
                self.keep_unit(needed.build_dir, key, id, parts)?;
            }
        }
        let members = keyed.iter().map(|(key, unit)| Member {
            id: unit.id.clone(),
            version: unit.version.clone(),
            key: key.clone(),
        });
        let set = Set {
            project: needed.project.to_owned(),
            lane: needed.lane.to_owned(),
            units: members.collect(),
        };
        self.write_set(needed.context, &set)?;
        Ok(due.len())
    }

    pub(crate) fn keep_unit(
        &self,
        build_dir: &Utf8Path,
        key: &str,
        id: &UnitId,
        parts: &[Part],
    ) -> io::Result<()> {
        let draft = self.draft()?;
        let into = Utf8Path::from_path(draft.path()).ok_or(io::ErrorKind::InvalidFilename)?;
        let mut kept = Vec::new();
        for part in parts {
            let to = into.join(&part.path);
            fs_err::create_dir_all(to.parent().unwrap_or(into))?;
            bring(&build_dir.join(&part.path), &to, part.is_replaced)?;
            kept.push(Kept::of(into, part)?);
        }
        let note = Note {
            id: id.clone(),
            parts: kept,
        };
        fs_err::write(into.join(NOTE), serde_json::to_vec(&note)?)?;
        self.settle(draft, &self.unit_dir(key))
    }

    /// Gives `needed.build_dir` the units that it lacks, or has in another state than the last build of the
    /// same kind.
    ///
    /// # Errors
    /// What the file system says of the build directory. A unit that cannot be read is none.
    pub fn give_units(&self, needed: &Needed<'_>) -> io::Result<Given> {
        let mut given = Given::default();
        let mut dirs = BTreeSet::new();
        let (members, is_same_build) = self.members_for(needed);
        for member in members {
            let has = member.id.is_in(needed.build_dir);
            if has && (!is_same_build || key(needed.build_dir, &member.id) == member.key) {
                continue;
            }
            if let Some(note) = self.whole_unit(&member.key) {
                self.give(&member.key, &note, needed.build_dir, &mut dirs)?;
                given.units += 1;
                given.bytes += note.parts.iter().map(|it| it.bytes).sum::<u64>();
            }
        }
        Ok(given)
    }

    /// A unit, if all of it is as it was kept. Else it goes.
    pub(crate) fn whole_unit(&self, key: &str) -> Option<Note> {
        let dir = self.unit_dir(key);
        let note: Option<Note> = dir::read(&dir.join(NOTE));
        let whole = note.filter(|note| note.parts.iter().all(|part| part.is_whole_in(&dir)));
        if whole.is_none() && dir.is_dir() {
            let _ = self.drop_dir(&dir);
        }
        whole
    }

    pub(crate) fn give(
        &self,
        key: &str,
        note: &Note,
        build_dir: &Utf8Path,
        dirs: &mut BTreeSet<Utf8PathBuf>,
    ) -> io::Result<()> {
        let from = self.unit_dir(key);
        // Without a fingerprint, what is there is nothing to cargo, whatever becomes of this.
        owned::remove(build_dir, note.id.fingerprints())?;
        let (last, first): (Vec<_>, Vec<_>) = note
            .parts
            .iter()
            .partition(|part| note.id.is_last(&part.path));
        for part in first.into_iter().chain(last) {
            let dir = part
                .path
                .parent()
                .map(Utf8Path::to_owned)
                .unwrap_or_default();
            if dirs.insert(dir.clone()) || note.id.is_last(&part.path) {
                owned::make_dir(build_dir, &dir)?;
            }
            replace(&from.join(&part.path), build_dir, part)?;
        }
        Ok(())
    }
}

/// Puts `part`, which is at `from`, in its place in `build_dir`. Another cargo that is at work there finds
/// the old file or the new one.
fn replace(from: &Utf8Path, build_dir: &Utf8Path, part: &Kept) -> io::Result<()> {
    let to = build_dir.join(&part.path);
    if to.symlink_metadata().is_err() {
        return bring(from, &to, part.may_share);
    }
    let draft = to.with_file_name(format!(
        "{}.xtask-new",
        part.path.file_name().unwrap_or_default()
    ));
    owned::remove(build_dir, &draft)?;
    bring(from, &draft, part.may_share)?;
    fs_err::rename(&draft, &to)?;
    // Where both were one file already, the name stays.
    owned::remove(build_dir, &draft).map(drop)
}

pub(crate) const NOTE: &str = "unit.json";

/// The key of a unit as it is in `build_dir`.
fn key(build_dir: &Utf8Path, id: &UnitId) -> String {
    sha256(format!("{id:?} {:?}", id.fingerprint(build_dir)).as_bytes())[..32].to_owned()
}

/// Those of `build` whose fingerprints tell all of their content.
fn third_party<'b>(build_dir: &Utf8Path, build: &'b [BuiltUnit]) -> Vec<&'b BuiltUnit> {
    let hashes = |unit: &BuiltUnit| unit.id.fingerprint(build_dir).into_values();
    let with: BTreeMap<_, _> = build
        .iter()
        .map(|unit| (&unit.id, unit.id.made_with(build_dir)))
        .collect();
    let of_paths = build.iter().filter(|unit| unit.is_path);
    let mut tainted: BTreeSet<String> = of_paths.flat_map(hashes).collect();
    loop {
        let is_new = |unit: &&BuiltUnit| {
            !unit.is_path
                && !with[&unit.id].is_disjoint(&tainted)
                && hashes(unit).any(|hash| !tainted.contains(&hash))
        };
        let more: Vec<_> = build.iter().filter(is_new).flat_map(hashes).collect();
        if more.is_empty() {
            break;
        }
        tainted.extend(more);
    }
    let is_fit = |unit: &&BuiltUnit| {
        let own: Vec<_> = hashes(unit).collect();
        !unit.is_path && !own.is_empty() && with[&unit.id].is_disjoint(&tainted)
    };
    build.iter().filter(is_fit).collect()
}
