//! What the store holds, and what goes when it holds too much.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use files::lock::Lock;
use files::size::Size;
use serde_json::Value;
use walkdir::WalkDir;

use crate::dir::{self, FORM, Store};
use crate::own::Keys;
use crate::set::Set;
use crate::units;

/// How long a unit that no set names may lie there: whoever keeps it writes its set afterwards.
const UNSETTLED: Duration = Duration::from_hours(1);

/// Between two prunings that nobody has asked for.
const A_DAY: Duration = Duration::from_hours(24);

/// How large it may grow where the disk cannot be asked.
const UNKNOWN_DISK_BYTES: u64 = 2 << 30;

/// What the store holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Held {
    /// How many units of third-party crates.
    pub units: usize,
    /// How many extensions.
    pub extensions: usize,
    /// In bytes, all together.
    pub bytes: u64,
    /// What of it is also part of a target directory, and takes no room of its own.
    pub shared_bytes: u64,
    /// The projects that it was built for.
    pub projects: BTreeSet<Utf8PathBuf>,
}

/// What was removed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// How many units and extensions.
    pub entries: usize,
    /// In bytes.
    pub bytes: u64,
}

/// Something that goes as a whole.
struct Entry {
    used: SystemTime,
    bytes: u64,
    dir: Utf8PathBuf,
}

impl Store {
    /// What it holds.
    #[must_use]
    pub fn held(&self) -> Held {
        let mut held = Held {
            units: self.unit_dirs().len(),
            extensions: self.extension_dirs().len(),
            ..Held::default()
        };
        for (bytes, links) in files_below(&self.dir()) {
            held.bytes += bytes;
            if links > 1 {
                held.shared_bytes += bytes;
            }
        }
        held.projects = self.projects();
        held
    }

    fn projects(&self) -> BTreeSet<Utf8PathBuf> {
        let sets = self.sets();
        let extensions = self.extension_dirs().into_iter();
        let extensions = extensions.map(|dir| dir.join("extension.json"));
        let notes = sets.into_iter().chain(extensions).chain(self.own_sets());
        let notes = notes.filter_map(|file| dir::read::<Value>(&file));
        let projects = notes.filter_map(|note| Some(note.get("project")?.as_str()?.into()));
        projects.collect()
    }

    /// How large it may grow: what fits the disk that it is on.
    #[must_use]
    pub fn limit(&self) -> Size {
        Size::for_dir(self.root()).unwrap_or(Size {
            bytes: UNKNOWN_DISK_BYTES,
        })
    }

    /// The same as [`Self::prune`], to its limit, at most once a day.
    ///
    /// # Errors
    /// Those of [`Self::prune`].
    pub fn prune_daily(&self) -> io::Result<()> {
        let last = dir::last_use(&self.pruned_file());
        if last.elapsed().is_ok_and(|age| age < A_DAY) {
            return Ok(());
        }
        self.prune(self.limit()).map(drop)
    }

    fn pruned_file(&self) -> Utf8PathBuf {
        self.dir().join("pruned")
    }

    /// Removes what was not used for longest until what is left takes `limit` at most, and what a killed
    /// program has left.
    ///
    /// # Errors
    /// What the file system says.
    pub fn prune(&self, limit: Size) -> io::Result<Pruned> {
        let mut pruned = Pruned::default();
        if !self.dir().is_dir() {
            return Ok(pruned);
        }
        let _lock = Lock::take(&self.root().join("lock"))?;
        self.remove_abandoned_drafts();
        let used = self.last_uses();
        let mut entries = self.entries(&used);
        entries.sort_by_key(|entry| entry.used);
        let mut bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
        for entry in entries {
            let is_unsettled = entry.used == SystemTime::UNIX_EPOCH;
            if bytes <= limit.bytes && !is_unsettled {
                break;
            }
            self.drop_dir(&entry.dir)?;
            bytes -= entry.bytes;
            pruned.entries += 1;
            pruned.bytes += entry.bytes;
        }
        self.forget_empty_sets();
        files::write::atomically(&self.pruned_file(), "")?;
        Ok(pruned)
    }

    /// Removes everything.
    ///
    /// # Errors
    /// What the file system says.
    pub fn clear(&self) -> io::Result<Pruned> {
        let held = self.held();
        if self.dir().is_dir() {
            let _lock = Lock::take(&self.root().join("lock"))?;
            files::owned::remove(self.root(), FORM)?;
        }
        Ok(Pruned {
            entries: held.units + held.extensions,
            bytes: held.bytes,
        })
    }

