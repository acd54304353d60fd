//! What `manifest.json` of a release says, as far as it matters for installing.

use packaging::Wheel;
use packaging::checked::VersionText;
use serde::{Deserialize, Serialize};

/// One build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The version, with the commit.
    pub version: VersionText,
    /// The wheels.
    pub wheels: Vec<Wheel>,
}
