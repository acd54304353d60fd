//! Which settings gain something: tried one after the other, each in turn with the best so far. Nothing is
//! built here; how long something takes, a [`Builds`] tells.

use trial::statistics::median;
use trial::timed::NoTime;

use crate::TuneError;
use crate::candidates::{Candidate, Facts, Step};
use crate::choices::{Choices, SETTINGS, Setting};
use crate::measurement::{BaseBuild, CandidateRow, Measurement, SCHEMA, Winner, WinnersTogether};
use crate::verdict::{
    CandidateVerdict, NO_TIME, NO_TIME_FOR_DEPENDENCIES, PAIRS, Ratio, Speed, is_enough, speed,
};

/// How much of the time that is left a build of all dependencies may take, so that something is left to
/// measure with.
const SHARE_OF_DEPENDENCIES: f64 = 0.6;

pub(crate) trait Builds {
    /// Builds everything with `choices` once, and imports the library; gives its size in bytes. Takes no
    /// longer than `allowed_s` seconds.
    fn prepare(&mut self, choices: &Choices, allowed_s: f64) -> Result<u64, Stop>;

    /// Changes a line in the extension crate and builds; gives the seconds.
    fn time_s(&mut self, choices: &Choices) -> Result<f64, Stop>;

    fn elapsed_s(&self) -> f64;

    fn tell(&self, what: &str);
}

#[derive(Debug)]
pub(crate) enum Stop {
    /// It does not build, link or import.
    Fails(String),
    /// It would have taken longer than was allowed.
    OutOfTime,
    Error(TuneError),
}

impl Stop {
    /// Why nothing can be measured, where it was the project as it is that was built.
    pub(crate) fn of_project(self, budget_s: f64) -> TuneError {
        match self {
            Self::Error(error) => error,
            Self::Fails(reason) => TuneError::DoesNotBuild { reason },
            Self::OutOfTime => TuneError::BudgetTooSmall { budget_s },
        }
    }
}

impl<E: Into<TuneError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl From<NoTime> for Stop {
    fn from(why: NoTime) -> Self {
        match why {
            NoTime::Interrupted => TuneError::Interrupted.into(),
            NoTime::OutOfTime => Self::OutOfTime,
            NoTime::Failed(said) => Self::Fails(said),
            NoTime::Log(error) => error.into(),
            NoTime::Start(error) => error.into(),
        }
    }
}

/// Tries all settings within `budget_s` seconds. Of what they were tried is left open.
///
/// # Errors
/// If the project does not build as it is, or the user ends it. That a candidate does not build is a result.
pub(crate) fn search(
    facts: &Facts,
    builds: &mut dyn Builds,
    budget_s: f64,
) -> Result<Measurement, TuneError> {
    let base = base(builds, budget_s).map_err(|stop| stop.of_project(budget_s))?;
    let mut search = Search {
        builds,
        budget_s,
        pace_s: base.build_s,
        best: Choices::default(),
        found: Measurement {
            schema: SCHEMA,
            base,
            ..Measurement::default()
        },
        alone: None,
    };
    for setting in search.order(facts) {
        let step = facts.step(setting, &search.best);
        search.step(&step)?;
    }
    search.found.together = search.together()?;
    Ok(search.found)
}

/// The project as it is.
fn base(builds: &mut dyn Builds, budget_s: f64) -> Result<BaseBuild, Stop> {
    let none = Choices::default();
    builds.tell("the project as it is");
    let library_bytes = builds.prepare(&none, budget_s)?;
    // Afterwards everything is in memory.
    builds.time_s(&none)?;
    Ok(BaseBuild {
        build_s: builds.time_s(&none)?,
        library_bytes,
    })
}

struct Search<'b> {
    builds: &'b mut dyn Builds,
    budget_s: f64,
    best: Choices,
    /// How long a build takes with the best.
    pace_s: f64,
    found: Measurement,
    /// The one winner, as it was measured against none.
    alone: Option<WinnersTogether>,
}

