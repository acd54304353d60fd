//! Taking a project over: what is written into it so that cargo, uv and the editor build one thing once, each
//! with its reason; and taking all of it back, to the byte.
//!
//! What the project has already is kept and built upon. Every line of ours carries the mark of a command, so
//! that the same command changes it later, and [`undo()`] finds it.

mod branch;
mod container;
mod decision;
mod error;
mod ignored;
mod parts;
mod plan;
mod subject;
mod template;
mod undo;
mod whole;

pub use decision::{Decision, Verdict};
pub use error::AdoptError;
pub use parts::Part;
pub use plan::{AdoptionPlan, AdoptionRequest, plan};
pub use undo::{UndoPlan, undo};

use cargo_settings::local;
use config_edit::Owner;

/// Who writes what no other command looks after.
pub const OWNER: Owner = local::INIT;
