//! What the edit loop of a maturin project gains, on this machine, from a faster linker and from less debug
//! information, measured; and writing what gains something.
//!
//! What is measured is what `cargo xtask dev` waits for: cargo's own call, after a line has been changed in
//! the extension crate. It is made in a copy of the project (`copy`), which starts from what is in the
//! project's target directory.
//!
//! 1. `present` tells what is set now, and by whom; `candidates`, what could be set instead. Both are data.
//! 2. `search` tries one setting after the other, in turn with the best so far, and [`verdict`] says what a
//!    row of times means. Neither builds anything: that is `copy_builds`'s.
//! 3. [`report`] prints the [`measurement`]; [`changes`] makes changes to files of it; [`mod@apply`] writes
//!    them, builds, and takes them back if that fails.

pub mod apply;
mod candidates;
pub mod changes;
pub mod choices;
mod copy;
mod copy_builds;
mod error;
pub mod measurement;
mod present;
pub mod report;
mod run;
mod search;
pub mod verdict;

pub use error::TuneError;
pub use run::{TuneRequest, earlier, found, kept, measure, subject};

use config_edit::Owner;

/// Whose lines these are in a configuration file.
pub const OWNER: Owner = cargo_settings::local::TUNE;
