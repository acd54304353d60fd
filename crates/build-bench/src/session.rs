//! A measurement from its beginning, or from where it was interrupted, to its end.

use trial::timed::NoTime;

use crate::error::BenchError;
use crate::report::words::duration;
use crate::results::{Cell, Results, Run, State};
use crate::schedule::{Job, MeasuringPlan};

/// Makes runs. The real one builds; the one in tests reads times from a list.
pub(crate) trait Executor {
    /// How long it has been at work, in seconds.
    fn elapsed_s(&self) -> f64;

    fn run(&mut self, job: &Job) -> Result<Run, Stop>;
}

#[derive(Debug)]
pub(crate) enum Stop {
    /// The user has asked to end.
    Interrupted,
    /// The time was over before it ended.
    OutOfTime,
    /// What is measured does not work, or the project has nothing of the kind. Other scenarios may work.
    Failed(String),
    LaneFailed(String),
    Broken(BenchError),
}

impl<E: Into<BenchError>> From<E> for Stop {
    fn from(error: E) -> Self {
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
            NoTime::Start(error) => error.into(),
        }
    }
}

/// Is told how it goes.
pub(crate) trait Observer {
    fn begins(&mut self, job: &Job, progress: Progress);

    /// A run has ended, or a cell will have none; the results are to be kept.
    fn ended(&mut self, results: &Results) -> Result<(), BenchError>;
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Progress {
    /// Runs that were made.
    pub(crate) made: usize,
    /// Runs that are still to be made, if there is time.
    pub(crate) due: usize,
    /// How long that will take.
    pub(crate) left_s: f64,
    pub(crate) estimate_s: f64,
}

/// Makes all runs of `plan` that `results` does not have, as far as time allows. What was measured is kept in
/// `results`, also where there is an error.
pub(crate) fn measure(
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
            let budget = duration(plan.time_budget_s);
            plan.note_missing(results, &format!("no time was left of {budget}"));
            results.state = State::Complete;
            break;
        };
        observer.begins(&job, progress(plan, results, now_s, estimate_s));
        let at_s = results.spent_s;
        let done = executor.run(&job);
        results.spent_s = before_s + executor.elapsed_s();
        if let Err(Stop::Interrupted) = done {
            plan.note_missing(results, "interrupted");
            results.state = State::Interrupted;
            break;
        }
        keep(done, at_s, results, &job)?;
        results.summarise();
        observer.ended(results)?;
    }
    results.summarise();
    observer.ended(results)?;
    Ok(results.state)
}

/// Notes what became of a run that began at `at_s`.
fn keep(
    done: Result<Run, Stop>,
    at_s: f64,
    results: &mut Results,
    job: &Job,
) -> Result<(), BenchError> {
    let (reason, is_of_lane) = match done {
        Ok(run) => {
            if let Some(cell) = results.cell_mut(job.scenario.id, &job.lane) {
                cell.runs.push(Run { at_s, ..run });
            }
            return Ok(());
        }
        Err(Stop::Broken(error)) => return Err(error),
        Err(Stop::Failed(reason)) => (reason, false),
        Err(Stop::LaneFailed(reason)) => (reason, true),
        Err(Stop::OutOfTime | Stop::Interrupted) => ("no time was left".to_owned(), false),
    };
    let lane = results.cells.iter_mut().filter(|it| it.is_on(&job.lane));
    let open = lane.filter(|it| !it.is_closed && it.same_as.is_none());
    open.filter(|it| is_of_lane || it.scenario == job.scenario.id)
        .for_each(|it| close(it, &reason));
    Ok(())
}

/// Has `cell` no more runs.
fn close(cell: &mut Cell, reason: &str) {
    cell.is_closed = true;
    cell.note = Some(match cell.counted().count() {
        0 => format!("not measured: {reason}"),
        made => format!("{made} runs, then: {reason}"),
    });
}

fn progress(plan: &MeasuringPlan, results: &Results, now_s: f64, estimate_s: f64) -> Progress {
    Progress {
        made: results.cells.iter().map(|cell| cell.runs.len()).sum(),
        due: plan.due(results).len(),
        left_s: plan.left_s(results, now_s),
        estimate_s,
    }
}
