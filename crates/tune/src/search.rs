//! Which settings gain something: tried one after the other, each in turn with the best so far. Nothing is built here;
//! how long something takes, a [`Bench`] tells.

use build_bench::stats::median;

use crate::TuneError;
use crate::candidates::{Candidate, Facts, Step};
use crate::choices::{Choices, SETTINGS, Setting};
use crate::measurement::{Base, Row, Together, Winner};
use crate::verdict::{PAIRS, Ratio, Speed, Verdict, is_enough, speed};

/// How much of the time that is left a build of all dependencies may take, so that something is left to measure with.
const SHARE_OF_DEPENDENCIES: f64 = 0.6;

/// What builds, and takes the time.
pub trait Bench {
    /// Builds everything with `choices` once, and imports the library; gives its size in bytes. Takes no longer than
    /// `allowed_s` seconds.
    fn prepare(&mut self, choices: &Choices, allowed_s: f64) -> Result<u64, Stop>;

    /// Changes a line in the extension crate and builds; gives the seconds.
    fn time_s(&mut self, choices: &Choices) -> Result<f64, Stop>;

    /// Makes the final link of a build with `choices` again, in turn with the linker in force and with each of `linkers`.
    fn links(&mut self, choices: &Choices, linkers: &[String]) -> Result<Vec<Link>, Stop>;

    /// The seconds since the start.
    fn elapsed_s(&self) -> f64;

    /// Tells the user what is being measured.
    fn tell(&self, what: &str);
}

/// The final link by one linker.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The linker.
    pub name: String,
    /// How long it took, and how long the linker in force, in seconds, round by round.
    pub pairs: Vec<(f64, f64)>,
    /// The size of the library, in bytes.
    pub library_bytes: Option<u64>,
    /// Why it cannot be used.
    pub failure: Option<String>,
}

/// Why there is no time.
#[derive(Debug)]
pub enum Stop {
    /// It does not build, link or import.
    Fails(String),
    /// It would have taken longer than was allowed.
    OutOfTime,
    /// Nothing can go on.
    Error(TuneError),
}

impl From<TuneError> for Stop {
    fn from(error: TuneError) -> Self {
        Self::Error(error)
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The project as it is.
    pub base: Base,
    /// All candidates.
    pub rows: Vec<Row>,
    /// Those that gain something.
    pub winners: Vec<Winner>,
    /// These together.
    pub together: Option<Together>,
}

/// Tries all settings within `budget_s` seconds.
///
/// # Errors
/// If the project does not build as it is, or the user ends it. That a candidate does not build is a result.
pub fn search(facts: &Facts, bench: &mut dyn Bench, budget_s: f64) -> Result<Found, TuneError> {
    let base = base(bench, budget_s)?;
    let mut search = Search {
        bench,
        budget_s,
        base,
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
fn base(bench: &mut dyn Bench, budget_s: f64) -> Result<Base, TuneError> {
    let none = Choices::default();
    bench.tell("the project as it is");
    let mut measured = || {
        let library_bytes = bench.prepare(&none, budget_s)?;
        bench.time_s(&none)?;
        let build_s = bench.time_s(&none)?;
        Ok(Base {
            build_s,
            library_bytes,
        })
    };
    measured().map_err(|stop| match stop {
        Stop::Error(error) => error,
        Stop::Fails(reason) => TuneError::DoesNotBuild { reason },
        Stop::OutOfTime => TuneError::BudgetTooSmall { budget_s },
    })
}

struct Search<'b> {
    bench: &'b mut dyn Bench,
    budget_s: f64,
    base: Base,
    best: Choices,
    rows: Vec<Row>,
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
            let verdict = Verdict::NotMeasured(reason.clone());
            self.rows.push(row(step, name, verdict));
        }
        if step.setting == Setting::Linker {
            return self.linkers(step);
        }
        for candidate in &step.candidates {
            let row = row(step, &candidate.name, Verdict::WithinNoise);
            self.candidate(step, candidate, row)?;
        }
        Ok(())
    }

