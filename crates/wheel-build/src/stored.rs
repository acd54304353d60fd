//! What a wheel build takes from the store and keeps in it.
//!
//! Artefacts of third-party crates are told by cargo's fingerprints. Those of the project's own crates cargo
//! judges by times, and a copy that was made anew has new ones. So the times of the copy that they were built
//! from are kept with them, and what has the same content gets its time back. What has not is newer than all
//! that is given, and cargo builds again what is made of it.
//!
//! Only units that lie in the same place fit: the paths are among rustc's arguments.

use std::collections::BTreeSet;
use std::io;
use std::time::SystemTime;

use build_dir::{UnitId, all_units, parts};
use camino::{Utf8Path, Utf8PathBuf};
use files::digest::sha256;
use serde::{Deserialize, Serialize};
use store::own::{OwnMember, OwnSet};
use store::{BuiltUnit, Locked, Needed, Saved, Store, locked};

use crate::copied::Copied;
use crate::plan::WheelPlan;
use crate::stage::{Stage, run_again};

/// Where the units of a wheel are in the store.
#[derive(Debug)]
pub(crate) struct Storing<'a> {
    pub(crate) store: &'a Store,
    stage: &'a Stage,
    build_dir: &'a Utf8Path,
    /// The digest of the toolchain, the profile and the arguments.
    lane: String,
    /// The same with the lock file.
    context: String,
    packages: Vec<Locked>,
}

/// What is kept with the units of the project's own crates.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    copied: Copied,
    configs: Vec<Config>,
}

/// A configuration that maturin has written for pyo3, which goes by its time.
#[derive(Debug, Serialize, Deserialize)]
struct Config {
    path: Utf8PathBuf,
    text: String,
    modified: SystemTime,
}

impl<'a> Storing<'a> {
    /// `None` without a lock file, which tells third-party crates from the project's own.
    pub(crate) fn of(
        store: &'a Store,
        stage: &'a Stage,
        build_dir: &'a Utf8Path,
        wheel: &WheelPlan,
        is_in_container: bool,
    ) -> Option<Self> {
        let mut above = stage.project.extension.manifest.ancestors();
        let lock = above.find_map(|dir| {
            let lock = dir.join("Cargo.lock");
            (lock.is_file() && lock.starts_with(&stage.root)).then_some(lock)
        })?;
        let decisive = wheel.decisive();
        let lane = sha256(format!("{decisive} {is_in_container}").as_bytes());
        let text = fs_err::read_to_string(&lock).ok()?;
        Some(Self {
            context: sha256(format!("{lane}\n{text}").as_bytes())[..32].to_owned(),
            lane: lane[..32].to_owned(),
            packages: locked(&lock),
            store,
            stage,
            build_dir,
        })
    }

    /// Gives the target directory what it lacks. Gives how many units that are.
    pub(crate) fn give(&self) -> io::Result<usize> {
        let packages = self.packages.iter();
        let packages = packages.map(|it| (it.name.clone(), it.version.clone()));
        let packages = packages.collect();
        let third_party = self.store.give_units(&Needed {
            build_dir: self.build_dir,
            lane: &self.lane,
            context: &self.context,
            packages: &packages,
            project: &self.stage.project.root,
        })?;
        let count = third_party.units + self.give_own()?;
        self.store.note_saved(Saved {
            units: count as u64,
            ..Saved::default()
        });
        Ok(count)
    }

    /// Only where there is none yet: of what is there, nobody knows what it was built from.
    fn give_own(&self) -> io::Result<usize> {
        let Some(set) = self.store.own_units::<(), Note>(&self.lane) else {
            return Ok(0);
        };
        let has_own = || all_units(self.build_dir).iter().any(|id| self.is_own(id));
        if has_own() || !set.note.copied.is_earlier_than(SystemTime::now()) {
            return Ok(0);
        }
        let mut count = 0;
        for member in &set.members {
            count += usize::from(self.store.give_own_unit(&member.key, self.build_dir)?);
        }
        for config in &set.note.configs {
            config.give(self.build_dir)?;
        }
        // A build script that declares nothing depends on the newest file alone.
        if set.note.copied.give_times(&self.stage.root)? {
            let scripts = self.stage.scripts.iter().cloned();
            run_again(scripts).map_err(io::Error::other)?;
        }
        Ok(count)
    }

