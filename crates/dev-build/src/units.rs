//! What the units of path crates were built from, by content; and those that cargo would take for fresh
//! although they were built from something else.
//!
//! cargo goes by time: a unit is fresh if no source is newer. That is wrong where an older content comes back
//! with its older time (`mv`, `cp -p`, `rsync`, `tar`, a restored backup), and where two checkouts have one
//! target directory, since units of path crates have the same names in both. So what each unit was built from
//! is kept beside the units, and before cargo is asked, a unit that was built from something else is made
//! stale. A unit that cargo will see to by itself is left to it. The opposite, a unit that cargo would build
//! again from what it was built from, is made fresh (`fresh`).

mod fresh;
mod kept;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::SystemTime;

use build_dir::Unit;
use build_dir::unit::{Inputs, units_of};
use camino::{Utf8Path, Utf8PathBuf};
use files::digest::{sha256, short_name};
use files::write;
use project_model::Workspace;
use serde::{Deserialize, Serialize};

use crate::digest::Stamp;
use crate::shown::shown;
use crate::sources::{Extent, MISSING, Source, TICK, content, files_of, marks, touched_since};
use crate::state::Format;

pub(crate) use kept::RecordedUnit;

/// The units of a workspace, as far as they are made of path crates.
#[derive(Debug)]
pub(crate) struct Units<'a> {
    /// The directory of the project.
    root: &'a Utf8Path,
    workspace: &'a Workspace,
    /// Where is remembered what they were built from.
    file: Utf8PathBuf,
    record: Record,
}

/// A unit that cargo would take for fresh, and that was not built from what its sources are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misjudged {
    /// Its package.
    pub package: String,
    /// Why it is not what it seems, as a sentence.
    pub cause: String,
    /// Whether that is news: cargo compiles the crate anyway where one of its sources is newer.
    pub is_news: bool,
}

/// What is remembered. Paths lie relative to the root of the workspace where they lie in it, so that a copied
/// checkout has a record that holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    format: Format,
    /// The directories of path crates.
    packages: BTreeMap<String, Utf8PathBuf>,
    units: BTreeMap<String, BuiltFrom>,
    /// The sources, so that none is read again without need.
    sources: BTreeMap<Utf8PathBuf, Source>,
}

/// What a unit was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct BuiltFrom {
    built: SystemTime,
    sha256: String,
}

impl<'a> Units<'a> {
    /// Those that are remembered for the project in `root`.
    pub(crate) fn remembered(root: &'a Utf8Path, workspace: &'a Workspace) -> Self {
        let name = root.strip_prefix(&workspace.root).unwrap_or(root);
        let name = if is_shared(workspace) { root } else { name };
        let dir = workspace.build_dir.join("xtask-dev");
        let file = dir.join(format!("{}.units.json", short_name(name.as_str())));
        let text = fs_err::read_to_string(&file).unwrap_or_default();
        Self {
            record: serde_json::from_str(&text).unwrap_or_default(),
            file,
            root,
            workspace,
        }
    }

    /// Those that cargo would wrongly take for fresh. `patched` is the package of the extension, if its
    /// library is not the one that cargo has made.
    pub(crate) fn misjudged(&self, patched: Option<&str>) -> Vec<(Unit, Misjudged)> {
        let packages = self.packages();
        let units = units_of(&self.workspace.build_dir, packages.keys());
        let all = units.into_iter().flat_map(|(package, units)| {
            let is_patched = patched == Some(package.as_str());
            let dir = &packages[&package];
            let inputs: Vec<_> = units
                .iter()
                .map(|unit| unit.inputs(&self.workspace.root, dir))
                .collect();
            let causes = self.causes(&units, &inputs, dir, is_patched);
            let mut libraries = units
                .iter()
                .zip(&inputs)
                .filter(|(unit, _)| is_library(unit));
            let is_news = !libraries.any(|(unit, inputs)| is_seen_by_cargo(unit, inputs));
            let misjudged = units
                .into_iter()
                .zip(causes)
                .filter_map(move |(unit, cause)| {
                    let (package, cause) = (package.clone(), cause?);
                    Some((
                        unit,
                        Misjudged {
                            package,
                            cause,
                            is_news,
                        },
                    ))
                });
            misjudged.collect::<Vec<_>>()
        });
        let mut all: Vec<_> = all.collect();
        // A script that was made stale is known no more. Whoever is killed before the libraries that are
        // made of it are stale finds it again.
        all.sort_by_key(|(unit, _)| unit.is_run());
        all
    }

