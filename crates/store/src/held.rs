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
    /// Of files that are in the store alone.
    own_bytes: u64,
    dir: Utf8PathBuf,
}

impl Entry {
    /// Whether it was not used for a day, and takes room of its own.
    fn may_go_unasked(&self) -> bool {
        let is_old = self.used.elapsed().is_ok_and(|age| age > A_DAY);
        is_old && self.own_bytes * 2 > self.bytes
    }
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

    /// Has it take no more room than its limit, at most once a day. What was used within a day stays, and
    /// so does what is part of a target directory: it takes no room of its own.
    ///
    /// # Errors
    /// Those of [`Self::prune`].
    pub fn prune_daily(&self) -> io::Result<()> {
        let last = dir::last_use(&self.pruned_file());
        if last.elapsed().is_ok_and(|age| age < A_DAY) {
            return Ok(());
        }
        self.remove_oldest(self.limit(), |entry| entry.own_bytes, Entry::may_go_unasked)
            .map(drop)
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
        self.remove_oldest(limit, |entry| entry.bytes, |_| true)
    }

    /// Removes entries that may go, those that were not used for longest first, until all that are left take
    /// `limit` at most.
    fn remove_oldest(
        &self,
        limit: Size,
        size: impl Fn(&Entry) -> u64,
        may_go: impl Fn(&Entry) -> bool,
    ) -> io::Result<Pruned> {
        let mut pruned = Pruned::default();
        if !self.dir().is_dir() {
            return Ok(pruned);
        }
        let _lock = Lock::take(&self.root().join("lock"))?;
        self.remove_abandoned_drafts();
        let mut entries = self.entries(&self.last_uses());
        entries.sort_by_key(|entry| entry.used);
        let mut left: u64 = entries.iter().map(&size).sum();
        for entry in entries.iter().filter(|entry| may_go(entry)) {
            let is_unsettled = entry.used == SystemTime::UNIX_EPOCH;
            if left <= limit.bytes && !is_unsettled {
                break;
            }
            self.drop_dir(&entry.dir)?;
            left -= size(entry);
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
            own_bytes: files_below(&dir)
                .filter(|(_, names)| *names == 1)
                .map(|(bytes, _)| bytes)
                .sum(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    /// A store with an extension of 1000 bytes for each age in days.
    fn store(dir: &TempDir, ages_days: &[u64]) -> Store {
        let store = Store::at(&dir.path().join("store"));
        for age in ages_days {
            let entry = store.make(format!("extensions/a/b/{age}").as_str().into());
            let entry = entry.unwrap();
            fs_err::write(entry.join("library"), [0; 1000]).unwrap();
            let note = entry.join("extension.json");
            fs_err::write(&note, "{}").unwrap();
            let used = SystemTime::now() - A_DAY * u32::try_from(*age).unwrap();
            let file = fs_err::File::options().append(true).open(note).unwrap();
            file.file().set_modified(used).unwrap();
        }
        store
    }

    fn ages(store: &Store) -> Vec<String> {
        let dirs = store.extension_dirs().into_iter();
        let mut ages: Vec<_> = dirs
            .filter_map(|dir| Some(dir.file_name()?.to_owned()))
            .collect();
        ages.sort();
        ages
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let dir = TempDir::new();
        let store = store(&dir, &[1, 2, 3]);
        let pruned = store.prune(Size { bytes: 2100 }).unwrap();
        assert_eq!(
            (pruned.entries, ages(&store)),
            (1, vec!["1".to_owned(), "2".to_owned()])
        );
        assert_eq!(
            store.prune(Size { bytes: 2100 }).unwrap(),
            Pruned::default()
        );
        store.prune(Size { bytes: 1 }).unwrap();
        assert!(ages(&store).is_empty());
    }

    #[test]
    fn what_is_in_use_or_takes_no_room_does_not_go_by_itself() {
        let dir = TempDir::new();
        let store = store(&dir, &[0, 2, 3]);
        let shared = store.dir().join("extensions/a/b/3/library");
        fs_err::hard_link(shared, dir.path().join("in-target.so")).unwrap();
        let is_old = Entry::may_go_unasked;
        let limit = Size { bytes: 1500 };
        store
            .remove_oldest(limit, |entry| entry.own_bytes, is_old)
            .unwrap();
        assert_eq!(ages(&store), ["0", "3"]);
        let none = Size { bytes: 0 };
        store
            .remove_oldest(none, |entry| entry.own_bytes, is_old)
            .unwrap();
        assert_eq!(ages(&store), ["0", "3"]);
    }
}
