//! Measuring one build of a maturin project. `build-bench` does it in many situations, `tune` with many
//! settings.
//!
//! 1. [`copy`] makes a copy of the sources, and [`files`] what else is copied, linked and replaced.
//! 2. [`edit`] puts a line into a crate whose number changes; [`linked`] tells which crates the extension is
//!    made of.
//! 3. [`timed`] runs a command and takes its time, or says why there is none.
//! 4. [`statistics`] says what the times mean, and [`table`] sets figures out.

pub mod copy;
pub mod edit;
pub mod files;
pub mod linked;
pub mod statistics;
pub mod table;
pub mod timed;
