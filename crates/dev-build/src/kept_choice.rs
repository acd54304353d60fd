//! What was chosen for a project, kept in the environment: it holds there, whoever installs the project
//! itself anew.

use std::collections::BTreeMap;
use std::io;
use std::marker::PhantomData;

use camino::{Utf8Path, Utf8PathBuf};
use files::write;
use packaging::normalized;
use project_model::Selection;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One thing that can be chosen.
pub(crate) struct Choice<T> {
    /// Beside `pyvenv.cfg`.
    file: &'static str,
    kind: PhantomData<T>,
}

/// The extras and groups: they say what is installed.
pub(crate) const DEPENDENCIES: Choice<Selection> = Choice::in_file("xtask-dependencies.json");

/// Whether an import builds.
pub(crate) const ON_IMPORT: Choice<bool> = Choice::in_file("xtask-on-import.json");

impl<T: Clone + Default + PartialEq + Serialize + DeserializeOwned> Choice<T> {
    const fn in_file(file: &'static str) -> Self {
        let kind = PhantomData;
        Self { file, kind }
    }

    fn path(&self, venv: &Utf8Path) -> Utf8PathBuf {
        venv.join(self.file)
    }

    /// By the names of the projects: an environment may have several.
    fn all(&self, venv: &Utf8Path) -> BTreeMap<String, T> {
        let text = fs_err::read_to_string(self.path(venv)).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// What was chosen for the project `name`.
    #[must_use]
    pub(crate) fn find(&self, venv: &Utf8Path, name: &str) -> Option<T> {
        self.all(venv).remove(&normalized(name))
    }

    /// Keeps what was chosen for the project `name`.
    pub(crate) fn keep(&self, venv: &Utf8Path, name: &str, chosen: &T) -> io::Result<()> {
        let mut all = self.all(venv);
        let before = all.insert(normalized(name), chosen.clone());
        if before.unwrap_or_default() == *chosen {
            return Ok(());
        }
        write::atomically(&self.path(venv), serde_json::to_string(&all)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_kept_for_each_project_of_an_environment() {
        let venv = testkit::TempDir::new();
        let venv = venv.path();
        let chosen = |extra: &str| Selection {
            extras: vec![extra.to_owned()],
            ..Selection::default()
        };
        assert_eq!(DEPENDENCIES.find(venv, "a"), None);
        DEPENDENCIES.keep(venv, "A_a", &chosen("one")).unwrap();
        DEPENDENCIES.keep(venv, "b", &chosen("two")).unwrap();
        DEPENDENCIES.keep(venv, "b", &chosen("three")).unwrap();
        assert_eq!(DEPENDENCIES.find(venv, "a-a"), Some(chosen("one")));
        assert_eq!(DEPENDENCIES.find(venv, "b"), Some(chosen("three")));
        // What is so anyway needs no file.
        ON_IMPORT.keep(venv, "a", &false).unwrap();
        assert!(!ON_IMPORT.path(venv).exists());
        ON_IMPORT.keep(venv, "a", &true).unwrap();
        assert_eq!(ON_IMPORT.find(venv, "a"), Some(true));
    }
}
