//! `[tool.uv] cache-keys`: what uv looks at to know when the extension is to be built again.
//!
//! * [`mod@derive`]: the keys, from the crates that the extension is really made of.
//! * [`mod@witness`]: how uv notices that a file was deleted, although it notes only the latest change.
//! * [`mod@library`]: how it notices that the extension itself is gone.
//! * [`mod@plan`]: what is to be written, as a value.
//! * [`mod@verify`]: the proof, with the real uv.
//! * [`mod@paths`]: what a key means, here and for uv.

pub mod derive;
mod home;
pub mod library;
mod links;
pub mod observed;
pub mod paths;
pub mod plan;
mod scan;
pub mod verify;
pub mod witness;

pub use derive::Derived;
pub use plan::{CacheKeysPlan, plan, plan_removal};
