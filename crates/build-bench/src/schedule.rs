//! What is measured next. A plain function of what has been measured so far, so that an interrupted
//! measurement goes on where it was, and a test sees what would be done without doing it.
//!
//! Each lane has its first build, and right after it its first figures of the quick scenarios: whoever ends
//! the measurement early has these. From then on lanes take turns within a round, and another one begins each
//! time, so that a machine that gets slower, or warmer, does so for all of them. Between two of the long
//! scenarios there is always a round of the quick ones: their runs are spread over the whole time.

use crate::estimate::{Estimate, Experience};
use crate::lane::{Lane, LanePlan};
use crate::results::Results;
use crate::scenario::{Cost, SCENARIOS, Scenario};

/// What is to be measured.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasuringPlan {
    /// The lanes, the most important first.
    pub rows: Vec<LanePlan>,
    /// How many runs quick scenarios are to have.
    pub runs: u32,
    /// How long all of it may take, in seconds.
    pub time_budget_s: f64,
}

/// One run to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) lane: Lane,
    /// The number of the lane's row.
    pub(crate) row: usize,
    pub(crate) scenario: &'static Scenario,
    /// 0 is the warm-up.
    pub(crate) round: u32,
}

/// The part of the budget that starting, reports, and removing the copies take.
const SHARE_OF_THE_END: f64 = 0.015;
/// How much is kept back for what is more important, of what that is thought to take: both are estimates, and
/// a second too few would leave it out.
const RESERVE_FACTOR: f64 = 1.1;

fn of_cost(cost: Cost) -> impl Iterator<Item = &'static Scenario> {
    SCENARIOS.iter().filter(move |it| it.cost == cost)
}

impl MeasuringPlan {
    /// All runs, in the order in which they are to be made.
    pub(crate) fn sequence(&self) -> Vec<Job> {
        let rows = self.rows.iter().enumerate();
        let mut jobs: Vec<_> = rows.flat_map(|(row, it)| begin(row, it)).collect();
        let later: Vec<_> = of_cost(Cost::Dear).skip(1).collect();
        let rounds = self.runs.max(u32::try_from(later.len()).unwrap_or(0));
        for round in 1..=rounds {
            if (2..=self.runs).contains(&round) {
                jobs.extend(self.round(of_cost(Cost::Quick), round));
            }
            if round <= Cost::Medium.runs(self.runs) {
                jobs.extend(self.round(of_cost(Cost::Medium), round));
            }
            jobs.extend(self.round(later.get(round as usize - 1).copied(), 1));
        }
        for round in 2..=Cost::Dear.runs(self.runs) {
            jobs.extend(self.round(of_cost(Cost::Dear), round));
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
            let first = (round as usize + number) % count;
            let rows = self.rows.iter().enumerate().cycle().skip(first).take(count);
            rows.filter(move |(_, it)| it.scenarios.contains(&scenario))
                .map(move |(row, it)| Job {
                    lane: it.lane,
                    row,
                    scenario,
                    round,
                })
        });
        jobs.collect()
    }

    /// The next run that is neither made nor impossible, where `spent_s` seconds are gone; and how long it
    /// will take.
    pub(crate) fn next(&self, results: &Results, spent_s: f64) -> Option<(Job, f64)> {
        let left_s = self.usable_s() - spent_s;
        let experience = Experience::of(results);
        let due = self.by_rank(results, &experience);
        let fitting = fitting(&experience, &due, left_s);
        let first = fitting.into_iter().min_by_key(|it| it.place);
        let next = first.or_else(|| attempt(&experience, &due, left_s))?;
        let cost = Built::default().cost(&experience, next);
        Some((next.job, cost.likely_s.min(left_s)))
    }

    /// What is due, the most important first, where time is short.
    fn by_rank(&self, results: &Results, experience: &Experience<'_>) -> Vec<Due> {
        let mut begun = Built::default();
        let due = self.due(results).into_iter().enumerate();
        let due = due.map(|(place, job)| {
            let begins = !begun.has(experience, &job);
            begun.0.push(job.row);
            Due {
                job,
                place,
                rank: rank(results, &job, begins),
                estimate: experience.estimate(&job.lane, job.scenario),
            }
        });
        let mut due: Vec<_> = due.collect();
        due.sort_by_key(|it| (it.rank, it.place));
        due
    }

    /// How long what is left will take, in seconds, as far as it fits.
    pub(crate) fn left_s(&self, results: &Results, spent_s: f64) -> f64 {
        let experience = Experience::of(results);
        let mut built = Built::default();
        let mut due_s = 0.0;
        for it in self.by_rank(results, &experience) {
            due_s += built.cost(&experience, &it).likely_s;
            built.0.push(it.job.row);
        }
        due_s.min((self.usable_s() - spent_s).max(0.0))
    }

    /// What the budget leaves for measuring, in seconds.
    fn usable_s(&self) -> f64 {
        self.time_budget_s * (1.0 - SHARE_OF_THE_END)
    }

    /// The runs that are still to be made, if there is time.
    pub(crate) fn due(&self, results: &Results) -> Vec<Job> {
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

    /// Notes at each cell why it has no figure, or fewer runs than it was to have.
    pub(crate) fn note_missing(&self, results: &mut Results, because: &str) {
        let due = self.due(results);
        for cell in results.cells.iter_mut().filter(|it| !it.is_closed) {
            let of_cell = |job: &&Job| job.round > 0 && cell.is_of(job.scenario.id, &job.lane);
            let missing = due.iter().filter(of_cell).count();
            cell.note = match (missing, cell.counted().count()) {
                (0, _) => None,
                (_, 0) => Some(format!("not measured: {because}")),
                (_, made) => Some(format!("{made} of {} runs: {because}", made + missing)),
            };
        }
    }
}

