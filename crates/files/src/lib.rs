//! What every crate does with files in the same way: their digests ([`digest`]), writing a small one as a
//! whole ([`mod@write`]), telling what somebody has written from what tools have made ([`made`]), making and
//! removing what is this program's own ([`owned`]), telling where one may write ([`access`]), noticing that a
//! file has changed ([`Stamp`]), and letting one process at a time ([`lock`]).

pub mod access;
pub mod digest;
pub mod lock;
pub mod made;
pub mod owned;
pub mod size;
mod stamp;
pub mod write;

pub use stamp::Stamp;
