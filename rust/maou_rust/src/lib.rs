//! The Python extension `maou._rust`: one submodule for every library, and nothing of its own.
//!
//! Every function releases the GIL while it works, turns panics into exceptions, and takes and
//! gives Arrow data through the Arrow `PyCapsule` interface without copying them.

// What a function takes from Python is made for the call: there is nobody to borrow it from.
#![allow(clippy::needless_pass_by_value)]

mod errors;
mod index;
mod io;

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What this extension was built from: `version`, `profile` (`debug` or `release`) and `abi` (`abi3`, or one
/// version such as `cp311`). Not the commit: each one would compile it again.
#[pyfunction]
fn build_info(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let info = PyDict::new(py);
    info.set_item("version", env!("CARGO_PKG_VERSION"))?;
    info.set_item("profile", env!("MAOU_PROFILE"))?;
    info.set_item("abi", abi(py))?;
    Ok(info)
}

fn abi(py: Python<'_>) -> String {
    if cfg!(feature = "abi3") {
        return "abi3".to_owned();
    }
    // Built for one version, it does not load into another.
    let version = py.version_info();
    format!("cp{}{}", version.major, version.minor)
}

/// The Rust half of maou: training records in files (`io`) and in an index (`index`).
#[pymodule]
fn _rust(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(build_info, module)?)?;
    add_submodule(module, "io", io::register)?;
    add_submodule(module, "index", index::register)
}

/// Adds a submodule that `import` finds as well: it looks for a module, not for an attribute.
fn add_submodule(
    parent: &Bound<'_, PyModule>,
    name: &str,
    register: fn(&Bound<'_, PyModule>) -> PyResult<()>,
) -> PyResult<()> {
    let py = parent.py();
    let full_name = format!("maou._rust.{name}");
    let module = PyModule::new(py, &full_name)?;
    register(&module)?;
    parent.add(name, &module)?;
    py.import("sys")?
        .getattr("modules")?
        .set_item(full_name, module)
}
