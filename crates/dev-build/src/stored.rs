//! What the [`store`] is asked for: in which context a build is, which units it needs, and which extension.

pub(crate) mod asking;
pub(crate) mod context;
pub(crate) mod extension;
pub(crate) mod own;
pub(crate) mod portable;
pub(crate) mod present;

pub(crate) use asking::Asking;
pub(crate) use context::Context;
pub(crate) use portable::Places;
