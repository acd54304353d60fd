//! What a row of times means.

use serde::{Deserialize, Serialize};
use trial::statistics::ratio;

/// A setting is worth a line in a file if the whole interval of the ratio lies below this.
const WORTH_IT: f64 = 0.97;

/// How many pairs are measured. Their interval is from the lowest to the highest, and holds the median with
/// 95 percent or more.
pub(crate) const PAIRS: usize = 7;
/// How many where those leave it open. Their interval is from the third to the third last.
const MORE_PAIRS: usize = 13;

/// After so many pairs that all are worse than [`HOPELESS`] there is nothing more to be found out.
const HOPELESS_PAIRS: usize = 3;
const HOPELESS: f64 = 1.15;

/// How long something takes, against how long it took without, pair by pair.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The median.
    pub median: f64,
    /// In which it lies with 95 percent. `None`: too few pairs to tell.
    pub interval: Option<(f64, f64)>,
}

impl Ratio {
    /// Of times with and without. `None` if there are none.
    pub(crate) fn of(pairs: &[(f64, f64)]) -> Option<Self> {
        let summary = ratio(pairs, None)?;
        Some(Self {
            median: summary.median,
            interval: summary.interval.map(|it| (it.low, it.high)),
        })
    }
}

/// `0.52 [0.49, 0.55]`
impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2}", self.median)?;
        match self.interval {
            Some((low, high)) => write!(f, " [{low:.2}, {high:.2}]"),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    /// By so much that it is worth it.
    Faster,
    /// No difference that could be told from the noise, or one that is not worth it.
    Same,
    /// It takes longer.
    Slower,
}

/// What the times with and without say.
pub(crate) fn speed(pairs: &[(f64, f64)]) -> Speed {
    if is_hopeless(pairs) {
        return Speed::Slower;
    }
    match Ratio::of(pairs).and_then(|ratio| ratio.interval) {
        Some((_, high)) if high < WORTH_IT => Speed::Faster,
        Some((low, _)) if low > 1.0 => Speed::Slower,
        _ => Speed::Same,
    }
}

/// Whether more pairs would not change what is done.
pub(crate) fn is_enough(pairs: &[(f64, f64)]) -> bool {
    let may_be_faster = Ratio::of(pairs).is_some_and(|ratio| ratio.median < WORTH_IT);
    match pairs.len() {
        MORE_PAIRS.. => true,
        PAIRS if speed(pairs) == Speed::Faster || !may_be_faster => true,
        _ => is_hopeless(pairs),
    }
}

fn is_hopeless(pairs: &[(f64, f64)]) -> bool {
    let is_worse = |(with, without): &(f64, f64)| with / without > HOPELESS;
    pairs.len() >= HOPELESS_PAIRS && pairs.iter().all(is_worse)
}

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "because")]
pub enum CandidateVerdict {
    /// It is faster, and `--apply` writes it.
    Taken,
    /// Or it gains too little.
    WithinNoise,
    /// It takes longer.
    Slower,
    /// It is faster, but another one is faster still.
    Surpassed,
    /// It is faster, but somebody has set this on purpose: where.
    Yours(String),
    /// It was not measured: why.
    NotMeasured(String),
    /// It does not build or import: why.
    Fails(String),
}

/// Why a candidate was not measured: there was no time for a build of all dependencies.
pub(crate) const NO_TIME_FOR_DEPENDENCIES: &str =
    "compiling all dependencies does not fit into the time budget";

/// The same where there was none for the comparison itself.
pub(crate) const NO_TIME: &str = "the time budget is used up";

impl CandidateVerdict {
    /// Whether a longer time budget would tell more.
    pub(crate) fn is_for_want_of_time(&self) -> bool {
        let Self::NotMeasured(reason) = self else {
            return false;
        };
        [NO_TIME_FOR_DEPENDENCIES, NO_TIME].contains(&reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(ratios: &[f64]) -> Vec<(f64, f64)> {
        ratios.iter().map(|ratio| (4.0 * ratio, 4.0)).collect()
    }

    #[test]
    fn only_a_whole_interval_below_the_threshold_is_a_gain() {
        let clear = [0.5, 0.52, 0.48, 0.51, 0.96, 0.5, 0.49];
        assert_eq!(speed(&pairs(&clear)), Speed::Faster);
        assert!(is_enough(&pairs(&clear)));
        // One of seven is not below.
        let unclear = [0.5, 0.52, 0.48, 0.51, 0.98, 0.5, 0.49];
        assert_eq!(speed(&pairs(&unclear)), Speed::Same);
        assert!(!is_enough(&pairs(&unclear)));
        // Of thirteen two may be anywhere.
        let mut more = [0.5; MORE_PAIRS];
        (more[3], more[7]) = (1.5, 1.4);
        assert_eq!(speed(&pairs(&more)), Speed::Faster);
        more[9] = 1.2;
        assert_eq!(speed(&pairs(&more)), Speed::Same);
        assert!(is_enough(&pairs(&more)));
    }

    #[test]
    fn what_can_gain_nothing_is_not_measured_longer() {
        let same = [0.99, 1.01, 0.98, 1.0, 1.02, 0.97, 1.0];
        assert!(is_enough(&pairs(&same)) && !is_enough(&pairs(&same[..6])));
        assert_eq!(speed(&pairs(&same)), Speed::Same);
        assert!(is_enough(&pairs(&[1.3, 1.6, 1.2])));
        assert_eq!(speed(&pairs(&[1.3, 1.6, 1.2])), Speed::Slower);
        assert!(!is_enough(&pairs(&[1.3, 1.6, 1.1])));
        assert_eq!(
            speed(&pairs(&[1.05, 1.02, 1.1, 1.06, 1.04, 1.09, 1.2])),
            Speed::Slower
        );
    }

    #[test]
    fn a_ratio_is_shown_with_its_interval() {
        let ratio = Ratio::of(&pairs(&[0.5, 0.52, 0.48, 0.51, 0.9, 0.5, 0.49])).unwrap();
        assert_eq!(ratio.to_string(), "0.50 [0.48, 0.90]");
        assert_eq!(Ratio::of(&pairs(&[0.5])).unwrap().to_string(), "0.50");
        assert_eq!(Ratio::of(&[]), None);
    }
}
