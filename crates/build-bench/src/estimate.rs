//! How long a run will take: what it took before, else what it took on another lane, else a guess.

use std::collections::BTreeMap;
use std::ops::Add;

use trial::statistics::median;

use crate::goal::Goal;
use crate::lane::Lane;
use crate::results::{Cell, Results, Run};
use crate::scenario::{Action, Cost, Scenario};

/// A full build of which nothing is known, in seconds.
const UNKNOWN_FULL_S: f64 = 120.0;
/// Several builds after edits, of which nothing is known.
const UNKNOWN_MEDIUM_S: f64 = 20.0;
/// One build after an edit, of which nothing is known.
const UNKNOWN_QUICK_S: f64 = 5.0;
/// How much longer a release build takes than one for development, where nothing is known.
const RELEASE_FACTOR: f64 = 3.0;
/// The part of what another lane has taken that a lane takes at least.
const SHARE_OF_ANOTHER_LANE: f64 = 0.5;
/// The part of a first build that another full build takes at least: more may come from a cache.
const SHARE_OF_A_FIRST_BUILD: f64 = 0.25;

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) likely_s: f64,
    /// It surely takes no less. 0: nothing is known.
    pub(crate) least_s: f64,
}

impl Estimate {
    fn of(likely_s: f64, share: f64) -> Self {
        let least_s = likely_s * share;
        Self { likely_s, least_s }
    }
}

impl Add for Estimate {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            likely_s: self.likely_s + other.likely_s,
            least_s: self.least_s + other.least_s,
        }
    }
}

pub(crate) struct Experience<'a> {
    results: &'a Results,
    /// When each lane had its first run, by its name.
    begun_s: BTreeMap<String, f64>,
    /// What the first build of a lane takes: the longest so far.
    first_build_s: Option<f64>,
}

impl<'a> Experience<'a> {
    pub(crate) fn of(results: &'a Results) -> Self {
        let mut begun_s = BTreeMap::new();
        for cell in &results.cells {
            for run in &cell.runs {
                let first_s = begun_s.entry(cell.lane_id()).or_insert(run.at_s);
                *first_s = run.at_s.min(*first_s);
            }
        }
        let mut experience = Self {
            results,
            begun_s,
            first_build_s: None,
        };
        experience.first_build_s = experience.longest_first_build_s();
        experience
    }

    pub(crate) fn has_built(&self, lane: &Lane) -> bool {
        self.begun_s.contains_key(&lane.to_string())
    }

    /// What `scenario` takes on `lane`, with what brings the situation about.
    pub(crate) fn estimate(&self, lane: &Lane, scenario: &Scenario) -> Estimate {
        if let Some(own_s) = self.lane_took_s(lane, scenario.id) {
            return Estimate::of(own_s, 1.0);
        }
        let cells = self.results.cells.iter();
        let others = cells.filter(|cell| cell.scenario == scenario.id);
        let longest_s = others.filter_map(|it| self.took_s(it)).reduce(f64::max);
        match self.cached_s(lane, scenario).or(longest_s) {
            Some(time_s) => Estimate::of(time_s, SHARE_OF_ANOTHER_LANE),
            None => self.guess(scenario),
        }
    }

    /// What has to be built on a lane before anything else can be measured, where nothing was.
    pub(crate) fn first_build(&self) -> Estimate {
        match self.first_build_s {
            Some(time_s) => Estimate::of(time_s, SHARE_OF_ANOTHER_LANE),
            None => Estimate::of(UNKNOWN_FULL_S, 0.0),
        }
    }

    fn guess(&self, scenario: &Scenario) -> Estimate {
        let full_s = self.first_build_s.unwrap_or(UNKNOWN_FULL_S);
        let known = f64::from(u8::from(self.first_build_s.is_some()));
        match scenario.cost {
            Cost::Dear if scenario.goal() == Goal::Wheel => {
                Estimate::of(RELEASE_FACTOR * full_s, known / RELEASE_FACTOR)
            }
            Cost::Dear => Estimate::of(full_s, known * SHARE_OF_A_FIRST_BUILD),
            Cost::Medium => Estimate::of(UNKNOWN_MEDIUM_S, 0.0),
            Cost::Quick => Estimate::of(UNKNOWN_QUICK_S, 0.0),
        }
    }

    /// What a build takes that comes from the lane's caches: a fresh clone what `target/` gone took, and a
    /// wheel less than one with empty caches by as much as `target/` gone takes less than a cold build.
    fn cached_s(&self, lane: &Lane, scenario: &Scenario) -> Option<f64> {
        if !lane.has_caches() || scenario.does(Action::EmptyCaches) {
            return None;
        }
        let warm_s = self.lane_took_s(lane, "target");
        if scenario.does(Action::FreshClone) {
            return warm_s;
        }
        if !scenario.does(Action::RemoveRelease) {
            return None;
        }
        let both_s = warm_s.zip(self.lane_took_s(lane, "cold"));
        let share = both_s.map_or(1.0, |(warm_s, cold_s)| warm_s / cold_s);
        Some(self.lane_took_s(lane, "wheel-cold")? * share)
    }

    fn lane_took_s(&self, lane: &Lane, scenario: &str) -> Option<f64> {
        self.took_s(self.results.cell(scenario, lane)?)
    }

    /// What brings the situation about is part of it; the first build of the lane is not.
    fn took_s(&self, cell: &Cell) -> Option<f64> {
        let times = cell.runs.iter().map(|run| {
            if self.has_first_build(cell, run) {
                run.wall_s
            } else {
                run.wall_s + run.prepare_s
            }
        });
        median(&times.collect::<Vec<_>>())
    }

    /// Whether everything was built before what was measured.
    fn has_first_build(&self, cell: &Cell, run: &Run) -> bool {
        let lane = Lane::find(&cell.strategy, &cell.setting);
        let builds_before = lane
            .zip(Scenario::find(&cell.scenario))
            .is_some_and(|(lane, scenario)| !lane.begins_with(scenario));
        builds_before && self.begun_s.get(&cell.lane_id()) == Some(&run.at_s)
    }

    fn longest_first_build_s(&self) -> Option<f64> {
        let cells = self.results.cells.iter();
        let times = cells.flat_map(|cell| {
            let runs = cell.runs.iter();
            let before = runs.filter(|run| self.has_first_build(cell, run));
            let is_cold = cell.scenario == "cold";
            let cold_s = self.took_s(cell).filter(|_| is_cold);
            before.map(|run| run.prepare_s).chain(cold_s)
        });
        times.reduce(f64::max)
    }
}
