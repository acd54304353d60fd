//! What was built once on this machine is kept, and given back where it is missing: in another checkout, in a
//! target directory made anew, after a branch there and back.
//!
//! * [`units`]: artefacts of third-party crates, by cargo's own fingerprints, so that cargo finds them fresh;
//! * [`extensions`]: the library of an extension, by the content of everything that it was made of.
//!
//! Everything in it can be made again. What is damaged or cannot be read is dropped, and the build goes on.

mod dir;
pub mod extensions;
mod held;
mod needed;
pub mod own;
mod saved;
mod set;
mod transfer;
pub mod units;

pub use dir::Store;
pub use held::{Held, Pruned};
pub use needed::Needed;
pub use saved::Saved;
pub use set::{Locked, locked};
pub use units::{BuiltUnit, Given};