    /// For each of the `units` of the package in `dir`, why cargo misjudges it, if it does.
    fn causes(
        &self,
        units: &[Unit],
        inputs: &[Inputs],
        dir: &Utf8Path,
        is_patched: bool,
    ) -> Vec<Option<String>> {
        let causes = units.iter().zip(inputs).map(|(unit, inputs)| {
            let patched = (is_patched && is_library(unit)).then(|| PATCHED.to_owned());
            let cause = self.cause(unit, &paths(inputs, dir)).or(patched);
            cause.filter(|_| !is_seen_by_cargo(unit, inputs))
        });
        let mut causes: Vec<_> = causes.collect();
        // cargo runs a script that declares nothing again, and then takes what is made of it for fresh.
        let ran = causes
            .iter()
            .zip(inputs)
            .find(|(cause, inputs)| cause.is_some() && **inputs == Inputs::Package);
        let of_script = ran.and_then(|(cause, _)| cause.clone());
        for (cause, _) in causes
            .iter_mut()
            .zip(units)
            .filter(|(_, unit)| is_library(unit))
        {
            *cause = cause.take().or_else(|| of_script.clone());
        }
        causes
    }

    /// Remembers those that somebody else has built, such as an editor's `cargo check`, and of whose
    /// sources none was written since. To be called before we change the times of sources ourselves.
    pub(crate) fn remember_those_of_others(self) -> io::Result<()> {
        let packages = self.packages();
        let units = units_of(&self.workspace.build_dir, packages.keys());
        let mut all = units.values().flatten();
        if all.all(|unit| self.known(unit).is_some()) {
            return Ok(());
        }
        self.remember(&packages, SystemTime::now()).map(drop)
    }

    /// Remembers what each unit was built from, after a build that began at `started` and was made of
    /// `packages`. Gives the variables that they have read.
    pub(crate) fn remember(
        mut self,
        packages: &BTreeMap<String, Utf8PathBuf>,
        started: SystemTime,
    ) -> io::Result<BTreeSet<String>> {
        let mut record = Record {
            packages: packages
                .iter()
                .map(|(name, dir)| (name.clone(), self.relative(dir)))
                .collect(),
            ..Record::default()
        };
        let units = units_of(&self.workspace.build_dir, packages.keys());
        let mut variables = BTreeSet::new();
        for (package, unit) in units
            .iter()
            .flat_map(|(package, units)| units.iter().map(move |unit| (package, unit)))
        {
            let dir = &packages[package];
            let read = self.sources(&paths(&unit.inputs(&self.workspace.root, dir), dir));
            variables.extend(unit.variables());
            if let Some(from) = self.built_from(unit, &read, started) {
                record.units.insert(unit.name.clone(), from);
            }
            record
                .sources
                .extend(read.into_iter().map(|it| (self.relative(&it.path), it)));
        }
        self.record = record;
        self.write()?;
        Ok(variables)
    }

    fn write(&self) -> io::Result<()> {
        fs_err::create_dir_all(self.file.parent().unwrap_or(&self.file))?;
        write::atomically(&self.file, &serde_json::to_string(&self.record)?)
    }

