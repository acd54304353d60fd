//! Measured build times of a maturin project: in the situations in which somebody waits ([`scenario`]), by several
//! ways to build ([`strategy`]) and with several settings ([`setting`]). These three are data.
//!
//! What is measured next is a plain function of what was measured so far ([`schedule`]), what it means is statistics
//! ([`stats`]), and both are tested with an [`Executor`](session::Executor) that builds nothing. The real one
//! ([`bench`](mod@bench)) works on copies, with caches of its own ([`workspace`]).

pub mod baseline;
pub mod bench;
mod bump;
mod checkout;
mod downloads;
pub mod edit;
mod error;
mod estimate;
mod files;
mod finding;
pub mod lane;
pub mod library;
pub mod machine;
pub mod marks;
pub mod noise;
mod prepared;
pub mod report;
mod request;
pub mod results;
pub mod roles;
pub mod scenario;
pub mod schedule;
mod server;
pub mod session;
pub mod setting;
pub mod stats;
pub mod store;
pub mod strategy;
mod target;
pub mod timeline;
mod tuned;
mod typed;
pub mod workspace;

pub use error::BenchError;
pub use request::{Request, results_of, run};
