//! The base libraries that are kept on this machine, and for which links none is used.
//!
//! A library is named by a digest of all that it is made of, so that it never changes; it appears under its
//! name when it is whole. Beside it lies what is known of it. A link is known by its key, which takes no
//! reading of the files: their names, sizes and times.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::{sha256, sha256_of};
use files::lock::Lock;
use files::{owned, write};
use serde::{Deserialize, Serialize};

use crate::check::{BaseFacts, Names};
use crate::plan::BaseLink;
use crate::why::Why;

/// How the name of a base library begins; the module follows, and 16 digits of the digest.
pub(crate) const PREFIX: &str = "libprelinked-";

/// The number of the form of what is kept.
const FORMAT: u32 = 1;

/// What is kept beyond what installs need, in bytes: about what two large projects take.
const SPARE_BYTES: u64 = 2 << 30;

/// How long it is kept what is known of a link, in days.
const LINK_LIFE_DAYS: u64 = 90;

/// The directory that they are kept in.
#[derive(Debug, Clone)]
pub struct Bases {
    dir: Utf8PathBuf,
}

/// A base library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The file.
    pub path: Utf8PathBuf,
    /// What is known of it.
    pub note: Note,
}

/// What is known of a base library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    format: u32,
    /// Its size in bytes, and when it was written, by which a damaged one is told.
    size_bytes: u64,
    modified_ns: i64,
    /// How many crates are in it.
    pub crates: usize,
    /// How long it took to link.
    pub took: Duration,
    /// What a link against it is checked with.
    pub facts: BaseFacts,
}

impl Base {
    /// Notes that a link uses it.
    pub(crate) fn note_use(&self) {
        // When it was last used is of use for nothing but the order in which they are removed.
        let note = fs_err::File::options()
            .write(true)
            .open(self.path.with_extension("json"));
        let _ = note.and_then(|file| file.set_modified(SystemTime::now()));
    }
}

/// What is known of a link, by its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// It uses the base library of this name.
    Base(String),
    /// It is made as rustc says.
    AsRustcSays(Why),
}

/// What a library costs and who uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its file name.
    pub name: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// How many installs share the file.
    pub installs: u64,
    /// When a link has last used it.
    pub used: SystemTime,
}

/// What decides the key of a link and the digest of a base library beside the files that it is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    /// The module: two extensions in one process never share a base library, as they would share no code if
    /// each was one library.
    pub(crate) module: &'a str,
    /// The linker.
    pub(crate) linker: &'a Utf8Path,
}

impl Circumstances<'_> {
    fn text(self) -> String {
        let path = which::which(self.linker).ok();
        let path = path.and_then(|path| Utf8PathBuf::try_from(path).ok());
        let stamp = path.as_ref().and_then(|path| stamp(path).ok());
        format!("{FORMAT}\n{}\n{path:?} {stamp:?}", self.module)
    }
}

/// By which a file that has been written again is told.
fn stamp(path: &Utf8Path) -> io::Result<(u64, i64)> {
    let metadata = fs_err::metadata(path)?;
    Ok((
        metadata.len(),
        metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec(),
    ))
}

/// The files of `link`: its rlibs, and the libraries of other languages that lie in one of the directories
/// where they are looked for.
fn files_of(link: &BaseLink) -> Vec<Utf8PathBuf> {
    let (names, dirs) = link.libraries();
    let candidates = names.iter().flat_map(|name| {
        let files = ["a", "so"].map(|ending| format!("lib{name}.{ending}"));
        files
            .into_iter()
            .flat_map(|file| dirs.iter().map(move |dir| dir.join(&file)))
    });
    let libraries = candidates.filter(|path| path.is_file());
    link.rlibs()
        .map(Utf8Path::to_owned)
        .chain(libraries)
        .collect()
}

/// The key of `link`.
pub(crate) fn key(link: &BaseLink, of: Circumstances<'_>) -> io::Result<String> {
    let mut text = format!("{}\n{}", of.text(), link.recipe());
    for path in files_of(link) {
        text.push_str(&format!("\n{path} {:?}", stamp(&path)?));
    }
    Ok(sha256(text.as_bytes())[..32].to_owned())
}

/// The name of the library that `link` makes.
pub(crate) fn name(link: &BaseLink, of: Circumstances<'_>) -> io::Result<String> {
    let digests = digests(&files_of(link))?;
    let text = format!("{}\n{}\n{}", of.text(), link.recipe(), digests.join("\n"));
    let module: String = of
        .module
        .chars()
        .map(|char| if char.is_alphanumeric() { char } else { '_' })
        .collect();
    Ok(format!(
        "{PREFIX}{module}-{}.so",
        &sha256(text.as_bytes())[..16]
    ))
}