    /// What `unit` was built from, if that can be told: it was then, or it was built by us now, or in a
    /// directory that is ours alone, and nothing has been written since.
    fn built_from(
        &self,
        unit: &Unit,
        sources: &[Source],
        started: SystemTime,
    ) -> Option<BuiltFrom> {
        if let Some(known) = self.known(unit) {
            return Some(known.clone());
        }
        let is_ours = unit.built >= started - TICK || !is_shared(self.workspace);
        let touched = |source: &Source| self.touched(&source.path, source.extent, unit.built);
        (is_ours && sources.iter().all(|it| touched(it).is_none())).then(|| BuiltFrom {
            built: unit.built,
            sha256: digest_of(sources),
        })
    }

    fn known(&self, unit: &Unit) -> Option<&BuiltFrom> {
        let known = self.record.units.get(&unit.name);
        known.filter(|known| known.built == unit.built)
    }

    /// Why `unit` is not what its sources say, if that is so as far as can be told.
    fn cause(&self, unit: &Unit, paths: &[(Utf8PathBuf, Extent)]) -> Option<String> {
        if let Some(known) = self.known(unit) {
            let sources = self.sources(paths);
            return (known.sha256 != digest_of(&sources))
                .then(|| self.difference(&sources, unit.built));
        }
        if is_shared(self.workspace) && !unit.names(&self.workspace.root) {
            let dir = &self.workspace.build_dir;
            return Some(format!("another checkout may have built it in {dir}"));
        }
        let touched = |(path, extent): &(Utf8PathBuf, Extent)| {
            let file = self.touched(path, *extent, unit.built)?;
            let file = shown(self.root, &file);
            Some(if path.is_dir() {
                format!("{file} may have changed, and its build script declares no inputs")
            } else {
                format!("{file} may have changed, and its time need not tell cargo")
            })
        };
        paths.iter().find_map(touched)
    }

    /// In which of `sources` they are others than those from which a unit was `built`.
    fn difference(&self, sources: &[Source], built: SystemTime) -> String {
        let other = sources.iter().find(|source| self.is_other(source));
        let written = other.and_then(|source| written_since(source, built));
        if let Some(file) = written {
            let file = shown(self.root, &file);
            return format!("{file} has changed, and its build script declares no inputs");
        }
        let what = other.map_or("a source", |source| shown(self.root, &source.path));
        format!("{what} is not what it was built from, and is no newer")
    }

    fn is_other(&self, source: &Source) -> bool {
        let earlier = self.record.sources.get(&self.relative(&source.path));
        earlier.is_none_or(|earlier| earlier.sha256 != source.sha256)
    }

    /// The source, or a file of the directory that it is, which may have become what it is after `built`.
    /// What cargo makes does not count.
    fn touched(&self, path: &Utf8Path, extent: Extent, built: SystemTime) -> Option<Utf8PathBuf> {
        if path.starts_with(&self.workspace.build_dir) {
            return None;
        }
        let since = built - TICK;
        if path.is_dir() {
            return files_of(path, extent).find(|file| touched_since(file, since));
        }
        touched_since(path, since).then(|| path.to_owned())
    }

    /// The sources as they are now.
    fn sources(&self, paths: &[(Utf8PathBuf, Extent)]) -> Vec<Source> {
        let sources = paths
            .iter()
            .map(|(path, extent)| self.source(path, *extent));
        sources.collect()
    }

    fn source(&self, path: &Utf8Path, extent: Extent) -> Source {
        let stamp = Stamp::of(path).ok().filter(|_| path.is_file());
        let known = self.record.sources.get(&self.relative(path));
        let marks = marks(path, extent, None);
        let is_same = |known: &&Source| known.stamp == stamp && known.marks == marks;
        let known = known
            .filter(is_same)
            .filter(|_| stamp.is_some() || marks.is_some());
        let sha256 = known.and_then(|known| known.sha256.clone());
        Source {
            path: path.to_owned(),
            extent,
            stamp,
            marks,
            sha256: Some(sha256.unwrap_or_else(|| content(path, extent, None))),
        }
    }

