//! Files of records, as the crate's users see them.

mod common;
mod damage;
mod fuzz;
mod merge;
mod round_trip;
