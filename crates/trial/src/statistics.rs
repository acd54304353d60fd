//! The statistics: medians, their intervals, outliers, ratios, and the noise of the machine.
//!
//! Times of builds are skewed and have outliers, so the median speaks for them. Its interval comes from order
//! statistics where there are enough runs, which assumes nothing about the distribution. Builds of a minute
//! are run once or twice; their interval comes from the noise that was seen in all cells together, on a
//! logarithmic scale, since the noise of a build grows with its time.

use serde::{Deserialize, Serialize};

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
    /// In which the true median lies, with the probability [`CONFIDENCE`]. `None`: one observation, and no
    /// noise known.
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

impl Method {
    /// What marks an interval that rests on the noise of all cells.
    #[must_use]
    pub const fn mark(self) -> &'static str {
        match self {
            Self::OrderStatistics => "",
            Self::PooledNoise => "~",
        }
    }
}

impl Summary {
    /// Of the interval, or the median where there is none.
    #[must_use]
    pub fn upper_end(&self) -> f64 {
        self.interval.map_or(self.median, |it| it.high)
    }

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

/// The narrowest interval between two observations, as far from the lowest as from the highest, that holds
/// the median with the wanted confidence. `None` for fewer than six: even from the lowest to the highest
/// would not do.
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

/// Ours against theirs, run by run: both of a pair have seen the same state of the machine. `noise` is that
/// of ratios.
#[must_use]
pub fn ratio(pairs: &[(f64, f64)], noise: Option<Noise>) -> Option<Summary> {
    Summary::of(&ratios(pairs), noise)
}

fn ratios(pairs: &[(f64, f64)]) -> Vec<f64> {
    pairs.iter().map(|(ours, theirs)| ours / theirs).collect()
}

/// The quotient of two figures that were not measured together, and its interval: on the logarithmic scale
/// the widths add up like the sides of a right angle. `None` if one of them has no interval.
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
fn as_f64(count: usize) -> f64 {
    count as f64
}

/// On how much the noise must rest to be used.
const LEAST_DEGREES: usize = 3;

/// How much less precise the median is than the mean, for normal data: the square root of pi/2.
const MEDIAN_PENALTY: f64 = 1.2533;

/// The noise of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// The standard deviation of the logarithm of an observation: 0.03 means three percent.
    pub sigma: f64,
    /// On how much that rests.
    pub degrees_of_freedom: usize,
}

/// Below this time, in seconds, a run is short: a look of the scheduler in another direction is more of it,
/// so its noise says nothing about that of long ones.
const SHORT_S: f64 = 0.5;

/// The noise of short and of long runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Noises {
    /// Of runs of less than half a second.
    pub short: Option<Noise>,
    /// Of others.
    pub long: Option<Noise>,
}

impl Noises {
    /// What the times of many cells, in seconds, have in common.
    #[must_use]
    pub fn of(cells: &[Vec<f64>]) -> Self {
        Self::of_kinds(cells.iter().map(|cell| (median(cell), cell.clone())))
    }

    /// The same of the ratios of pairs. What slows down both of a pair is not in it, so it is less than that
    /// of times.
    #[must_use]
    pub fn of_pairs(cells: &[Vec<(f64, f64)>]) -> Self {
        Self::of_kinds(cells.iter().map(|pairs| {
            let ours: Vec<_> = pairs.iter().map(|(ours, _)| *ours).collect();
            (median(&ours), ratios(pairs))
        }))
    }

    /// Of observations that belong to a time, in seconds.
    fn of_kinds(cells: impl Iterator<Item = (Option<f64>, Vec<f64>)>) -> Self {
        let (short, long): (Vec<_>, Vec<_>) =
            cells.partition(|(time_s, _)| time_s.is_some_and(|it| it < SHORT_S));
        let noise = |cells: Vec<(Option<f64>, Vec<f64>)>| {
            let observations: Vec<_> = cells.into_iter().map(|(_, it)| it).collect();
            Noise::of(&observations)
        };
        Self {
            short: noise(short),
            long: noise(long),
        }
    }

