//! What cargo has written in its build directory, read as cargo reads it: which files a library is made of
//! ([`dep_info`]), what build scripts have declared ([`build_script`]), by which files cargo takes a unit
//! for fresh ([`mod@unit`]), what else it compares ([`explanation`]), and which files a unit is ([`parts`]).
//!
//! Both layouts are known: `.fingerprint/`, `deps/` and `build/`, and from cargo 1.100
//! `build/NAME/HASH/{fingerprint,out,run}`.

pub mod build_script;
pub mod dep_info;
pub mod explanation;
mod hash;
mod listing;
pub mod parts;
pub mod unit;

pub use listing::all_units;
pub use parts::{Part, UnitId};
pub use unit::Unit;
