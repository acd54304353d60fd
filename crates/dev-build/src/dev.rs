//! A development build: look, plan, apply.

use std::time::Instant;

use processes::Say;
use project_model::Project;
use python_tools::Toolbox;
use python_tools::tools::cannot_keep;

use crate::apply::Application;
use crate::error::DevError;
use crate::lock::Lock;
use crate::outcome::Outcome;
use crate::plan::{DevPlan, plan};
use crate::request::DevRequest;
use crate::situation::Situation;

/// Builds `project` and installs it as editable, saying what takes time.
///
/// The first call has the package installed by maturin and uv. Later ones make the same call of cargo
/// themselves and put the library in place, until something changes that decides more than the library.
///
/// # Errors
/// One of [`DevError`]. Until the new library has been built and loaded, what was installed is untouched.
pub fn dev(
    project: &Project,
    toolbox: &Toolbox,
    request: &DevRequest<'_>,
    say: Say<'_>,
) -> Result<Outcome, DevError> {
    let locks = toolbox.locks()?;
    let lock = Lock::take(&project.root, &locks, say).map_err(cannot_keep(&locks))?;
    // Waiting for another build is no part of this one.
    let start = Instant::now();
    // Another build may have written to the configuration.
    let config = request.config.filter(|_| !lock.has_waited);
    let situation = Situation::look_with(project, request, &locks, config)?;
    for note in &situation.notes {
        say("Note", note);
    }
    let plan = plan(&situation, request);
    let mut outcome =
        Application::new(project, toolbox, locks, request, say, situation).carry_out(plan)?;
    outcome.elapsed = start.elapsed();
    Ok(outcome)
}

/// What [`dev`] would do now, and why. Nothing is touched.
///
/// # Errors
/// Those of [`Situation::look`].
pub fn dry_run(
    project: &Project,
    toolbox: &Toolbox,
    request: &DevRequest<'_>,
) -> Result<(Situation, DevPlan), DevError> {
    let situation = Situation::look(project, request, &toolbox.locks()?)?;
    let plan = plan(&situation, request);
    Ok((situation, plan))
}
