//! What `manifest.json` of a release says, as far as it matters for installing.

use serde::{Deserialize, Serialize};

/// One build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The version, with the commit.
    pub version: String,
    /// The wheels.
    pub wheels: Vec<Wheel>,
}

/// One wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wheel {
    /// The name of the file.
    pub file: String,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// `3.11`, `3.12`: the versions of Python that may install it.
    pub pythons: Vec<String>,
    /// `manylinux_2_28_x86_64`.
    pub platforms: Vec<String>,
    /// The oldest glibc with which it works.
    pub glibc: Option<String>,
}