/// A candidate after it was built and measured.
struct Measured {
    library_bytes: u64,
    pairs: Vec<(f64, f64)>,
}

impl Search<'_> {
    /// What gains most comes first. Where compiling all dependencies may leave too little time for the
    /// settings that need no such build, these come before.
    fn order(&self, facts: &Facts) -> Vec<Setting> {
        let is_cheap = |setting: &Setting| !setting.compiles_dependencies();
        let cheap = SETTINGS.into_iter().filter(is_cheap);
        let candidates: usize = cheap
            .map(|setting| facts.step(setting, &self.best).candidates.len())
            .sum();
        let after_dependencies_s = self.left_s() * (1.0 - SHARE_OF_DEPENDENCIES);
        let mut order = SETTINGS.to_vec();
        if after_dependencies_s < comparison_s(2 * candidates, self.pace_s) {
            order.sort_by_key(|setting| setting.compiles_dependencies());
        }
        order
    }

    fn step(&mut self, step: &Step) -> Result<(), TuneError> {
        for (name, reason) in &step.skipped {
            let verdict = CandidateVerdict::NotMeasured(reason.clone());
            self.found.rows.push(row(step, name, verdict));
        }
        for candidate in &step.candidates {
            let row = self.candidate(step, candidate)?;
            self.found.rows.push(row);
        }
        Ok(())
    }

    fn candidate(&mut self, step: &Step, candidate: &Candidate) -> Result<CandidateRow, TuneError> {
        let measured = match self.measured(step.setting, candidate) {
            Ok(measured) => measured,
            Err(why) => return Ok(row(step, &candidate.name, unmeasured(why, step.setting)?)),
        };
        let (with_s, without_s) = medians(&measured.pairs);
        let ratio = Ratio::of(&measured.pairs);
        let verdict = match (speed(&measured.pairs), &step.set_by) {
            (Speed::Slower, _) => CandidateVerdict::Slower,
            (Speed::Same, _) => CandidateVerdict::WithinNoise,
            (Speed::Faster, Some(by)) => CandidateVerdict::Yours(by.clone()),
            (Speed::Faster, None) => CandidateVerdict::Taken,
        };
        if let (CandidateVerdict::Taken, Some(ratio)) = (&verdict, ratio) {
            self.pace_s = with_s;
            let is_first = self.best == Choices::default();
            self.alone = is_first.then_some(WinnersTogether {
                build_s: with_s,
                without_s,
                ratio,
                library_bytes: measured.library_bytes,
                is_worth_it: true,
            });
            let note = format!("{ratio} of {without_s:.2} s after an edit");
            self.take(step.setting, &candidate.choices, note);
        }
        Ok(CandidateRow {
            build_s: Some(with_s),
            ratio,
            library_bytes: Some(measured.library_bytes),
            ..row(step, &candidate.name, verdict)
        })
    }

    fn take(&mut self, setting: Setting, choices: &Choices, note: String) {
        let rows = self.found.rows.iter_mut();
        let same = rows.filter(|row| row.setting == setting);
        for row in same.filter(|row| row.verdict == CandidateVerdict::Taken) {
            row.verdict = CandidateVerdict::Surpassed;
        }
        self.found.winners.retain(|it| it.setting != setting);
        self.best = self.best.with(choices);
        self.found.winners.push(Winner {
            setting,
            note,
            choices: choices.clone(),
        });
    }

    fn measured(&mut self, setting: Setting, candidate: &Candidate) -> Result<Measured, Stop> {
        let left_s = self.left_s();
        if left_s < comparison_s(2, self.pace_s) {
            return Err(Stop::OutOfTime);
        }
        let what = format!("{} = {}", setting.title(), candidate.name);
        self.builds.tell(&what);
        let share = if setting.compiles_dependencies() {
            SHARE_OF_DEPENDENCIES
        } else {
            1.0
        };
        let with = self.best.with(&candidate.choices);
        self.compared(&with, &self.best.clone(), left_s * share)
    }

    /// Builds everything with the choices `with` first.
    fn compared(
        &mut self,
        with: &Choices,
        without: &Choices,
        allowed_s: f64,
    ) -> Result<Measured, Stop> {
        Ok(Measured {
            library_bytes: self.builds.prepare(with, allowed_s)?,
            pairs: self.pairs(with, without)?,
        })
    }

    /// Times with and without, in turn. What comes first is not always the same one, and the first pair,
    /// after which everything is in memory, does not count.
    fn pairs(&mut self, with: &Choices, without: &Choices) -> Result<Vec<(f64, f64)>, Stop> {
        self.builds.time_s(without)?;
        self.builds.time_s(with)?;
        let mut pairs = Vec::new();
        while !is_enough(&pairs) {
            if self.builds.elapsed_s() > self.budget_s && pairs.len() < PAIRS {
                return Err(Stop::OutOfTime);
            }
            let pair = if pairs.len() % 2 == 0 {
                let first = self.builds.time_s(without)?;
                (self.builds.time_s(with)?, first)
            } else {
                (self.builds.time_s(with)?, self.builds.time_s(without)?)
            };
            pairs.push(pair);
        }
        Ok(pairs)
    }

    /// All winners against none: settings that gain something each by itself may gain the same thing.
    fn together(&mut self) -> Result<Option<WinnersTogether>, TuneError> {
        // One by itself was measured against none already.
        if self.found.winners.is_empty() || self.alone.is_some() {
            return Ok(self.alone.take());
        }
        self.builds.tell("all that gains something, together");
        let measured = self.compared(&self.best.clone(), &Choices::default(), f64::INFINITY);
        let Measured {
            library_bytes,
            pairs,
        } = match measured {
            Ok(measured) => measured,
            Err(Stop::Error(error)) => return Err(error),
            Err(Stop::Fails(_) | Stop::OutOfTime) => return Ok(None),
        };
        let (build_s, without_s) = medians(&pairs);
        Ok(Ratio::of(&pairs).map(|ratio| WinnersTogether {
            build_s,
            without_s,
            ratio,
            library_bytes,
            is_worth_it: speed(&pairs) == Speed::Faster,
        }))
    }

    /// The seconds that are left, without what the last comparison takes. There is none before something has
    /// gained: one winner by itself needs no other.
    fn left_s(&self) -> f64 {
        let left_s = self.budget_s - self.builds.elapsed_s();
        if self.found.winners.is_empty() {
            return left_s;
        }
        let base_s = self.found.base.build_s;
        left_s - comparison_s(1, base_s) - comparison_s(1, self.pace_s)
    }
}

