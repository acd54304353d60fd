//! What every crate does with files in the same way: their digests ([`digest`]), writing a small one as a
//! whole ([`mod@write`]), and telling what somebody has written from what tools have made ([`made`]).

pub mod digest;
pub mod made;
pub mod write;
