//! What surrounds this program: the variables, what cargo and rustup have added to them, what the program is
//! called, and the compiler caches that are known.
//!
//! This is the only crate that reads the environment.

pub mod calendar;
pub mod cargo_env;
pub mod compiler_caches;
pub mod program;
pub mod vars;
