//! Schedule, budget, resuming and statistics, with an executor that builds nothing: it takes times from a
//! function, and a clock of its own goes on by as much.

use crate::BenchError;
use crate::lane::{LanePlan, rows};
use crate::machine::Machine;
use crate::results::{
    Cell, LaneRecord, MeasuredProject, MethodRecord, Results, Run, SCHEMA, ScenarioRecord, State,
};
use crate::scenario::{Cost, SCENARIOS, Scenario};
use crate::schedule::{Job, MeasuringPlan};
use crate::session::{Executor, Observer, Progress, Stop, measure};
use trial::statistics::{CONFIDENCE, Method, Noises};

/// What a run comes to: seconds, or a reason.
type Outcome = Result<f64, Stop>;

struct Mock<F> {
    now_s: f64,
    jobs: Vec<Job>,
    outcome: F,
}

impl<F: FnMut(&Job, f64) -> Outcome> Executor for Mock<F> {
    fn elapsed_s(&self) -> f64 {
        self.now_s
    }

    fn run(&mut self, job: &Job) -> Result<Run, Stop> {
        self.jobs.push(*job);
        let wall_s = (self.outcome)(job, self.now_s)?;
        self.now_s += wall_s;
        Ok(Run {
            round: job.round,
            wall_s,
            is_another_library: Some(true),
            ..Run::default()
        })
    }
}

/// Keeps what it is told.
#[derive(Default)]
struct Log {
    progress: Vec<Progress>,
    saved: Option<Results>,
}

impl Observer for Log {
    fn begins(&mut self, _: &Job, progress: Progress) {
        self.progress.push(progress);
    }

    fn ended(&mut self, results: &Results) -> Result<(), BenchError> {
        self.saved = Some(results.clone());
        Ok(())
    }
}

fn plan(strategies: &[&str], scenarios: &[&str], runs: u32, time_budget_s: f64) -> MeasuringPlan {
    let owned = |names: &[&str]| names.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
    MeasuringPlan {
        rows: rows(&owned(strategies), &owned(scenarios)).unwrap(),
        runs,
        time_budget_s,
    }
}

fn empty(plan: &MeasuringPlan) -> Results {
    let cells = |row: &LanePlan| {
        let cells = row.scenarios.iter().map(|scenario| {
            let mut cell = Cell::new(scenario, &row.lane);
            let same = row.lane.same_as(scenario, &row.scenarios);
            cell.same_as = same.map(|it| it.id.to_owned());
            cell
        });
        cells.collect::<Vec<_>>()
    };
    Results {
        schema: SCHEMA,
        measured_at_s: None,
        state: State::Running,
        subject: MeasuredProject::default(),
        machine: Machine::default(),
        method: MethodRecord {
            runs: plan.runs,
            time_budget_s: plan.time_budget_s,
            confidence: CONFIDENCE,
            lanes: plan
                .rows
                .iter()
                .map(|row| LaneRecord::of(&row.lane))
                .collect(),
            scenarios: SCENARIOS.iter().map(ScenarioRecord::of).collect(),
        },
        spent_s: 0.0,
        cells: plan.rows.iter().flat_map(cells).collect(),
        noise: Noises::default(),
        ratio_noise: Noises::default(),
    }
}

/// Measures until the end, and gives the jobs that were made too.
fn measured(
    plan: &MeasuringPlan,
    results: &mut Results,
    outcome: impl FnMut(&Job, f64) -> Outcome,
) -> (Vec<Job>, Log) {
    let mut mock = Mock {
        now_s: 0.0,
        jobs: Vec::new(),
        outcome,
    };
    let mut log = Log::default();
    measure(plan, results, &mut mock, &mut log).unwrap();
    (mock.jobs, log)
}

const TWO: [&str; 2] = ["cargo/incremental", "cargo/sccache"];

