//! The files that a library is made of, and whether they still are what they were.
//!
//! What is remembered is what was there before cargo was started. Whatever may have been written since has
//! no digest: nobody knows which content the compiler saw, so it counts as changed.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use build_dir::dep_info::prerequisites;
use camino::{Utf8Path, Utf8PathBuf};
use files::made;
use serde::{Deserialize, Serialize};

use crate::digest::{Stamp, sha256_of_file, sha256_of_stamps};
use files::digest::sha256;

/// By how much a file's time may lie before the moment at which it was written: the kernel's clock for files
/// ticks every 10 ms at 100 Hz, the slowest in use.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// What of a source counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Extent {
    /// Of a file its content; of a directory everything below it, as for cargo where a build script has
    /// declared it.
    #[default]
    Everything,
    /// Of the directory of a crate what somebody has written in it. Its build script does not say what it
    /// depends on, and there cargo takes what git does not ignore.
    Written,
}

/// A file, or a directory that a build script depends on as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it is.
    pub path: Utf8PathBuf,
    /// What of it counts.
    #[serde(default)]
    pub extent: Extent,
    /// What the file system said of it. `None` for a directory, and for what was not there or was written
    /// while cargo was at work.
    pub stamp: Option<Stamp>,
    /// Of a directory, the digest of what the file system says of the files that count in it. As long as it
    /// stays the same, none of them is read.
    #[serde(default)]
    pub marks: Option<String>,
    /// Of its content, or [`MISSING`]. `None` if it was written while cargo was at work: then nobody knows
    /// which content the compiler saw.
    pub sha256: Option<String>,
}

/// Up to how much of a directory is read, in bytes. Of a larger one counts what the file system says of it,
/// so that it is another one in each checkout.
const READ_BYTES: u64 = 32 << 20;

/// In place of a digest, where there is no file.
pub const MISSING: &str = "missing";

/// The digest of what is at `path`, without the library `placed`, which we put there ourselves.
pub(crate) fn content(path: &Utf8Path, extent: Extent, placed: Option<&Utf8Path>) -> String {
    if !path.is_dir() {
        return sha256_of_file(path).unwrap_or_else(|| MISSING.to_owned());
    }
    let files: Vec<_> = counted(path, extent, placed).collect();
    let lengths = files.iter().filter_map(|file| fs_err::metadata(file).ok());
    if lengths.map(|it| it.len()).sum::<u64>() > READ_BYTES {
        return sha256_of_stamps(files.into_iter());
    }
    let lines = files.iter().map(|file| {
        let content = sha256_of_file(file).unwrap_or_else(|| MISSING.to_owned());
        format!("{content} {}\n", file.strip_prefix(path).unwrap_or(file))
    });
    sha256(lines.collect::<String>().as_bytes())
}

/// The digest of what the file system says of the files in a directory. `None` of a file.
pub(crate) fn marks(path: &Utf8Path, extent: Extent, placed: Option<&Utf8Path>) -> Option<String> {
    path.is_dir()
        .then(|| sha256_of_stamps(counted(path, extent, placed)))
}

fn counted(
    dir: &Utf8Path,
    extent: Extent,
    placed: Option<&Utf8Path>,
) -> impl Iterator<Item = Utf8PathBuf> {
    files_of(dir, extent).filter(move |file| Some(file.as_path()) != placed)
}

/// The files below a directory that count.
pub(crate) fn files_of(dir: &Utf8Path, extent: Extent) -> Box<dyn Iterator<Item = Utf8PathBuf>> {
    match extent {
        Extent::Everything => Box::new(made::all_below(dir)),
        Extent::Written => {
            let is_library = |path: &Utf8PathBuf| path.extension() == Some("so");
            Box::new(made::written_below(dir).filter(move |path| !is_library(path)))
        }
    }
}

/// How the sources were just before cargo was started, and when that was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Before {
    started: SystemTime,
    stamps: BTreeMap<Utf8PathBuf, Stamp>,
    /// The digests of files that were what they are known to be.
    known: BTreeMap<Utf8PathBuf, String>,
    /// The marks of directories.
    marks: BTreeMap<Utf8PathBuf, Option<String>>,
    /// What lies in there is made by cargo, and is as it should be when cargo has ended.
    build_dir: Utf8PathBuf,
    placed: Option<Utf8PathBuf>,
}

