//! What a user asks for.

use camino::Utf8Path;
use cargo_settings::Layers;

use crate::maturin::{BuildOptions, RunOptions};

/// A development build, as it was asked for.
#[derive(Debug, Default)]
pub struct DevRequest<'a> {
    /// `--python`: see [`python_tools::python::named`].
    pub python: Option<&'a str>,
    /// `--venv`: an environment other than `.venv`.
    pub venv: Option<&'a Utf8Path>,
    /// What is to be built.
    pub build: BuildOptions,
    /// How cargo is to go about it.
    pub run: RunOptions,
    /// cargo's configuration, where it has just been read. Without it, it is read when the build begins.
    pub config: Option<&'a Layers>,
    /// Let maturin install every time, instead of putting the library in place ourselves.
    pub maturin_installs: bool,
}
