//! Edits to TOML configuration files. An edit is planned as a value, [`Change`], and only
//! [`Change::apply`] writes. What an edit does not concern stays as it is, byte for byte.
//!
//! This is the only crate that writes configuration files.

mod cargo_config;
mod change;

pub use cargo_config::CargoConfig;
pub use change::{Change, EditError};
