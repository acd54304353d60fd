//! A cache that was switched on or off, and what is to be said of it then.

use camino::Utf8Path;
use cargo_settings::Files;
use config_edit::retried;
use processes::Say;
use python_tools::Toolbox;

use crate::CacheError;
use crate::enable::{CachePlan, EnableRequest, enable, plan_disable};
use crate::scope::Scope;
use crate::status::{Problem, status};

/// What was written, and what is to be said of it.
#[derive(Debug)]
pub struct Switched {
    /// What was written.
    pub plan: CachePlan,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// What it means: a verb and a sentence each.
    pub lines: Vec<(&'static str, String)>,
}

/// Switches on what `request` means, and looks whether it is in force.
///
/// # Errors
/// One of [`CacheError`]; nothing has been written then, unless cargo's configuration cannot be read again.
pub fn switch_on(
    files: &Files,
    toolbox: &Toolbox,
    request: &EnableRequest,
    say: Say<'_>,
) -> Result<Switched, CacheError> {
    let plan = enable(files, toolbox, request, say)?;
    let problems = status(&files.root)?.problems;
    let problems = problems.iter().map(Problem::to_string);
    Ok(Switched {
        warnings: plan.notes.iter().cloned().chain(problems).collect(),
        lines: plan.lines(),
        plan,
    })
}

/// Takes back what was switched on in `scopes` wherever `places` have it, and looks whether another one is in
/// force. Needs neither cargo nor a configuration that cargo accepts.
///
/// # Errors
/// One of [`CacheError`], also where a file is no TOML: all others have been changed then.
pub fn switch_off(
    root: &Utf8Path,
    places: &[Files],
    scopes: &[Scope],
) -> Result<Switched, CacheError> {
    let planned_and_written = || {
        let plan = plan_disable(places, scopes)?;
        plan.apply()?;
        Ok(plan)
    };
    let mut plan = retried(planned_and_written, CacheError::edit_error)?;
    if let Some(error) = plan.unreadable.take() {
        return Err(error.into());
    }
    let left = match status(root) {
        Ok(status) => status.still_in_force(),
        Err(error) => Some(format!(
            "cannot tell whether another one is in force: {error}"
        )),
    };
    let line = match (&left, plan.is_empty()) {
        (Some(_), _) => None,
        (None, true) => Some(("Fresh", "no compiler cache was switched on")),
        (None, false) => Some(("Disabled", "what is in the cache is still there")),
    };
    let lines = line.into_iter().map(|(verb, text)| (verb, text.to_owned()));
    Ok(Switched {
        warnings: plan.notes.iter().cloned().chain(left).collect(),
        lines: lines.collect(),
        plan,
    })
}
