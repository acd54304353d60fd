//! The editable development build of a maturin project, step by step:
//!
//! 1. [`dependencies`]: what the project needs is installed as it is pinned.
//! 2. [`maturin`] is asked which cargo call it would make ([`record`]), without building anything.
//! 3. [`compile`]: that call is made, on the user's terminal, and what it rebuilt is noted.
//! 4. [`import`]: the new library is loaded in the project's Python before it replaces anything.
//! 5. [`install`]: maturin packs the editable wheel (cargo has nothing left to do) and uv installs it. From
//!    then on, [`place`]: the library alone is replaced.
//! 6. [`state`]: what was built is written down, so that the next call does only what is due ([`inputs`]), and
//!    [`uv_cache`] tells uv that the install is fresh.
//! 7. [`shared_env`]: plain cargo and rust-analyzer get the same environment, so that they share the artefacts.
//!
//! [`dev()`] is all of it; [`mod@status`] tells what came of it, and [`watch`] when it is due again.

pub mod circumstances;
pub mod compile;
pub mod dependencies;
mod dev;
pub mod digest;
mod error;
pub mod import;
pub mod inputs;
pub mod install;
pub mod installs;
mod kept_call;
mod known;
pub mod lock;
pub mod maturin;
pub mod place;
pub mod provenance;
pub mod record;
mod scratch;
pub mod shared_env;
pub mod sources;
pub mod state;
pub mod status;
mod steps;
pub mod uv_cache;
pub mod watch;

pub use dev::{Installed, Outcome, Request, dev};
pub use error::DevError;
