//! The extras and groups that were chosen for a project, kept in the environment: they say what is installed
//! there, whoever installs the project itself anew.

use std::collections::BTreeMap;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use files::write;
use packaging::normalized;
use project_model::Selection;

/// Beside `pyvenv.cfg`.
const FILE: &str = "xtask-dependencies.json";

fn file(venv: &Utf8Path) -> Utf8PathBuf {
    venv.join(FILE)
}

/// By the names of the projects: an environment may have several.
fn all(venv: &Utf8Path) -> BTreeMap<String, Selection> {
    let text = fs_err::read_to_string(file(venv)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// What was chosen for the project `name`.
#[must_use]
pub(crate) fn find(venv: &Utf8Path, name: &str) -> Option<Selection> {
    all(venv).remove(&normalized(name))
}

/// Keeps what was chosen for the project `name`.
pub(crate) fn keep(venv: &Utf8Path, name: &str, selection: &Selection) -> io::Result<()> {
    let mut all = all(venv);
    let before = all.insert(normalized(name), selection.clone());
    if before.as_ref() == Some(selection) {
        return Ok(());
    }
    write::atomically(&file(venv), serde_json::to_string(&all)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_kept_for_each_project_of_an_environment() {
        let venv = testkit::TempDir::new();
        let chosen = |extra: &str| Selection {
            extras: vec![extra.to_owned()],
            ..Selection::default()
        };
        assert_eq!(find(venv.path(), "a"), None);
        keep(venv.path(), "A_a", &chosen("one")).unwrap();
        keep(venv.path(), "b", &chosen("two")).unwrap();
        keep(venv.path(), "b", &chosen("three")).unwrap();
        assert_eq!(find(venv.path(), "a-a"), Some(chosen("one")));
        assert_eq!(find(venv.path(), "b"), Some(chosen("three")));
    }
}
