//! The Cargo.toml of a workspace, as far as its profiles go
//! (<https://doc.rust-lang.org/cargo/reference/profiles.html>).

use crate::insert::Signed;
use crate::kinds::CargoManifest;
use crate::{EditError, Owner};

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
}
