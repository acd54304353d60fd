//! The compiler cache that cargo calls.

use cargo_settings::{Files, Layers, Origin};
use compiler_cache::status::{InForce, Problem as CacheProblem};
use config_edit::EditError;

use crate::drafts::Drafts;
use crate::facts::Facts;
use crate::finding::{Found, Judged, Problem};

pub(crate) fn wrapper(facts: &Facts) -> Judged {
    let status = facts.cache()?;
    let is_safe = status
        .wrapper
        .as_ref()
        .is_some_and(|it| is_gone(it) && is_here(facts));
    let problems = status.problems.iter();
    let problems = problems.map(|it| told(it, is_safe)).collect();
    Ok(Found::of(problems, || match &status.wrapper {
        None => "no compiler cache is switched on".to_owned(),
        Some(it) => {
            let version = it.version.as_deref().unwrap_or_default();
            format!("{} {version}, which {} names", it.program, it.origin)
        }
    }))
}

fn told(problem: &CacheProblem, is_safe: bool) -> Problem {
    Problem::new(&problem.message, &problem.help).fixable(is_safe)
}

/// Whether it is one of ours whose program is not there.
fn is_gone(wrapper: &InForce) -> bool {
    wrapper.is_ours && wrapper.path.is_none()
}

/// Whether a file of the project names it, and not one of the user's that holds for all projects.
fn is_here(facts: &Facts) -> bool {
    let setting = facts.config().ok().and_then(Layers::rustc_wrapper);
    let origin = setting.map(|setting| setting.origin);
    let is_of = |files: &Files| match &origin {
        Some(Origin::File(path)) => [&files.tracked, &files.local].contains(&path),
        _ => false,
    };
    facts.files().is_ok_and(|files| is_of(&files))
}

pub(crate) fn repair(_: &Facts, drafts: &mut Drafts) -> Result<(), EditError> {
    if let Some(cargo) = &mut drafts.cargo {
        cargo.without_wrapper = true;
    }
    Ok(())
}
