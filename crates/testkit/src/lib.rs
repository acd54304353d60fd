//! What tests share: temporary directories, programs that stand in for real ones, projects to build, and a
//! GitHub on this machine. Everything panics instead of returning errors, as a test would.
#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "test support panics throughout, as is said above"
)]

mod confined;
mod fake;
mod fuzz;
pub mod github;
mod many_crates;
mod missing;
mod project;
mod signals;
mod temp;

pub use confined::{Allowed, Ended, confined, peak_kib};
pub use fake::FakePrograms;
pub use fuzz::Corpus;
pub use github::GitHub;
pub use missing::{has_program, missing};
pub use project::Fixture;
pub use signals::WITH_SIGNALS;
pub use temp::TempDir;