/// The first build of a lane, which all others stand on, and its first figures of what is quick. What needs
/// no edit comes first: finding the lines that are changed takes several builds. The first run after an edit
/// warms up: after a full build the incremental state is a new one.
fn begin(row: usize, LanePlan { lane, scenarios }: &LanePlan) -> Vec<Job> {
    let (edits, others): (Vec<_>, Vec<_>) = of_cost(Cost::Quick).partition(|it| it.edits_rust());
    let first = of_cost(Cost::Dear).take(1).chain(others).map(|it| (it, 1));
    let warm_ups = edits.iter().map(|&it| (it, 0));
    let all = first.chain(warm_ups).chain(edits.iter().map(|&it| (it, 1)));
    let jobs = all.filter(|(scenario, _)| scenarios.contains(scenario));
    jobs.map(|(scenario, round)| Job {
        lane: *lane,
        row,
        scenario,
        round,
    })
    .collect()
}

/// A run that is due.
#[derive(Debug, Clone, Copy)]
struct Due {
    job: Job,
    /// Its place in the sequence.
    place: usize,
    rank: (usize, usize),
    estimate: Estimate,
}

/// Where time is short, lower comes first: the first build of each lane and its first figures of what is
/// quick; then the first figures of what costs more; then what is measured again. Within these the first lane
/// comes before the others.
fn rank(results: &Results, job: &Job, begins: bool) -> (usize, usize) {
    let cell = results.cell(job.scenario.id, &job.lane);
    let has_figure = cell.is_some_and(|cell| cell.counted().next().is_some());
    let cost = job.scenario.cost as usize;
    match (has_figure, begins) {
        (false, true) => (0, job.row),
        (false, false) => (cost, job.row),
        (true, _) => (3 + cost, 0),
    }
}

/// The rows of which it was decided that they build something.
#[derive(Default)]
struct Built(Vec<usize>);

impl Built {
    fn has(&self, experience: &Experience<'_>, job: &Job) -> bool {
        self.0.contains(&job.row) || experience.has_built(&job.lane)
    }

    /// How long `due` will take, with the first build of its lane if there was none.
    fn cost(&self, experience: &Experience<'_>, due: &Due) -> Estimate {
        if self.has(experience, &due.job) || due.job.lane.begins_with(due.job.scenario) {
            due.estimate
        } else {
            due.estimate + experience.first_build()
        }
    }
}

/// Those of `due`, the most important first, that fit into `left_s` seconds together. What does not fit keeps
/// no room from what comes after it.
fn fitting<'a>(experience: &Experience<'_>, due: &'a [Due], left_s: f64) -> Vec<&'a Due> {
    let mut built = Built::default();
    let mut kept_s = 0.0;
    let mut fitting = Vec::new();
    for it in due {
        let cost_s = built.cost(experience, it).likely_s;
        if cost_s + RESERVE_FACTOR * kept_s <= left_s {
            kept_s += cost_s;
            built.0.push(it.job.row);
            fitting.push(it);
        }
    }
    fitting
}

/// What may be tried where nothing is thought to fit: the most important run of which too little is known to
/// say that it does not. It is ended when the time is over.
fn attempt<'a>(experience: &Experience<'_>, due: &'a [Due], left_s: f64) -> Option<&'a Due> {
    let may_fit = |it: &&Due| Built::default().cost(experience, it).least_s <= left_s;
    due.iter().find(may_fit).filter(|_| left_s > 0.0)
}
