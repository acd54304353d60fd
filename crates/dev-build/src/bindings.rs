//! Which projects can be built here: those whose extension Python loads by itself.

use project_model::Project;

use crate::error::DevError;

/// What is not a module that Python loads by itself cannot be put in place and tried as one.
pub(crate) fn refuse_others(project: &Project) -> Result<(), DevError> {
    match project.pyproject.maturin().bindings.as_deref() {
        None | Some("pyo3" | "pyo3-ffi") => Ok(()),
        Some(bindings) => Err(DevError::other_bindings(&project.root, bindings)),
    }
}