    /// Measures `candidate`, of which `row` tells what is known already.
    fn candidate(
        &mut self,
        step: &Step,
        candidate: &Candidate,
        mut row: Row,
    ) -> Result<(), TuneError> {
        self.bench
            .tell(&format!("{} = {}", step.setting.title(), candidate.name));
        let measured = match self.measured(candidate) {
            Ok(measured) => measured,
            Err(stop) => {
                row.verdict = verdict_of(stop, candidate)?;
                self.rows.push(row);
                return Ok(());
            }
        };
        let (with, without) = medians(&measured.pairs);
        row.build_s = Some(with);
        row.ratio = Ratio::of(&measured.pairs);
        row.library_bytes = Some(measured.library_bytes);
        row.verdict = match (speed(&measured.pairs), &step.set_by) {
            (Speed::Slower, _) => Verdict::Slower,
            (Speed::Same, _) => Verdict::WithinNoise,
            (Speed::Faster, Some(by)) => Verdict::Yours(by.clone()),
            (Speed::Faster, None) => Verdict::Taken,
        };
        if let (Verdict::Taken, Some(ratio)) = (&row.verdict, row.ratio) {
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
            if row.verdict == Verdict::Taken {
                row.verdict = Verdict::Surpassed;
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

    fn measured(&mut self, candidate: &Candidate) -> Result<Measured, Stop> {
        let left_s = self.left_s();
        if left_s < self.pairs_s() {
            return Err(Stop::OutOfTime);
        }
        let share = if candidate.compiles_dependencies {
            SHARE_OF_DEPENDENCIES
        } else {
            1.0
        };
        let with = self.best.with(&candidate.choices);
        let library_bytes = self.bench.prepare(&with, left_s * share)?;
        let without = self.best.clone();
        let pairs = self.pairs(&with, &without)?;
        Ok(Measured {
            library_bytes,
            pairs,
        })
    }

    /// Times with and without, in turn. What comes first is not always the same one, and the first pair, after which
    /// everything is in memory, does not count.
    fn pairs(&mut self, with: &Choices, without: &Choices) -> Result<Vec<(f64, f64)>, Stop> {
        self.bench.time_s(without)?;
        self.bench.time_s(with)?;
        let mut pairs = Vec::new();
        while !is_enough(&pairs) {
            if self.bench.elapsed_s() > self.budget_s && pairs.len() < PAIRS {
                return Err(Stop::OutOfTime);
            }
            let pair = if pairs.len() % 2 == 0 {
                let first = self.bench.time_s(without)?;
                (self.bench.time_s(with)?, first)
            } else {
                (self.bench.time_s(with)?, self.bench.time_s(without)?)
            };
            pairs.push(pair);
        }
        Ok(pairs)
    }

    /// All linkers by the final link alone, which takes no build; and the fastest of them in builds.
    fn linkers(&mut self, step: &Step) -> Result<(), TuneError> {
        if step.candidates.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = step.candidates.iter().map(|it| it.name.clone()).collect();
        self.bench
            .tell(&format!("the final link with {}", names.join(", ")));
        let left = self.left_s() > self.pairs_s();
        let links = if left {
            self.bench.links(&self.best, &names)
        } else {
            Err(Stop::OutOfTime)
        };
        let links = match links {
            Ok(links) => links,
            Err(stop) => {
                let verdict = verdict_of(stop, &step.candidates[0])?;
                self.rows
                    .extend(names.iter().map(|name| row(step, name, verdict.clone())));
                return Ok(());
            }
        };
        let fastest = fastest(&links).map(|link| link.name.clone());
        for link in &links {
            let row = link_row(step, link, fastest.is_some());
            let candidate = step.candidates.iter().find(|it| it.name == link.name);
            match candidate.filter(|_| fastest.as_ref() == Some(&link.name)) {
                Some(candidate) => self.candidate(step, candidate, row)?,
                None => self.rows.push(row),
            }
        }
        Ok(())
    }

    /// All winners against none: settings that gain something each by itself may gain the same thing.
    fn together(&mut self) -> Result<Option<Together>, TuneError> {
        if self.winners.is_empty() {
            return Ok(None);
        }
        self.bench.tell("all that gains something, together");
        let best = self.best.clone();
        let measured = self
            .bench
            .prepare(&best, f64::INFINITY)
            .and_then(|library_bytes| {
                let pairs = self.pairs(&best, &Choices::default())?;
                Ok(Measured {
                    library_bytes,
                    pairs,
                })
            });
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
        self.budget_s - self.bench.elapsed_s() - self.pairs_s()
    }

    /// What a comparison takes at the pace of the first builds.
    fn pairs_s(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "it is small")]
        let builds = (2 * PAIRS + 2) as f64;
        self.base.build_s * builds
    }
}

fn row(step: &Step, candidate: &str, verdict: Verdict) -> Row {
    Row {
        setting: step.setting,
        now: step.now.clone(),
        candidate: candidate.to_owned(),
        build_s: None,
        ratio: None,
        link_s: None,
        link_ratio: None,
        library_bytes: None,
        verdict,
    }
}

fn link_row(step: &Step, link: &Link, one_is_faster: bool) -> Row {
    let verdict = match (&link.failure, speed(&link.pairs)) {
        (Some(reason), _) => Verdict::Fails(reason.clone()),
        (None, Speed::Faster) if one_is_faster => Verdict::Surpassed,
        (None, Speed::Slower) => Verdict::Slower,
        (None, _) => Verdict::WithinNoise,
    };
    Row {
        link_s: (!link.pairs.is_empty()).then(|| medians(&link.pairs).0),
        link_ratio: Ratio::of(&link.pairs),
        library_bytes: link.library_bytes,
        ..row(step, &link.name, verdict)
    }
}

/// The linker that gains most, if one gains anything.
fn fastest(links: &[Link]) -> Option<&Link> {
    let gains = |link: &&Link| link.failure.is_none() && speed(&link.pairs) == Speed::Faster;
    let ratio = |link: &Link| Ratio::of(&link.pairs).map_or(f64::INFINITY, |it| it.median);
    let faster = links.iter().filter(gains);
    faster.min_by(|one, other| ratio(one).total_cmp(&ratio(other)))
}

fn verdict_of(stop: Stop, candidate: &Candidate) -> Result<Verdict, TuneError> {
    match stop {
        Stop::Error(error) => Err(error),
        Stop::Fails(reason) => Ok(Verdict::Fails(reason)),
        Stop::OutOfTime if candidate.compiles_dependencies => Ok(Verdict::NotMeasured(
            "compiling all dependencies does not fit into the time budget".to_owned(),
        )),
        Stop::OutOfTime => Ok(Verdict::NotMeasured(
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