    /// When each unit was last used, by its key.
    fn last_uses(&self) -> BTreeMap<String, SystemTime> {
        let mut used = BTreeMap::new();
        for file in self.sets() {
            let time = dir::last_use(&file);
            let units = dir::read::<Set>(&file).map(|set| set.units);
            for member in units.unwrap_or_default() {
                let last = used.entry(member.key).or_insert(time);
                *last = time.max(*last);
            }
        }
        for file in self.own_sets() {
            let time = dir::last_use(&file);
            let keys = dir::read::<Keys>(&file)
                .into_iter()
                .flat_map(Keys::into_iter);
            for key in keys {
                let last = used.entry(key).or_insert(time);
                *last = time.max(*last);
            }
        }
        used
    }

    fn entries(&self, used: &BTreeMap<String, SystemTime>) -> Vec<Entry> {
        let units = self.unit_dirs().into_iter().filter_map(|dir| {
            let kept = dir::last_use(&dir.join(units::NOTE));
            let is_young = kept.elapsed().is_ok_and(|age| age < UNSETTLED);
            let time = used.get(dir.file_name()?).copied();
            let time = time.unwrap_or(if is_young {
                kept
            } else {
                SystemTime::UNIX_EPOCH
            });
            Some((time, dir))
        });
        let extensions = self.extension_dirs().into_iter();
        let extensions = extensions.map(|dir| (dir::last_use(&dir.join("extension.json")), dir));
        let entries = units.chain(extensions).map(|(used, dir)| Entry {
            used,
            bytes: files_below(&dir).map(|(bytes, _)| bytes).sum(),
            dir,
        });
        entries.collect()
    }

    /// Sets none of whose units are there, and lists of sources without an extension.
    fn forget_empty_sets(&self) {
        for file in self.sets() {
            let set = dir::read::<Set>(&file);
            let is_of_use = set.is_some_and(|set| {
                let mut keys = set.units.iter().map(|it| &it.key);
                keys.any(|key| self.unit_dir(key).is_dir())
            });
            if !is_of_use {
                let _ = self.remove(&file);
            }
        }
        for file in self.own_sets() {
            let mut keys = dir::read::<Keys>(&file)
                .into_iter()
                .flat_map(Keys::into_iter);
            if !keys.any(|key| self.unit_dir(&key).is_dir()) {
                let _ = self.remove(&file);
            }
        }
        for list in self.lists() {
            if directories(&list).is_empty() {
                let _ = self.drop_dir(&list);
            }
        }
        for context in directories(&self.dir().join("extensions")) {
            let _ = files::owned::remove_if_empty(self.root(), context);
        }
    }

    fn remove_abandoned_drafts(&self) {
        for draft in directories(&self.dir().join("drafts")) {
            let is_old = dir::last_use(&draft)
                .elapsed()
                .is_ok_and(|age| age > UNSETTLED);
            if is_old {
                let _ = self.remove(&draft);
            }
        }
    }

    fn unit_dirs(&self) -> Vec<Utf8PathBuf> {
        let dirs = directories(&self.dir().join("units")).into_iter();
        dirs.flat_map(|dir| directories(&dir)).collect()
    }

    fn lists(&self) -> Vec<Utf8PathBuf> {
        let contexts = directories(&self.dir().join("extensions")).into_iter();
        contexts.flat_map(|dir| directories(&dir)).collect()
    }

    fn extension_dirs(&self) -> Vec<Utf8PathBuf> {
        let lists = self.lists().into_iter();
        lists.flat_map(|dir| directories(&dir)).collect()
    }
}

fn directories(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
    let dirs = entries.filter(|entry| entry.file_type().is_ok_and(|it| it.is_dir()));
    dirs.map(camino::Utf8DirEntry::into_path).collect()
}

/// The size of each file below `dir`, and how many names it has.
fn files_below(dir: &Utf8Path) -> impl Iterator<Item = (u64, u64)> + use<> {
    use std::os::unix::fs::MetadataExt as _;
    let entries = WalkDir::new(dir).into_iter().flatten();
    let files = entries.filter_map(|entry| entry.metadata().ok());
    let files = files.filter(std::fs::Metadata::is_file);
    files.map(|it| (it.len(), it.nlink()))
}