#[test]
fn known_times_give_known_figures() {
    let plan = plan(&TWO, &["cdylib"], 7, 1e6);
    let mut results = empty(&plan);
    // The second lane takes twice as long; the warm-up takes ten times as long and does not count.
    let time = |job: &Job, _: f64| {
        let base = [100.0, 1.0, 1.1, 0.9, 1.2, 0.8, 1.05, 0.95][job.round as usize];
        Ok(base * if job.row == 0 { 1.0 } else { 2.0 })
    };
    measured(&plan, &mut results, time);
    let cell = results.cell_of("cdylib", "cargo", "sccache").unwrap();
    let wall = cell.wall_s.as_ref().unwrap();
    assert_eq!((cell.runs.len(), wall.count), (8, 7));
    assert!((wall.median - 2.0).abs() < 1e-9);
    let interval = wall.interval.unwrap();
    assert_eq!(interval.method, Method::OrderStatistics);
    assert!((interval.low - 1.6).abs() < 1e-9 && (interval.high - 2.4).abs() < 1e-9);
    let ratio = cell.ratio.as_ref().unwrap();
    let interval = ratio.interval.unwrap();
    assert!((ratio.median - 2.0).abs() < 1e-9);
    assert!(
        (interval.high - 2.0).abs() < 1e-9,
        "pair by pair there is no spread"
    );
}

#[test]
fn a_machine_that_gets_slower_does_not_favour_who_comes_first() {
    let plan = plan(&TWO, &["cdylib"], 9, 1e6);
    let mut results = empty(&plan);
    // Both are the same; by the end everything takes four times as long.
    measured(&plan, &mut results, |_, now_s| Ok(1.0 + now_s / 30.0));
    let ratio = results.cell_of("cdylib", "cargo", "sccache").unwrap();
    let interval = ratio.ratio.as_ref().unwrap().interval.unwrap();
    assert!(interval.low < 1.0 && 1.0 < interval.high, "{interval:?}");
}

