//! One wheel of a build.

use serde::{Deserialize, Serialize};

/// What whoever installs a wheel, or publishes it, has to know of it. A part of the manifests of builds and
/// releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wheel {
    /// The name of the file.
    pub file: String,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Its size.
    pub size_bytes: u64,
    /// `cp311`; several where the tag is compressed.
    pub python: Vec<String>,
    /// `abi3`.
    pub abi: Vec<String>,
    /// `manylinux_2_28_x86_64`.
    pub platforms: Vec<String>,
    /// `3.11`, `3.12`: the versions of Python that may install it.
    pub pythons: Vec<String>,
    /// The oldest glibc with which it works.
    pub glibc: Option<String>,
}
