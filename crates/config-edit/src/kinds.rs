//! The kinds of files that are edited.

use crate::document::{Document, Kind, Shared};

/// A `config.toml` of cargo (<https://doc.rust-lang.org/cargo/reference/config.html>), read, and edited in
/// memory. One that is not there counts as empty.
pub type CargoConfig = Document<Config>;

/// The `Cargo.toml` of a workspace, read, and edited in memory.
pub type CargoManifest = Document<Manifest>;

/// A `pyproject.toml`, read, and edited in memory.
pub type PyprojectFile = Document<Pyproject>;

/// Cargo's configuration.
#[derive(Debug, Clone)]
pub enum Config {}

/// Manifests of cargo.
#[derive(Debug, Clone)]
pub enum Manifest {}

/// Those of Python projects.
#[derive(Debug, Clone)]
pub enum Pyproject {}

impl Kind for Config {
    const MAY_BE_ABSENT: bool = true;
    /// The user and several commands add files to it. Of one that we have made the first file is ours.
    const SHARED: &'static [Shared] = &[Shared {
        path: &["include"],
        ours: 1,
    }];
}

impl Kind for Manifest {
    const MAY_BE_ABSENT: bool = false;
    const SHARED: &'static [Shared] = &[];
}

impl Kind for Pyproject {
    const MAY_BE_ABSENT: bool = false;
    /// The user adds keys and features to them. What is ours is the block, which goes before the statement
    /// does.
    const SHARED: &'static [Shared] = &[
        Shared {
            path: &["tool", "uv", "cache-keys"],
            ours: 0,
        },
        Shared {
            path: &["tool", "maturin", "features"],
            ours: 0,
        },
    ];
}
