//! A development build: look, plan, apply.

use std::time::Instant;

use camino::Utf8Path;
use cargo_settings::Layers;
use processes::Say;
use project_model::{Project, Selection, mistakes};
use python_tools::tools::cannot_keep;
use python_tools::{Toolbox, Venv};

use crate::apply::Application;
use crate::dependencies::Wanted;
use crate::error::DevError;
use crate::lock::Lock;
use crate::maturin::BuildOptions;
use crate::outcome::{Installed, Outcome};
use crate::plan::{DevPlan, plan};
use crate::request::DevRequest;
use crate::siblings::Sibling;
use crate::situation::Situation;
use crate::stored::asking::has_what_is_planned;

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
    // One for the whole uv workspace: its projects share an environment, and one may build another.
    let lock = Lock::take(&project.uv_workspace, &locks, say).map_err(cannot_keep(&locks))?;
    let build = Build {
        toolbox,
        locks: &locks,
        say,
        // Another build may have written to the configuration.
        config: request.config.filter(|_| lock.waited.is_none()),
    };
    build.run(project, request)
}

/// What the builds of a project and of its siblings have in common.
pub(crate) struct Build<'a> {
    pub(crate) toolbox: &'a Toolbox,
    pub(crate) locks: &'a Utf8Path,
    pub(crate) say: Say<'a>,
    pub(crate) config: Option<&'a Layers>,
}

impl Build<'_> {
    pub(crate) fn run(
        &self,
        project: &Project,
        request: &DevRequest<'_>,
    ) -> Result<Outcome, DevError> {
        // Waiting for another build is no part of this one.
        let start = Instant::now();
        let situation = Situation::look_with(project, request, self.locks, self.config)?;
        refuse_selection(project, request, &situation)?;
        for note in &situation.notes {
            (self.say)("Note", note);
        }
        let plan = plan(&situation, request);
        refuse_mistakes(project, &plan)?;
        let build_sibling =
            |sibling: &Sibling, venv: &Venv| self.run_sibling(project, sibling, venv, request);
        let application = Application::new(
            project,
            self.toolbox,
            self.locks.to_owned(),
            request,
            self.say,
            &build_sibling,
            situation,
        );
        let mut outcome = application.carry_out(plan)?;
        outcome.elapsed = start.elapsed().saturating_sub(outcome.waited);
        Ok(outcome)
    }

    /// Builds `sibling`, which `project` needs, into `venv`. Says so, if there was anything to do.
    fn run_sibling(
        &self,
        project: &Project,
        sibling: &Sibling,
        venv: &Venv,
        request: &DevRequest<'_>,
    ) -> Result<(), DevError> {
        let other = Project::load(&sibling.root)?;
        let is_outside = other.uv_workspace != project.uv_workspace;
        let lock = is_outside.then(|| Lock::take(&other.uv_workspace, self.locks, self.say));
        let _lock = lock.transpose().map_err(cannot_keep(self.locks))?;
        let build = Self {
            // What was read is that of the project's directory.
            config: None,
            ..*self
        };
        let outcome = build.run(&other, &request.of_sibling(&venv.root))?;
        if outcome.compiled.has_rebuilt() || outcome.install != Installed::Unchanged {
            let (verb, text) = outcome.summary();
            (self.say)(verb, &format!("{text}, for {}", project.name()));
        }
        Ok(())
    }
}

/// What `sibling` of `project` is in, and what is to be done with it.
fn look_at_sibling(
    sibling: &Sibling,
    venv: &Utf8Path,
    request: &DevRequest<'_>,
    locks: &Utf8Path,
    question: Question,
) -> Result<Vec<String>, DevError> {
    let project = Project::load(&sibling.root)?;
    let request = request.of_sibling(venv);
    let situation = Situation::look(&project, &request, locks)?;
    let situation = question.about(situation, &request);
    let steps = plan(&situation, &request).steps(&situation);
    Ok(steps
        .iter()
        .map(|step| format!("{}: {step}", sibling.name))
        .collect())
}

/// What [`dev`] would do now, and why.
#[derive(Debug)]
pub struct Preview {
    /// How everything was found.
    pub situation: Situation,
    /// What is to be done with the project itself.
    pub plan: DevPlan,
    /// The steps, with their causes: first those for other projects that it needs.
    pub steps: Vec<String>,
}

/// What [`dev`] would do now, and why. Nothing is touched.
///
/// # Errors
/// Those of [`Situation::look`].
pub fn dry_run(
    project: &Project,
    toolbox: &Toolbox,
    request: &DevRequest<'_>,
) -> Result<Preview, DevError> {
    let situation = Situation::look(project, request, &toolbox.locks()?)?;
    let preview = preview(
        project,
        situation,
        toolbox,
        request,
        Question::WhatWouldBeDone,
    )?;
    refuse_mistakes(project, &preview.plan)?;
    Ok(preview)
}

/// What cannot become what Python looks for. The sources are read only before the package is installed for
/// the first time: after an edit the trial import tells the same.
fn refuse_mistakes(project: &Project, plan: &DevPlan) -> Result<(), DevError> {
    if plan.installs() {
        mistakes::refuse_other_name(project)?;
    }
    Ok(())
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// What a build would do.
    WhatWouldBeDone,
    /// Whether what is installed is current: without options, that is the build that there is, whatever its
    /// own options were.
    IsItCurrent,
}

impl Question {
    fn about(self, situation: Situation, request: &DevRequest<'_>) -> Situation {
        match self {
            Self::IsItCurrent if request.build == BuildOptions::default() => {
                situation.with_options_of_the_last_build()
            }
            _ => situation,
        }
    }
}

/// What is to be done in `situation` of `project`.
pub(crate) fn preview(
    project: &Project,
    situation: Situation,
    toolbox: &Toolbox,
    request: &DevRequest<'_>,
    question: Question,
) -> Result<Preview, DevError> {
    let situation = question.about(situation, request);
    let (locks, venv) = (toolbox.locks()?, situation.environment.root());
    let are_left = request.dependencies == Wanted::Leave;
    let siblings = situation.siblings.iter().filter(|_| !are_left);
    let of_siblings = siblings.map(|it| look_at_sibling(it, venv, request, &locks, question));
    let mut steps = of_siblings.collect::<Result<Vec<_>, _>>()?.concat();
    let plan = plan(&situation, request);
    let is_stored = has_what_is_planned(&plan, project, &situation, request, &locks);
    let plan = plan.with_store(is_stored);
    steps.extend(plan.steps(&situation).iter().map(ToString::to_string));
    Ok(Preview {
        situation,
        plan,
        steps,
    })
}

/// Extras and groups that cannot be had, though somebody has asked for them.
fn refuse_selection(
    project: &Project,
    request: &DevRequest<'_>,
    situation: &Situation,
) -> Result<(), DevError> {
    let is_left = request.dependencies == Wanted::Leave;
    let is_default = situation.selection == Selection::default();
    if is_left || is_default || situation.pins.can_be_chosen_from() {
        return Ok(());
    }
    Err(DevError::Selection {
        project: project.root.clone(),
    })
}