    /// The path crates that the extension is made of, with their directories; before the first build, all of
    /// the workspace.
    fn packages(&self) -> BTreeMap<String, Utf8PathBuf> {
        if self.record.packages.is_empty() {
            return self.workspace.packages.clone();
        }
        let remembered = self.record.packages.iter();
        let remembered =
            remembered.map(|(name, dir)| (name.clone(), self.workspace.root.join(dir)));
        remembered.collect()
    }

    fn relative(&self, path: &Utf8Path) -> Utf8PathBuf {
        path.strip_prefix(&self.workspace.root)
            .unwrap_or(path)
            .to_owned()
    }
}

/// What a unit of the package in `dir` was made from.
fn paths(inputs: &Inputs, dir: &Utf8Path) -> Vec<(Utf8PathBuf, Extent)> {
    match inputs {
        Inputs::Paths(paths) => paths
            .iter()
            .map(|path| (path.clone(), Extent::Everything))
            .collect(),
        Inputs::Package => vec![(dir.to_owned(), Extent::Written)],
    }
}

const PATCHED: &str = "somebody has written to its library";

/// Whether it is the library of its package.
fn is_library(unit: &Unit) -> bool {
    unit.name.contains("/lib-")
}

/// Whether other checkouts may build into the same directory.
pub(crate) fn is_shared(workspace: &Workspace) -> bool {
    !workspace.build_dir.starts_with(&workspace.root)
}

/// The file of a whole directory that was written last, if that was after `built`.
fn written_since(source: &Source, built: SystemTime) -> Option<Utf8PathBuf> {
    if !source.path.is_dir() {
        return None;
    }
    let files = files_of(&source.path, source.extent);
    let dated = files.filter_map(|file| Some((modified(&file)?, file)));
    let (time, file) = dated.max()?;
    (time > built).then_some(file)
}

fn modified(path: &Utf8Path) -> Option<SystemTime> {
    fs_err::metadata(path).and_then(|it| it.modified()).ok()
}

/// Whether cargo finds by itself that `unit` is stale: a source is newer, or gone.
fn is_seen_by_cargo(unit: &Unit, inputs: &Inputs) -> bool {
    let Inputs::Paths(paths) = inputs else {
        return false;
    };
    paths
        .iter()
        .any(|path| newest(path).is_none_or(|time| time > unit.built))
}

/// The modification time by which cargo goes.
pub(crate) fn newest(path: &Utf8Path) -> Option<SystemTime> {
    let own = modified(path)?;
    if !path.is_dir() {
        return Some(own);
    }
    let files = files_of(path, Extent::Everything);
    files.filter_map(|file| modified(&file)).chain([own]).max()
}

fn digest_of(sources: &[Source]) -> String {
    let contents = sources.iter().map(|source| {
        let content = source.sha256.as_deref().unwrap_or(MISSING);
        format!("{content}\n")
    });
    sha256(contents.collect::<String>().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use testkit::TempDir;

    #[test]
    fn of_a_whole_package_the_file_is_named_that_has_been_written() {
        let dir = TempDir::new();
        let built = SystemTime::now() - Duration::from_mins(1);
        let source = |path: &Utf8Path| Source {
            path: path.to_owned(),
            extent: Extent::Written,
            stamp: None,
            marks: None,
            sha256: None,
        };
        let file = |name: &str, time: SystemTime| {
            let path = dir.path().join(name);
            let file = fs_err::File::create(&path).unwrap();
            file.file().set_modified(time).unwrap();
            path
        };
        let old = file("old.rs", built - Duration::from_mins(1));
        assert_eq!(written_since(&source(dir.path()), built), None);
        let new = file("pyproject.toml", built + Duration::from_secs(1));
        assert_eq!(written_since(&source(dir.path()), built), Some(new.clone()));
        // Of a single file, cargo goes by the time.
        for single in [old, new] {
            assert_eq!(written_since(&source(&single), built), None);
        }
    }
}
