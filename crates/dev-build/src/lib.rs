//! The editable development build of a maturin project, step by step:
//!
//! 1. [`dependencies`]: what the project needs is installed as it is pinned.
//! 2. [`maturin`] is asked which cargo call it would make ([`record`]), without building anything.
//! 3. [`compile`]: that call is made, on the user's terminal, and what it rebuilt is noted.
//! 4. [`import`]: the new library is loaded in the project's Python before it replaces anything.
//! 5. [`install`]: maturin packs the editable wheel (cargo has nothing left to do) and uv installs it.
//! 6. [`import`]: the module is imported as a user would.
//!
//! [`dev`] is all of it.

pub mod compile;
pub mod dependencies;
mod dev;
pub mod import;
pub mod install;
pub mod maturin;
pub mod record;

pub use dev::{DevError, Outcome, Request, dev};
