//! An extension in the store: by which sources it is found, and what has to be known to put it in place.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use environment::cargo_env;
use files::digest::sha256;
use object::{Object as _, ObjectSection as _};
use serde::{Deserialize, Serialize};
use store::Store;
use store::extensions::{Found, Key, LARGE_BYTES};

use super::Places;
use crate::compile::Replay;
use crate::digest::Stamp;
use crate::sources::{Extent, Source, content, marks};

/// The sources of an extension, as they are named in every checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    sources: Vec<(String, Extent)>,
    /// Variables that crates have read, as far as they say so.
    variables: BTreeSet<String>,
}

/// What is noted of an extension in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Noted {
    /// The library in the target directory.
    pub(crate) library: String,
    /// What cargo has said of the build.
    pub(crate) replay: Replay,
    /// The library of third-party crates that it is linked against.
    pub(crate) base: Option<String>,
    /// What is known of how it was linked.
    pub(crate) linked: Option<String>,
    /// How long cargo has taken for it, in seconds.
    pub(crate) cargo_s: f64,
    /// The directories of the checkout, where the library names one of them: then it is of use in this one
    /// alone.
    bound_to: Option<Vec<Utf8PathBuf>>,
}

/// An extension that was built from what the sources are.
pub(crate) struct Hit {
    pub(crate) found: Found<Noted>,
    pub(crate) sources: Vec<Source>,
    pub(crate) variables: BTreeSet<String>,
}

/// The extension in the store that was built in `context` from what its sources are now. `known` are sources
/// whose digests need not be made again.
pub(crate) fn find(store: &Store, context: &str, places: &Places, known: &[Source]) -> Option<Hit> {
    let known: BTreeMap<_, _> = known.iter().map(|it| (it.path.as_path(), it)).collect();
    let lists = store.source_lists::<Listed>(context);
    lists.into_iter().find_map(|(name, listed)| {
        let sources = listed.sources.iter();
        let sources = sources.map(|(path, extent)| {
            let path = Utf8PathBuf::from(places.local(path));
            as_it_is(path.clone(), *extent, known.get(path.as_path()).copied())
        });
        let sources: Vec<_> = sources.collect();
        let digest = content_of(&sources, &listed.variables)?;
        let key = Key {
            context,
            content: &digest,
        };
        let found: Found<Noted> = store.extension(key, &name)?;
        let bound_to = found.note().bound_to.as_deref();
        let is_of_use =
            bound_to.is_none_or(|dirs| places.dirs().eq(dirs.iter().map(Utf8PathBuf::as_path)));
        is_of_use.then_some(Hit {
            found,
            sources,
            variables: listed.variables,
        })
    })
}

/// What is kept of a build.
pub(crate) struct ToKeep<'a> {
    pub(crate) context: &'a str,
    pub(crate) project: &'a Utf8Path,
    pub(crate) build_dir: &'a Utf8Path,
    pub(crate) places: &'a Places,
    pub(crate) library: &'a Utf8Path,
    pub(crate) sources: &'a [Source],
    pub(crate) variables: &'a BTreeSet<String>,
    pub(crate) replay: Replay,
    pub(crate) base: Option<String>,
    pub(crate) linked: Option<String>,
    pub(crate) cargo_s: f64,
}

impl ToKeep<'_> {
    /// Keeps it, unless the content of a source is not known.
    pub(crate) fn keep(self, store: &Store) -> std::io::Result<()> {
        // What cargo has made follows from the rest.
        let sources: Vec<_> = self
            .sources
            .iter()
            .filter(|it| !it.path.starts_with(self.build_dir))
            .cloned()
            .collect();
        let Some(content) = content_of(&sources, self.variables) else {
            return Ok(());
        };
        let listed = Listed {
            sources: sources
                .iter()
                .map(|it| (self.places.portable(it.path.as_str()), it.extent))
                .collect(),
            variables: self.variables.clone(),
        };
        let key = Key {
            context: self.context,
            content: &content,
        };
        if store.has_extension(key, &listed)? {
            return Ok(());
        }
        // To look for a name takes the whole library into memory.
        let is_large = fs_err::metadata(self.library)?.len() > LARGE_BYTES;
        let is_bound = is_large || names_a_place(&fs_err::read(self.library)?, self.places);
        let dirs = || self.places.dirs().map(Utf8Path::to_owned).collect();
        let noted = Noted {
            library: self.places.portable(self.library.as_str()),
            replay: self.replay,
            base: self.base,
            linked: self.linked,
            cargo_s: self.cargo_s,
            bound_to: is_bound.then(dirs),
        };
        store.keep_extension(key, self.project, &listed, self.library, noted)
    }
}

/// The source at `path` as it is now. What the file system says is read first: what is written meanwhile is
/// seen the next time.
fn as_it_is(path: Utf8PathBuf, extent: Extent, known: Option<&Source>) -> Source {
    let stamp = Stamp::of(&path).ok().filter(|_| path.is_file());
    let marks = marks(&path, extent, None);
    let is_same = |known: &&Source| {
        known.extent == extent
            && (stamp.is_some() && known.stamp == stamp || marks.is_some() && known.marks == marks)
    };
    let sha256 = known.filter(is_same).and_then(|it| it.sha256.clone());
    Source {
        stamp,
        sha256: Some(sha256.unwrap_or_else(|| content(&path, extent, None))),
        marks,
        extent,
        path,
    }
}

/// The digest of what is in `sources`, in their order, and of the variables. `None` if one is not known.
fn content_of(sources: &[Source], variables: &BTreeSet<String>) -> Option<String> {
    let mut text = String::new();
    for source in sources {
        text.push_str(source.sha256.as_deref()?);
        text.push('\n');
    }
    let all = cargo_env::environment();
    for name in variables {
        text.push_str(&format!("{name} {:?}\n", all.get(name)));
    }
    Some(sha256(text.as_bytes())[..32].to_owned())
}

/// Whether the library with these `bytes` names a directory of the checkout, other than for debuggers: then
/// it may read something there when it runs. One that cannot be read counts as such.
fn names_a_place(bytes: &[u8], places: &Places) -> bool {
    let Ok(file) = object::File::parse(bytes) else {
        return true;
    };
    let mut sections = file.sections().filter(|section| {
        let name = section.name().unwrap_or_default();
        !name.starts_with(".debug") && !name.starts_with(".zdebug")
    });
    sections.any(|section| section.data().is_ok_and(|data| places.are_named_in(data)))
}
