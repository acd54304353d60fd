//! One wheel of a build.

use serde::{Deserialize, Serialize};

use crate::PythonVersion;
use crate::checked::{Numbers, Sha256, TagPart, WheelFile};

/// What whoever installs a wheel, or publishes it, has to know of it. A part of the manifests of builds and
/// releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wheel {
    /// The name of the file.
    pub file: WheelFile,
    /// Its SHA-256.
    pub sha256: Sha256,
    /// Its size.
    pub size_bytes: u64,
    /// `cp311`; several where the tag is compressed.
    pub python: Vec<TagPart>,
    /// `abi3`.
    pub abi: Vec<TagPart>,
    /// `manylinux_2_28_x86_64`.
    pub platforms: Vec<TagPart>,
    /// `3.11`, `3.14t`: the versions of CPython that may install it.
    pub pythons: Vec<PythonVersion>,
    /// The oldest glibc with which it works.
    pub glibc: Option<Numbers>,
}
