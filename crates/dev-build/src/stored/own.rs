//! Units of path crates in the store: what each was built from, and whether it is of use here.

use std::collections::BTreeMap;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::sha256;
use serde::{Deserialize, Serialize};
use store::own::{OwnMember, OwnSet};
use store::{BuiltUnit, Store};

use super::Places;
use crate::sources::Extent;
use crate::units::{RecordedUnit, Units};

/// What is noted of cargo's units in one directory: a library, or a build script, or a run of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Noted {
    package: String,
    /// Its directory.
    dir: String,
    units: Vec<NotedUnit>,
    /// The directories of the checkout, where one of the units may read something there.
    bound_to: Option<Vec<Utf8PathBuf>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct NotedUnit {
    name: String,
    sha256: String,
    sources: Vec<(String, Extent)>,
}

/// Keeps the units of path crates among `build`, of which `units` has the record.
pub(crate) fn keep(
    store: &Store,
    context: &str,
    places: &Places,
    project: &Utf8Path,
    units: &Units<'_>,
    build: &[BuiltUnit],
) -> std::io::Result<()> {
    let recorded = units.recorded();
    let own = build.iter().filter(|unit| unit.is_path);
    let members = own.filter_map(|unit| member(places, unit, &recorded));
    let set = OwnSet {
        project: project.to_owned(),
        members: members.collect(),
        note: (),
    };
    store.keep_own_units(context, units.build_dir(), &set)
}

/// One whose units are all known. An extension's own unit is not among them: cargo links it again.
fn member(
    places: &Places,
    unit: &BuiltUnit,
    recorded: &[RecordedUnit],
) -> Option<OwnMember<Noted>> {
    let dir = unit.id.fingerprints();
    let inside: Vec<_> = recorded
        .iter()
        .filter(|it| Utf8Path::new(&it.unit.name).starts_with(&dir))
        .collect();
    if inside.is_empty() || inside.iter().any(|it| it.unit.is_extension()) {
        return None;
    }
    let key = inside
        .iter()
        .map(|it| format!("{} {:?} {}\n", it.unit.name, it.unit.built, it.sha256));
    let is_bound = inside.iter().any(|it| {
        it.unit
            .depends_on_place(&|bytes| places.are_named_in(bytes))
    });
    let units = inside.iter().map(|it| NotedUnit {
        name: it.unit.name.clone(),
        sha256: it.sha256.clone(),
        sources: it
            .sources
            .iter()
            .map(|(path, extent)| (places.portable(path.as_str()), *extent))
            .collect(),
    });
    Some(OwnMember {
        id: unit.id.clone(),
        key: sha256(key.collect::<String>().as_bytes())[..32].to_owned(),
        note: Noted {
            package: unit.id.package.clone(),
            dir: places.portable(inside[0].dir.as_str()),
            units: units.collect(),
            bound_to: is_bound.then(|| places.dirs().map(Utf8Path::to_owned).collect()),
        },
    })
}

/// Gives the build directory the units of path crates that were built from what the sources are now, if it
/// has none of them. They are dated `now`, which is before the sources are read.
pub(crate) fn give(
    store: &Store,
    context: &str,
    places: &Places,
    units: &mut Units<'_>,
    now: SystemTime,
) -> std::io::Result<usize> {
    let Some(set) = store.own_units::<Noted, ()>(context) else {
        return Ok(0);
    };
    let build_dir = units.build_dir().to_owned();
    if set.members.iter().any(|member| member.id.is_in(&build_dir)) {
        return Ok(0);
    }
    let mut given = BTreeMap::new();
    for member in &set.members {
        let is_here = member.note.bound_to.as_deref();
        let is_here =
            is_here.is_none_or(|dirs| places.dirs().eq(dirs.iter().map(Utf8PathBuf::as_path)));
        if is_here
            && is_current(&member.note, places, units)
            && store.give_own_unit(&member.key, &build_dir)?
        {
            let names = member.note.units.iter();
            given.extend(names.map(|it| (it.name.clone(), it.sha256.clone())));
        }
    }
    let packages = set.members.iter().map(|member| &member.note);
    let packages =
        packages.map(|it| (it.package.clone(), Utf8PathBuf::from(places.local(&it.dir))));
    units.take_in(packages, &given, now)?;
    Ok(given.len())
}

fn is_current(noted: &Noted, places: &Places, units: &Units<'_>) -> bool {
    noted.units.iter().all(|unit| {
        let sources = unit.sources.iter();
        let sources =
            sources.map(|(path, extent)| (Utf8PathBuf::from(places.local(path)), *extent));
        units.digest_of(&sources.collect::<Vec<_>>()) == unit.sha256
    })
}
