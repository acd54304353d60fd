//! The statistics: medians, their intervals, outliers, ratios, and the noise of the machine.
//!
//! Times of builds are skewed and have outliers, so the median speaks for them. Its interval comes from order
//! statistics where there are enough runs, which assumes nothing about the distribution. Builds of a minute are run once
//! or twice; their interval comes from the noise that was seen in all cells together, on a logarithmic scale, since the
//! noise of a build grows with its time.

use serde::{Deserialize, Serialize};

use crate::noise::Noise;

/// How certain the intervals are.
pub const CONFIDENCE: f64 = 0.95;

/// An observation is an outlier if its modified z-score is above this (Iglewicz and Hoaglin, 1993).
const OUTLIER_Z: f64 = 3.5;

/// Makes the median absolute deviation comparable with a standard deviation, for normal data.
const MAD_TO_SIGMA: f64 = 1.4826;

/// A figure for a number of observations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many observations there are.
    pub count: usize,
    /// The median.
    pub median: f64,
    /// In which the true median lies, with the probability [`CONFIDENCE`]. `None`: one observation, and no noise known.
    pub interval: Option<Interval>,
    /// The observations that are outliers, by number from 0. They count like all others.
    pub outliers: Vec<usize>,
}

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Where it comes from.
    pub method: Method,
}

/// How an interval was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// From the order of these observations alone.
    OrderStatistics,
    /// From the noise of all cells together.
    PooledNoise,
}

