//! What is remembered of a development install: what it was made of, and how to make it again.
//!
//! It lies in the install's `.dist-info` directory and is listed in its `RECORD`, so that whoever replaces
//! or removes the install (uv, pip, `maturin develop`) removes it as well: it never speaks of an
//! install that another tool has made.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use project_model::Workspace;
use python_tools::Interpreter;
use serde::{Deserialize, Serialize};

use crate::circumstances::{Circumstances, Marks};
use crate::digest::Stamp;
use crate::error::{DevError, io_error};
use crate::import::Imported;
use crate::inputs::Inputs;
use crate::install;
use crate::listed;
use crate::maturin::BuildOptions;
use crate::place;
use crate::siblings::Sibling;
use crate::sources::Source;
use files::write;

/// Beside `METADATA` and `RECORD`.
pub const FILE: &str = "xtask-dev.json";

/// The number of the format, raised whenever the meaning of a field changes. A file with another number is as
/// good as none.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Format;

impl From<Format> for u32 {
    fn from(_: Format) -> Self {
        3
    }
}

impl TryFrom<u32> for Format {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        let known = number == u32::from(Self);
        known
            .then_some(Self)
            .ok_or_else(|| format!("format {number}"))
    }
}

/// The memory of one install.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// So that another version of this program can tell.
    pub format: Format,
    /// The project that it is an install of: another checkout may share the environment.
    pub project: Utf8PathBuf,
    /// What decided each step.
    pub inputs: Inputs,
    /// The digest of the [`crate::circumstances`] under which cargo was last asked.
    pub circumstances: String,
    /// By which those that change can be named.
    pub circumstance_marks: Marks,
    /// The digest of the files among them.
    #[serde(default)]
    pub programs: String,
    /// Variables that change all the time and that the crates have read all the same: digests by name.
    pub volatile: Marks,
    /// The interpreter of the environment.
    pub python: Interpreter,
    /// The workspace of the extension.
    pub workspace: Workspace,
    /// The call of cargo that builds the library.
    pub cargo_call: Invocation,
    /// The library.
    pub library: Library,
    /// What it offers.
    pub imported: Imported,
    /// What it was made of.
    pub provenance: Provenance,
    /// Its sources.
    pub sources: Vec<Source>,
    /// Whether uv's own note of the inputs can be kept current: see [`crate::uv_cache`].
    pub uv_cache_understood: bool,
    /// What was asked for.
    #[serde(default)]
    pub options: BuildOptions,
    /// The names of all that was installed when the dependencies were.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Whether it was to be linked against a library of its third-party crates.
    #[serde(default)]
    pub prelinking: bool,
    /// Other projects with an extension that were built beside it.
    #[serde(default)]
    pub siblings: Vec<Sibling>,
}

/// The library, where cargo left it and where Python finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Library {
    /// In cargo's target directory.
    pub built: Utf8PathBuf,
    /// Of the built file.
    pub built_stamp: Stamp,
    /// Where Python imports it from.
    pub placed: Utf8PathBuf,
    /// Of the placed file.
    pub placed_stamp: Stamp,
    /// Whether the placed file is the built one, byte for byte. It is not where maturin has patched it.
    pub same_bytes: bool,
    /// The library of third-party crates beside it that it needs.
    #[serde(default)]
    pub base: Option<PlacedBase>,
}

/// A library of third-party crates, beside the extension that needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedBase {
    /// Where it is.
    pub path: Utf8PathBuf,
    /// Of the file, which has other names elsewhere.
    stamp: Stamp,
}

impl Library {
    /// The library `built` and its copy `placed`, as they are now.
    ///
    /// # Errors
    /// If one of them cannot be looked at.
    pub fn of(built: &Utf8Path, placed: &Utf8Path, same_bytes: bool) -> Result<Self, DevError> {
        Ok(Self {
            base: PlacedBase::of(placed),
            built: built.to_owned(),
            built_stamp: Stamp::of(built).map_err(io_error(built))?,
            placed: placed.to_owned(),
            placed_stamp: Stamp::of(placed).map_err(io_error(placed))?,
            same_bytes,
        })
    }

