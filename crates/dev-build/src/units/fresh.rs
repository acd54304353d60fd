//! Units that cargo would build again although they were built from what their sources are now: a checkout
//! there and back, `git stash pop` and a restored file give the sources a new time and their old content.
//!
//! cargo compares the times of the sources with that of a file of its own, and that file's time is set. The
//! user's files are never touched. A unit of which not everything is known is left to cargo.

use std::io;
use std::time::SystemTime;

use build_dir::Unit;
use build_dir::unit::{Inputs, units_of};

use super::{Units, digest_of, newest, paths};
use crate::sources::TICK;

/// What cargo is kept from building again.
#[derive(Debug, Default)]
pub(crate) struct TakenForFresh {
    units: Vec<Unit>,
    /// Units whose artefacts are dated as well: what is made of the output of a build script must not be
    /// older than that, or cargo builds it again.
    with_artefacts: Vec<Unit>,
    /// Their packages, each once.
    pub(crate) packages: Vec<String>,
}

/// A unit, and what it was made from.
struct Judged {
    package: String,
    unit: Unit,
    /// Whether it was built from what its sources are now, going by the record.
    is_current: bool,
    /// Whether cargo would take a source for newer. `None` if that cannot be told, or cannot be helped.
    is_older: Option<bool>,
}

impl Units<'_> {
    /// Those that cargo would build again for the times of their sources alone, which were looked at from
    /// `now` on. A source that is dated later is left to cargo.
    pub(crate) fn taken_for_stale(&self, now: SystemTime) -> TakenForFresh {
        let judged = self.judged(now - TICK);
        let is_due = |it: &&Judged| it.is_current && it.is_older == Some(true);
        let scripts_are_due = judged.iter().filter(is_due).any(|it| it.unit.is_run());
        // What one unit is made of another one is: with a unit that somebody else has built, the times of
        // all of them say something.
        let is_whole = || {
            let known = judged.iter().filter(|it| self.known(&it.unit).is_some());
            known.count() == self.record.units.len() && judged.len() == self.record.units.len()
        };
        let with_scripts = scripts_are_due && is_whole();
        let mut taken = TakenForFresh::default();
        for it in &judged {
            let is_run = it.unit.is_run();
            if is_due(&it) && (with_scripts || !is_run) {
                taken.packages.push(it.package.clone());
                taken.units.push(it.unit.clone());
            } else if with_scripts && it.is_current && is_run {
                taken.units.push(it.unit.clone());
            }
            if with_scripts && it.is_current {
                taken.with_artefacts.push(it.unit.clone());
            }
        }
        taken.packages.dedup();
        taken
    }

    fn judged(&self, until: SystemTime) -> Vec<Judged> {
        let packages = self.packages();
        let units = units_of(&self.workspace.build_dir, packages.keys());
        let all = units.into_iter().flat_map(|(package, units)| {
            units.into_iter().map(move |unit| (package.clone(), unit))
        });
        let judged = all.map(|(package, unit)| {
            let dir = &packages[&package];
            let inputs = unit.inputs(&self.workspace.root, dir);
            let is_older = is_older(&unit, &inputs, until);
            let known = self.known(&unit);
            let is_current = known.is_some_and(|known| {
                known.sha256 == digest_of(&self.sources(&paths(&inputs, dir)))
            });
            Judged {
                package,
                unit,
                is_current,
                is_older,
            }
        });
        judged.collect()
    }

    /// Has cargo take them for fresh: they are dated `now`, which was before their sources were read.
    pub(crate) fn take_for_fresh(
        &mut self,
        taken: &TakenForFresh,
        now: SystemTime,
    ) -> io::Result<()> {
        for unit in &taken.units {
            if let Some(known) = self.record.units.get_mut(&unit.name) {
                known.built = now;
            }
        }
        if taken.units.is_empty() {
            return Ok(());
        }
        // Before the times are set: a unit whose time is not the one that is noted counts as built by
        // somebody else.
        self.write()?;
        for unit in &taken.units {
            unit.make_fresh(now)?;
        }
        taken
            .with_artefacts
            .iter()
            .try_for_each(|unit| unit.date_outputs(now))
    }
}

/// Whether a source is newer than `unit`. `None` if one is not there or newer than `until`, or the time of
/// none decides.
fn is_older(unit: &Unit, inputs: &Inputs, until: SystemTime) -> Option<bool> {
    let Inputs::Paths(paths) = inputs else {
        return None;
    };
    let times = paths.iter().map(|path| newest(path));
    let newest = times.collect::<Option<Vec<_>>>()?.into_iter().max()?;
    (newest <= until).then_some(newest > unit.built)
}