/// The middle one, or the mean of the two in the middle. `None` without observations.
#[must_use]
pub fn median(observations: &[f64]) -> Option<f64> {
    let sorted = sorted(observations);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        count if count % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

fn sorted(observations: &[f64]) -> Vec<f64> {
    let mut sorted = observations.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

impl Summary {
    /// Sums up `observations`, which are all positive. `None` without any.
    #[must_use]
    pub fn of(observations: &[f64], noise: Option<Noise>) -> Option<Self> {
        let median = median(observations)?;
        let by_order = order_interval(observations);
        let interval = by_order.or_else(|| noise?.interval(median, observations.len()));
        Some(Self {
            count: observations.len(),
            median,
            interval,
            outliers: outliers(observations),
        })
    }
}

/// The narrowest interval between two observations, as far from the lowest as from the highest, that holds the median
/// with the wanted confidence. `None` for fewer than six: even from the lowest to the highest would not do.
fn order_interval(observations: &[f64]) -> Option<Interval> {
    let sorted = sorted(observations);
    let count = sorted.len();
    // Each observation is below the median with probability 1/2; the interval misses it if too few are.
    let misses = |rank: usize| 2.0 * (0..=rank).map(|below| binomial(count, below)).sum::<f64>();
    let ranks = (0..count / 2).take_while(|&rank| misses(rank) <= 1.0 - CONFIDENCE);
    let rank = ranks.last()?;
    Some(Interval {
        low: sorted[rank],
        high: sorted[count - 1 - rank],
        method: Method::OrderStatistics,
    })
}

/// The probability that of `count` tosses of a coin exactly `heads` are heads.
fn binomial(count: usize, heads: usize) -> f64 {
    let factor = |index: usize| as_f64(count - index) / as_f64(index + 1);
    let ways: f64 = (0..heads).map(factor).product();
    ways * 0.5_f64.powf(as_f64(count))
}

/// The numbers of those that lie far from the median, compared with how far the others do.
fn outliers(observations: &[f64]) -> Vec<usize> {
    let Some(middle) = median(observations).filter(|_| observations.len() >= 5) else {
        return Vec::new();
    };
    let distances: Vec<_> = observations.iter().map(|it| (it - middle).abs()).collect();
    let spread = median(&distances).unwrap_or(0.0) * MAD_TO_SIGMA;
    // Where most are equal to the last digit, any other would be one.
    let spread = spread.max(middle.abs() * 0.001);
    let far = distances
        .iter()
        .enumerate()
        .filter(|(_, it)| **it > OUTLIER_Z * spread);
    far.map(|(index, _)| index).collect()
}

/// Ours against theirs, run by run: both of a pair have seen the same state of the machine. `noise` is that of ratios.
#[must_use]
pub fn ratio(pairs: &[(f64, f64)], noise: Option<Noise>) -> Option<Summary> {
    Summary::of(&ratios(pairs), noise)
}

pub(crate) fn ratios(pairs: &[(f64, f64)]) -> Vec<f64> {
    pairs.iter().map(|(ours, theirs)| ours / theirs).collect()
}

/// The quotient of two figures that were not measured together, and its interval: on the logarithmic scale the
/// widths add up like the sides of a right angle. `None` if one of them has no interval.
#[must_use]
pub fn quotient(ours: &Summary, theirs: &Summary) -> Option<(f64, Interval)> {
    let (our, their) = (ours.interval?, theirs.interval?);
    let ratio = ours.median / theirs.median;
    let down = (ours.median / our.low)
        .ln()
        .hypot((their.high / theirs.median).ln());
    let up = (our.high / ours.median)
        .ln()
        .hypot((theirs.median / their.low).ln());
    let interval = Interval {
        low: ratio / down.exp(),
        high: ratio * up.exp(),
        method: our.method,
    };
    Some((ratio, interval))
}

#[expect(clippy::cast_precision_loss, reason = "counts of runs are small")]
pub(crate) fn as_f64(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noises;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9 * other.abs().max(1.0)
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn six_observations_are_the_fewest_that_speak_for_themselves() {
        // 2/2^6 = 3.1 % are missed; with five it would be 6.3 %.
        let interval = order_interval(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert_eq!((interval.low, interval.high), (1.0, 6.0));
        assert_eq!(order_interval(&[1.0, 2.0, 3.0, 4.0, 5.0]), None);
        // Tables of the sign test: of 9 the second, of 20 the sixth from either end.
        let nine: Vec<_> = (1..=9).map(f64::from).collect();
        let interval = order_interval(&nine).unwrap();
        assert_eq!((interval.low, interval.high), (2.0, 8.0));
        let twenty: Vec<_> = (1..=20).map(f64::from).collect();
        let interval = order_interval(&twenty).unwrap();
        assert_eq!((interval.low, interval.high), (6.0, 15.0));
    }

    #[test]
    fn one_that_is_far_from_all_others_is_an_outlier_and_counts() {
        let summary = Summary::of(&[1.0, 1.02, 0.99, 1.01, 5.0, 1.0, 0.98], None).unwrap();
        assert_eq!(summary.outliers, [4]);
        assert!(close(summary.median, 1.0));
        assert!(close(summary.interval.unwrap().high, 5.0));
        assert!(Summary::of(&[1.0; 8], None).unwrap().outliers.is_empty());
    }

    #[test]
    fn a_ratio_is_taken_pair_by_pair() {
        // The machine gets three times slower: the times tell nothing, the pairs tell all.
        let drift: Vec<_> = (0..7).map(|round| 1.0 + f64::from(round) / 3.0).collect();
        let pairs: Vec<_> = drift.iter().map(|slow| (0.5 * slow, 2.0 * slow)).collect();
        let ratio = ratio(&pairs, None).unwrap();
        let interval = ratio.interval.unwrap();
        assert!(close(ratio.median, 0.25));
        assert!(close(interval.low, 0.25) && close(interval.high, 0.25));
        // So a pair that was measured once is certain too.
        let noise = Noises::of_pairs(&[pairs]).at(1.0).unwrap();
        assert!(close(noise.sigma + 1.0, 1.0), "{noise:?}");
    }

    #[test]
    fn a_quotient_is_as_uncertain_as_its_two_parts() {
        let figure = |median: f64, width: f64| Summary {
            count: 7,
            median,
            interval: Some(Interval {
                low: median / width.exp(),
                high: median * width.exp(),
                method: Method::OrderStatistics,
            }),
            outliers: Vec::new(),
        };
        let (ratio, interval) = quotient(&figure(2.0, 0.03), &figure(1.0, 0.04)).unwrap();
        assert!(close(ratio, 2.0));
        assert!(close((interval.high / 2.0).ln(), 0.05));
        assert!(close((2.0 / interval.low).ln(), 0.05));
    }

    /// That the intervals hold what they promise, on data whose median is known. The generator is fixed, so the
    /// outcome is too.
    #[test]
    fn intervals_hold_the_true_median_as_often_as_they_say() {
        let mut state: u64 = 0x2545_f491_4f6c_dd1d;
        let mut uniform = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            #[expect(clippy::cast_precision_loss, reason = "a random number")]
            let unit = (state >> 11) as f64 / (1_u64 << 53) as f64;
            unit
        };
        // Skewed: the logarithm is normal (Box and Muller), as times of builds are.
        let mut time = |sigma: f64| {
            let radius = (-2.0 * uniform().max(1e-12).ln()).sqrt();
            (sigma * radius * (std::f64::consts::TAU * uniform()).cos()).exp()
        };
        for count in [1, 3, 6, 7, 15] {
            let mut held = 0;
            for _ in 0..2000 {
                let others: Vec<Vec<f64>> = (0..8).map(|_| vec![time(0.05), time(0.05)]).collect();
                let own: Vec<_> = (0..count).map(|_| time(0.05)).collect();
                let summary = Summary::of(&own, Noise::of(&others)).unwrap();
                let interval = summary.interval.unwrap();
                held += i32::from(interval.low <= 1.0 && 1.0 <= interval.high);
            }
            assert!(held >= 1880, "{count} runs: {held} of 2000");
        }
    }
}
