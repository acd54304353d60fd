//! Linking the third-party crates of an extension once.
//!
//! After an edit, rustc links the whole extension anew: a handful of objects of the project's own, and
//! hundreds of crates that have not changed. Here those are linked once, into a *base library*, and each later
//! link is of what is the project's own against it. [`plan()`] says what becomes of a call of the linker;
//! [`stand_in`] is the linker that rustc calls.

mod bases;
pub mod beside;
pub mod call;
pub mod check;
mod elf;
mod link;
mod look;
mod obstacle;
pub mod plan;
mod stand_in;
mod why;

pub use bases::{Base, Bases, Kept};
pub use plan::{Plan, plan};
pub use stand_in::{Job, Linked, Outcome, Prelinked, name_for, stand_in};
pub use why::Why;
