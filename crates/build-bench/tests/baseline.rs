//! What counts as a regression.

use build_bench::baseline::{Verdict, compare};
use build_bench::machine::Machine;
use build_bench::noise::Noises;
use build_bench::results::{Cell, LaneRecord, MethodRecord, Results, Run, SCHEMA, State, Subject};
use build_bench::scenario::Scenario;
use build_bench::stats::CONFIDENCE;

fn results(times: &[f64]) -> Results {
    let row = build_bench::lane::rows(&["cargo/incremental".to_owned()], &["unchanged".to_owned()]);
    let lane = row.unwrap()[0].lane;
    let mut cell = Cell::new(Scenario::find("unchanged").unwrap(), &lane);
    let runs = times.iter().zip(1..).map(|(&wall_s, round)| Run {
        round,
        wall_s,
        ..Run::default()
    });
    cell.runs = runs.collect();
    let mut results = Results {
        schema: SCHEMA,
        state: State::Complete,
        subject: Subject::default(),
        machine: Machine::default(),
        method: MethodRecord {
            runs: 7,
            time_budget_s: 1.0,
            confidence: CONFIDENCE,
            lanes: vec![LaneRecord::of(&lane)],
            scenarios: Vec::new(),
        },
        spent_s: 0.0,
        cells: vec![cell],
        noise: Noises::default(),
        ratio_noise: Noises::default(),
    };
    results.summarise();
    results
}

fn verdict(then: &[f64], now: &[f64]) -> Verdict {
    compare(&results(now), &results(then), 1.10)[0].verdict
}

#[test]
fn slower_by_more_than_is_allowed_and_more_than_the_noise_is_a_regression() {
    let then = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0];
    let times = |factor: f64| then.map(|time| time * factor);
    assert_eq!(verdict(&then, &times(1.5)), Verdict::Regression);
    assert_eq!(verdict(&then, &times(1.12)), Verdict::Regression);
    // Surely slower, and not by as much as would matter.
    assert_eq!(verdict(&then, &times(1.07)), Verdict::Same);
    assert_eq!(verdict(&then, &times(1.0)), Verdict::Same);
    assert_eq!(verdict(&then, &times(0.8)), Verdict::Faster);
}

#[test]
fn what_may_be_noise_is_no_regression() {
    let noisy = [1.0, 1.5, 0.7, 1.2, 0.8, 1.4, 0.9];
    let slower = noisy.map(|time| time * 1.2);
    assert_eq!(verdict(&noisy, &slower), Verdict::Unclear);
}

#[test]
fn two_single_runs_decide_nothing() {
    assert_eq!(verdict(&[1.0], &[3.0]), Verdict::Unclear);
}

#[test]
fn what_only_one_of_them_has_is_left_out() {
    let mut then = results(&[1.0]);
    then.cells.clear();
    assert!(compare(&results(&[1.0]), &then, 1.1).is_empty());
}
