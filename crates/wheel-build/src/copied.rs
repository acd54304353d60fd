//! The times of a copy, by content: what has not changed gets in another copy the time that it had in this
//! one. The files are the copy's own.

use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::{sha256, sha256_of};
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

/// What is in a copy, relative to its root.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Copied {
    /// When it was looked at.
    pub(crate) at: Option<SystemTime>,
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

    /// Whether all of it, and all that was built from it, is older than `time`. A clock may have been set
    /// back, or that of another machine may go ahead.
    pub(crate) fn is_earlier_than(&self, time: SystemTime) -> bool {
        let times = self.entries.values().map(|entry| entry.modified);
        self.at
            .is_some_and(|at| times.chain([at]).all(|it| it < time))
    }

    /// Gives what is the same in `root` its time, and everything else the present one. Tells whether
    /// something is gone.
    pub(crate) fn give_times(&self, root: &Utf8Path) -> io::Result<bool> {
        let now = SystemTime::now();
        let here = Self::of(root)?;
        for (path, entry) in &here.entries {
            let earlier = self.entries.get(path);
            let earlier = earlier.filter(|earlier| earlier.content == entry.content);
            let time = earlier.map_or(now, |earlier| earlier.modified);
            let file = fs_err::File::open(root.join(path))?;
            file.file().set_modified(time)?;
        }
        let mut earlier = self.entries.keys();
        Ok(earlier.any(|path| !here.entries.contains_key(path)))
    }
}

fn names_in(dir: &Utf8Path) -> io::Result<String> {
    let entries = dir.read_dir_utf8()?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(sha256(names.join("\n").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use testkit::TempDir;

    fn with(files: &[(&str, &str)]) -> TempDir {
        let dir = TempDir::new();
        for (file, text) in files {
            let path = dir.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        dir
    }

    /// What was copied an hour ago.
    fn an_hour_ago(files: &[(&str, &str)]) -> Copied {
        let hour = Duration::from_hours(1);
        let mut copied = Copied::of(with(files).path()).unwrap();
        copied.at = copied.at.map(|at| at - hour);
        for entry in copied.entries.values_mut() {
            entry.modified -= hour;
        }
        copied
    }

    #[test]
    fn only_what_is_the_same_gets_its_time_back() {
        let earlier = an_hour_ago(&[("a/same", "1"), ("a/other", "1"), ("b/same", "1")]);
        let dir = with(&[
            ("a/same", "1"),
            ("a/other", "2"),
            ("b/same", "1"),
            ("b/new", "1"),
        ]);
        assert!(!earlier.give_times(dir.path()).unwrap());
        let now = SystemTime::now() - Duration::from_mins(1);
        for (path, is_old) in [
            ("", true),
            ("a", true),
            ("a/same", true),
            ("a/other", false),
            ("b", false),
            ("b/same", true),
            ("b/new", false),
        ] {
            let modified = fs_err::metadata(dir.path().join(path)).unwrap().modified();
            assert_eq!(modified.unwrap() < now, is_old, "{path}");
        }
    }

    #[test]
    fn what_is_gone_is_told() {
        let earlier = an_hour_ago(&[("a/same", "1"), ("a/gone", "1")]);
        assert!(earlier.give_times(with(&[("a/same", "1")]).path()).unwrap());
    }

    #[test]
    fn what_comes_from_the_future_is_not_earlier() {
        let copied = an_hour_ago(&[("a", "1")]);
        let now = SystemTime::now();
        assert!(copied.is_earlier_than(now));
        assert!(!copied.is_earlier_than(now - Duration::from_hours(2)));
        assert!(!Copied::default().is_earlier_than(now), "nothing is known");
    }
}