impl Before {
    /// Looks at the sources of the build before, right before cargo is started, which builds in `build_dir`.
    /// `placed` is the library that we have put in place.
    #[must_use]
    pub fn look_at(known: &[Source], build_dir: &Utf8Path, placed: Option<&Utf8Path>) -> Self {
        let mut before = Self {
            started: SystemTime::now(),
            stamps: BTreeMap::new(),
            known: BTreeMap::new(),
            marks: BTreeMap::new(),
            build_dir: build_dir.to_owned(),
            placed: placed.map(Utf8Path::to_owned),
        };
        for Source {
            path,
            extent,
            stamp,
            marks: earlier,
            sha256,
        } in known
        {
            if path.is_dir() {
                let now = marks(path, *extent, placed);
                let digest = sha256.as_ref().filter(|_| *earlier == now);
                before
                    .known
                    .extend(digest.map(|it| (path.clone(), it.clone())));
                before.marks.insert(path.clone(), now);
            } else if let Ok(now) = Stamp::of(path) {
                before.stamps.insert(path.clone(), now);
                let digest = sha256.as_ref().filter(|_| *stamp == Some(now));
                before
                    .known
                    .extend(digest.map(|it| (path.clone(), it.clone())));
            }
        }
        before
    }

    /// The source at `path` as cargo saw it.
    #[must_use]
    pub fn source(&self, path: Utf8PathBuf, extent: Extent) -> Source {
        let placed = self.placed.as_deref();
        if self.may_have_changed(&path, extent) {
            return Source {
                path,
                extent,
                stamp: None,
                marks: None,
                sha256: None,
            };
        }
        Source {
            stamp: Stamp::of(&path).ok().filter(|_| path.is_file()),
            marks: marks(&path, extent, placed),
            sha256: Some(
                self.known
                    .get(&path)
                    .cloned()
                    .unwrap_or_else(|| content(&path, extent, placed)),
            ),
            extent,
            path,
        }
    }

    /// Whether something at `path` may have been written since. What was known before is compared, whatever
    /// its time says now: a file that was moved there keeps its own.
    fn may_have_changed(&self, path: &Utf8Path, extent: Extent) -> bool {
        if path.starts_with(&self.build_dir) {
            return false;
        }
        if let Some(stamp) = self.stamps.get(path) {
            return !stamp.holds(path);
        }
        if let Some(earlier) = self.marks.get(path) {
            return *earlier != marks(path, extent, self.placed.as_deref());
        }
        let is_placed = |file: &Utf8Path| Some(file) == self.placed.as_deref();
        let since = self.started - TICK;
        if path.is_dir() {
            let mut files = files_of(path, extent).filter(|file| !is_placed(file));
            return files.any(|file| touched_since(&file, since));
        }
        touched_since(path, since)
    }
}

impl Source {
    /// Whether the content is another. Read only if the file system says that it may be.
    #[must_use]
    pub fn has_changed(&self, placed: Option<&Utf8Path>) -> bool {
        let marks = || marks(&self.path, self.extent, placed);
        let unchanged = self.stamp.is_some_and(|stamp| stamp.holds(&self.path))
            || self.marks.is_some() && self.marks == marks();
        !unchanged && self.sha256.as_ref() != Some(&content(&self.path, self.extent, placed))
    }

    /// Whether it was written while cargo was at work.
    pub(crate) fn is_late(&self) -> bool {
        self.stamp.is_none() && self.sha256.is_none()
    }

    /// Whether it is a directory of which everything counts.
    #[must_use]
    pub fn is_whole_directory(&self) -> bool {
        self.extent == Extent::Everything && self.stamp.is_none() && self.path.is_dir()
    }
}

