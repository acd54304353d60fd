//! The programs that builds are made with.

use camino::Utf8PathBuf;
use python_tools::{Interpreter, Tool, python};

use crate::error::BenchError;
use crate::request::BenchRequest;
use crate::typed::typed_in;

pub(crate) struct BenchTools {
    pub(crate) uv: Tool,
    pub(crate) maturin: Tool,
    /// What environments are made from.
    pub(crate) python: Interpreter,
    /// This program.
    pub(crate) xtask: Utf8PathBuf,
    /// The workspace in which the user has typed `cargo xtask` to start it; `None`: it was started without
    /// cargo.
    pub(crate) xtask_root: Option<Utf8PathBuf>,
}

impl BenchTools {
    /// Fetches what is missing.
    pub(crate) fn find(request: &BenchRequest<'_>) -> Result<Self, BenchError> {
        let uv = request.toolbox.uv(request.say)?;
        let maturin = request.toolbox.maturin(&uv, request.say)?;
        let allowed = request.project.requires_python.as_ref();
        let python = match request.python {
            Some(wanted) => python::named(wanted)?,
            None => python::newest("any that requires-python allows", |it| {
                it.satisfies(allowed)
            })?,
        };
        let program = std::env::current_exe().map_err(BenchError::Program)?;
        let xtask = Utf8PathBuf::try_from(program);
        Ok(Self {
            uv,
            maturin,
            python,
            xtask: xtask.map_err(|error| BenchError::Program(error.into_io_error()))?,
            xtask_root: typed_in(request.package),
        })
    }
}
