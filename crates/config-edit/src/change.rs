//! A planned edit.

use camino::{Utf8Path, Utf8PathBuf};

use crate::{EditError, apply};

/// What a file holds and what it is to hold. `None`: it is not there, or not to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: Utf8PathBuf,
    /// Its text.
    pub old: Option<String>,
    /// The text that it is to have.
    pub new: Option<String>,
}

impl Change {
    pub(crate) fn new(path: Utf8PathBuf, old: Option<String>, new: Option<String>) -> Self {
        Self { path, old, new }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.old == self.new
    }

    /// What changes, as `diff -u` would show it. Empty if nothing does.
    #[must_use]
    pub fn diff(&self) -> String {
        self.diff_in(Utf8Path::new("/"))
    }

    /// The same, for somebody who is in the directory `dir`: what lies in it is named from there.
    #[must_use]
    pub fn diff_in(&self, dir: &Utf8Path) -> String {
        let path = self.path.strip_prefix(dir).unwrap_or(&self.path);
        let (old, new) = (self.old.as_ref(), self.new.as_ref());
        let lines = similar::TextDiff::from_lines(text(old), text(new));
        let mut diff = lines.unified_diff();
        diff.header(
            &name("a", path, old.is_some()),
            &name("b", path, new.is_some()),
        );
        diff.to_string()
    }

    /// Writes the new text, or removes the file, so that at every moment there is either the old file or the
    /// new one. A symbolic link stays one; mode, user and group stay what they were.
    ///
    /// # Errors
    /// [`EditError::Changed`] if the file no longer holds what it held when the change was planned. With
    /// every error but [`EditError::Unsynced`] the file is what it was.
    pub fn apply(&self) -> Result<(), EditError> {
        if self.is_empty() {
            return Ok(());
        }
        apply::apply(&self.path, self.old.as_deref(), self.new.as_deref())
    }

    /// Applies all of `changes`, or none where one of them may not be written.
    ///
    /// # Errors
    /// Those of [`Change::apply`].
    pub fn apply_all(changes: &[Self]) -> Result<(), EditError> {
        let mut due = changes.iter().filter(|change| !change.is_empty());
        due.try_for_each(|change| apply::require_possible(&change.path))?;
        changes.iter().try_for_each(Self::apply)
    }
}

fn text(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

/// As git calls it.
fn name(side: &str, path: &Utf8Path, is_there: bool) -> String {
    if is_there {
        format!("{side}/{}", path.as_str().trim_start_matches('/'))
    } else {
        "/dev/null".to_owned()
    }
}

/// Plans a change and applies it.
pub(crate) fn update(plan: impl Fn() -> Result<Change, EditError>) -> Result<Change, EditError> {
    let attempt = || {
        let change = plan()?;
        change.apply().map(|()| change)
    };
    retried(attempt, |error| Some(error))
}

/// What `attempt`, which plans changes and applies them, comes to: anew whenever somebody else has written
/// one of the files in between, which `edit_error` finds in its error.
///
/// # Errors
/// Those of `attempt`.
pub fn retried<T, E>(
    attempt: impl Fn() -> Result<T, E>,
    edit_error: impl Fn(&E) -> Option<&EditError>,
) -> Result<T, E> {
    // Whoever was faster has written something, so only this many changes within a moment could exhaust it.
    const ATTEMPTS: usize = 1000;
    for _ in 1..ATTEMPTS {
        match attempt() {
            Err(error) if matches!(edit_error(&error), Some(EditError::Changed { .. })) => {}
            done => return done,
        }
    }
    attempt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    #[test]
    fn a_diff_is_as_git_shows_it() {
        let change = |old: Option<&str>, new: Option<&str>| Change {
            path: "/p/.cargo/config.toml".into(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
        };
        let (one, two) = ("[build]\njobs = 1\n", "[build]\njobs = 2");
        let changes = [
            change(None, Some(one)),
            change(Some(one), Some(two)),
            change(Some(two), None),
            change(Some(one), Some(one)),
        ];
        let text: String = changes.iter().map(Change::diff).collect();
        expect_file!["snapshots/diff.txt"].assert_eq(&text);
    }
}