    /// Keeps what the target directory has after a build.
    pub(crate) fn keep(&self) -> io::Result<()> {
        let earlier = self.store.own_units::<(), Note>(&self.lane);
        let since = earlier.and_then(|set| set.note.copied.at);
        let units: Vec<_> = all_units(self.build_dir)
            .into_iter()
            .filter_map(|id| self.built(id, since))
            .collect();
        let packages = BTreeSet::new();
        let needed = Needed {
            build_dir: self.build_dir,
            lane: &self.lane,
            context: &self.context,
            packages: &packages,
            project: &self.stage.project.root,
        };
        self.store.keep_units(&needed, &units)?;
        let own = units.into_iter().filter(|it| it.is_path).map(|it| it.id);
        let own: Vec<_> = own.collect();
        let set = OwnSet {
            project: self.stage.project.root.clone(),
            members: self.members(&own)?,
            note: Note {
                copied: Copied::of(&self.stage.root)?,
                configs: configs(self.build_dir)?,
            },
        };
        self.store.keep_own_units(&self.lane, self.build_dir, &set)
    }

    /// A unit of a package in the lock file. Of several versions one is taken: the version only tells what is
    /// worth to be given, and cargo judges that.
    ///
    /// One that was compiled `since` replaces its like in the store: only its times fit to the
    /// configuration that pyo3 has read this time.
    fn built(&self, id: UnitId, since: Option<SystemTime>) -> Option<BuiltUnit> {
        let locked = self.packages.iter().find(|it| it.name == id.package)?;
        let fingerprints = self.build_dir.join(id.fingerprints());
        let files = fingerprints.read_dir_utf8().ok()?.flatten();
        let mut times = files.filter_map(|file| file.metadata().ok()?.modified().ok());
        Some(BuiltUnit {
            version: locked.version.clone(),
            is_path: self.is_own(&id),
            is_new: since.is_none_or(|since| times.any(|time| time > since)),
            id,
        })
    }

    fn is_own(&self, id: &UnitId) -> bool {
        let mut packages = self.packages.iter();
        packages.any(|it| it.is_path && it.name == id.package)
    }

    fn members(&self, ids: &[UnitId]) -> io::Result<Vec<OwnMember<()>>> {
        let mut members = Vec::new();
        for (id, parts) in parts::parts_of(self.build_dir, ids)? {
            let mut text = String::new();
            for part in parts {
                let metadata = fs_err::metadata(self.build_dir.join(&part.path))?;
                let (length, time) = (metadata.len(), metadata.modified()?);
                text.push_str(&format!("{} {length} {time:?}\n", part.path));
            }
            members.push(OwnMember {
                key: sha256(text.as_bytes())[..32].to_owned(),
                id,
                note: (),
            });
        }
        Ok(members)
    }
}

impl Config {
    fn give(&self, build_dir: &Utf8Path) -> io::Result<()> {
        let path = build_dir.join(&self.path);
        files::owned::make_dir(build_dir, path.parent().unwrap_or(build_dir))?;
        files::owned::remove(build_dir, &path)?;
        fs_err::write(&path, &self.text)?;
        let file = fs_err::File::options().append(true).open(&path)?;
        file.file().set_modified(self.modified)
    }
}

fn configs(build_dir: &Utf8Path) -> io::Result<Vec<Config>> {
    let dir = Utf8Path::new("maturin");
    let entries = build_dir.join(dir).read_dir_utf8().into_iter().flatten();
    let mut configs = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.starts_with("pyo3-config-") {
            configs.push(Config {
                path: dir.join(name),
                text: fs_err::read_to_string(entry.path())?,
                modified: entry.metadata()?.modified()?,
            });
        }
    }
    Ok(configs)
}
