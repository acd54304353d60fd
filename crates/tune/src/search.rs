//! Which settings gain something: tried one after the other, each in turn with the best so far. Nothing is
//! built here; how long something takes, a [`Builds`] tells.

mod builds;

use crate::TuneError;
use crate::candidates::{Candidate, Facts, Step};
use crate::choices::{Choices, SETTINGS, Setting};
use crate::measurement::{Base, CandidateRow, Together, Winner};
use crate::verdict::{CandidateVerdict, PAIRS, Ratio, Speed, is_enough, speed};

pub(crate) use builds::{Builds, Stop};
use trial::statistics::median;

/// How much of the time that is left a build of all dependencies may take, so that something is left to
/// measure with.
const SHARE_OF_DEPENDENCIES: f64 = 0.6;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// The project as it is.
    pub(crate) base: Base,
    /// All candidates.
    pub(crate) rows: Vec<CandidateRow>,
    /// Those that gain something.
    pub(crate) winners: Vec<Winner>,
    /// These together.
    pub(crate) together: Option<Together>,
}

/// Tries all settings within `budget_s` seconds.
///
/// # Errors
/// If the project does not build as it is, or the user ends it. That a candidate does not build is a result.
pub(crate) fn search(
    facts: &Facts,
    builds: &mut dyn Builds,
    budget_s: f64,
) -> Result<Found, TuneError> {
    let base = base(builds, budget_s)?;
    let mut search = Search {
        builds,
        budget_s,
        base,
        pace_s: base.build_s,
        best: Choices::default(),
        rows: Vec::new(),
        winners: Vec::new(),
    };
    for setting in SETTINGS {
        let step = facts.step(setting, &search.best);
        search.step(&step)?;
    }
    let together = search.together()?;
    Ok(Found {
        base,
        rows: search.rows,
        winners: search.winners,
        together,
    })
}

/// The project as it is has to build, whatever else does.
fn base(builds: &mut dyn Builds, budget_s: f64) -> Result<Base, TuneError> {
    let none = Choices::default();
    builds.tell("the project as it is");
    let mut measured = || -> Result<Base, Stop> {
        let library_bytes = builds.prepare(&none, budget_s)?;
        builds.time_s(&none)?;
        Ok(Base {
            build_s: builds.time_s(&none)?,
            library_bytes,
        })
    };
    measured().map_err(|stop| stop.of_project(budget_s))
}

struct Search<'b> {
    builds: &'b mut dyn Builds,
    budget_s: f64,
    base: Base,
    best: Choices,
    /// How long a build takes with the best.
    pace_s: f64,
    rows: Vec<CandidateRow>,
    winners: Vec<Winner>,
}

/// A candidate after it was built and measured.
struct Measured {
    library_bytes: u64,
    pairs: Vec<(f64, f64)>,
}

impl Search<'_> {
    fn step(&mut self, step: &Step) -> Result<(), TuneError> {
        for (name, reason) in &step.skipped {
            let verdict = CandidateVerdict::NotMeasured(reason.clone());
            self.rows.push(row(step, name, verdict));
        }
        for candidate in &step.candidates {
            self.candidate(step, candidate)?;
        }
        Ok(())
    }

    fn candidate(&mut self, step: &Step, candidate: &Candidate) -> Result<(), TuneError> {
        let mut row = row(step, &candidate.name, CandidateVerdict::WithinNoise);
        let what = format!("{} = {}", step.setting.title(), candidate.name);
        let measured = match self.measured(candidate, &what) {
            Ok(measured) => measured,
            Err(why) => {
                row.verdict = verdict_of(why, candidate)?;
                self.rows.push(row);
                return Ok(());
            }
        };
        let (with, without) = medians(&measured.pairs);
        row.build_s = Some(with);
        row.ratio = Ratio::of(&measured.pairs);
        row.library_bytes = Some(measured.library_bytes);
        row.verdict = match (speed(&measured.pairs), &step.set_by) {
            (Speed::Slower, _) => CandidateVerdict::Slower,
            (Speed::Same, _) => CandidateVerdict::WithinNoise,
            (Speed::Faster, Some(by)) => CandidateVerdict::Yours(by.clone()),
            (Speed::Faster, None) => CandidateVerdict::Taken,
        };
        if let (CandidateVerdict::Taken, Some(ratio)) = (&row.verdict, row.ratio) {
            self.pace_s = with;
            self.take(
                step.setting,
                &candidate.choices,
                format!("{ratio} of {without:.2} s after an edit"),
            );
        }
        self.rows.push(row);
        Ok(())
    }

    fn take(&mut self, setting: Setting, choices: &Choices, note: String) {
        for row in self.rows.iter_mut().filter(|row| row.setting == setting) {
            if row.verdict == CandidateVerdict::Taken {
                row.verdict = CandidateVerdict::Surpassed;
            }
        }
        self.winners.retain(|winner| winner.setting != setting);
        self.best = self.best.with(choices);
        self.winners.push(Winner {
            setting,
            note,
            choices: choices.clone(),
        });
    }

    fn measured(&mut self, candidate: &Candidate, what: &str) -> Result<Measured, Stop> {
        let left_s = self.left_s();
        if left_s < comparison_s(2, self.pace_s) {
            return Err(Stop::OutOfTime);
        }
        self.builds.tell(what);
        let share = if candidate.compiles_dependencies {
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
    fn together(&mut self) -> Result<Option<Together>, TuneError> {
        if self.winners.is_empty() {
            return Ok(None);
        }
        self.builds.tell("all that gains something, together");
        let measured = self.compared(&self.best.clone(), &Choices::default(), f64::INFINITY);
        match measured {
            Ok(Measured {
                library_bytes,
                pairs,
            }) => {
                let (build_s, without_s) = medians(&pairs);
                Ok(Ratio::of(&pairs).map(|ratio| Together {
                    build_s,
                    without_s,
                    ratio,
                    library_bytes,
                    is_worth_it: speed(&pairs) == Speed::Faster,
                }))
            }
            Err(Stop::Error(error)) => Err(error),
            Err(Stop::Fails(_) | Stop::OutOfTime) => Ok(None),
        }
    }

    /// The seconds that are left, without what the last comparison takes.
    fn left_s(&self) -> f64 {
        let last_s = comparison_s(1, self.base.build_s) + comparison_s(1, self.pace_s);
        self.budget_s - self.builds.elapsed_s() - last_s
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

fn verdict_of(stop: Stop, candidate: &Candidate) -> Result<CandidateVerdict, TuneError> {
    match stop {
        Stop::Error(error) => Err(error),
        Stop::Fails(reason) => Ok(CandidateVerdict::Fails(reason)),
        Stop::OutOfTime if candidate.compiles_dependencies => Ok(CandidateVerdict::NotMeasured(
            "compiling all dependencies does not fit into the time budget".to_owned(),
        )),
        Stop::OutOfTime => Ok(CandidateVerdict::NotMeasured(
            "the time budget is used up".to_owned(),
        )),
    }
}

/// Of the times with and of those without.
fn medians(pairs: &[(f64, f64)]) -> (f64, f64) {
    let (with, without): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    (
        median(&with).unwrap_or_default(),
        median(&without).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests;
