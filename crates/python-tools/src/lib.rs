//! The Python interpreters of this machine, virtual environments, and the tools (uv, maturin, zig) with the
//! pinned file that they come from.

mod interpreter;
mod known;
pub mod places;
mod programs;
pub mod python;
pub mod requirements;
pub mod tools;
pub mod venv;

pub use python::Interpreter;
pub use requirements::PinnedRequirements;
pub use tools::{Tool, Toolbox};
pub use venv::Venv;
