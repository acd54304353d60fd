//! The noise of a machine: what all cells of a measurement tell together, for those that have too few runs of their own.

use serde::{Deserialize, Serialize};

use crate::stats::{Interval, Method, as_f64, median, ratios};

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

/// Below this time, in seconds, a run is short: a look of the scheduler in another direction is more of it, so
/// its noise says nothing about that of long ones.
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

    /// The same of the ratios of pairs. What slows down both of a pair is not in it, so it is less than that of times.
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

    /// The interval around the median of `count` observations. `None` where too little is known of the noise: it would
    /// be so wide as to say nothing.
    pub(crate) fn interval(self, median: f64, count: usize) -> Option<Interval> {
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
    use crate::stats::Summary;

    fn close(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9 * other.abs().max(1.0)
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
