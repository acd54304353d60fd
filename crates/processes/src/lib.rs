//! Commands as plain data ([`Invocation`]), how they run and end, what they cost, and how much memory there
//! is for them.
//!
//! This is the only crate that starts processes. The others describe an [`Invocation`] and hand it over, so
//! that a test can compare what would be run, and so that every child sees the same environment (see
//! [`environment::cargo_env`]).

mod aside;
mod cause;
pub mod ending;
pub mod handover;
mod invocation;
pub mod memory;
mod pauses;
mod peak;
pub mod proc;
mod running;
mod sampler;
mod throttle;
pub mod usage;

pub use aside::Aside;
pub use cause::{Cause, help_to_write};
pub use invocation::{Captured, Invocation, RunError, quoted};
pub use peak::Peak;
pub use running::Running;
pub use throttle::within_memory;
pub use usage::Usage;

/// Tells the user what is being done: a verb ("Installing") and what it is done to.
pub type Say<'a> = &'a dyn Fn(&str, &str);
