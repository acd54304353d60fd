//! Comparing with an earlier measurement: for CI.

use std::collections::BTreeSet;

use trial::statistics::{Interval, quotient};

use crate::error::BenchError;
use crate::report::words;
use crate::results::{Cell, Results};

/// What has changed since an earlier measurement.
#[derive(Debug)]
pub struct BaselineReport {
    /// Why it may tell little.
    pub warnings: Vec<String>,
    /// Each figure that both have, and each that is lost, on a line of its own.
    pub lines: Vec<String>,
    /// Whether something has become slower by more than is allowed, or is lost.
    pub is_worse: bool,
}

/// Compares `now` with `then`. A regression is what takes more than `limit` times as long (1.10: ten percent
/// longer), with an interval that lies above 1 as a whole.
pub fn report(now: &Results, then: &Results, limit: f64) -> Result<BaselineReport, BenchError> {
    let comparisons = compare(now, then, limit);
    let lost = lost(now, then);
    if comparisons.is_empty() && lost.is_empty() {
        return Err(BenchError::OtherBaseline);
    }
    let reasons = now.machine.differs_from(&then.machine).join("; ");
    let machine = (!reasons.is_empty())
        .then(|| format!("not the machine of the baseline, so times tell little: {reasons}"));
    let renamed = renamed(now, then).into_iter();
    let renamed = renamed.map(|it| format!("not compared, since it is another command: {it}"));
    let slower = |it: &Comparison| it.change == SpeedChange::Regression;
    let told = comparisons.iter().map(Comparison::line);
    Ok(BaselineReport {
        warnings: machine.into_iter().chain(renamed).collect(),
        is_worse: !lost.is_empty() || comparisons.iter().any(slower),
        lines: told.chain(lost.iter().map(|it| line("LOST", it))).collect(),
    })
}

fn line(verdict: &str, what: &str) -> String {
    format!("{verdict:<16}  {what}")
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    /// `scenario strategy/setting`.
    name: String,
    now_s: f64,
    then_s: f64,
    /// Of the time now to that of then. `None`: one of the two has no interval.
    interval: Option<Interval>,
    pub(crate) change: SpeedChange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpeedChange {
    /// Slower by more than is allowed, and by more than the noise.
    Regression,
    /// Slower by more than is allowed; it may be noise.
    Unclear,
    /// Faster by more than the noise.
    Faster,
    Same,
}

impl Comparison {
    fn line(&self) -> String {
        let verdict = match self.change {
            SpeedChange::Regression => "SLOWER",
            SpeedChange::Unclear => "slower, or noise",
            SpeedChange::Faster => "faster",
            SpeedChange::Same => "same",
        };
        let interval = self
            .interval
            .map(|it| format!(" ({:.2} to {:.2})", it.low, it.high));
        let [then, now] = [self.then_s, self.now_s].map(words::rough_seconds);
        let figures = format!(
            "×{:.2}{}  {}: {then} then, {now} now",
            self.now_s / self.then_s,
            interval.unwrap_or_default(),
            self.name
        );
        line(verdict, &figures)
    }
}

/// What `then` had a figure for and `now` was to have one, and has none: `scenario strategy/setting: why`.
pub(crate) fn lost(now: &Results, then: &Results) -> Vec<String> {
    let had = then.cells.iter().filter(|cell| has_figure(cell));
    let lost = had.filter_map(|earlier| {
        let cell = now.cell_of(&earlier.scenario, &earlier.strategy, &earlier.setting)?;
        let failed = cell.is_closed && cell.wall_s.is_none();
        let is_lost = cell.is_stale() || (failed && cell.note.is_some());
        is_lost.then(|| format!("{}: {}", name(cell), cell.missing()))
    });
    lost.collect()
}

fn name(cell: &Cell) -> String {
    format!("{} {}", cell.scenario, cell.lane_id())
}

fn has_figure(cell: &Cell) -> bool {
    cell.same_as.is_none() && cell.figure().is_some()
}

/// The columns whose command is another one now, with both: their figures tell nothing of one another.
pub(crate) fn renamed(now: &Results, then: &Results) -> BTreeSet<String> {
    let cells = now.cells.iter();
    cells
        .filter_map(|cell| other_command(now, then, cell))
        .collect()
}

fn other_command(now: &Results, then: &Results, cell: &Cell) -> Option<String> {
    let command = |results: &'_ Results| {
        let mut lanes = results.method.lanes.iter();
        let lane = lanes.find(|lane| lane.id() == cell.lane_id())?;
        Some(lane.command_of(&cell.scenario).to_owned())
    };
    let (ours, theirs) = (command(now)?, command(then)?);
    let is_other = ours != theirs;
    is_other.then(|| format!("{}: `{theirs}` then, `{ours}` now", cell.lane_id()))
}

/// Compares each figure of `now` that `then` has too.
pub(crate) fn compare(now: &Results, then: &Results, limit: f64) -> Vec<Comparison> {
    let cells = now.cells.iter().filter(|cell| has_figure(cell));
    let same = cells.filter(|cell| other_command(now, then, cell).is_none());
    let pairs = same.filter_map(|cell| {
        let earlier = then.cell_of(&cell.scenario, &cell.strategy, &cell.setting)?;
        comparison(cell, Some(earlier).filter(|it| has_figure(it))?, limit)
    });
    pairs.collect()
}

fn comparison(now: &Cell, then: &Cell, limit: f64) -> Option<Comparison> {
    let (ours, theirs) = (now.figure()?, then.figure()?);
    let interval = quotient(ours, theirs).map(|(_, interval)| interval);
    let is_beyond = ours.median / theirs.median > limit;
    let change = match interval {
        Some(it) if is_beyond && it.low > 1.0 => SpeedChange::Regression,
        _ if is_beyond => SpeedChange::Unclear,
        Some(it) if it.high < 1.0 => SpeedChange::Faster,
        _ => SpeedChange::Same,
    };
    Some(Comparison {
        name: name(now),
        now_s: ours.median,
        then_s: theirs.median,
        interval,
        change,
    })
}
