//! Compiler caches in front of rustc: installing one, switching it on and off in cargo's configuration,
//! telling what is in force and what it has done, and why two environments do not share one.
//!
//! What differs from cache to cache stands in [`Wrapper`]. Configuration is planned here and written by
//! `config-edit`, and a wrapper is written only after it has compiled something.

mod backend;
pub mod enable;
mod error;
pub mod explain;
pub mod install;
mod probe;
pub mod record;
pub mod release;
pub mod scope;
mod settings;
pub mod stats;
pub mod status;
mod switch;
mod wrapper;

pub use backend::Backend;
pub use error::CacheError;
pub use files::size::Size;
pub use settings::Settings;
pub use switch::{Switched, switch_off, switch_on};
pub use wrapper::Wrapper;
