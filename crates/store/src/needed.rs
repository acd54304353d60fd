//! What a build asks the store for.

use std::collections::BTreeSet;

use camino::Utf8Path;

/// What a build needs, as far as it is known before cargo is started.
#[derive(Debug, Clone, Copy)]
pub struct Needed<'a> {
    /// Where cargo builds.
    pub build_dir: &'a Utf8Path,
    /// The digest of what decides all units: the compiler and the profile.
    pub lane: &'a str,
    /// The digest of what decides which units are needed: the call of cargo, the lock file, and so on.
    pub context: &'a str,
    /// The names and versions of the packages in the lock file.
    pub packages: &'a BTreeSet<(String, String)>,
    /// The directory of the project.
    pub project: &'a Utf8Path,
}