/// The digests of `files`, which have hundreds of megabytes: on all cores.
fn digests(files: &[Utf8PathBuf]) -> io::Result<Vec<String>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut digests = vec![String::new(); files.len()];
    // In turn, so that each thread gets large and small ones.
    let of = |first: usize| -> io::Result<Vec<(usize, String)>> {
        let own = (first..files.len()).step_by(threads);
        own.map(|index| Ok((index, sha256_of(&files[index])?)))
            .collect()
    };
    let all = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || of(first)))
            .collect();
        let ended = running.into_iter().map(|thread| {
            thread
                .join()
                .map_err(|_| io::Error::other("a thread panicked"))?
        });
        ended.collect::<io::Result<Vec<_>>>()
    })?;
    for (index, digest) in all.into_iter().flatten() {
        digests[index] = digest;
    }
    Ok(digests)
}

impl Bases {
    /// Those in `dir`.
    #[must_use]
    pub fn in_dir(dir: &Utf8Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Utf8Path {
        &self.dir
    }

    fn verdict_file(&self, key: &str) -> Utf8PathBuf {
        self.dir.join("links").join(format!("{key}.json"))
    }

    /// What is known of the link `key`.
    pub(crate) fn verdict(&self, key: &str) -> Option<Verdict> {
        let text = fs_err::read_to_string(self.verdict_file(key)).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Keeps what is known of the link `key`.
    pub(crate) fn keep_verdict(&self, key: &str, verdict: &Verdict) -> io::Result<()> {
        owned::make_dir(&self.dir, "links")?;
        write::atomically(&self.verdict_file(key), serde_json::to_string(verdict)?)
    }

    /// Has the link `key` be made as rustc says from now on, until something of its files changes.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn forbid(&self, key: &str, why: &Why) -> io::Result<()> {
        self.keep_verdict(key, &Verdict::AsRustcSays(why.clone()))
    }

    /// The library `name`, if it is there and whole.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Base> {
        let path = self.dir.join(name);
        let text = fs_err::read_to_string(path.with_extension("json")).ok()?;
        let mut note: Note = serde_json::from_str(&text).ok()?;
        note.facts.hidden = Names::from_bytes(&fs_err::read(path.with_extension(HIDDEN)).ok()?);
        let is_it =
            note.format == FORMAT && stamp(&path).ok()? == (note.size_bytes, note.modified_ns);
        is_it.then_some(Base { path, note })
    }

    /// Makes the library `name`, unless somebody else has; `link` writes it to the path that it is given.
    pub(crate) fn make(
        &self,
        name: &str,
        crates: usize,
        link: impl FnOnce(&Utf8Path) -> Result<Duration, Refused>,
    ) -> Result<(Base, bool), Refused> {
        owned::make_dir(&self.dir, "locks")?;
        let _lock = Lock::take(&self.dir.join("locks").join(name))?;
        if let Some(base) = self.find(name) {
            return Ok((base, false));
        }
        let prefix = format!("{DRAFT}{name}-");
        self.remove_drafts(&prefix)?;
        let draft = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(&self.dir)?;
        let draft = Utf8Path::from_path(draft.path()).map(|dir| dir.join(name));
        let draft = draft
            .ok_or(io::ErrorKind::InvalidFilename)
            .map_err(io::Error::from)?;
        let took = link(&draft)?;
        let facts = BaseFacts::read(&draft)?;
        let path = self.dir.join(name);
        write::atomically(&path.with_extension(HIDDEN), facts.hidden.to_bytes())?;
        fs_err::rename(&draft, &path)?;
        let (size_bytes, modified_ns) = stamp(&path)?;
        let note = Note {
            format: FORMAT,
            size_bytes,
            modified_ns,
            crates,
            took,
            facts,
        };
        write::atomically(&path.with_extension("json"), serde_json::to_string(&note)?)?;
        Ok((Base { path, note }, true))
    }

    /// Removes what a killed link has left: all drafts that begin so, whose lock we have, and old ones of
    /// others.
    fn remove_drafts(&self, prefix: &str) -> io::Result<()> {
        for name in owned::names_in(&self.dir)? {
            let path = self.dir.join(&name);
            let is_old = name.starts_with(DRAFT) && age(&path) > Duration::from_hours(1);
            if name.starts_with(prefix) || is_old {
                owned::remove(&self.dir, &path)?;
            }
        }
        Ok(())
    }

