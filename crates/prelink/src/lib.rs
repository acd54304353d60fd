//! Linking the third-party crates of an extension once.
//!
//! After an edit, rustc links the whole extension anew: a handful of objects of the project's own, and
//! hundreds of crates that have not changed. Here those are linked once, into a *base library*, and each
//! later link is of what is the project's own against it. [`plan()`] says what becomes of a call of the
//! linker; [`stand_in()`] is the linker that rustc calls.

mod bases;
pub mod beside;
pub mod call;
pub mod check;
mod elf;
pub mod facts;
mod link;
mod linker;
mod look;
mod obstacle;
mod outcome;
pub mod plan;
mod stand_in;
mod why;

pub use bases::{Base, Bases, Kept};
pub use linker::name_for;
pub use outcome::{Job, Linked, Outcome, Prelinked};
pub use plan::{Plan, plan};
pub use stand_in::stand_in;
pub use why::Why;
