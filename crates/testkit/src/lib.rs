//! What tests share: temporary directories, programs that stand in for real ones, and projects to build.
//! Everything panics instead of returning errors, as a test would.
#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "test support panics throughout, as is said above"
)]

mod fake;
mod project;
mod temp;

pub use fake::FakePrograms;
pub use project::Fixture;
pub use temp::TempDir;
