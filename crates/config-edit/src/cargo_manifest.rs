//! The Cargo.toml of a workspace, as far as its profiles go
//! (<https://doc.rust-lang.org/cargo/reference/profiles.html>).

use crate::document::{Document, Kind};
use crate::draft::Shared;
use crate::insert::Signed;
use crate::{EditError, Owner};

/// A `Cargo.toml`, read, and edited in memory. Profiles count only in that of a workspace's root.
pub type CargoManifest = Document<Manifest>;

/// The kind of file that describes a package or a workspace to cargo.
#[derive(Debug, Clone)]
pub enum Manifest {}

impl Kind for Manifest {
    const MAY_BE_ABSENT: bool = false;
    const SHARED: Option<Shared> = None;
}

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
        self.0.set_noted(&path, value, Signed { by, note })
    }
}
