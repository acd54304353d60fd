//! Which units the builds of a project were made of.

use std::collections::BTreeSet;
use std::io;

use build_dir::UnitId;
use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::dir::{self, Store};
use crate::needed::Needed;

/// The units of one build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Set {
    /// The project, for people.
    pub(crate) project: Utf8PathBuf,
    /// Only what was built in the same lane is of use.
    pub(crate) lane: String,
    pub(crate) units: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: UnitId,
    /// Of the package.
    pub(crate) version: String,
    /// Of the unit in the store.
    pub(crate) key: String,
}

impl Member {
    /// As a lock file tells packages apart, as far as that goes.
    pub(crate) fn package(&self) -> (&str, &str) {
        (&self.id.package, &self.version)
    }
}

/// How many sets are looked at: those that were used last.
const LOOKED_AT: usize = 40;

/// How many are put together where none fits exactly.
const COMBINED: usize = 3;

impl Store {
    fn sets_dir(&self) -> Utf8PathBuf {
        self.dir().join("sets")
    }

    pub(crate) fn set_file(&self, context: &str) -> Utf8PathBuf {
        self.sets_dir().join(format!("{context}.json"))
    }

    pub(crate) fn write_set(&self, context: &str, set: &Set) -> io::Result<()> {
        self.make("sets".into())?;
        dir::write_json(&self.set_file(context), set)
    }

    /// All sets, those that were used last first.
    pub(crate) fn sets(&self) -> Vec<Utf8PathBuf> {
        let entries = self.sets_dir().read_dir_utf8().into_iter().flatten();
        let files = entries.flatten().map(camino::Utf8DirEntry::into_path);
        let mut files: Vec<_> = files
            .filter(|file| file.extension() == Some("json"))
            .map(|file| (dir::last_use(&file), file))
            .collect();
        files.sort();
        files.into_iter().rev().map(|(_, file)| file).collect()
    }

    /// The units that a build needs, as far as they can be told: those of the same build, or of those that
    /// had the most of its packages. Gives also whether it was the same build.
    pub(crate) fn members_for(&self, needed: &Needed<'_>) -> (Vec<Member>, bool) {
        let exact = self.set_file(needed.context);
        if let Some(set) = dir::read::<Set>(&exact) {
            dir::note_use(&exact);
            return (set.units, true);
        }
        let sets = self.sets().into_iter().take(LOOKED_AT);
        let sets = sets.filter_map(|file| dir::read::<Set>(&file));
        let sets = sets.filter(|set| set.lane == needed.lane).collect();
        (combined(sets, needed.packages), false)
    }
}

/// The units in `sets` of `packages`: first those of the set that has the most of them.
fn combined(mut sets: Vec<Set>, packages: &BTreeSet<(String, String)>) -> Vec<Member> {
    let is_needed = |member: &Member| {
        let (name, version) = member.package();
        packages.contains(&(name.to_owned(), version.to_owned()))
    };
    for set in &mut sets {
        set.units.retain(is_needed);
    }
    let mut found: Vec<Member> = Vec::new();
    for _ in 0..COMBINED {
        let known: BTreeSet<_> = found.iter().map(|it| owned(it.package())).collect();
        let is_news = |member: &Member| !known.contains(&owned(member.package()));
        let news = |set: &Set| set.units.iter().filter(|it| is_news(it)).count();
        let Some(best) = sets.iter().rev().max_by_key(|set| news(set)) else {
            break;
        };
        found.extend(best.units.iter().filter(|it| is_news(it)).cloned());
    }
    found
}

fn owned((name, version): (&str, &str)) -> (String, String) {
    (name.to_owned(), version.to_owned())
}

/// The names and versions of the packages in a lock file.
#[must_use]
pub(crate) fn packages(lock: &Utf8Path) -> BTreeSet<(String, String)> {
    let locked = locked(lock).into_iter();
    locked.map(|it| (it.name, it.version)).collect()
}

/// A package in a lock file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether it comes from a directory of the user's.
    pub is_path: bool,
}

/// The packages in the lock file at `path`.
#[must_use]
pub fn locked(path: &Utf8Path) -> Vec<Locked> {
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let value = |line: &str, key: &str| {
        let rest = line.strip_prefix(key)?.strip_prefix(" = \"")?;
        rest.strip_suffix('"').map(str::to_owned)
    };
    let mut found: Vec<Locked> = Vec::new();
    // cargo writes it itself, each key on a line of its own.
    for line in text.lines() {
        if line == "[[package]]" {
            found.push(Locked {
                is_path: true,
                ..Locked::default()
            });
        }
        let Some(last) = found.last_mut() else {
            continue;
        };
        last.name = value(line, "name").unwrap_or(std::mem::take(&mut last.name));
        last.version = value(line, "version").unwrap_or(std::mem::take(&mut last.version));
        last.is_path &= value(line, "source").is_none();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(package: &str, version: &str, key: &str) -> Member {
        let file = Utf8PathBuf::from(format!("/t/debug/deps/lib{package}-0123456789abcdef.rlib"));
        Member {
            id: UnitId::of_file("/t".into(), package, &file).unwrap(),
            version: version.to_owned(),
            key: key.to_owned(),
        }
    }

    fn set(units: &[Member]) -> Set {
        Set {
            project: "/p".into(),
            lane: "one".to_owned(),
            units: units.to_vec(),
        }
    }

    #[test]
    fn what_no_set_has_alone_is_put_together() {
        let packages = [("a", "1"), ("b", "1"), ("c", "2")];
        let packages = packages.map(owned).into();
        let one = set(&[
            member("a", "1", "a1"),
            member("b", "1", "b1"),
            member("c", "1", "old"),
        ]);
        let two = set(&[
            member("b", "1", "other"),
            member("c", "2", "c2"),
            member("x", "1", "x"),
        ]);
        let keys = |sets: Vec<Set>| {
            let members = combined(sets, &packages).into_iter();
            members.map(|it| it.key).collect::<Vec<_>>()
        };
        assert_eq!(keys(vec![one.clone(), two.clone()]), ["a1", "b1", "c2"]);
        assert_eq!(keys(vec![two.clone()]), ["other", "c2"]);
        // Of two that have as much, the one that was used last.
        assert_eq!(keys(vec![two, one]), ["other", "c2", "a1"]);
        assert!(keys(Vec::new()).is_empty());
    }

    #[test]
    fn the_packages_of_a_lock_file_are_read() {
        let dir = testkit::TempDir::new();
        let lock = dir.path().join("Cargo.lock");
        let text = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\n \"b\",\n]\n\n\
                    [[package]]\nname = \"b\"\nversion = \"0.2.0+x\"\nsource = \"registry\"\n";
        fs_err::write(&lock, text).unwrap();
        let expected = [("a", "1.0.0"), ("b", "0.2.0+x")].map(owned).into();
        assert_eq!(packages(&lock), expected);
        assert_eq!(
            locked(&lock)
                .iter()
                .map(|it| it.is_path)
                .collect::<Vec<_>>(),
            [true, false]
        );
        assert!(packages(&dir.path().join("no")).is_empty());
    }
}