/// Whether `path` was written, moved or linked at `time` or later: by its change time, which unlike the
/// modification time cannot be set, and so is not in the future either where a clock was wrong.
pub(crate) fn touched_since(path: &Utf8Path, time: SystemTime) -> bool {
    let Ok(metadata) = fs_err::metadata(path) else {
        return false;
    };
    let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = (time.as_secs().cast_signed(), i64::from(time.subsec_nanos()));
    (metadata.ctime(), metadata.ctime_nsec()) >= time
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

/// The files that `library` is made of:
///
/// * those in the dependency file that cargo writes beside it
///   (<https://doc.rust-lang.org/cargo/reference/build-cache.html#dep-info-files>): the sources of all path
///   crates, and what their build scripts and `include!` name. Relative names are taken from `base`;
/// * the manifests of these crates, and their `build.rs`, which cargo takes up as soon as it is there;
/// * `whole`: directories of crates whose build script does not say what it depends on.
#[must_use]
pub fn sources_of(
    library: &Utf8Path,
    base: &Utf8Path,
    whole: &BTreeSet<Utf8PathBuf>,
    before: &Before,
) -> Vec<Source> {
    let text = fs_err::read_to_string(library.with_extension("d")).unwrap_or_default();
    let mut paths: BTreeSet<_> = prerequisites(&text, base).into_iter().collect();
    let manifests: BTreeSet<_> = paths
        .iter()
        .filter_map(|path| manifest_above(path))
        .collect();
    let scripts = manifests
        .iter()
        .map(|manifest| manifest.with_file_name("build.rs"));
    paths.extend(scripts.collect::<Vec<_>>());
    paths.extend(manifests);
    let paths = paths.into_iter().map(|path| (path, Extent::Everything));
    let whole = whole.iter().map(|path| (path.clone(), Extent::Written));
    let all: BTreeMap<_, _> = paths.chain(whole).collect();
    all.into_iter()
        .map(|(path, extent)| before.source(path, extent))
        .collect()
}

/// Those of `sources` where nothing is. A `build.rs` may come any time.
#[must_use]
pub(crate) fn missing(sources: &[Source]) -> Vec<Utf8PathBuf> {
    let missing = sources
        .iter()
        .filter(|source| source.sha256.as_deref() == Some(MISSING));
    let paths = missing.map(|source| source.path.clone());
    paths
        .filter(|path| path.file_name() != Some("build.rs"))
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

    /// Before a build whose sources are not known yet, and that begins after everything a test has written.
    fn later() -> Before {
        Before {
            started: SystemTime::now() + Duration::from_mins(1),
            ..Before::look_at(&[], "/no/target".into(), None)
        }
    }

    /// `path` as it was before the build that `before` tells of.
    fn source(path: &Utf8Path, before: &Before) -> Source {
        before.source(path.to_owned(), Extent::Everything)
    }

    #[test]
    fn a_source_has_changed_when_its_content_has() {
        let dir = TempDir::new();
        let path = dir.path().join("a.rs");
        fs_err::write(&path, "one").unwrap();
        let source = source(&path, &later());
        assert!(!source.has_changed(None));
        // A checkout there and back: another time, the same content.
        fs_err::remove_file(&path).unwrap();
        assert!(source.has_changed(None));
        fs_err::write(&path, "one").unwrap();
        assert!(!source.has_changed(None));
        fs_err::write(&path, "two").unwrap();
        assert!(source.has_changed(None));
    }

    #[test]
    fn what_is_written_while_cargo_is_at_work_counts_as_changed() {
        let dir = TempDir::new();
        let path = dir.path().join("a.rs");
        let older = dir.path().join("older");
        fs_err::write(&older, "older").unwrap();
        let nothing_known = Before::look_at(&[], "/no/target".into(), None);
        fs_err::write(&path, "one").unwrap();
        assert!(source(&path, &nothing_known).has_changed(None));
        let known = Before::look_at(&[source(&path, &later())], "/no/target".into(), None);
        assert!(!source(&path, &known).has_changed(None));
        // Moved there with its older time.
        fs_err::rename(&older, &path).unwrap();
        assert!(source(&path, &known).has_changed(None));
        let of_cargo = Before::look_at(&[], dir.path(), None);
        fs_err::write(&path, "made").unwrap();
        assert!(
            !source(&path, &of_cargo).has_changed(None),
            "cargo itself has made it"
        );
    }

    #[test]
    fn a_time_in_the_future_is_no_sign_of_a_change() {
        let dir = TempDir::new();
        let path = dir.path().join("a.rs");
        fs_err::write(&path, "one").unwrap();
        let file = fs_err::OpenOptions::new().write(true).open(&path).unwrap();
        file.file()
            .set_modified(SystemTime::now() + Duration::from_hours(1))
            .unwrap();
        std::thread::sleep(TICK * 2);
        let nothing_known = Before::look_at(&[], "/no/target".into(), None);
        assert!(!source(&path, &nothing_known).has_changed(None));
    }

    #[test]
    fn a_directory_has_changed_with_anything_in_it_but_what_we_put_there() {
        let dir = TempDir::new();
        let deep = dir.path().join("a/.b");
        fs_err::create_dir_all(&deep).unwrap();
        let placed = deep.join("x.so");
        let taken = source(dir.path(), &later());
        assert!(!taken.has_changed(None));
        fs_err::write(&placed, "").unwrap();
        assert!(taken.has_changed(None) && !taken.has_changed(Some(&placed)));
        fs_err::write(deep.join("new.pyc"), "").unwrap();
        assert!(taken.has_changed(Some(&placed)));
    }

    #[test]
    fn a_directory_in_which_something_changes_while_cargo_is_at_work_is_not_known() {
        let dir = TempDir::new();
        fs_err::write(dir.path().join("a"), "").unwrap();
        let known = Before::look_at(&[source(dir.path(), &later())], "/no/target".into(), None);
        assert!(source(dir.path(), &known).sha256.is_some());
        fs_err::write(dir.path().join("a"), "more").unwrap();
        assert_eq!(source(dir.path(), &known).sha256, None);
        let nothing_known = Before::look_at(&[], "/no/target".into(), None);
        fs_err::write(dir.path().join("b"), "").unwrap();
        assert_eq!(source(dir.path(), &nothing_known).sha256, None);
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
        let sources = sources_of(&path("lib.so"), dir.path(), &BTreeSet::new(), &later());
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
            extent: Extent::Everything,
            stamp: None,
            marks: None,
            sha256: Some(sha256.to_owned()),
        };
        let one = digest_of(&[source("a", "1")]);
        assert_ne!(one, digest_of(&[source("b", "1")]));
        assert_ne!(one, digest_of(&[source("a", "2")]));
        assert_eq!(one, digest_of(&[source("a", "1")]));
    }
}