#[test]
fn lanes_take_turns_and_another_one_begins_each_time() {
    let plan = plan(&TWO, &["cold", "cdylib", "target"], 3, 1e6);
    let mut results = empty(&plan);
    let (jobs, _) = measured(&plan, &mut results, |_, _| Ok(1.0));
    let told: Vec<_> = jobs
        .iter()
        .map(|job| format!("{}{}{}", job.scenario.id, job.round, ["a", "b"][job.row]))
        .collect();
    let expected = [
        "cold1a", "cdylib0a", "cdylib1a", "cold1b", "cdylib0b", "cdylib1b", "target1b", "target1a",
        "cdylib2b", "cdylib2a", "cdylib3a", "cdylib3b",
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_does_the_same_is_measured_once_and_told_twice() {
    let plan = plan(&["cargo/incremental"], &["cold", "clone"], 1, 1e6);
    let mut results = empty(&plan);
    let (jobs, _) = measured(&plan, &mut results, |_, _| Ok(60.0));
    assert_eq!(jobs.len(), 1);
    let clone = results.cell_of("clone", "cargo", "incremental").unwrap();
    assert_eq!(
        clone.wall_s.as_ref().unwrap().median.to_bits(),
        60.0_f64.to_bits()
    );
}

/// Times as on a small machine.
fn realistic(job: &Job) -> f64 {
    match (job.scenario.cost, job.scenario.id) {
        (Cost::Dear, id) if id.starts_with("wheel") => 200.0,
        (Cost::Dear, _) => 60.0,
        (Cost::Medium, _) => 6.0,
        (Cost::Quick, _) => 1.0,
    }
}

#[test]
fn the_budget_is_kept_and_each_scenario_is_measured_before_any_is_repeated() {
    let plan = plan(&[], &[], 7, 1200.0);
    let mut results = empty(&plan);
    measured(&plan, &mut results, |job, _| Ok(realistic(job)));
    // Starting, reports, and removing the copies take part of the budget as well.
    assert!(results.spent_s <= 1185.0, "{}", results.spent_s);
    for scenario in &SCENARIOS {
        let mut cells = results
            .cells
            .iter()
            .filter(|cell| cell.scenario == scenario.id);
        assert!(cells.any(|cell| cell.wall_s.is_some()), "{}", scenario.id);
    }
    let missing = results.cells.iter().filter(|cell| cell.wall_s.is_none());
    for cell in missing {
        let note = cell.note.as_deref().unwrap_or_default();
        assert_eq!(note, "not measured: no time was left of 20 min");
        assert_ne!(
            cell.lane_id(),
            "maturin-develop/incremental",
            "the first lane comes first"
        );
    }
}

#[test]
fn fewer_runs_than_wanted_are_told() {
    let plan = plan(&["cargo/incremental"], &["cdylib"], 7, 205.0);
    let mut results = empty(&plan);
    measured(&plan, &mut results, |_, _| Ok(40.0));
    let cell = &results.cells[0];
    // The warm-up, and a round of four.
    assert_eq!(cell.runs.len(), 5);
    assert_eq!(
        cell.note.as_deref(),
        Some("4 of 7 runs: no time was left of 3 min 25 s")
    );
}

#[test]
fn an_abort_keeps_what_was_measured_and_resuming_ends_as_if_there_had_been_none() {
    let plan = plan(&TWO, &["cold", "unchanged", "venv", "branch"], 4, 1e6);
    let time = |job: &Job, _: f64| Ok(realistic(job) * (1.0 + f64::from(job.round) / 10.0));
    let mut whole = empty(&plan);
    let (all, _) = measured(&plan, &mut whole, time);
    for abort_at in 0..all.len() {
        let mut results = empty(&plan);
        let mut count = 0;
        let (mut jobs, log) = measured(&plan, &mut results, |job, now_s| {
            count += 1;
            if count > abort_at {
                Err(Stop::Interrupted)
            } else {
                time(job, now_s)
            }
        });
        assert_eq!(results.state, State::Interrupted);
        assert_eq!(
            jobs.pop().map(|job| job.scenario),
            Some(all[abort_at].scenario)
        );
        // From what was kept, as another process would.
        let text = serde_json::to_string(&log.saved.unwrap()).unwrap();
        let mut resumed: Results = serde_json::from_str(&text).unwrap();
        let (rest, _) = measured(&plan, &mut resumed, time);
        jobs.extend(rest);
        assert_eq!(jobs, all);
        let figures = |results: &Results| {
            let cells = results.cells.iter();
            cells
                .map(|cell| (cell.wall_s.clone(), cell.note.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(figures(&resumed), figures(&whole));
    }
}

#[test]
fn what_fails_is_told_and_not_tried_again_and_the_rest_goes_on() {
    let plan = plan(&TWO, &["cold", "unchanged", "cdylib"], 2, 1e6);
    let mut results = empty(&plan);
    let (jobs, _) = measured(&plan, &mut results, |job, _| {
        match (job.row, job.scenario.id) {
            (0, "cdylib") => Err(Stop::Failed("it does not compile".to_owned())),
            (1, _) => Err(Stop::LaneFailed("no such wrapper".to_owned())),
            _ => Ok(1.0),
        }
    });
    let of_second = jobs.iter().filter(|job| job.row == 1).count();
    let failing = jobs
        .iter()
        .filter(|job| job.row == 0 && job.scenario.id == "cdylib");
    assert_eq!((of_second, failing.count()), (1, 1));
    let note =
        |id: &str, setting: &str| results.cell_of(id, "cargo", setting).unwrap().note.clone();
    assert_eq!(
        note("cdylib", "incremental").unwrap(),
        "not measured: it does not compile"
    );
    assert_eq!(
        note("unchanged", "sccache").unwrap(),
        "not measured: no such wrapper"
    );
    assert_eq!(note("unchanged", "incremental"), None);
    assert_eq!(results.state, State::Complete);
}

#[test]
fn the_estimate_of_what_is_left_is_right_as_soon_as_all_has_been_seen_once() {
    let plan = plan(&TWO, &["cold", "cdylib", "venv"], 6, 1e6);
    let mut results = empty(&plan);
    let (jobs, log) = measured(&plan, &mut results, |job, _| Ok(realistic(job)));
    let after = |index: usize| jobs[index..].iter().map(realistic).sum::<f64>();
    for (index, progress) in log.progress.iter().enumerate().skip(8) {
        assert!(
            (progress.left_s - after(index)).abs() < 1e-6,
            "{index}: {progress:?}"
        );
        assert_eq!(progress.made + progress.due, jobs.len());
    }
}

/// What the builds of this repository's own extension take on two cores, preparation included, in seconds.
fn on_two_cores(job: &Job) -> f64 {
    let is_cached = job.lane.setting.cache.is_some();
    match job.scenario.id {
        "cold" => [67.0, 80.0][usize::from(is_cached)],
        "target" | "clean" | "clone" if job.lane.setting.stores => 2.0,
        "target" | "clean" | "clone" => [64.0, 22.0][usize::from(is_cached)],
        "wheel-cold" => [180.0, 210.0][usize::from(is_cached)],
        "wheel-warm" => 15.0,
        "lock" => 18.0,
        "branch" | "venv" => 6.0,
        _ => 1.5,
    }
}

#[test]
fn the_default_fits_into_its_time_on_two_cores() {
    let plan = plan(&[], &[], 7, 1200.0);
    let mut results = empty(&plan);
    measured(&plan, &mut results, |job, _| Ok(on_two_cores(job)));
    assert!(results.spent_s <= 1200.0, "{}", results.spent_s);
    let without: Vec<_> = results
        .cells
        .iter()
        .filter(|cell| cell.wall_s.is_none())
        .collect();
    assert!(without.is_empty(), "{without:?}");
    let edits = results
        .cells
        .iter()
        .filter(|cell| cell.scenario == "cdylib");
    for cell in edits {
        assert!(
            cell.counted().count() >= 6,
            "{}: {:?}",
            cell.lane_id(),
            cell.note
        );
    }
}

#[test]
fn on_a_machine_that_gets_slower_the_first_lane_has_all_its_figures_and_each_what_is_quick() {
    for percent in [95, 100, 105, 110] {
        let plan = plan(&[], &[], 7, 1200.0);
        let mut results = empty(&plan);
        // Every estimate is of an earlier time, when it was faster; and every other short run takes longer
        // than the last.
        let slower = |job: &Job, now_s: f64| {
            let time_s = on_two_cores(job) * f64::from(percent) / 100.0;
            let jitter = if time_s < 10.0 && job.round.is_multiple_of(2) {
                1.3
            } else {
                1.0
            };
            Ok(time_s * jitter * (1.0 + now_s / 12_000.0))
        };
        measured(&plan, &mut results, slower);
        let without = results
            .cells
            .iter()
            .filter(|cell| cell.wall_s.is_none() && cell.same_as.is_none());
        // The first lane comes first, and what is quick before what is not.
        let is_quick = |cell: &&Cell| {
            let scenario = Scenario::find(&cell.scenario).unwrap();
            scenario.cost == Cost::Quick
        };
        let without = without
            .filter(|cell| cell.lane_id() == "maturin-develop/incremental" || is_quick(cell));
        let without: Vec<_> = without
            .map(|cell| (&cell.scenario, cell.lane_id()))
            .collect();
        assert!(without.is_empty(), "{percent}: {without:?}");
    }
}

/// A project whose first build on each lane takes `first_build_s`; everything else is quick. Ends what is
/// still running when the time is over, as the real executor does.
struct FirstBuilds {
    now_s: f64,
    first_build_s: f64,
    budget_s: f64,
    built: Vec<usize>,
}

impl Executor for FirstBuilds {
    fn elapsed_s(&self) -> f64 {
        self.now_s
    }

    fn run(&mut self, job: &Job) -> Result<Run, Stop> {
        let is_first = !self.built.contains(&job.row);
        let prepare_s = if is_first { self.first_build_s } else { 0.1 };
        let wall_s = if job.scenario.cost == Cost::Dear {
            self.first_build_s
        } else {
            1.0
        };
        let begins = job.lane.begins_with(job.scenario);
        let prepare_s = if begins { 0.0 } else { prepare_s };
        if self.now_s + prepare_s + wall_s > self.budget_s {
            self.now_s = self.budget_s;
            return Err(Stop::Failed("no time was left".to_owned()));
        }
        self.now_s += prepare_s + wall_s;
        self.built.push(job.row);
        Ok(Run {
            round: job.round,
            wall_s,
            prepare_s,
            is_another_library: Some(true),
            ..Run::default()
        })
    }
}

/// Measures `scenarios` on `strategies` within the budget. How many runs count of each cell, by lanes, and
/// the time that was spent.
fn counts(
    strategies: &[&str],
    scenarios: &[&str],
    first_build_s: f64,
    budget_s: f64,
) -> (Vec<Vec<usize>>, f64) {
    let plan = plan(strategies, scenarios, 7, budget_s);
    let mut results = empty(&plan);
    let mut executor = FirstBuilds {
        now_s: 0.0,
        first_build_s,
        budget_s,
        built: Vec::new(),
    };
    measure(&plan, &mut results, &mut executor, &mut Log::default()).unwrap();
    let of_row = |row: &LanePlan| {
        let cells = row.scenarios.iter();
        let cells = cells.filter_map(|it| results.cell(it.id, &row.lane));
        cells.map(|cell| cell.counted().count()).collect()
    };
    (plan.rows.iter().map(of_row).collect(), executor.now_s)
}

#[test]
fn the_time_that_there_is_goes_to_what_may_fit() {
    let three = [
        "cargo/incremental",
        "cargo/sccache",
        "maturin-develop/incremental",
    ];
    let edits = ["unchanged", "cdylib"];
    let all = vec![7, 7];
    for (what, scenarios, first_build_s, budget_s, expected) in [
        (
            "all",
            &edits[..],
            10.0,
            120.0,
            vec![all.clone(), all.clone(), all.clone()],
        ),
        // One build takes longer than is thought of an unknown one, and fits.
        (
            "one",
            &edits,
            90.0,
            120.0,
            vec![all.clone(), vec![0, 0], vec![0, 0]],
        ),
        // The third lane does not fit, which keeps no time from the first two.
        (
            "two",
            &edits,
            50.0,
            120.0,
            vec![vec![4, 3], vec![4, 3], vec![0, 0]],
        ),
        (
            "none",
            &edits,
            200.0,
            120.0,
            vec![vec![0, 0], vec![0, 0], vec![0, 0]],
        ),
        // What takes long does not keep the others from what is quick.
        (
            "quick",
            &["cold", "unchanged", "target"],
            30.0,
            115.0,
            vec![vec![1, 7, 0], vec![1, 7, 0], vec![1, 7, 0]],
        ),
        (
            "release",
            &["wheel-cold"],
            50.0,
            115.0,
            vec![vec![1], vec![0], vec![0]],
        ),
    ] {
        let (counts, spent_s) = counts(&three, scenarios, first_build_s, budget_s);
        assert_eq!(counts, expected, "{what}");
        let is_all = counts.iter().flatten().all(|count| *count == 7);
        // What is left is too little for half of a first build.
        let is_used = budget_s - spent_s < first_build_s / 2.0 + 5.0;
        assert!(is_all || is_used, "{what}: {spent_s}");
    }
}

#[test]
fn the_first_columns_have_their_first_figures_within_minutes() {
    let plan = plan(&[], &[], 7, 1200.0);
    let mut results = empty(&plan);
    // Somebody ends it after three minutes.
    measured(&plan, &mut results, |job, now_s| {
        if now_s < 180.0 {
            Ok(on_two_cores(job))
        } else {
            Err(Stop::Interrupted)
        }
    });
    for (strategy, setting) in [("maturin-develop", "incremental"), ("xtask-dev", "stored")] {
        for scenario in ["unchanged", "cdylib", "python"] {
            let cell = results.cell_of(scenario, strategy, setting).unwrap();
            assert!(cell.wall_s.is_some(), "{scenario} on {strategy}");
        }
    }
}

#[test]
fn the_budget_is_that_of_the_call() {
    let plan = plan(&["cargo/incremental"], &["unchanged"], 7, 40.0);
    let mut results = empty(&plan);
    let (first, _) = measured(&plan, &mut results, |_, _| Ok(10.0));
    let (second, _) = measured(&plan, &mut results, |_, _| Ok(10.0));
    assert_eq!((first.len(), second.len()), (3, 3));
    assert!((results.spent_s - 60.0).abs() < 1e-9);
}
