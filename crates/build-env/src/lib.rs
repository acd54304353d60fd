//! The environment in which everything is built: commands as plain data, the Python interpreters of
//! this machine, virtual environments, and the tools (uv, maturin) with the pinned file they come from.
//!
//! This is the only crate that starts processes. The others describe an [`Invocation`] and hand it over,
//! so that a test can compare what would be run, and so that every child sees the same environment
//! (see [`cargo_env`]).

pub mod calendar;
pub mod cargo_env;
pub mod cause;
pub mod compiler_caches;
pub mod ending;
pub mod invocation;
pub mod memory;
pub mod peak;
pub mod proc;
mod programs;
pub mod python;
pub mod requirements;
pub mod running;
pub mod tools;
pub mod usage;
pub mod vars;
pub mod venv;

pub use cause::Cause;
pub use invocation::{Captured, Invocation, RunError};
pub use python::Interpreter;
pub use requirements::PinnedRequirements;
pub use running::Running;
pub use tools::{Tool, Toolbox};
pub use usage::Usage;
pub use venv::Venv;
