//! A measurement from its beginning, or from where it was interrupted, to its end.

use trial::files::FileError;
use trial::timed::NoTime;

use crate::error::BenchError;
use crate::report::words::duration;
use crate::results::{Results, Run, State};
use crate::schedule::{Job, MeasuringPlan};

/// Makes runs. The real one builds; the one in tests reads times from a list.
pub trait Executor {
    /// How long it has been at work, in seconds.
    fn elapsed_s(&self) -> f64;

    /// Makes one run.
    fn run(&mut self, job: &Job) -> Result<Run, Stop>;
}

/// Why there is no run.
#[derive(Debug)]
pub enum Stop {
    /// The user has asked to end.
    Interrupted,
    /// The time was over before it ended.
    OutOfTime,
    /// What is measured does not work, for this reason. Other scenarios may.
    Failed(String),
    /// Nothing works on this lane, for this reason.
    LaneFailed(String),
    /// We cannot go on.
    Broken(BenchError),
}

impl From<BenchError> for Stop {
    fn from(error: BenchError) -> Self {
        Self::Broken(error)
    }
}

impl From<FileError> for Stop {
    fn from(error: FileError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<NoTime> for Stop {
    fn from(why: NoTime) -> Self {
        match why {
            NoTime::Interrupted => Self::Interrupted,
            NoTime::OutOfTime => Self::OutOfTime,
            NoTime::Failed(said) => Self::Failed(said),
            NoTime::Log(error) => error.into(),
            NoTime::Start(error) => Self::Broken(BenchError::Prepare(error)),
        }
    }
}

/// Is told how it goes.
pub trait Observer {
    /// A run begins.
    fn begins(&mut self, job: &Job, progress: Progress);

    /// A run has ended, or a cell will have none; the results are to be kept.
    fn ended(&mut self, results: &Results) -> Result<(), BenchError>;
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Runs that were made.
    pub made: usize,
    /// Runs that are still to be made, if there is time.
    pub due: usize,
    /// How long that will take, in seconds.
    pub left_s: f64,
    /// How long this run will take, in seconds.
    pub estimate_s: f64,
}

/// Makes all runs of `plan` that `results` does not have, as far as time allows.
///
/// # Errors
/// [`BenchError`], with all that was measured kept in `results`.
pub fn measure(
    plan: &MeasuringPlan,
    results: &mut Results,
    executor: &mut dyn Executor,
    observer: &mut dyn Observer,
) -> Result<State, BenchError> {
    let before_s = results.spent_s;
    results.state = State::Running;
    loop {
        // The budget is that of this call, whatever an earlier one has taken.
        let now_s = executor.elapsed_s();
        results.spent_s = before_s + now_s;
        let Some((job, estimate_s)) = plan.next(results, now_s) else {
            break;
        };
        observer.begins(&job, progress(plan, results, now_s, estimate_s));
        let at_s = results.spent_s;
        let done = executor.run(&job);
        results.spent_s = before_s + executor.elapsed_s();
        match done {
            Ok(run) => results.add(job.scenario, &job.lane, Run { at_s, ..run }),
            Err(Stop::Interrupted) => {
                plan.note_missing(results, "interrupted");
                return end(State::Interrupted, results, observer);
            }
            Err(Stop::OutOfTime) => close(results, &job, "no time was left"),
            Err(Stop::Failed(reason)) => close(results, &job, &reason),
            Err(Stop::LaneFailed(reason)) => close_lane(results, &job, &reason),
            Err(Stop::Broken(error)) => return Err(error),
        }
        results.summarise();
        observer.ended(results)?;
    }
    let budget = duration(plan.time_budget_s);
    plan.note_missing(results, &format!("no time was left of {budget}"));
    end(State::Complete, results, observer)
}

fn end(
    state: State,
    results: &mut Results,
    observer: &mut dyn Observer,
) -> Result<State, BenchError> {
    results.state = state;
    results.summarise();
    observer.ended(results)?;
    Ok(state)
}

fn progress(plan: &MeasuringPlan, results: &Results, now_s: f64, estimate_s: f64) -> Progress {
    Progress {
        made: results.cells.iter().map(|cell| cell.runs.len()).sum(),
        due: plan.due(results).len(),
        left_s: plan.left_s(results, now_s),
        estimate_s,
    }
}

fn close(results: &mut Results, job: &Job, reason: &str) {
    if let Some(cell) = results.cell_mut(job.scenario, &job.lane) {
        cell.is_closed = true;
        cell.note = Some(match cell.counted().count() {
            0 => format!("not measured: {reason}"),
            made => format!("{made} runs, then: {reason}"),
        });
    }
}

fn close_lane(results: &mut Results, job: &Job, reason: &str) {
    let (strategy, setting) = (job.lane.strategy.id, job.lane.setting.id);
    let cells = results.cells.iter_mut();
    let cells = cells.filter(|cell| cell.strategy == strategy && cell.setting == setting);
    for cell in cells.filter(|cell| !cell.is_closed && cell.same_as.is_none()) {
        cell.is_closed = true;
        cell.note = Some(format!("not measured: {reason}"));
    }
}
