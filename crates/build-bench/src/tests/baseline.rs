//! What counts as a regression.

use super::known;

use crate::baseline::{SpeedChange, compare, lost, renamed};
use crate::results::{LaneRecord, Results};

fn results(times_s: &[f64]) -> Results {
    known::results(&["cargo/incremental"], |scenario, _| match scenario.id {
        "unchanged" => known::runs(times_s),
        _ => Vec::new(),
    })
}

fn verdict(then: &[f64], now: &[f64]) -> SpeedChange {
    compare(&results(now), &results(then), 1.10)[0].change
}

#[test]
fn slower_by_more_than_is_allowed_and_more_than_the_noise_is_a_regression() {
    let then = [1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0];
    let times = |factor: f64| then.map(|time| time * factor);
    assert_eq!(verdict(&then, &times(1.5)), SpeedChange::Regression);
    assert_eq!(verdict(&then, &times(1.12)), SpeedChange::Regression);
    // Surely slower, and not by as much as would matter.
    assert_eq!(verdict(&then, &times(1.07)), SpeedChange::Same);
    assert_eq!(verdict(&then, &times(1.0)), SpeedChange::Same);
    assert_eq!(verdict(&then, &times(0.8)), SpeedChange::Faster);
}

#[test]
fn what_may_be_noise_is_no_regression() {
    let noisy = [1.0, 1.5, 0.7, 1.2, 0.8, 1.4, 0.9];
    let slower = noisy.map(|time| time * 1.2);
    assert_eq!(verdict(&noisy, &slower), SpeedChange::Unclear);
}

#[test]
fn two_single_runs_decide_nothing() {
    assert_eq!(verdict(&[1.0], &[3.0]), SpeedChange::Unclear);
}

#[test]
fn what_does_not_build_any_more_is_lost() {
    let (then, mut now) = (results(&[1.0]), results(&[]));
    // No time was left: that is no fault of the build.
    assert!(lost(&now, &then).is_empty());
    let cell = now.cells.iter_mut().find(|it| it.scenario == "unchanged");
    let cell = cell.expect("it is there");
    cell.is_closed = true;
    cell.note = Some("not measured: it failed".to_owned());
    let expected = "unchanged cargo/incremental: not measured: it failed";
    assert_eq!(lost(&now, &then), [expected]);
    now.cells.clear();
    assert!(lost(&now, &then).is_empty());
}

/// Of an edit, which builds another library or, if `is_stale`, none.
fn edit(time_s: f64, is_stale: bool) -> Results {
    known::results(&["cargo/incremental"], |scenario, _| {
        let mut runs = match scenario.id {
            "cdylib" => known::runs(&[time_s; 7]),
            _ => Vec::new(),
        };
        for run in &mut runs {
            run.is_another_library = Some(!is_stale);
        }
        runs
    })
}

#[test]
fn a_build_that_is_none_is_compared_with_nothing() {
    let (real, stale) = (edit(1.0, false), edit(0.1, true));
    assert_eq!(compare(&real, &real, 1.1).len(), 1);
    assert!(compare(&real, &stale, 1.1).is_empty());
    assert!(lost(&real, &stale).is_empty());
    assert!(compare(&stale, &real, 1.1).is_empty());
    assert!(lost(&stale, &real)[0].contains("builds nothing"));
}

#[test]
fn another_command_under_the_same_name_is_told_and_not_compared() {
    let typed = known::results(&["xtask-dev/incremental"], |_, _| known::runs(&[1.0]));
    let mut alone = typed.clone();
    let lanes = alone.method.lanes.into_iter();
    alone.method.lanes = lanes.map(LaneRecord::without_launcher).collect();
    assert!(compare(&typed, &alone, 1.1).is_empty());
    let develop =
        "xtask-dev/incremental: `xtask dev, the program alone` then, `cargo xtask dev` now";
    let told = renamed(&typed, &alone);
    assert!(told.len() == 2 && told.contains(develop), "{told:?}");
    assert!(renamed(&typed, &typed).is_empty());
}

#[test]
fn what_only_one_of_them_has_is_left_out() {
    let mut then = results(&[1.0]);
    then.cells.clear();
    assert!(compare(&results(&[1.0]), &then, 1.1).is_empty());
}
