//! What counts as a regression.

mod known;

use build_bench::baseline::{Verdict, compare};
use build_bench::results::Results;

fn results(times_s: &[f64]) -> Results {
    known::results(&["cargo/incremental"], |scenario, _| match scenario.id {
        "unchanged" => known::runs(times_s),
        _ => Vec::new(),
    })
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