    /// Whether the file in the target directory is the one that was built. Where its times are others, since
    /// links to it were made or maturin has put a copy there, its content decides, as long as there is one to
    /// compare it with.
    #[must_use]
    pub fn is_built(&self) -> bool {
        if self.built_stamp.holds(&self.built) {
            return true;
        }
        if self.same_bytes && self.placed_stamp.holds(&self.placed) {
            return place::same_bytes(&self.placed, &self.built);
        }
        self.built_stamp.holds_but_for_links(&self.built)
    }

    /// What has become of the placed file.
    #[must_use]
    pub fn look(&self) -> Placed {
        if self.placed_stamp.holds(&self.placed) {
            if self.has_base() {
                Placed::Same
            } else {
                Placed::Alone
            }
        } else if self.placed.is_file() {
            Placed::Replaced
        } else if self.placed.parent().is_some_and(Utf8Path::is_dir) {
            Placed::Gone
        } else {
            Placed::Nowhere
        }
    }

    /// Whether the library of third-party crates that it needs, if any, lies beside it as it was put there.
    fn has_base(&self) -> bool {
        let base = self.base.as_ref();
        base.is_none_or(|base| base.stamp.holds_but_for_links(&base.path))
    }

    /// Whether this is the library `built`, and neither file has changed since.
    #[must_use]
    pub fn is_in_place(&self, built: &Utf8Path) -> bool {
        self.built == built && self.is_built() && self.look() == Placed::Same
    }
}

impl PlacedBase {
    /// One that is nowhere.
    #[cfg(test)]
    pub(crate) fn at(path: &str) -> Self {
        Self {
            path: path.into(),
            stamp: Stamp::of("/".into()).expect("it is there"),
        }
    }

    /// The one beside the extension at `placed`.
    fn of(placed: &Utf8Path) -> Option<Self> {
        let name = prelink::beside::needed(placed).ok().flatten()?;
        let path = placed.with_file_name(prelink::beside::DIR).join(name);
        let stamp = Stamp::of(&path).ok()?;
        Some(Self { path, stamp })
    }
}

/// What has become of a library that was put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It is as we left it.
    Same,
    /// It is, and the library of third-party crates beside it is not.
    Alone,
    /// Somebody has written to it.
    Replaced,
    /// It is gone.
    Gone,
    /// Its directory is gone as well.
    Nowhere,
}

/// Where an installed extension comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The cargo profile.
    pub profile: String,
    /// The arguments that chose features.
    pub features: Vec<String>,
    /// The commit that was checked out. `None` outside git.
    pub commit: Option<String>,
    /// Whether files that git tracks differed from it.
    pub dirty: bool,
    /// SHA-256 over the names and contents of all sources.
    pub sources_sha256: String,
    /// `rustc --version`.
    pub toolchain: String,
    /// When the library was put in place, in seconds since 1970.
    pub placed_at_s: u64,
}

impl State {
    /// What is remembered of the install of `name` in the environment `venv`.
    #[must_use]
    pub fn find(venv: &Utf8Path, name: &str) -> Option<(Utf8PathBuf, Self)> {
        let lib = venv.join("lib").read_dir_utf8().ok()?.flatten();
        let mut dist_infos =
            lib.filter_map(|python| install::dist_info(&python.path().join("site-packages"), name));
        dist_infos.find_map(|dist_info| {
            let text = fs_err::read_to_string(dist_info.join(FILE)).ok()?;
            let state = serde_json::from_str(&text).ok()?;
            Some((dist_info, state))
        })
    }

    /// What cargo's answer depended on, beside files.
    pub(crate) fn circumstances(&self) -> Circumstances {
        Circumstances {
            digest: self.circumstances.clone(),
            marks: self.circumstance_marks.clone(),
            volatile: self.volatile.clone(),
            programs: self.programs.clone(),
        }
    }

    /// Writes it into the install in `dist_info`.
    pub fn write(&self, dist_info: &Utf8Path) -> io::Result<()> {
        list_in_record(dist_info)?;
        write::atomically(&dist_info.join(FILE), &serde_json::to_string(self)?)
    }
}

