//! The linkers: all by the final link alone, which takes no build, and the fastest of them in builds.

use super::{Search, Stop, builds, medians, row, verdict_of};
use crate::TuneError;
use crate::candidates::Step;
use crate::measurement::Row;
use crate::verdict::{Ratio, Speed, Verdict, speed};

/// How much of the time that is left the final link may take. On a machine with many linkers some are slow.
const SHARE_OF_LINKS: f64 = 0.4;

/// The final link by all linkers.
#[derive(Debug, Clone, PartialEq)]
pub struct Links {
    /// By the linker in force: the seconds that each turn took.
    pub in_force_s: Vec<f64>,
    /// The size of the library that it makes, in bytes.
    pub in_force_bytes: u64,
    /// By the others.
    pub others: Vec<Link>,
}

/// The final link by one linker.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The linker.
    pub name: String,
    /// How long it took, and how long the linker in force, in seconds, turn by turn.
    pub pairs: Vec<(f64, f64)>,
    /// The size of the library, in bytes.
    pub library_bytes: Option<u64>,
    /// Why it cannot be used.
    pub failure: Option<String>,
}

impl Search<'_> {
    pub(super) fn linkers(&mut self, step: &Step) -> Result<(), TuneError> {
        if step.candidates.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = step.candidates.iter().map(|it| it.name.clone()).collect();
        let links = match self.links(&names) {
            Ok(links) => links,
            Err(why) => {
                let verdict = verdict_of(why, &step.candidates[0])?;
                let rows = names.iter().map(|name| row(step, name, verdict.clone()));
                self.rows.extend(rows);
                return Ok(());
            }
        };
        self.rows.push(in_force(step, &links));
        let fastest = fastest(&links.others).map(|link| link.name.clone());
        for link in &links.others {
            let row = link_row(step, link);
            let candidate = step.candidates.iter().find(|it| it.name == link.name);
            match candidate.filter(|_| fastest.as_ref() == Some(&link.name)) {
                Some(candidate) => self.candidate(step, candidate, row)?,
                None => self.rows.push(row),
            }
        }
        Ok(())
    }

    fn links(&mut self, names: &[String]) -> Result<Links, Stop> {
        let left_s = self.left_s();
        if left_s < builds(2, self.pace_s) {
            return Err(Stop::OutOfTime);
        }
        let what = format!("the final link with {}", names.join(", "));
        self.bench.tell(&what);
        self.bench.links(&self.best, names, left_s * SHARE_OF_LINKS)
    }
}

fn in_force(step: &Step, links: &Links) -> Row {
    let alone: Vec<_> = links
        .in_force_s
        .iter()
        .map(|time_s| (*time_s, 1.0))
        .collect();
    Row {
        link_s: Some(medians(&alone).0),
        library_bytes: Some(links.in_force_bytes),
        ..row(step, &step.now, Verdict::InForce)
    }
}

fn link_row(step: &Step, link: &Link) -> Row {
    let verdict = match (&link.failure, speed(&link.pairs)) {
        (Some(reason), _) => Verdict::Fails(reason.clone()),
        (None, Speed::Faster) => Verdict::Surpassed,
        (None, Speed::Slower) => Verdict::Slower,
        (None, Speed::Same) => Verdict::WithinNoise,
    };
    Row {
        link_s: (!link.pairs.is_empty()).then(|| medians(&link.pairs).0),
        link_ratio: Ratio::of(&link.pairs),
        library_bytes: link.library_bytes,
        ..row(step, &link.name, verdict)
    }
}

/// The linker that gains most, if one gains anything.
fn fastest(links: &[Link]) -> Option<&Link> {
    let gains = |link: &&Link| link.failure.is_none() && speed(&link.pairs) == Speed::Faster;
    let ratio = |link: &Link| Ratio::of(&link.pairs).map_or(f64::INFINITY, |it| it.median);
    let faster = links.iter().filter(gains);
    faster.min_by(|one, other| ratio(one).total_cmp(&ratio(other)))
}
