//! What is known before a build begins: remembered from the one before, or found out.

use std::cell::OnceCell;

use build_env::tools::Say;
use build_env::venv;
use build_env::{Tool, Toolbox, Venv, python};
use camino::Utf8PathBuf;
use project_model::{Project, Workspace};

use crate::dev::{Request, environment};
use crate::error::DevError;
use crate::inputs::Inputs;
use crate::state::State;

/// What a build starts from.
pub(crate) struct Known {
    pub(crate) venv: Venv,
    pub(crate) workspace: Workspace,
    pub(crate) inputs: Inputs,
    /// The install that is there, if we made it, and the directory of its metadata.
    pub(crate) earlier: Option<(Utf8PathBuf, State)>,
}

impl Known {
    pub(crate) fn find(
        project: &Project,
        toolbox: &Toolbox,
        request: &Request<'_>,
        say: Say<'_>,
        tool: &OnceCell<Tool>,
    ) -> Result<Self, DevError> {
        match remembered(project, request) {
            Some(known) => Ok(known),
            None => found_out(project, toolbox, request, say, tool),
        }
    }
}

/// What an earlier build remembers, if that was into the same environment. Unless something has changed that
/// decides the call of cargo, no process is started.
fn remembered(project: &Project, request: &Request<'_>) -> Option<Known> {
    let root = environment(project, request).root();
    let (dist_info, state) = State::find(&root, project.name())?;
    let asked_for = request.python.is_none_or(|wanted| {
        python::is_a_version(wanted) && python::is_version(&state.python.version, wanted)
    });
    let inputs = Inputs::read(project, &state.workspace, &request.build, &root);
    let same_environment = inputs.environment() == state.inputs.environment();
    let allowed = state.python.satisfies(project.requires_python.as_ref());
    if !(asked_for && allowed && same_environment) {
        return None;
    }
    let venv = Venv {
        root,
        python: state.python.clone(),
    };
    if inputs.cargo_call == state.inputs.cargo_call {
        let workspace = state.workspace.clone();
        return Some(Known {
            venv,
            workspace,
            inputs,
            earlier: Some((dist_info, state)),
        });
    }
    // A manifest, a variable or cargo's configuration may mean another workspace or target directory.
    let workspace = Workspace::load(project).ok()?;
    let inputs = Inputs::read(project, &workspace, &request.build, &venv.root);
    Some(Known {
        venv,
        workspace,
        inputs,
        earlier: Some((dist_info, state)),
    })
}

/// The same, found out from the ground.
fn found_out(
    project: &Project,
    toolbox: &Toolbox,
    request: &Request<'_>,
    say: Say<'_>,
    tool: &OnceCell<Tool>,
) -> Result<Known, DevError> {
    let workspace = Workspace::load(project)?;
    let plan = environment(project, request).plan()?;
    let venv = match plan {
        venv::VenvPlan::Use(venv) => venv,
        plan @ venv::VenvPlan::Create { .. } => plan.apply(uv(tool, toolbox, say)?, say)?,
    };
    let inputs = Inputs::read(project, &workspace, &request.build, &venv.root);
    let earlier = State::find(&venv.root, project.name());
    Ok(Known {
        venv,
        workspace,
        inputs,
        earlier,
    })
}

/// uv, looked for when it is first needed.
pub(crate) fn uv<'t>(
    cell: &'t OnceCell<Tool>,
    toolbox: &Toolbox,
    say: Say<'_>,
) -> Result<&'t Tool, DevError> {
    if let Some(tool) = cell.get() {
        return Ok(tool);
    }
    let tool = toolbox.uv(say)?;
    Ok(cell.get_or_init(|| tool))
}
