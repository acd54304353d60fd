//! The hook that builds on import: put in, and taken out.

use python_tools::Venv;

use super::Application;
use crate::error::{DevError, io_error};
use crate::install;
use crate::kept_choice::ON_IMPORT;
use crate::on_import::{Hook, HookStep, OnImport};

impl Application<'_> {
    /// Has the hook in `venv` be as it was chosen. Looked at anew: an install has taken it out.
    pub(super) fn keep_hook(&self, venv: &Venv) -> Result<(), DevError> {
        if let Some(is_wanted) = &self.request.on_import {
            let kept = ON_IMPORT.keep(&venv.root, self.project.name(), is_wanted);
            kept.map_err(io_error(&venv.root))?;
        }
        let step = OnImport::look(self.project, self.request, Some(venv)).step();
        let site_packages = &venv.python.platlib;
        let dist_info = install::dist_info(site_packages, self.project.name());
        let (Some(step), Some(dist_info)) = (step, dist_info) else {
            return Ok(());
        };
        let hook = Hook::new(self.project, venv);
        let module = self.project.extension.full_name();
        match step {
            HookStep::PutIn | HookStep::Replace => {
                hook.put_in(&dist_info).map_err(io_error(site_packages))?;
                let text = format!(
                    "a hook that builds {module} on import; `cargo xtask dev --on-import=off` takes it out"
                );
                (self.say)("Added", &text);
            }
            HookStep::TakeOut => {
                hook.take_out(&dist_info).map_err(io_error(site_packages))?;
                (self.say)(
                    "Removed",
                    &format!("the hook that built {module} on import"),
                );
            }
        }
        Ok(())
    }
}
