//! Edits to configuration files: TOML, and files of lines. An edit is planned as a value, [`Change`], that
//! can be shown as a diff, and only [`Change::apply`] writes. What an edit does not concern stays as it is,
//! byte for byte: the text is parsed to find out where things stand, and then spliced; it is never printed
//! anew from a tree.
//!
//! Whatever is written carries a comment that names its [`Owner`], so that one command can take back what it
//! wrote, and leaves alone what the user or another command wrote.
//!
//! This is the only crate that writes configuration files.

mod apply;
mod array;
mod block;
mod cache_keys;
mod cargo_config;
mod cargo_manifest;
mod change;
mod copy;
mod devcontainer;
mod document;
mod elements;
mod error;
mod include;
mod insert;
mod introduction;
mod kinds;
mod layout;
mod lines;
mod lock;
mod marks;
mod maturin;
mod meaning;
mod render;
mod text_file;
mod undo;

pub use change::{Change, retried};
pub use copy::PyprojectCopy;
pub use devcontainer::DevContainerFile;
pub use document::{Document, Kind};
pub use error::EditError;
pub use kinds::{CargoConfig, CargoManifest, PyprojectFile};
pub use marks::Owner;
pub use text_file::TextFile;
