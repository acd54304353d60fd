//! What a maturin project is: its `pyproject.toml`, the crate that becomes the extension, the name under
//! which Python imports it, and the project's own policy. This crate reads and never writes.

mod bindings;
mod crates;
pub mod doubts;
mod error;
mod exclusion;
mod extension;
mod manifest;
pub mod mistakes;
mod module_names;
mod nearby;
pub mod packed;
mod policy;
mod project;
mod pyproject;
pub mod repository;
mod selection;
mod sources;
pub mod uv_workspace;

pub use crates::{Closure, PathCrate, dirs_that_cargo_reads};
pub use error::ProjectError;
pub use extension::{Extension, Layout};
pub use manifest::rust_version;
pub use nearby::project_below;
pub use packed::Packed;
pub use policy::{ColabPolicy, Features, Policy, WheelPolicy};
pub use project::{Project, Workspace};
pub use pyproject::{BuildSystem, CacheKey, MaturinTable, Packing, ProjectTable, Pyproject};
pub use repository::Repository;
pub use selection::Selection;
pub use sources::{Sources, kept_below, written_below};
