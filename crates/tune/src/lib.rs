//! What the edit loop of a maturin project gains, on this machine, from a faster linker and from less debug information,
//! measured; and writing what gains something.
//!
//! What is measured is what `cargo xtask dev` waits for: cargo's own call, after a line has been changed in the extension
//! crate. It is made in a copy of the project ([`copy`]), which starts from what is in the project's target directory.
//!
//! 1. [`present`] tells what is set now, and by whom; [`candidates`], what could be set instead. Both are data.
//! 2. [`search`] tries one setting after the other, in turn with the best so far, and [`verdict`] says what a row of times
//!    means. Neither builds anything: that is [`mod@bench`]'s.
//! 3. [`record`] keeps the final link, and [`replay`] makes it again with each linker.
//! 4. [`report`] prints the [`measurement`]; [`plan`] makes changes to files of it; [`mod@apply`] writes them, builds, and
//!    takes them back if that fails.

pub mod apply;
pub mod bench;
mod build;
pub mod candidates;
pub mod choices;
pub mod copy;
mod error;
mod linker_program;
pub mod measurement;
pub mod plan;
pub mod present;
pub mod record;
pub mod replay;
pub mod report;
mod run;
pub mod search;
pub mod verdict;

pub use error::TuneError;
pub use run::{Request, measure, subject};

use config_edit::Owner;

/// Whose lines these are in a configuration file.
pub const OWNER: Owner = cargo_settings::local::TUNE;
