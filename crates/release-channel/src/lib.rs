//! The rolling release: one release on GitHub, under one tag, that always holds the newest wheels.
//!
//! [`finish`] brings it into the state that the wheels in a directory ask for. It reads what is there
//! ([`Snapshot`]), plans what is missing ([`ReleasePlan`], plain data), applies that, and reads again, until
//! there is nothing left to do. So a run that was broken off is repaired by the next one, whatever it had
//! done, and runs beside each other end in the same state as one after the other. [`verify`] looks at it from
//! outside. GitHub is reached through `gh`, downloads through `curl`.

mod apply;
mod client;
mod download;
mod error;
pub mod finish;
pub mod gh;
mod local;
pub mod notes;
mod patience;
mod plan;
mod published;
mod reply;
mod snapshot;
mod summary;
mod text;
pub mod verify;

pub use client::Client;
pub use error::ReleaseError;
pub use local::{Intended, Ours, WheelFile};
pub use patience::Patience;
pub use plan::{ReleasePlan, ReleaseVerdict, Step, Why};
pub use published::{Build, Published, PublishedWheel, SourceCommit};
pub use snapshot::{Asset, Release, Snapshot};

/// The manifest of the newest build: what a client reads first.
pub const MANIFEST: &str = "manifest.json";

/// That of the build before: what a client reads while [`MANIFEST`] is exchanged.
pub const PREVIOUS: &str = "manifest-previous.json";
