//! The interpreter and the environment.

use python_tools::places::Why;
use python_tools::venv::{VenvError, VenvPlan};

use crate::facts::{Environment, Facts};
use crate::finding::{Found, Judged, Problem, Skipped};

pub(crate) fn interpreter(facts: &Facts) -> Judged {
    let requires = facts.project()?.environment_python.as_ref();
    let allowed = requires.map_or_else(String::new, |it| format!(" (requires-python is `{it}`)"));
    let environment = facts.environment()?;
    match &environment.plan {
        Ok(VenvPlan::Use(venv)) => Ok(Found::ok(format!("{}{allowed}", venv.python))),
        Ok(VenvPlan::Create { base, .. }) => {
            let (python, program) = (base, &base.executable);
            Ok(Found::ok(format!(
                "{python} at {program}, of which the environment will be made{allowed}"
            )))
        }
        Err(error) if is_about_python(error) => Ok(problem(environment, error).into()),
        Err(_) => Err(Skipped("the environment is not to be used".to_owned())),
    }
}

pub(crate) fn environment(facts: &Facts) -> Judged {
    let environment = facts.environment()?;
    let (found, why) = match &environment.place {
        Ok(place) => place,
        Err(error) => return Ok(Problem::of(error).into()),
    };
    if let Err(error) = &environment.plan
        && !is_about_python(error)
    {
        return Ok(problem(environment, error).into());
    }
    if let Ok(VenvPlan::Use(venv)) = &environment.plan
        && let Err(error) = venv.require_writable()
    {
        return Ok(Problem::of(&error).into());
    }
    let root = facts.shown(&found.root);
    Ok(Found::ok(in_force(
        root.as_str(),
        found.is_there(),
        *why,
        environment.unused.as_deref(),
    )))
}

/// Which environment is in force, and why.
fn in_force(root: &str, is_there: bool, why: Why, unused: Option<&str>) -> String {
    let absent = if is_there {
        ""
    } else {
        "; it is not there yet, `cargo xtask dev` makes it"
    };
    let unused = unused.map_or_else(String::new, |it| format!("; {it}"));
    format!("{root}, {why}{absent}{unused}")
}

/// Whether another environment would not help.
fn is_about_python(error: &VenvError) -> bool {
    matches!(
        error,
        VenvError::Python(_)
            | VenvError::NotAllowed { .. }
            | VenvError::VersionNotAllowed { .. }
            | VenvError::OtherPython { .. }
    )
}

/// The error, with what helps where the environment is.
fn problem(environment: &Environment, error: &VenvError) -> Problem {
    let problem = Problem::of(error);
    match (error, &environment.place) {
        (VenvError::NotAllowed { .. }, Ok((found, why))) if found.is_there() => {
            problem.with_cure(found.way_out(*why))
        }
        _ => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_which_environment_counts_and_why() {
        for (is_there, why, unused, expected) in [
            (true, Why::Own, None, ".venv, that of the project"),
            (
                false,
                Why::Nowhere,
                None,
                ".venv, where uv would make it; it is not there yet, `cargo xtask dev` makes it",
            ),
            (
                true,
                Why::OfWorkspace,
                Some("/conda is active"),
                ".venv, that of the uv workspace; /conda is active",
            ),
        ] {
            assert_eq!(in_force(".venv", is_there, why, unused), expected);
        }
    }
}
