//! The record for the store: what each unit was built from, and units that come from there.

use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

use build_dir::Unit;
use build_dir::unit::units_of;
use camino::{Utf8Path, Utf8PathBuf};

use super::{BuiltFrom, Units, digest_of, paths};
use crate::sources::Extent;

/// A unit of which is known what it was built from.
#[derive(Debug)]
pub(crate) struct RecordedUnit {
    pub(crate) unit: Unit,
    /// The directory of its package.
    pub(crate) dir: Utf8PathBuf,
    pub(crate) sha256: String,
    pub(crate) sources: Vec<(Utf8PathBuf, Extent)>,
}

impl Units<'_> {
    /// Where cargo builds.
    pub(crate) fn build_dir(&self) -> &Utf8Path {
        &self.workspace.build_dir
    }

    /// Whether one that is remembered is there.
    pub(crate) fn are_there(&self) -> bool {
        let mut names = self.record.units.keys();
        names.any(|name| self.build_dir().join(name).exists())
    }

    /// The units that are what the record says.
    pub(crate) fn recorded(&self) -> Vec<RecordedUnit> {
        let packages = self.packages();
        let units = units_of(self.build_dir(), packages.keys());
        let all = units.into_iter().flat_map(|(package, units)| {
            let dir = packages[&package].clone();
            units.into_iter().map(move |unit| (dir.clone(), unit))
        });
        let recorded = all.filter_map(|(dir, unit)| {
            let sha256 = self.known(&unit)?.sha256.clone();
            let sources = paths(&unit.inputs(&self.workspace.root, &dir), &dir);
            Some(RecordedUnit {
                unit,
                dir,
                sha256,
                sources,
            })
        });
        recorded.collect()
    }

    /// What the record of a unit with these sources would say now.
    pub(crate) fn digest_of(&self, sources: &[(Utf8PathBuf, Extent)]) -> String {
        digest_of(&self.sources(sources))
    }

    /// Takes in units of `packages` that have come into the build directory: by their names what they were
    /// built from. cargo finds them built at `now`.
    pub(crate) fn take_in(
        &mut self,
        packages: impl Iterator<Item = (String, Utf8PathBuf)>,
        units: &BTreeMap<String, String>,
        now: SystemTime,
    ) -> io::Result<()> {
        if units.is_empty() {
            return Ok(());
        }
        let packages: BTreeMap<_, _> = packages.collect();
        let relative = packages
            .iter()
            .map(|(name, dir)| (name.clone(), self.relative(dir)));
        let mut known = self.packages();
        known.extend(packages.clone());
        self.record.packages = relative
            .chain(
                known
                    .iter()
                    .map(|(name, dir)| (name.clone(), self.relative(dir))),
            )
            .collect();
        let from = units.iter().map(|(name, sha256)| {
            let from = BuiltFrom {
                built: now,
                sha256: sha256.clone(),
            };
            (name.clone(), from)
        });
        self.record.units.extend(from);
        // As where units are taken for fresh: the record is written before the times are set.
        self.write()?;
        let found = units_of(self.build_dir(), packages.keys());
        for unit in found.values().flatten() {
            if units.contains_key(&unit.name) {
                unit.make_fresh(now)?;
                unit.date_outputs(now)?;
            }
        }
        Ok(())
    }
}