    /// All that are kept, the one that was used last first.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn all(&self) -> io::Result<Vec<Kept>> {
        let names = owned::names_in(&self.dir)?.into_iter();
        let names = names.filter(|name| name.starts_with(PREFIX) && name.ends_with(".so"));
        let kept = names.filter_map(|name| {
            let path = self.dir.join(&name);
            let metadata = fs_err::symlink_metadata(&path)
                .ok()
                .filter(std::fs::Metadata::is_file)?;
            let note = fs_err::metadata(path.with_extension("json"));
            Some(Kept {
                size_bytes: metadata.len(),
                installs: metadata.nlink().saturating_sub(1),
                used: note.and_then(|it| it.modified()).unwrap_or(UNIX_EPOCH),
                name,
            })
        });
        let mut kept: Vec<_> = kept.collect();
        kept.sort_by(|one, other| other.used.cmp(&one.used).then(one.name.cmp(&other.name)));
        Ok(kept)
    }

    /// Removes libraries that no install needs, those first that were not used for longest, until the rest of
    /// them takes no more than 2 GB. `current` stays.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn prune(&self, current: &str) -> io::Result<()> {
        for name in surplus(&self.all()?, current, SPARE_BYTES) {
            let path = self.dir.join(name);
            for ending in ["json", HIDDEN, "so"] {
                owned::remove(&self.dir, path.with_extension(ending))?;
            }
        }
        self.forget_old_links()
    }

    /// Removes what is known of links that nobody makes any more, as far as can be told by the age. Of one
    /// that somebody makes, it is found out once more.
    fn forget_old_links(&self) -> io::Result<()> {
        let Some(dir) = owned::find_dir(&self.dir, "links")? else {
            return Ok(());
        };
        for name in owned::names_in(&dir)? {
            let path = dir.join(name);
            if age(&path) > Duration::from_hours(24 * LINK_LIFE_DAYS) {
                owned::remove(&self.dir, &path)?;
            }
        }
        Ok(())
    }
}

/// How the name of the file ends that has the [`Names`] that a library hides.
const HIDDEN: &str = "hidden";

/// How the name of a directory begins in which a library is written.
const DRAFT: &str = ".draft-";

fn age(path: &Utf8Path) -> Duration {
    let modified = fs_err::metadata(path).and_then(|it| it.modified());
    modified
        .ok()
        .and_then(|it| it.elapsed().ok())
        .unwrap_or_default()
}

/// The names of those among `kept`, the last used first, that go beyond `spare_bytes` without being needed.
fn surplus<'k>(kept: &'k [Kept], current: &str, spare_bytes: u64) -> Vec<&'k str> {
    let mut total_bytes = 0;
    let spare = kept
        .iter()
        .filter(|it| it.installs == 0 && it.name != current);
    let surplus = spare.filter(|it| {
        total_bytes += it.size_bytes;
        total_bytes > spare_bytes
    });
    surplus.map(|it| it.name.as_str()).collect()
}

