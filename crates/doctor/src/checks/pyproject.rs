//! What in pyproject.toml is probably not what its author means.

use config_edit::{EditError, PyprojectFile};
use project_model::doubts::{UnknownKey, other_backend, unknown_keys};

use crate::drafts::Drafts;
use crate::facts::Facts;
use crate::finding::{Found, Judged, Problem};

pub(crate) fn keys(facts: &Facts) -> Judged {
    let project = facts.project()?;
    let path = project.root.join("pyproject.toml");
    let unknown = unknown_keys(project).into_iter();
    let problems = unknown.map(|key| {
        let can_be_renamed =
            PyprojectFile::read(&path).is_ok_and(|mut file| rename(&mut file, &key).is_ok());
        judged(&key, can_be_renamed)
    });
    Ok(Found::of(problems.collect(), || {
        "maturin knows all keys of [tool.maturin]".to_owned()
    }))
}

/// What is said of `key`. Where it may mean something else, it is for the user.
fn judged(key: &UnknownKey, can_be_renamed: bool) -> Problem {
    let is_safe = key.is_misspelt && can_be_renamed;
    let cure = match key.meant {
        Some(meant) if is_safe => format!("write `{meant}` instead"),
        Some(meant) => format!("remove it; did you mean `{meant}`?"),
        None => "remove it".to_owned(),
    };
    Problem::of_message(&key.to_string())
        .with_cure(cure)
        .fixable(is_safe)
}

fn rename(file: &mut PyprojectFile, key: &UnknownKey) -> Result<(), EditError> {
    match key.meant.filter(|_| key.is_misspelt) {
        Some(meant) => file.rename_maturin_key(&key.key, meant),
        None => Ok(()),
    }
}

pub(crate) fn repair_keys(facts: &Facts, drafts: &mut Drafts) -> Result<(), EditError> {
    let (Some(file), Ok(project)) = (&mut drafts.pyproject, facts.project()) else {
        return Ok(());
    };
    for key in unknown_keys(project) {
        // One of two that mean the same, and one that has a table, are for the user.
        let mut renamed = file.clone();
        if rename(&mut renamed, &key).is_ok() {
            *file = renamed;
        }
    }
    Ok(())
}

pub(crate) fn backend(facts: &Facts) -> Judged {
    let doubt = other_backend(facts.project()?);
    let problem = doubt.map(|it| Problem::of_message(&it));
    Ok(Found::of(problem.into_iter().collect(), || {
        "pip and uv build the project by maturin as well".to_owned()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use project_model::Project;
    use testkit::Fixture;

    #[test]
    fn only_a_misspelling_is_corrected() {
        for (line, corrected) in [
            ("binding = 'pyo3'", Some("bindings = 'pyo3'")),
            ("default-features = true", None),
            ("zzz = 1", None),
        ] {
            let fixture = Fixture::light("keyed");
            fixture.edit(
                "pyproject.toml",
                "[tool.maturin]",
                &format!("[tool.maturin]\n{line}"),
            );
            let project = Project::load(&fixture.root()).unwrap();
            let mut file = PyprojectFile::read(&project.root.join("pyproject.toml")).unwrap();
            let before = file.text().to_owned();
            let key = unknown_keys(&project).remove(0);
            rename(&mut file, &key).unwrap();
            assert_eq!(judged(&key, true).fixable, corrected.is_some(), "{line}");
            assert_eq!(file.text(), before.replace(line, corrected.unwrap_or(line)));
        }
    }
}
