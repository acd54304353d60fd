//! A proof that the tools of a project leave each other's builds alone.
//!
//! In a copy of the project, with a target directory and an environment of its own, the tools build one after
//! the other, each as one calls it. Nothing changes in between. So what is compiled for the first time is
//! compiled for good, and every unit that is compiled again is one too many. cargo's own notes tell which,
//! and why ([`dev_build::why::observed`]).

mod place;
mod request;
mod row;
mod steps;

use std::time::Instant;

use dev_build::why::observed::{Units, observed};
use environment::vars;
use trial::timed::{Limits, NoTime, timed};

use place::Place;
pub use request::{ProofError, ProofRequest};
pub use row::{Proof, ProofStep, Verdict};
use steps::{Programs, Step, steps};

/// Takes all steps, up to the first that fails and that others need.
///
/// # Errors
/// One of [`ProofError`]. A step that fails is none: the proof tells of it.
pub fn prove(request: &ProofRequest<'_>) -> Result<Proof, ProofError> {
    let place = Place::make(request.project, request.closure, request.home)?;
    let programs = Programs {
        this: request.program,
        uv: &request.uv.path,
        maturin: &request.maturin.path,
        path: &vars::var(vars::PATH).unwrap_or_default(),
        offline: request.offline,
    };
    let mut taken: Vec<ProofStep> = Vec::new();
    for step in steps(&place, &programs) {
        (request.say)("Running", &step.typed());
        let row = take(&place, &step, request)?;
        (request.say)("Compiled", &row.said());
        let is_stuck = row.failed.is_some() && step.others_need_it;
        taken.push(row);
        if is_stuck {
            break;
        }
    }
    Ok(Proof::of(taken))
}

fn take(place: &Place, step: &Step, request: &ProofRequest<'_>) -> Result<ProofStep, ProofError> {
    let limits = Limits {
        is_over: request.is_over,
        deadline: None,
    };
    let before = Units::look(&place.workspace);
    let start = Instant::now();
    let done = timed(&step.command, &place.log(), &[], limits);
    let elapsed_s = start.elapsed().as_secs_f64();
    let failed = match done {
        Ok(_) => None,
        Err(NoTime::Failed(said)) => Some(said),
        Err(NoTime::Interrupted | NoTime::OutOfTime) => return Err(ProofError::Interrupted),
        Err(NoTime::Log(error)) => return Err(error.into()),
        Err(NoTime::Start(error)) => return Err(error.into()),
    };
    let after = Units::look(&place.workspace);
    let seen = observed(&place.project, &place.workspace, &before, &after);
    Ok(ProofStep::new(step, seen, elapsed_s, failed))
}
