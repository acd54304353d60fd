//! Wheels for release.
//!
//! [`Stage`] copies what git tracks to a directory of its own, where the version gets the commit; the working
//! tree is not touched. [`BuildPlan`] is what maturin is to be called with, as data: the same on a
//! developer's machine and on one of GitHub's, where [`action`] puts it into the words of maturin-action.
//! [`build`] calls it, [`expected`] tells the audit what the project wants, [`trial`] installs the wheel into
//! fresh environments, and [`Manifest`] says what has come out. [`release`] is all of it.

pub mod action;
mod before;
pub mod bindings;
pub mod build;
pub mod built;
mod cache;
mod choice;
pub mod commit;
mod copied;
mod error;
pub mod expected;
pub mod flags;
pub mod for_colab;
mod listing;
pub mod manifest;
pub mod outside;
pub mod plan;
pub mod platform;
pub mod pythons;
pub mod release;
pub mod stage;
mod stored;
pub mod toolchain;
pub mod tracked;
pub mod trial;
pub mod version;

pub use commit::Commit;
pub use error::WheelError;
pub use manifest::Manifest;
pub use plan::{BuildPlace, BuildPlan, BuildRequest};
pub use platform::Platform;
pub use stage::Stage;
