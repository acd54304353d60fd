//! What is measured next. A plain function of what has been measured so far, so that an interrupted measurement goes
//! on where it was, and a test sees what would be done without doing it.
//!
//! Lanes take turns within a round, and another one begins each time, so that a machine that gets slower, or warmer,
//! does so for all of them. Between two of the long scenarios there is always a round of the quick ones: their runs are
//! spread over the whole time.

use crate::lane::{Lane, Row};
use crate::results::{Cell, Results};
use crate::scenario::{Action, Cost, Goal, SCENARIOS, Scenario, Step};
use crate::stats::median;

/// What is to be measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The lanes, the most important first.
    pub rows: Vec<Row>,
    /// How many runs quick scenarios are to have.
    pub runs: u32,
    /// How long all of it may take, in seconds.
    pub time_budget_s: f64,
}

/// One run to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// On this lane.
    pub lane: Lane,
    /// The number of its row.
    pub row: usize,
    /// Of this scenario.
    pub scenario: &'static Scenario,
    /// In this round; 0 is the warm-up.
    pub round: u32,
}

/// The part of the budget that starting, reports, and removing the copies take.
const SHARE_OF_THE_END: f64 = 0.015;
/// How much is kept back for what is more important, of what that is thought to take: both are estimates, and a second
/// too few would leave it out.
const RESERVE_FACTOR: f64 = 1.1;
/// A full build of which nothing is known, in seconds.
const UNKNOWN_DEAR_S: f64 = 120.0;
/// Others.
const UNKNOWN_MEDIUM_S: f64 = 20.0;
/// Others.
const UNKNOWN_QUICK_S: f64 = 5.0;
/// How much longer a release build takes than one for development, where nothing is known.
const RELEASE_FACTOR: f64 = 3.0;

impl Plan {
    /// All runs, in the order in which they are to be made.
    #[must_use]
    pub fn sequence(&self) -> Vec<Job> {
        let of_cost = |cost| SCENARIOS.iter().filter(move |it| it.cost == cost);
        let dear: Vec<_> = of_cost(Cost::Dear).collect();
        let mut jobs = Vec::new();
        // The first build of each lane, which all others stand on.
        jobs.extend(self.round(dear.first().copied(), 1));
        jobs.extend(self.round(of_cost(Cost::Quick).filter(|it| it.warms_up()), 0));
        let later: Vec<_> = dear.iter().skip(1).copied().collect();
        let medium_runs = Cost::Medium.runs(self.runs);
        let rounds = self.runs.max(u32::try_from(later.len()).unwrap_or(0));
        for round in 1..=rounds {
            if round <= self.runs {
                jobs.extend(self.round(of_cost(Cost::Quick), round));
            }
            if round <= medium_runs {
                jobs.extend(self.round(of_cost(Cost::Medium), round));
            }
            jobs.extend(self.round(later.get(round as usize - 1).copied(), 1));
        }
        for round in 2..=Cost::Dear.runs(self.runs) {
            jobs.extend(self.round(dear.iter().copied(), round));
        }
        jobs
    }

    /// One run of each of `scenarios` on each lane, beginning with another lane each time.
    fn round(
        &self,
        scenarios: impl IntoIterator<Item = &'static Scenario>,
        round: u32,
    ) -> Vec<Job> {
        let count = self.rows.len().max(1);
        let scenarios = scenarios.into_iter().enumerate();
        let jobs = scenarios.flat_map(|(number, scenario)| {
            // The first build goes by importance.
            let first = if round > 1 || number > 0 {
                (round as usize + number) % count
            } else {
                0
            };
            let rows = self.rows.iter().enumerate().cycle().skip(first).take(count);
            rows.filter(move |(_, row)| row.scenarios.contains(&scenario))
                .map(move |(number, row)| Job {
                    lane: row.lane,
                    row: number,
                    scenario,
                    round,
                })
        });
        jobs.collect()
    }

    /// The next run that is neither made nor impossible and fits into the time, of which `spent_s` seconds are gone;
    /// and how long it will take. The first one always fits.
    #[must_use]
    pub fn next(&self, results: &Results, spent_s: f64) -> Option<(Job, f64)> {
        let due = self.due(results);
        let left_s = self.usable_s() - spent_s;
        // Until something has been built, nobody knows how long it takes; it is ended when the time is over.
        let is_unknown = results.cells.iter().all(|cell| cell.runs.is_empty());
        if is_unknown && left_s > 0.0 {
            let first = due.first();
            return first.map(|job| (*job, estimate_s(results, job).min(left_s)));
        }
        let fitting = due.iter().find(|job| {
            let reserve_s: f64 = due
                .iter()
                .filter(|other| self.rank(results, other) < self.rank(results, job))
                .map(|other| estimate_s(results, other))
                .sum();
            estimate_s(results, job) + RESERVE_FACTOR * reserve_s <= left_s
        });
        fitting.map(|job| (*job, estimate_s(results, job)))
    }