/// Adds our file to the install's `RECORD`, without digest and size, since both change (PEP 376 allows it).
fn list_in_record(dist_info: &Utf8Path) -> io::Result<()> {
    let file = format!("{}/{FILE}", dist_info.file_name().unwrap_or_default());
    listed::change(dist_info, &[file.into()], |_| false)
}

/// Lists the libraries of third-party crates beside an extension, and no others, in the install's `RECORD`:
/// `files`, relative to site-packages.
pub(crate) fn list_bases_in_record(dist_info: &Utf8Path, files: &[Utf8PathBuf]) -> io::Result<()> {
    let is_beside = |file: &Utf8Path| {
        file.components()
            .any(|part| part.as_str() == prelink::beside::DIR)
    };
    listed::change(dist_info, files, is_beside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn a_built_library_is_known_by_its_content_where_its_times_are_others() {
        let dir = TempDir::new();
        let path = |name: &str| dir.path().join(name);
        for name in ["built.so", "placed.so"] {
            fs_err::write(path(name), "library").unwrap();
        }
        let library = Library::of(&path("built.so"), &path("placed.so"), true).unwrap();
        assert!(library.is_built());
        // As maturin does: a copy takes its place.
        fs_err::copy(path("built.so"), path("copy.so")).unwrap();
        fs_err::rename(path("copy.so"), path("built.so")).unwrap();
        assert!(library.is_built());
        fs_err::write(path("built.so"), "LIBRARY").unwrap();
        assert!(!library.is_built(), "somebody has written to it");
        fs_err::write(path("built.so"), "library").unwrap();
        fs_err::write(path("placed.so"), "library").unwrap();
        assert!(!library.is_built(), "there is nothing to compare it with");
    }

    #[test]
    fn a_placed_library_without_what_it_is_linked_with_is_alone() {
        let dir = TempDir::new();
        let path = |name: &str| dir.path().join(name);
        for name in ["built.so", "placed.so", "base.so"] {
            fs_err::write(path(name), "library").unwrap();
        }
        let mut library = Library::of(&path("built.so"), &path("placed.so"), true).unwrap();
        assert_eq!((library.look(), &library.base), (Placed::Same, &None));
        library.base = Some(PlacedBase {
            path: path("base.so"),
            stamp: Stamp::of(&path("base.so")).unwrap(),
        });
        // It has other names elsewhere, which come and go.
        fs_err::hard_link(path("base.so"), path("kept.so")).unwrap();
        assert_eq!(library.look(), Placed::Same);
        fs_err::write(path("base.so"), "lib").unwrap();
        assert_eq!(library.look(), Placed::Alone, "it was cut off");
        fs_err::remove_file(path("base.so")).unwrap();
        assert_eq!(library.look(), Placed::Alone);
        assert!(!library.is_in_place(&path("built.so")) && library.is_built());
    }

    #[test]
    fn our_file_is_listed_once_in_the_record() {
        let dir = TempDir::new();
        let dist_info = dir.path().join("thing-0.1.0.dist-info");
        fs_err::create_dir(&dist_info).unwrap();
        fs_err::write(dist_info.join("RECORD"), "thing.py,sha256=x,1").unwrap();
        list_in_record(&dist_info).unwrap();
        list_in_record(&dist_info).unwrap();
        let record = || fs_err::read_to_string(dist_info.join("RECORD")).unwrap();
        let ours = "thing.py,sha256=x,1\nthing-0.1.0.dist-info/xtask-dev.json,,\n";
        assert_eq!(record(), ours);
        let base = |name: &str| [Utf8PathBuf::from(format!("thing/.prelinked/{name}.so"))];
        for (name, expected) in [("one", "one"), ("two", "two"), ("two", "two")] {
            list_bases_in_record(&dist_info, &base(name)).unwrap();
            assert_eq!(
                record(),
                format!("{ours}thing/.prelinked/{expected}.so,,\n")
            );
        }
        list_bases_in_record(&dist_info, &[]).unwrap();
        assert_eq!(record(), ours);
    }
}
