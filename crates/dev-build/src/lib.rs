//! The editable development build of a maturin project: look, plan, apply.
//!
//! * [`situation`]: everything that decides what is to be done is looked at, once.
//! * [`mod@plan`]: what is to be done, each step with its causes; a plain function. [`describe`] puts it in
//!   words.
//! * `apply`: the plan is carried out. maturin is asked which cargo call it would make ([`record`]); that
//!   call is made ([`compile`]); the new library is loaded in the project's Python before it replaces
//!   anything ([`import`]); maturin packs the editable wheel and uv installs it ([`install`]), or the library
//!   alone is replaced ([`place`]); what was built is written down ([`state`]), and uv is told that the
//!   install is fresh ([`uv_cache`]).
//!
//! [`mod@why`] tells why more was compiled than the edit explains.
//!
//! [`dev()`] is all of it; [`mod@status`] tells what a plan means for what is installed, and [`watch`] when a
//! build is due again.

mod apply;
mod assets;
pub mod circumstances;
pub mod compile;
mod costs;
pub mod dependencies;
pub mod describe;
mod dev;
pub mod digest;
mod error;
pub mod for_import;
pub mod import;
mod incremental;
pub mod inputs;
pub mod install;
pub mod installs;
mod kept_call;
mod kept_choice;
pub mod leftovers;
mod linked;
mod listed;
pub mod lock;
pub mod maturin;
pub mod on_import;
mod outcome;
mod packing;
pub mod place;
pub mod plan;
pub mod prelinking;
pub mod provenance;
mod pyo3_config;
pub mod record;
pub mod request;
mod scratch;
pub mod shared_env;
mod shown;
pub mod siblings;
pub mod situation;
pub mod sources;
pub mod state;
pub mod status;
mod still_running;
mod stored;
mod told;
pub mod units;
pub mod uv_build;
pub mod uv_cache;
pub mod watch;
pub mod why;

pub use dev::{Preview, dev, dry_run};
pub use error::DevError;
pub use outcome::{Installed, Outcome};
pub use request::DevRequest;
