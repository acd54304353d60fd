//! Files of records, as the crate's users see them.

mod common;
mod damage;
mod merge;
mod round_trip;
