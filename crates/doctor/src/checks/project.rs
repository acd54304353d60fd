//! Whether the project can be read at all, and a build be begun.

use crate::facts::Facts;
use crate::finding::{Found, Judged, Problem};

const CORRECT: &str = "correct what the message names, and run `cargo xtask doctor` again";

pub(crate) fn project(facts: &Facts) -> Judged {
    let of_project = match (&facts.project, &facts.config) {
        (Err(problem), _) => Some(problem),
        // cargo reads its configuration before anything else, and says the same of it.
        (Ok(_), Err(_)) => None,
        // cargo says less of some of these mistakes, and nothing of the others.
        (Ok(_), Ok(_)) => facts.mistake.as_ref().or_else(|| of_cargo(facts)),
    };
    let problems = of_project.into_iter().chain(facts.config.as_ref().err());
    let problems: Vec<_> = problems
        .map(|problem| problem.clone().or_cure(CORRECT))
        .collect();
    Ok(match &facts.project {
        Ok(project) if problems.is_empty() => {
            let (name, extension) = (project.name(), &project.extension);
            let (module, crate_name) = (&extension.module, &extension.crate_name);
            Found::ok(format!(
                "{name}, whose extension {module} is the crate {crate_name}"
            ))
        }
        _ => Found::Problems(problems),
    })
}

/// What cargo says of the workspace. Of a toolchain that is missing another check tells.
fn of_cargo(facts: &Facts) -> Option<&Problem> {
    let is_asked = facts.toolchain.missing.is_none();
    facts.workspace.as_ref().err().filter(|_| is_asked)
}
