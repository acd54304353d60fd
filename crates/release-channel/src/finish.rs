//! Publishing: look, plan, apply, until there is nothing left to do.

use packaging::shown;
use processes::Say;

use crate::client::Client;
use crate::error::ReleaseError;
use crate::local::Ours;
use crate::patience::Failures;
use crate::plan::{Aim, ReleasePlan, ReleaseVerdict};
use crate::published::Published;
use crate::snapshot::Snapshot;

/// As many builds as are kept unless something else is said: the newest, the one before, whose manifest is
/// read while that of the newest is exchanged, and the one before that, for whoever has read its manifest a
/// moment ago.
pub const KEEP: usize = 3;

/// How often it is looked, at most. A publish that nothing disturbs takes four rounds.
const ROUNDS: u32 = 30;

/// How it has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whose build the release holds now.
    pub verdict: ReleaseVerdict,
    /// What the release says now; none if it was only planned, and nothing is published yet.
    pub published: Option<Published>,
    /// The page of the release, if there is one.
    pub page: Option<String>,
    /// What was done, or, if it was only planned, what would be done first.
    pub steps: Vec<String>,
}

/// Makes the release hold `ours`, unless it holds something newer, and keeps the `keep` newest builds.
pub fn finish(
    client: &Client<'_>,
    ours: &Ours,
    keep: usize,
    say: Say<'_>,
) -> Result<Outcome, ReleaseError> {
    let mut done = Vec::new();
    let mut failures = Failures::default();
    let mut left = String::new();
    for _ in 0..ROUNDS {
        let (now, plan) = look(client, ours, keep)?;
        if plan.steps.is_empty() {
            return Ok(outcome(now, plan.verdict, done));
        }
        left = plan
            .steps
            .iter()
            .map(|step| format!("    {step}\n"))
            .collect();
        for step in &plan.steps {
            match crate::apply::apply(client, step, now.release.as_ref(), ours) {
                Ok(()) => {
                    say("Done", &step.to_string());
                    done.push(step.to_string());
                    failures = Failures::default();
                }
                // What is there now decides what comes next.
                Err(error) => {
                    client.patience.after(error, &mut failures)?;
                    break;
                }
            }
        }
    }
    Err(ReleaseError::Restless {
        rounds: ROUNDS,
        steps: left,
    })
}

/// What [`finish`] would do first.
pub fn plan(client: &Client<'_>, ours: &Ours, keep: usize) -> Result<Outcome, ReleaseError> {
    let (now, plan) = look(client, ours, keep)?;
    let steps = plan.steps.iter().map(ToString::to_string).collect();
    Ok(outcome(now, plan.verdict, steps))
}

fn look(
    client: &Client<'_>,
    ours: &Ours,
    keep: usize,
) -> Result<(Snapshot, ReleasePlan), ReleaseError> {
    let manifest = &ours.manifest;
    let now = Snapshot::read(
        client,
        &manifest.release_tag,
        &manifest.name,
        &manifest.commit,
    )?;
    let repository = &client.gh.repository;
    let plan = ReleasePlan::new(
        &now,
        &Aim {
            ours,
            repository,
            keep,
        },
    )?;
    Ok((now, plan))
}

fn outcome(now: Snapshot, verdict: ReleaseVerdict, steps: Vec<String>) -> Outcome {
    Outcome {
        verdict,
        published: now.current.or(now.previous),
        page: now.release.map(|release| shown(&release.html_url, 300)),
        steps,
    }
}
