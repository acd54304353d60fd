//! Comparing with an earlier measurement: for CI.

use std::fmt;

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

/// Compares `now` with `then`; `limit` is that of [`compare`].
pub fn report(now: &Results, then: &Results, limit: f64) -> Result<BaselineReport, BenchError> {
    let comparisons = compare(now, then, limit);
    let lost = lost(now, then);
    if comparisons.is_empty() && lost.is_empty() {
        return Err(BenchError::OtherBaseline);
    }
    let reasons = now.machine.differs_from(&then.machine);
    let machine = (!reasons.is_empty()).then(|| {
        format!(
            "not the machine of the baseline, so times tell little: {}",
            reasons.join("; ")
        )
    });
    let renamed = renamed(now, then).into_iter();
    let renamed = renamed.map(|it| format!("not compared, since it is another command: {it}"));
    let lost_lines = lost
        .iter()
        .map(|(name, reason)| format!("{:<16}  {name}: {reason}", "LOST"));
    Ok(BaselineReport {
        warnings: machine.into_iter().chain(renamed).collect(),
        lines: comparisons
            .iter()
            .map(ToString::to_string)
            .chain(lost_lines)
            .collect(),
        is_worse: !lost.is_empty()
            || comparisons
                .iter()
                .any(|it| it.verdict == SpeedChange::Regression),
    })
}

/// A figure, then and now.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// `scenario strategy/setting`.
    pub name: String,
    /// Now, in seconds.
    pub now_s: f64,
    /// Then, in seconds.
    pub then_s: f64,
    /// The time now against that of then.
    pub ratio: f64,
    /// Its interval; `None` if one of the two has none.
    pub interval: Option<Interval>,
    /// What it means.
    pub verdict: SpeedChange,
}

/// What a comparison means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpeedChange {
    /// Slower by more than is allowed, and by more than the noise.
    Regression,
    /// Slower by more than is allowed; it may be noise.
    Unclear,
    /// Faster by more than the noise.
    Faster,
    /// Neither.
    Same,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            SpeedChange::Regression => "SLOWER",
            SpeedChange::Unclear => "slower, or noise",
            SpeedChange::Faster => "faster",
            SpeedChange::Same => "same",
        };
        write!(f, "{verdict:<16}  ×{:.2}", self.ratio)?;
        if let Some(it) = self.interval {
            write!(f, " ({:.2} to {:.2})", it.low, it.high)?;
        }
        let [then, now] = [self.then_s, self.now_s].map(words::rough_seconds);
        write!(f, "  {}: {then} then, {now} now", self.name)
    }
}

/// What `then` had a figure for and `now` was to have one, and has none: `scenario strategy/setting`, and
/// why.
#[must_use]
pub fn lost(now: &Results, then: &Results) -> Vec<(String, String)> {
    let had = then.cells.iter().filter(|cell| has_figure(cell));
    let lost = had.filter_map(|earlier| {
        let cell = now.cell_of(&earlier.scenario, &earlier.strategy, &earlier.setting)?;
        let reason = match &cell.note {
            _ if cell.is_stale() => "builds nothing: the old library stays",
            Some(note) if cell.is_closed && cell.wall_s.is_none() => note,
            _ => return None,
        };
        Some((name(cell), reason.to_owned()))
    });
    lost.collect()
}

fn name(cell: &Cell) -> String {
    format!("{} {}/{}", cell.scenario, cell.strategy, cell.setting)
}

fn has_figure(cell: &Cell) -> bool {
    cell.same_as.is_none() && !cell.is_stale() && cell.wall_s.is_some()
}

/// The columns whose command is another one now, with both: their figures tell nothing of one another.
#[must_use]
pub fn renamed(now: &Results, then: &Results) -> Vec<String> {
    let mut told: Vec<_> = now
        .cells
        .iter()
        .filter_map(|cell| other_command(now, then, cell))
        .collect();
    told.sort();
    told.dedup();
    told
}

fn other_command(now: &Results, then: &Results, cell: &Cell) -> Option<String> {
    let command = |results: &Results| {
        let mut lanes = results.method.lanes.iter();
        let lane = lanes.find(|lane| lane.id() == cell.lane_id());
        lane.map(|lane| words::command(lane, &cell.scenario).to_owned())
    };
    let (ours, theirs) = (command(now)?, command(then)?);
    let is_other = ours != theirs;
    is_other.then(|| format!("{}: `{theirs}` then, `{ours}` now", cell.lane_id()))
}

/// Compares each figure of `now` that `then` has too. A regression is one that is above `limit` (1.10: ten
/// percent longer) and whose whole interval is above 1.
#[must_use]
pub fn compare(now: &Results, then: &Results, limit: f64) -> Vec<Comparison> {
    let cells = now.cells.iter().filter(|cell| has_figure(cell));
    let pairs = cells.filter_map(|cell| {
        let earlier = then.cell_of(&cell.scenario, &cell.strategy, &cell.setting)?;
        (has_figure(earlier) && other_command(now, then, cell).is_none()).then_some(())?;
        comparison(cell, earlier, limit)
    });
    pairs.collect()
}

fn comparison(now: &Cell, then: &Cell, limit: f64) -> Option<Comparison> {
    let (ours, theirs) = (now.wall_s.as_ref()?, then.wall_s.as_ref()?);
    let ratio = ours.median / theirs.median;
    let interval = quotient(ours, theirs).map(|(_, interval)| interval);
    let is_slower = interval.is_some_and(|it| it.low > 1.0);
    let verdict = match interval {
        _ if ratio > limit && is_slower => SpeedChange::Regression,
        _ if ratio > limit => SpeedChange::Unclear,
        Some(interval) if interval.high < 1.0 => SpeedChange::Faster,
        _ => SpeedChange::Same,
    };
    Some(Comparison {
        name: name(now),
        now_s: ours.median,
        then_s: theirs.median,
        ratio,
        interval,
        verdict,
    })
}
