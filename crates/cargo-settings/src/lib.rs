//! Cargo's configuration: the one home of what is in force and which file says so ([`Layers`]), of this
//! machine's own file beside the tracked one ([`local`]), of the settings that follow from the machine
//! ([`machine`]), of what cargo reads in one directory and not in another ([`scattered`]), and of the
//! toolchain that a project names ([`toolchain`]).

mod layers;
pub mod linker;
pub mod local;
pub mod machine;
pub mod scattered;
pub mod toolchain;

pub use layers::{Layers, Origin, Setting, config_in, user_config};
pub use local::Files;