    /// How long what is left will take, in seconds, as far as it fits.
    #[must_use]
    pub fn left_s(&self, results: &Results, spent_s: f64) -> f64 {
        let due_s: f64 = self
            .due(results)
            .iter()
            .map(|job| estimate_s(results, job))
            .sum();
        due_s.min((self.usable_s() - spent_s).max(0.0))
    }

    /// What the budget leaves for measuring, in seconds.
    fn usable_s(&self) -> f64 {
        self.time_budget_s * (1.0 - SHARE_OF_THE_END)
    }

    /// How many runs are still to be made, if there is time.
    #[must_use]
    pub fn due(&self, results: &Results) -> Vec<Job> {
        let is_due = |job: &Job| {
            let Some(cell) = results.cell(job.scenario.id, &job.lane) else {
                return false;
            };
            let is_made = cell.runs.iter().any(|run| run.round == job.round);
            // Once there is a figure, it is too late to warm up.
            let is_late = job.round == 0 && cell.counted().next().is_some();
            !(is_made || is_late || cell.is_closed || cell.same_as.is_some())
        };
        self.sequence().into_iter().filter(is_due).collect()
    }

    /// Where time is short, lower comes first: the first figure of each cell before any second run, those of the first
    /// lane before those of the others, and then what costs little before what costs much.
    fn rank(&self, results: &Results, job: &Job) -> usize {
        let cell = results.cell(job.scenario.id, &job.lane);
        let has_figure = cell.is_some_and(|cell| cell.counted().next().is_some());
        if !has_figure {
            return job.row;
        }
        self.rows.len() + job.scenario.cost as usize
    }

    /// Notes at each cell why it has no figure, or fewer runs than it was to have.
    pub fn note_missing(&self, results: &mut Results, because: &str) {
        let due = self.due(results);
        for cell in &mut results.cells {
            let of_cell = |job: &&Job| {
                job.scenario.id == cell.scenario
                    && job.lane.strategy.id == cell.strategy
                    && job.lane.setting.id == cell.setting
            };
            let missing = due
                .iter()
                .filter(of_cell)
                .filter(|job| job.round > 0)
                .count();
            let made = cell.counted().count();
            if !cell.is_closed {
                cell.note = match (missing, made) {
                    (0, _) => None,
                    (_, 0) => Some(format!("not measured: {because}")),
                    _ => Some(format!("{made} of {} runs: {because}", made + missing)),
                };
            }
        }
    }
}

impl Scenario {
    /// Whether the first run differs from the later ones: after a full build the incremental state is a new one.
    fn warms_up(&self) -> bool {
        self.edits().next().is_some()
    }
}

/// How long `job` will take, in seconds, with what brings the situation about: what it took before, else what it took on
/// another lane, else a guess from the first build.
fn estimate_s(results: &Results, job: &Job) -> f64 {
    let own = results.cell(job.scenario.id, &job.lane).and_then(took_s);
    let setup_s = if job.lane.begins_with(job.scenario) || has_runs(results, job.lane) {
        0.0
    } else {
        first_build_s(results).unwrap_or(UNKNOWN_DEAR_S)
    };
    let others = results
        .cells
        .iter()
        .filter(|cell| cell.scenario == job.scenario.id);
    let longest = others.filter_map(took_s).reduce(f64::max);
    own.or_else(|| from_caches_s(results, job))
        .or(longest)
        .unwrap_or_else(|| guess_s(results, job.scenario))
        + setup_s
}

/// What a fresh clone whose caches are kept takes: what the lane took when only `target/` was gone.
fn from_caches_s(results: &Results, job: &Job) -> Option<f64> {
    let is_from_caches =
        job.scenario.does(Action::FreshClone) && !job.lane.begins_with(job.scenario);
    let target = results.cell("target", &job.lane);
    target.filter(|_| is_from_caches).and_then(took_s)
}

fn took_s(cell: &Cell) -> Option<f64> {
    let times: Vec<_> = cell
        .runs
        .iter()
        .map(|run| run.wall_s + run.prepare_s)
        .collect();
    median(&times)
}

fn has_runs(results: &Results, lane: Lane) -> bool {
    let mut cells = results.cells.iter();
    cells.any(|cell| {
        let is_lanes = cell.strategy == lane.strategy.id && cell.setting == lane.setting.id;
        is_lanes && !cell.runs.is_empty()
    })
}

fn first_build_s(results: &Results) -> Option<f64> {
    let cold = results.cells.iter().filter(|cell| cell.scenario == "cold");
    cold.filter_map(took_s).reduce(f64::max)
}

fn guess_s(results: &Results, scenario: &Scenario) -> f64 {
    let full_s = first_build_s(results).unwrap_or(UNKNOWN_DEAR_S);
    match scenario.cost {
        Cost::Dear if scenario.steps.contains(&Step::Measure(Goal::Wheel)) => {
            RELEASE_FACTOR * full_s
        }
        Cost::Dear => full_s,
        Cost::Medium => UNKNOWN_MEDIUM_S,
        Cost::Quick => UNKNOWN_QUICK_S,
    }
}