    /// That of a run that takes `time_s`; where there is none of its kind, that of the other.
    #[must_use]
    pub fn at(self, time_s: f64) -> Option<Noise> {
        if time_s < SHORT_S {
            self.short.or(self.long)
        } else {
            self.long.or(self.short)
        }
    }
}

impl Noise {
    /// What the observations of many cells, each with itself, have in common.
    #[must_use]
    pub fn of(cells: &[Vec<f64>]) -> Option<Self> {
        let mut squares = 0.0;
        let mut degrees_of_freedom = 0;
        for cell in cells.iter().filter(|cell| cell.len() > 1) {
            let logarithms: Vec<_> = cell.iter().map(|it| it.ln()).collect();
            let mean = logarithms.iter().sum::<f64>() / as_f64(cell.len());
            squares += logarithms.iter().map(|it| (it - mean).powi(2)).sum::<f64>();
            degrees_of_freedom += cell.len() - 1;
        }
        (degrees_of_freedom > 0).then(|| Self {
            sigma: (squares / as_f64(degrees_of_freedom)).sqrt(),
            degrees_of_freedom,
        })
    }

    /// The interval around the median of `count` observations. `None` where too little is known of the noise:
    /// it would be so wide as to say nothing.
    fn interval(self, median: f64, count: usize) -> Option<Interval> {
        if self.degrees_of_freedom < LEAST_DEGREES {
            return None;
        }
        let penalty = if count > 2 { MEDIAN_PENALTY } else { 1.0 };
        let error = self.sigma * penalty / as_f64(count).sqrt();
        let factor = (quantile(self.degrees_of_freedom)? * error).exp();
        Some(Interval {
            low: median / factor,
            high: median * factor,
            method: Method::PooledNoise,
        })
    }
}

/// The 97.5 % quantile of Student's t distribution.
fn quantile(degrees_of_freedom: usize) -> Option<f64> {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042,
    ];
    let row = degrees_of_freedom.checked_sub(1)?;
    Some(TABLE.get(row).copied().unwrap_or(1.96))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// That the intervals hold what they promise, on data whose median is known. The generator is fixed, so
    /// the outcome is too.
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

    #[test]
    fn noise_is_pooled_over_cells_of_any_size() {
        // Two of ln 2 apart have the variance (ln 2)²/2 with one degree of freedom each.
        let cells = vec![vec![1.0, 2.0], vec![100.0, 200.0], vec![7.0]];
        let noise = Noise::of(&cells).unwrap();
        assert_eq!(noise.degrees_of_freedom, 2);
        assert!(close(noise.sigma, 2.0_f64.ln() / 2.0_f64.sqrt()));
        assert_eq!(Noise::of(&[vec![1.0], vec![2.0]]), None);
    }

    #[test]
    fn short_runs_say_nothing_about_long_ones() {
        let noises = Noises::of(&[vec![0.01, 0.02], vec![1.0, 1.01], vec![60.0]]);
        assert!(noises.at(0.3).unwrap().sigma > 0.4);
        assert!(noises.at(60.0).unwrap().sigma < 0.01);
        assert!(Noises::of(&[vec![0.01, 0.02]]).at(60.0).is_some());
    }

    #[test]
    fn a_single_run_has_the_noise_of_the_others() {
        let noise = Noise {
            sigma: 0.01,
            degrees_of_freedom: 10,
        };
        let summary = Summary::of(&[60.0], Some(noise)).unwrap();
        let interval = summary.interval.unwrap();
        assert!(close(interval.high, 60.0 * (0.02228_f64).exp()));
        assert!(close(interval.low, 60.0 / (0.02228_f64).exp()));
        assert_eq!(interval.method, Method::PooledNoise);
        assert_eq!(Summary::of(&[60.0], None).unwrap().interval, None);
        // Four runs: half as wide, but for the median's own imprecision.
        let four = Summary::of(&[60.0; 4], Some(noise))
            .unwrap()
            .interval
            .unwrap();
        assert!(close((four.high / 60.0).ln(), 0.02228 * 1.2533 / 2.0));
    }
}
