//! What is known of a linker call beside its arguments.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

/// What is known of a call's files, and of the compiler that makes the call.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The arguments of rustc: where all settings of a profile, of the project and of the user come together.
    pub rustc: Vec<String>,
    /// The rlibs that cargo has fetched and those of the toolchain.
    pub fetched: BTreeSet<Utf8PathBuf>,
    /// rustc's allocator shim: a small object of each final link, which leads allocations to the allocator of
    /// the standard library, where the crates have none of their own. It goes into the base library: there is
    /// most of what allocates, and what it refers to is hidden in the standard library.
    pub shim: Option<Utf8PathBuf>,
}

pub(crate) const BUILTINS: &str = "compiler_builtins";

/// The name of the crate in the file name of its rlib, `lib{name}-{hash}.rlib`.
pub(crate) fn crate_name(rlib: &Utf8Path) -> &str {
    let stem = rlib.file_stem().unwrap_or_default();
    let name = stem.strip_prefix("lib").unwrap_or(stem);
    name.rsplit_once('-').map_or(name, |(name, _)| name)
}
