//! What is installed, and what uv would build.

use config_edit::EditError;
use dev_build::status::{Status, Verdict};
use dev_build::uv_build;

use crate::drafts::Drafts;
use crate::facts::Facts;
use crate::finding::{Found, Judged, Problem};

const DEV: &str = "`cargo xtask dev`";

pub(crate) fn installed(facts: &Facts) -> Judged {
    Ok(of_status(facts.status()?))
}

fn of_status(status: &Status) -> Found {
    let module = &status.module;
    let text = match status.verdict {
        Verdict::Fresh => return Found::ok(format!("{module} is what the sources say")),
        Verdict::Missing => return Found::ok(format!("{module} is not built yet; {DEV} does")),
        Verdict::Stale => {
            let changed = match status.changed.as_slice() {
                [] => "something has".to_owned(),
                [one] => format!("{one} has"),
                [first, rest @ ..] => format!("{first} and {} more have", rest.len()),
            };
            format!("{module} is older than its sources: {changed} changed since it was built")
        }
        Verdict::Shadowed => {
            let other = status
                .shadowed_by
                .as_ref()
                .map_or("another file", |it| it.as_str());
            format!("{module} is shadowed: Python imports {other} instead")
        }
        Verdict::Foreign => {
            let venv = &status.venv;
            format!(
                "{module} in {venv} was not built by `cargo xtask dev` in this checkout, so nothing is known of it"
            )
        }
    };
    Found::problem(text, DEV)
}

pub(crate) fn cache_keys(facts: &Facts) -> Judged {
    let project = facts.project()?;
    let (change, is_written) = (facts.keys()?, project.pyproject.uv_cache_keys().is_some());
    if change.is_empty() {
        return Ok(Found::ok("uv looks at what the extension is made of"));
    }
    if !project.pyproject.is_built_by_uv() {
        return Ok(Found::ok("uv does not build the project"));
    }
    let text = if is_written {
        "the keys in pyproject.toml are not those of the crates as they are: uv would not notice some changes"
    } else {
        "pyproject.toml has none: after a change in Rust, `uv run` runs what was built before"
    };
    Ok(Problem::new(text, "`cargo xtask cache-keys`")
        .fixable(true)
        .into())
}

pub(crate) fn repair_cache_keys(facts: &Facts, drafts: &mut Drafts) -> Result<(), EditError> {
    if let (Some(file), Ok(project), Ok(closure)) =
        (&mut drafts.pyproject, facts.project(), facts.closure())
    {
        cache_keys::plan::edit(file, project, closure)?;
    }
    Ok(())
}

pub(crate) fn editable(facts: &Facts) -> Judged {
    let project = facts.project()?;
    let options = facts.last_options();
    let Some(differs) = uv_build::difference(project, &options) else {
        return Ok(Found::ok("uv builds what `dev` does, or nothing"));
    };
    let last = if facts.state.is_some() {
        "than the last `dev` did"
    } else {
        "than `dev` does"
    };
    let text = format!("after a change, `uv run` and `uv sync` build otherwise {last}: {differs}");
    let command = if facts.state.is_some() {
        "`cargo xtask editable`"
    } else {
        "`cargo xtask editable --profile dev`"
    };
    Ok(match uv_build::plan(project, &options) {
        Ok(change) if !change.is_empty() => {
            // In pyproject.toml, features are those of wheels as well: that is for the user to decide.
            let chooses = options.all_features || options.no_default_features;
            let is_safe = !chooses && options.features.is_empty();
            Problem::new(text, command).fixable(is_safe).into()
        }
        Ok(_) => {
            let cure = "write what is wanted under [tool.maturin] in pyproject.toml, and run `cargo xtask dev` without options";
            Found::problem(text, cure)
        }
        Err(error) => {
            let Problem {
                text: reason, cure, ..
            } = Problem::of(&error);
            Found::problem(format!("{text}; {reason}"), cure.unwrap_or_default())
        }
    })
}

pub(crate) fn repair_editable(facts: &Facts, drafts: &mut Drafts) -> Result<(), EditError> {
    if let Some(file) = drafts.pyproject.take() {
        drafts.pyproject = Some(uv_build::edited(file, &facts.last_options())?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_is_a_problem_unless_it_is_current_or_not_there() {
        let status = |verdict, changed: &[&str]| Status {
            module: "a._a".to_owned(),
            venv: "/p/.venv".into(),
            verdict,
            changed: changed.iter().map(|it| (*it).to_owned()).collect(),
            shadowed_by: Some("/p/a.so".into()),
            library: None,
            linked: None,
            builds_on_import: false,
            provenance: None,
            steps: Vec::new(),
            notes: Vec::new(),
        };
        for (verdict, changed, is_ok, says) in [
            (Verdict::Fresh, &[][..], true, "what the sources say"),
            (Verdict::Missing, &[], true, "not built yet"),
            (Verdict::Stale, &["lib.rs"], false, "lib.rs has changed"),
            (
                Verdict::Stale,
                &["a", "b", "c"],
                false,
                "a and 2 more have changed",
            ),
            (Verdict::Stale, &[], false, "something has changed"),
            (Verdict::Shadowed, &[], false, "imports /p/a.so"),
            (Verdict::Foreign, &[], false, "in /p/.venv was not built"),
        ] {
            let (ok, text) = match of_status(&status(verdict, changed)) {
                Found::Ok(text) => (true, text),
                Found::Problems(problems) => {
                    assert_eq!(problems[0].cure.as_deref(), Some(DEV));
                    (false, problems[0].text.clone())
                }
            };
            assert!(ok == is_ok && text.contains(says), "{text}");
        }
    }
}