/// The seconds that a comparison takes of which `sides` sides take `build_s` each: the pairs, and one to warm
/// up.
fn comparison_s(sides: usize, build_s: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "it is small")]
    let count = (sides * (PAIRS + 1)) as f64;
    build_s * count
}

fn row(step: &Step, candidate: &str, verdict: CandidateVerdict) -> CandidateRow {
    CandidateRow {
        setting: step.setting,
        now: step.now.clone(),
        candidate: candidate.to_owned(),
        build_s: None,
        ratio: None,
        library_bytes: None,
        verdict,
    }
}

fn unmeasured(stop: Stop, setting: Setting) -> Result<CandidateVerdict, TuneError> {
    let reason = match stop {
        Stop::Error(error) => return Err(error),
        Stop::Fails(reason) => return Ok(CandidateVerdict::Fails(reason)),
        Stop::OutOfTime if setting.compiles_dependencies() => NO_TIME_FOR_DEPENDENCIES,
        Stop::OutOfTime => NO_TIME,
    };
    Ok(CandidateVerdict::NotMeasured(reason.to_owned()))
}

/// Of the times with and of those without.
fn medians(pairs: &[(f64, f64)]) -> (f64, f64) {
    let (with, without): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    let [with, without] = [with, without].map(|it| median(&it).unwrap_or_default());
    (with, without)
}

#[cfg(test)]
mod tests;
