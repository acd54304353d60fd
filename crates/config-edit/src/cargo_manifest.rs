//! The Cargo.toml of a workspace, as far as its profiles go
//! (<https://doc.rust-lang.org/cargo/reference/profiles.html>).

use crate::insert::Signed;
use crate::kinds::CargoManifest;
use crate::{EditError, Owner, render};

impl CargoManifest {
    /// Sets a key of the profile `profile`: `key` is the path to it below that, `package."*".debug` being
    /// three keys; `value` is TOML in one line. `note` says why, in a few words or none: it becomes a
    /// comment, unless the line is one of the user's.
    ///
    /// # Errors
    /// If it is set to something else by somebody else.
    pub fn set_profile(
        &mut self,
        profile: &str,
        key: &[&str],
        value: &str,
        note: &str,
        by: Owner,
    ) -> Result<(), EditError> {
        let path = [&["profile", profile], key].concat();
        self.set(&path, value, Signed { by, note })
    }

    /// Sets a text among what the project decides itself: `path` leads to it from the top of the file.
    ///
    /// # Errors
    /// If it is set to something else by somebody else.
    pub fn set_policy(&mut self, path: &[&str], value: &str, by: Owner) -> Result<(), EditError> {
        self.set(path, &render::string(value), by)
    }

    /// Whether `by` has written a line that holds `value` as a text.
    #[must_use]
    pub fn is_marked(&self, value: &str, by: Owner) -> bool {
        let value = render::string(value);
        let mut entries = self.layout.entries.iter().enumerate();
        entries.any(|(number, entry)| {
            self.text[entry.value.clone()] == value
                && self.mark_of(number).is_some_and(|mark| mark.is_by(by))
        })
    }

    /// Whether there is something at `path`.
    #[must_use]
    pub fn has_at(&self, path: &[&str]) -> bool {
        self.item(path).is_some()
    }
}
