//! The files that a library is made of, and whether they still are what they were.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use cache_keys::observed::prerequisites;
use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use crate::digest::{Stamp, sha256_of_file};
use files::digest::sha256;

/// By how much a file's modification time may lie before the moment at which it was written: the kernel's
/// clock for files ticks every 10 ms at 100 Hz, the slowest in use.
const TICK: Duration = Duration::from_millis(10);

/// Files as they were just before cargo was started.
pub type Before = BTreeMap<Utf8PathBuf, Stamp>;

/// The files of `sources` as they are now.
#[must_use]
pub fn look_at(sources: &[Source]) -> Before {
    let paths = sources.iter().map(|source| source.path.clone());
    paths
        .filter_map(|path| Some((path.clone(), Stamp::of(&path).ok()?)))
        .collect()
}

/// A file, or a directory that a build script depends on as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it is.
    pub path: Utf8PathBuf,
    /// What the file system said of it. `None` for a directory, and for what was not there or was written
    /// while cargo was at work.
    pub stamp: Option<Stamp>,
    /// Of its content, or [`MISSING`]. `None` if it was written while cargo was at work: then nobody knows
    /// which content the compiler saw.
    pub sha256: Option<String>,
}

/// In place of a digest, where there is no file.
pub const MISSING: &str = "missing";

/// The digest of what is at `path`.
fn content(path: &Utf8Path) -> String {
    sha256_of_file(path).unwrap_or_else(|| MISSING.to_owned())
}

impl Source {
    /// The file as cargo saw it, which was started at `started`. A file that was the same `before` has not
    /// been written since, whatever its time says.
    #[must_use]
    pub fn read(path: Utf8PathBuf, before: &Before, started: SystemTime) -> Self {
        let is_as_before = before.get(&path).is_some_and(|stamp| stamp.holds(&path));
        if !is_as_before && written_since(&path, started - TICK) {
            return Self {
                path,
                stamp: None,
                sha256: None,
            };
        }
        let stamp = Stamp::of(&path).ok().filter(|_| path.is_file());
        Self {
            stamp,
            sha256: Some(content(&path)),
            path,
        }
    }

    /// Whether the content is another. Read only if the file system says that it may be.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        let unchanged = self.stamp.is_some_and(|stamp| stamp.holds(&self.path));
        !unchanged && self.sha256.as_ref() != Some(&content(&self.path))
    }
}

fn written_since(path: &Utf8Path, time: SystemTime) -> bool {
    let modified = fs_err::metadata(path).and_then(|metadata| metadata.modified());
    path.is_file() && modified.is_ok_and(|modified| modified >= time)
}

/// SHA-256 over the names and contents of `sources`.
#[must_use]
pub fn digest_of(sources: &[Source]) -> String {
    let lines = sources.iter().map(|source| {
        let content = source.sha256.as_deref().unwrap_or("unknown");
        format!("{content}  {}\n", source.path)
    });
    sha256(lines.collect::<String>().as_bytes())
}

/// The files that `library` is made of, as cargo saw them, which was started at `started`:
///
/// * those in the dependency file that cargo writes beside it
///   (<https://doc.rust-lang.org/cargo/reference/build-cache.html#dep-info-files>): the sources of all path
///   crates, and what their build scripts and `include!` name;
/// * the manifests of these crates, and their `build.rs`, which cargo takes up as soon as it is there;
/// * `whole`: directories of crates whose build script does not say what it depends on.
#[must_use]
pub fn sources_of(
    library: &Utf8Path,
    whole: &BTreeSet<Utf8PathBuf>,
    before: &Before,
    started: SystemTime,
) -> Vec<Source> {
    let text = fs_err::read_to_string(library.with_extension("d")).unwrap_or_default();
    let mut paths: BTreeSet<_> = prerequisites(&text).into_iter().collect();
    let manifests: BTreeSet<_> = paths
        .iter()
        .filter_map(|path| manifest_above(path))
        .collect();
    paths.extend(
        manifests
            .iter()
            .map(|manifest| manifest.with_file_name("build.rs")),
    );
    paths.extend(manifests);
    paths.extend(whole.iter().cloned());
    paths
        .into_iter()
        .map(|path| Source::read(path, before, started))
        .collect()
}

/// The manifest of the crate that `path` belongs to.
fn manifest_above(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let manifests = path.ancestors().skip(1).map(|dir| dir.join("Cargo.toml"));
    manifests.into_iter().find(|manifest| manifest.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    /// A time after everything that a test has written.
    fn later() -> SystemTime {
        SystemTime::now() + Duration::from_mins(1)
    }

    #[test]
    fn a_source_has_changed_when_its_content_has() {
        let dir = TempDir::new();
        let path = dir.path().join("a.rs");
        fs_err::write(&path, "one").unwrap();
        let source = Source::read(path.clone(), &Before::new(), later());
        assert!(!source.has_changed());
        // A checkout there and back: another time, the same content.
        fs_err::remove_file(&path).unwrap();
        assert!(source.has_changed());
        fs_err::write(&path, "one").unwrap();
        assert!(!source.has_changed());
        fs_err::write(&path, "two").unwrap();
        assert!(source.has_changed());
    }

    #[test]
    fn what_is_written_while_cargo_is_at_work_counts_as_changed() {
        let dir = TempDir::new();
        let path = dir.path().join("a.rs");
        let started = SystemTime::now();
        fs_err::write(&path, "one").unwrap();
        assert!(Source::read(path.clone(), &Before::new(), started).has_changed());
        let before = Before::from([(path.clone(), Stamp::of(&path).unwrap())]);
        assert!(!Source::read(path, &before, started).has_changed());
    }

    #[test]
    fn a_directory_has_changed_with_anything_in_it() {
        let dir = TempDir::new();
        let deep = dir.path().join("a/b");
        fs_err::create_dir_all(&deep).unwrap();
        let source = Source::read(dir.path().to_owned(), &Before::new(), later());
        assert!(!source.has_changed());
        fs_err::write(deep.join("new"), "").unwrap();
        assert!(source.has_changed());
    }

    #[test]
    fn the_manifests_of_all_crates_are_sources() {
        let dir = TempDir::new();
        let path = |name: &str| dir.path().join(name);
        fs_err::create_dir_all(path("one/src")).unwrap();
        for name in ["one/Cargo.toml", "one/src/lib.rs"] {
            fs_err::write(path(name), "").unwrap();
        }
        let rule = format!("lib.so: {}\n", path("one/src/lib.rs"));
        fs_err::write(path("lib.d"), rule).unwrap();
        let sources = sources_of(&path("lib.so"), &BTreeSet::new(), &Before::new(), later());
        let is_there = |source: &Source| source.sha256.as_deref() != Some(MISSING);
        assert_eq!(
            sources.iter().map(is_there).collect::<Vec<_>>(),
            [true, false, true]
        );
        let paths: Vec<_> = sources.into_iter().map(|source| source.path).collect();
        let names = ["one/Cargo.toml", "one/build.rs", "one/src/lib.rs"];
        assert_eq!(paths, names.map(path));
    }

    #[test]
    fn the_digest_covers_names_and_contents() {
        let source = |path: &str, sha256: &str| Source {
            path: path.into(),
            stamp: None,
            sha256: Some(sha256.to_owned()),
        };
        let one = digest_of(&[source("a", "1")]);
        assert_ne!(one, digest_of(&[source("b", "1")]));
        assert_ne!(one, digest_of(&[source("a", "2")]));
        assert_eq!(one, digest_of(&[source("a", "1")]));
    }
}
