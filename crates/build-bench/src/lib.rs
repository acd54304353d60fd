//! Measured build times of a maturin project: in the situations in which somebody waits ([`scenario`]), by
//! several ways to build (`strategy`) and with several settings (`setting`). These three are data.
//!
//! What is measured next is a plain function of what was measured so far ([`schedule`]), what it means is
//! statistics ([`trial::statistics`]), and both are tested with a `session::Executor` that builds nothing.
//! The real one (`lane_builder`) works on copies, with caches of its own (`scratch`).

pub mod baseline;
mod bench_tools;
mod bump;
mod checkout;
mod downloads;
mod error;
mod estimate;
mod goal;
pub mod lane;
mod lane_builder;
mod library;
mod line_search;
mod machine;
mod marks;
mod prepared;
mod progress;
pub mod report;
mod request;
pub mod results;
mod roles;
mod run;
pub mod scenario;
pub mod schedule;
mod scratch;
mod server;
mod session;
mod setting;
pub mod store;
mod strategy;
mod target;
#[cfg(test)]
mod tests;
mod timeline;
mod tuned;
mod typed;

pub use error::BenchError;
pub use request::BenchRequest;
pub use run::{results_of, run};
