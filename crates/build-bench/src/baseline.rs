//! Comparing with an earlier measurement: for CI.

use crate::results::{Cell, Results};
use crate::stats::{Interval, quotient};

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
    pub verdict: Verdict,
}

/// What a comparison means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Slower by more than is allowed, and by more than the noise.
    Regression,
    /// Slower by more than is allowed; it may be noise.
    Unclear,
    /// Faster by more than the noise.
    Faster,
    /// Neither.
    Same,
}

/// Compares each figure of `now` that `then` has too. A regression is one that is above `limit` (1.10: ten percent
/// longer) and whose whole interval is above 1.
#[must_use]
pub fn compare(now: &Results, then: &Results, limit: f64) -> Vec<Comparison> {
    let cells = now
        .cells
        .iter()
        .filter(|cell| cell.same_as.is_none() && !cell.is_stale());
    let pairs = cells.filter_map(|cell| {
        let earlier = then.cell_of(&cell.scenario, &cell.strategy, &cell.setting)?;
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
        _ if ratio > limit && is_slower => Verdict::Regression,
        _ if ratio > limit => Verdict::Unclear,
        Some(interval) if interval.high < 1.0 => Verdict::Faster,
        _ => Verdict::Same,
    };
    Some(Comparison {
        name: format!("{} {}/{}", now.scenario, now.strategy, now.setting),
        now_s: ours.median,
        then_s: theirs.median,
        ratio,
        interval,
        verdict,
    })
}
