//! What is wrong with a project and with the machine that builds it: look, judge, repair.
//!
//! * [`Facts`]: everything that a check goes by is looked at, once. Nothing is written, no network is used.
//! * [`CHECKS`]: each judges the facts, and is a plain function. A new one is one more entry.
//! * [`prove`]: the tools that build it, called one after the other in a copy, leave each other's builds
//!   alone.
//! * [`repairs()`]: what has a safe remedy, as changes to files that can be shown before they are written.

mod check;
mod checks;
mod drafts;
mod facts;
mod finding;
mod look;
pub mod prove;
mod repair;

pub use check::Check;
pub use checks::{CHECKS, judge};
pub use facts::Facts;
pub use finding::{Finding, Problem, Verdict};
pub use look::Subject;
pub use repair::repairs;
