//! The store, and where a build is in it.

use camino::Utf8Path;
use processes::Invocation;
use project_model::Project;
use store::Store;

use super::context::{self, Basis};
use super::extension::{self, Hit};
use super::{Context, Places};
use crate::plan::{CallStep, DevPlan, EnvironmentStep};
use crate::request::DevRequest;
use crate::situation::Situation;

/// A build that may ask the store.
pub(crate) struct Asking<'a> {
    pub(crate) store: &'a Store,
    pub(crate) context: Context,
    pub(crate) places: Places,
}

impl<'a> Asking<'a> {
    /// The one of `call`, into the environment in `venv`. `None` if there is no store, or what rustc is
    /// cannot be told. `notes` is the directory in which is remembered what compilers say.
    pub(crate) fn of(
        project: &Project,
        situation: &Situation,
        request: &DevRequest<'a>,
        notes: &Utf8Path,
        (venv, call): (&Utf8Path, &Invocation),
    ) -> Option<Self> {
        let store = request.store?;
        let circumstances = &situation.circumstances;
        let compiler = context::compiler(&project.root, circumstances, notes).ok()?;
        let places = Places::of(&project.root, &situation.workspace, venv)?;
        let basis = Basis {
            call,
            inputs: &situation.inputs,
            compiler: &compiler,
            module: &project.extension.full_name(),
            linking: &format!("{:?}", situation.prelinking),
            places: &places,
        };
        Some(Self {
            store,
            context: Context::of(basis),
            places,
        })
    }

    /// The extension that was built from what the sources are now. What a build script imports from Python
    /// is not known, nor what of its output is packed; and whoever wants to see what cargo does, sees it.
    pub(crate) fn extension(
        &self,
        project: &Project,
        situation: &Situation,
        request: &DevRequest<'_>,
    ) -> Option<Hit> {
        let asks_for_cargo = request.run.asks_for_details() || request.maturin_installs;
        if asks_for_cargo || !is_kept_whole(project, situation) {
            return None;
        }
        let known = situation.ours().map(|ours| ours.state.sources.as_slice());
        let context = &self.context.extension;
        let hit = extension::find(self.store, context, &self.places, known.unwrap_or_default())?;
        let base = hit.found.note().base.as_deref();
        let has_base = base.is_none_or(|base| {
            let bases = request.prelink;
            bases.is_some_and(|bases| bases.find(base).is_some())
        });
        has_base.then_some(hit)
    }
}

/// Whether an extension and its sources are all that a build is made of and comes to.
pub(crate) fn is_kept_whole(project: &Project, situation: &Situation) -> bool {
    !situation.needs_python_to_build && !project_model::packed::names_out_dir(project)
}

/// Whether `plan` comes to an extension that the store has, as far as its call of cargo is known.
pub(crate) fn has_what_is_planned(
    plan: &DevPlan,
    project: &Project,
    situation: &Situation,
    request: &DevRequest<'_>,
    notes: &Utf8Path,
) -> bool {
    let DevPlan::Build(build) = plan else {
        return false;
    };
    let (EnvironmentStep::Use(venv), CallStep::Known(call)) = (&build.environment, &build.call)
    else {
        return false;
    };
    let asking = Asking::of(project, situation, request, notes, (&venv.root, call));
    asking.is_some_and(|asking| asking.extension(project, situation, request).is_some())
}
