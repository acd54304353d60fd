//! Every environment variable that the automation reads or sets, in one place.

/// Where downloaded tools are kept. Default: `$XDG_CACHE_HOME/xtask-build`, else `~/.cache/xtask-build`.
pub const XTASK_CACHE_DIR: &str = "XTASK_CACHE_DIR";

/// Set for a process that stands in for cargo: the file into which it writes the call it was asked for.
/// See `dev_build::record`.
pub const XTASK_RECORD_CARGO: &str = "XTASK_RECORD_CARGO";

/// Set beside [`XTASK_RECORD_CARGO`]: the names of the variables before maturin changed any, as a JSON object
/// with a hash of each value.
pub const XTASK_RECORD_BASE: &str = "XTASK_RECORD_BASE";

/// The active virtual environment, as its `activate` script sets it.
pub const VIRTUAL_ENV: &str = "VIRTUAL_ENV";

/// The program to run as cargo. cargo sets it for subcommands and build scripts; maturin runs what it names.
pub const CARGO: &str = "CARGO";

/// Where pyenv keeps its versions. Default: `~/.pyenv`.
pub const PYENV_ROOT: &str = "PYENV_ROOT";

/// The variables by which pyo3's build scripts decide; maturin sets some of them.
pub const PYO3: [&str; 5] = [
    "PYO3_BUILD_EXTENSION_MODULE",
    "PYO3_CONFIG_FILE",
    "PYO3_ENVIRONMENT_SIGNATURE",
    "PYO3_PYTHON",
    "PYTHON_SYS_EXECUTABLE",
];

/// The value of `name`, where it is set, not empty and UTF-8.
#[must_use]
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