/// There is no base library.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The linker refuses: what it says.
    Linker(String),
    /// It was killed, or a file cannot be written or read: that says nothing of the link itself.
    Io(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<serde_json::Error> for Refused {
    fn from(error: serde_json::Error) -> Self {
        Self::Io(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::LinkCall;
    use crate::facts::Facts;
    use crate::plan::{Plan, plan};
    use testkit::TempDir;

    fn made(bases: &Bases, name: &str) -> (Base, bool) {
        let link = |draft: &Utf8Path| -> Result<Duration, Refused> {
            // An ELF file: ourselves.
            fs_err::copy(std::env::current_exe()?, draft)?;
            Ok(Duration::ZERO)
        };
        bases.make(name, 3, link).unwrap()
    }

    #[test]
    fn a_library_is_made_once_and_one_that_is_damaged_is_made_anew() {
        let dir = TempDir::new();
        let bases = Bases::in_dir(dir.path());
        let name = format!("{PREFIX}x-0123.so");
        assert!(bases.find(&name).is_none());
        let (base, is_new) = made(&bases, &name);
        assert!(is_new && bases.find(&name) == Some(base.clone()));
        assert!(!made(&bases, &name).1);
        // What a link has left that was killed is removed by the next.
        let abandoned = dir.path().join(format!("{DRAFT}{name}-x"));
        fs_err::create_dir(&abandoned).unwrap();
        let file = fs_err::File::options()
            .write(true)
            .open(&base.path)
            .unwrap();
        file.set_len(100).unwrap();
        assert!(bases.find(&name).is_none(), "it was cut off");
        assert!(made(&bases, &name).1);
        assert!(!abandoned.exists());
        fs_err::remove_file(base.path.with_extension("json")).unwrap();
        assert!(bases.find(&name).is_none(), "nothing is known of it");
    }

    /// A link of two rlibs and a C library in `dir`.
    fn link_in(dir: &Utf8Path, flag: &str) -> BaseLink {
        let args = format!(
            "-Wl,--version-script=/l {dir}/shim.o {dir}/libthird-1.rlib {dir}/libcompiler_builtins-2.rlib \
             -lc_code -L {dir} -o /x.so -shared {flag}"
        );
        let args: Vec<_> = args.split_whitespace().map(str::to_owned).collect();
        let call = LinkCall::parse(&args);
        let facts = Facts {
            fetched: call.rlibs().map(Utf8Path::to_owned).collect(),
            shim: Some(dir.join("shim.o")),
            ..Facts::default()
        };
        match plan(&call, &facts) {
            Plan::Prelink(prelink) => prelink.base,
            Plan::AsRustcSays { why } => panic!("{why}"),
        }
    }

    #[test]
    fn a_library_is_named_by_all_that_it_is_made_of_and_not_by_where_that_lies() {
        let (dir, elsewhere) = (TempDir::new(), TempDir::new());
        let files = [
            "libthird-1.rlib",
            "libcompiler_builtins-2.rlib",
            "libc_code.a",
        ];
        for place in [&dir, &elsewhere] {
            for file in files {
                fs_err::write(place.path().join(file), file).unwrap();
            }
        }
        let of = |module, linker: &'static str| Circumstances {
            module,
            linker: linker.into(),
        };
        let here = link_in(dir.path(), "");
        let named = |link: &BaseLink, of| name(link, of).unwrap();
        let first = named(&here, of("a.b", "cc"));
        assert_eq!(
            named(&link_in(elsewhere.path(), ""), of("a.b", "cc")),
            first
        );
        let another_linker = link_in(dir.path(), "-fuse-ld=mold");
        assert_ne!(named(&another_linker, of("a.b", "cc")), first);
        assert_ne!(named(&here, of("a.c", "cc")), first);
        assert_ne!(named(&here, of("a.b", "sh")), first);
        let key_of_before = key(&here, of("a.b", "cc")).unwrap();
        for file in files {
            let before = named(&here, of("a.b", "cc"));
            fs_err::write(dir.path().join(file), format!("another {file}")).unwrap();
            assert_ne!(
                named(&here, of("a.b", "cc")),
                before,
                "{file}, as of another toolchain"
            );
        }
        assert_ne!(key(&here, of("a.b", "cc")).unwrap(), key_of_before);
    }

    #[test]
    fn a_link_that_fails_leaves_nothing() {
        let dir = TempDir::new();
        let bases = Bases::in_dir(dir.path());
        let refused = |draft: &Utf8Path| {
            fs_err::write(draft, "half").unwrap();
            Err(Refused::Linker("no".to_owned()))
        };
        assert!(bases.make("libprelinked-x-0.so", 1, refused).is_err());
        assert!(bases.all().unwrap().is_empty());
        let drafts = owned::names_in(dir.path()).unwrap();
        assert!(
            drafts.iter().all(|name| !name.starts_with(DRAFT)),
            "{drafts:?}"
        );
    }

    #[test]
    fn what_is_known_of_a_link_is_forgotten_in_the_end() {
        let dir = TempDir::new();
        let bases = Bases::in_dir(dir.path());
        bases.prune("none").unwrap();
        for key in ["new", "old"] {
            bases.forbid(key, &Why::NotAnExtension).unwrap();
        }
        let old = fs_err::File::options()
            .write(true)
            .open(bases.verdict_file("old"));
        let then = SystemTime::now() - Duration::from_hours(24 * (LINK_LIFE_DAYS + 1));
        old.unwrap().set_modified(then).unwrap();
        bases.prune("none").unwrap();
        assert_eq!(
            bases.verdict("new"),
            Some(Verdict::AsRustcSays(Why::NotAnExtension))
        );
        assert_eq!(bases.verdict("old"), None);
    }

    #[test]
    fn what_an_install_needs_stays_and_of_the_rest_what_was_used_last() {
        let kept = |name: &str, size_bytes, installs| Kept {
            name: name.to_owned(),
            size_bytes,
            installs,
            used: UNIX_EPOCH,
        };
        let all = [
            kept("new", 5, 0),
            kept("used", 50, 1),
            kept("old", 5, 0),
            kept("oldest", 1, 0),
        ];
        assert_eq!(surplus(&all, "none", 5), ["old", "oldest"]);
        assert_eq!(surplus(&all, "none", 10), ["oldest"]);
        assert_eq!(surplus(&all, "old", 5), ["oldest"]);
        assert!(surplus(&all, "none", 11).is_empty());
    }
}
