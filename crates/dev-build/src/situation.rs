//! What a development build starts from: everything that is looked at, once, before anything is decided.

use std::time::SystemTime;

use build_dir::Unit;
use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::Layers;
use environment::vars;
use prelink::Outcome;
use processes::Invocation;
use project_model::{Policy, Project, Selection, Workspace};
use python_tools::places::{Active, Places};
use python_tools::venv::{self, VenvPlan};
use python_tools::{Interpreter, Venv, python};

use crate::circumstances::Circumstances;
use crate::dependencies::{Pins, Wanted};
use crate::error::DevError;
use crate::inputs::Inputs;
use crate::kept_choice::DEPENDENCIES;
use crate::leftovers::{self, OtherBuild};
use crate::on_import::OnImport;
use crate::prelinking::{Off, Prelinking, outcome_file};
use crate::request::DevRequest;
use crate::shared_env::LocalConfig;
use crate::shown::shown;
use crate::siblings::Sibling;
use crate::sources::Source;
use crate::state::{Placed, State};
use crate::units::{Misjudged, Units};
use crate::{install, kept_call, pyo3_config, scratch, shared_env};

/// Everything that decides what is to be done, as it was found. Plain data: a test can invent one.
#[derive(Debug, Clone)]
pub struct Situation {
    /// The directory of the project.
    pub root: Utf8PathBuf,
    /// What messages call the extension: the name of its crate.
    pub crate_name: String,
    /// The environment to install into.
    pub environment: Environment,
    /// The workspace of the extension.
    pub workspace: Workspace,
    /// What decides each step beside the sources.
    pub inputs: Inputs,
    /// What cargo's answer depends on beside files.
    pub circumstances: Circumstances,
    /// How the project pins its dependencies.
    pub pins: Pins,
    /// Whether build scripts need packages of Python.
    pub needs_python_to_build: bool,
    /// The extras and groups among them that are wanted.
    pub selection: Selection,
    /// Other projects with an extension that it needs, as far as they are known.
    pub siblings: Vec<Sibling>,
    /// What is installed.
    pub package: Package,
    /// maturin's answer for these inputs, kept beside what it builds.
    pub kept_call: Option<Invocation>,
    /// The configuration of this machine that cargo, rust-analyzer and we share.
    pub local_config: Option<LocalConfig>,
    /// Where relative names in cargo's dependency files are taken from.
    pub dep_info_base: Utf8PathBuf,
    /// Units that cargo would wrongly take for fresh. Looked at where cargo is to be asked.
    pub misjudged: Vec<Misjudged>,
    /// Packages that cargo would build again for the times of their sources alone. Looked at with those
    /// above.
    pub taken_for_stale: Vec<String>,
    /// Whether the extension is linked against a library of its third-party crates.
    pub prelinking: Prelinking,
    /// Whether an import builds, and is to.
    pub on_import: OnImport,
    /// What the user may expect otherwise, a line each.
    pub notes: Vec<String>,
}

/// The environment that is installed into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Environment {
    /// It is there.
    There(Venv),
    /// It is to be made.
    Absent {
        /// Its directory.
        root: Utf8PathBuf,
        /// The interpreter that it will be made from.
        base: Box<Interpreter>,
    },
}

impl Environment {
    /// Its directory.
    #[must_use]
    pub fn root(&self) -> &Utf8Path {
        match self {
            Self::There(venv) => &venv.root,
            Self::Absent { root, .. } => root,
        }
    }

    /// The environment, unless it is to be made.
    fn there(&self) -> Option<&Venv> {
        match self {
            Self::There(venv) => Some(venv),
            Self::Absent { .. } => None,
        }
    }

    /// That uv will make it anew, since a `.python-version` asks for another Python.
    fn replaced_by_uv(&self, project: &Project) -> Option<String> {
        let (Self::There(venv), Some(pinned)) = (self, &project.pinned_python) else {
            return None;
        };
        let has = &venv.python.version;
        let is_of_uv = venv.root == project.uv_workspace.join(".venv");
        (is_of_uv && !python::is_version(has, pinned)).then(|| {
            format!(
                "`.python-version` asks for Python {pinned}, and {} has {has}: `uv run` and `uv sync` make it anew",
                shown(&project.root, &venv.root)
            )
        })
    }
}

/// What of the project is installed in the environment.
#[derive(Debug, Clone)]
pub enum Package {
    /// Nothing.
    Missing,
    /// Something that another tool has installed.
    Foreign,
    /// What we have installed for the checkout in this directory, another one than ours.
    OfAnotherCheckout(Utf8PathBuf),
    /// What we have installed.
    Ours(Box<OurInstall>),
}

/// An install of ours, and what has become of it.
#[derive(Debug, Clone)]
pub struct OurInstall {
    /// The directory of its metadata.
    pub dist_info: Utf8PathBuf,
    /// What is remembered of it.
    pub state: State,
    /// Whether every file that its `RECORD` lists is there.
    pub is_complete: bool,
    /// Sources that are not what they were, relative to the project where they lie in it.
    pub changed_sources: Vec<String>,
    /// Directories among the sources in which nothing has been written, renamed or removed.
    pub settled: Vec<Utf8PathBuf>,
    /// Whether the library in the target directory is the one that was built.
    pub is_built: bool,
    /// The library where Python finds it.
    pub placed: Placed,
    /// Other files for the same module.
    pub others: Vec<OtherBuild>,
    /// What has been removed since the dependencies were installed.
    pub gone: Vec<String>,
    /// Whether the file for pyo3 that the call names is there as it was kept. maturin writes it again when
    /// it is asked for the call.
    pub has_pyo3_config: bool,
}

impl Situation {
    /// Looks at `project` and its environment. Starts no process but Python, where none is remembered, and
    /// cargo for the workspace, where a manifest has changed. `notes` is the directory in which the
    /// environments are noted.
    ///
    /// # Errors
    /// If there is no environment to be had, or cargo does not understand the workspace.
    pub fn look(
        project: &Project,
        request: &DevRequest<'_>,
        notes: &Utf8Path,
    ) -> Result<Self, DevError> {
        Self::look_with(project, request, notes, request.config)
    }

    /// The same with `config`, where it has been read since anybody else could change it.
    pub(crate) fn look_with(
        project: &Project,
        request: &DevRequest<'_>,
        notes: &Utf8Path,
        config: Option<&Layers>,
    ) -> Result<Self, DevError> {
        let config = config
            .cloned()
            .map_or_else(|| Layers::read(&project.root), Ok)?;
        let start = Start::remembered(project, request, &config);
        let start = start.map_or_else(|| Start::found_out(project, request, &config), Ok)?;
        let manifest = &project.extension.manifest;
        let crate_dir = manifest.parent().unwrap_or(&project.root);
        let mut situation = Self {
            root: project.root.clone(),
            crate_name: project.extension.crate_name.clone(),
            circumstances: start.circumstances(&project.root, crate_dir, request),
            pins: Pins::of(project, &start.workspace, &start.selection),
            needs_python_to_build: !project.build_requirements().is_empty(),
            siblings: start.siblings(),
            prelinking: start.prelinking(project, request, &config),
            selection: start.selection,
            kept_call: None,
            local_config: shared_env::look(&config, project, &start.workspace)?,
            dep_info_base: config.dep_info_base(&project.root),
            misjudged: Vec::new(),
            taken_for_stale: Vec::new(),
            on_import: OnImport::look(project, request, start.environment.there()),
            notes: Vec::new(),
            package: Package::look(project, notes, &start.environment, start.earlier),
            environment: start.environment,
            workspace: start.workspace,
            inputs: start.inputs,
        };
        situation.notes = situation.notes_for(project, request);
        if request.dependencies == Wanted::Leave {
            situation.leave_dependencies();
        }
        situation.kept_call = situation.find_kept_call();
        situation.look_at_units();
        Ok(situation)
    }

    /// An environment that is active and not used, and a build that was for nothing.
    fn notes_for(&self, project: &Project, request: &DevRequest<'_>) -> Vec<String> {
        let venv = self.environment.root();
        let unused = environment(project, request).places.unused(venv);
        let is_foreign = matches!(self.package, Package::Foreign);
        let twice = is_foreign.then(|| built_by_uv_run(project, venv)).flatten();
        let replaced = self.environment.replaced_by_uv(project);
        unused.into_iter().chain(twice).chain(replaced).collect()
    }

    /// What is installed beside the project is left as it is, and remembered as it was.
    fn leave_dependencies(&mut self) {
        let earlier = self.ours().map(|ours| &ours.state.inputs);
        self.inputs = self.inputs.clone().with_dependencies_of(earlier);
    }

    /// maturin's answer, kept. Of no use where the call that is remembered is the right one.
    fn find_kept_call(&self) -> Option<Invocation> {
        let is_known = self.ours().is_some_and(|ours| {
            ours.has_pyo3_config && ours.state.inputs.cargo_call == self.inputs.cargo_call
        });
        (!is_known).then(|| kept_call(&self.root, &self.workspace, &self.inputs))?
    }

    /// Units that cargo would judge wrongly; not looked at where nothing has changed that cargo could see.
    fn look_at_units(&mut self) {
        if self.ours().is_some_and(|ours| ours.is_built) && self.changes().is_empty() {
            return;
        }
        let found = self.misjudged_now().into_iter();
        self.misjudged = found.map(|(_, misjudged)| misjudged).collect();
        let units = Units::remembered(&self.root, &self.workspace);
        self.taken_for_stale = units.taken_for_stale(SystemTime::now()).packages;
    }

    /// Units that cargo would wrongly take for fresh at this moment.
    pub(crate) fn misjudged_now(&self) -> Vec<(Unit, Misjudged)> {
        let ours = self.ours();
        let patched = ours.is_some_and(|ours| !ours.is_built && ours.state.library.same_bytes);
        let units = Units::remembered(&self.root, &self.workspace);
        units.misjudged(patched.then_some(self.crate_name.as_str()))
    }

    /// The environment `venv` has been made since everything was looked at.
    pub(crate) fn note_environment(&mut self, venv: &Venv) {
        self.inputs.note_environment(&venv.root);
        self.kept_call = kept_call(&self.root, &self.workspace, &self.inputs);
    }

    /// The same, had the options of the last build been given again: what is asked is whether that build is
    /// current.
    #[must_use]
    pub fn with_options_of_the_last_build(mut self) -> Self {
        if let Package::Ours(ours) = &self.package {
            self.inputs = self.inputs.with_options_of(&ours.state.inputs);
            if self.prelinking.is_on() && !ours.state.prelinking {
                self.prelinking = Prelinking::Off(Off::AskedFor);
            }
        }
        self
    }

    /// `path` as messages show it: relative to the project, where it lies in it.
    #[must_use]
    pub fn shown<'p>(&self, path: &'p Utf8Path) -> &'p str {
        shown(&self.root, path)
    }

    /// The install of ours, if there is one.
    #[must_use]
    pub fn ours(&self) -> Option<&OurInstall> {
        match &self.package {
            Package::Ours(ours) => Some(ours),
            Package::Missing | Package::Foreign | Package::OfAnotherCheckout(_) => None,
        }
    }
}

impl Package {
    fn look(
        project: &Project,
        notes: &Utf8Path,
        environment: &Environment,
        earlier: Option<(Utf8PathBuf, State)>,
    ) -> Self {
        let (dist_info, state) = match earlier {
            Some(earlier) => earlier,
            None if install::is_installed(environment.root(), project.name()) => {
                return Self::Foreign;
            }
            None => return Self::Missing,
        };
        if state.project != project.root {
            return Self::OfAnotherCheckout(state.project);
        }
        let ours = OurInstall::look(project, notes, environment, dist_info, state);
        Self::Ours(Box::new(ours))
    }
}

/// The environment, and what follows from it.
struct Start {
    environment: Environment,
    workspace: Workspace,
    selection: Selection,
    inputs: Inputs,
    earlier: Option<(Utf8PathBuf, State)>,
}

impl Start {
    /// Those that an earlier build knew of.
    fn siblings(&self) -> Vec<Sibling> {
        let earlier = self.earlier.iter();
        earlier
            .flat_map(|(_, state)| state.siblings.clone())
            .collect()
    }

    /// What cargo's answer depends on, for whoever asks.
    fn circumstances(
        &self,
        root: &Utf8Path,
        crate_dir: &Utf8Path,
        request: &DevRequest<'_>,
    ) -> Circumstances {
        match &self.earlier {
            Some((_, state)) if request.is_of_import => {
                Circumstances::with_variables_of(&state.circumstances())
            }
            _ => Circumstances::read(root, crate_dir),
        }
    }

    /// Whether the extension is linked against a library of its third-party crates, for whoever asks.
    fn prelinking(
        &self,
        project: &Project,
        request: &DevRequest<'_>,
        config: &Layers,
    ) -> Prelinking {
        match &self.earlier {
            Some((_, state)) if request.is_of_import => Prelinking::as_before(state.prelinking),
            _ => prelinking(project, request, &self.workspace, config),
        }
    }

    /// What an earlier build remembers, if that was into the same environment. Unless something has changed
    /// that decides the call of cargo, no process is started.
    fn remembered(project: &Project, request: &DevRequest<'_>, config: &Layers) -> Option<Self> {
        let root = environment(project, request).found().ok()?.root;
        let (dist_info, state) = State::find(&root, project.name())?;
        if state.project != project.root {
            return None;
        }
        let is_it = |it: &str| python::is_a_version(it) && state.python.is_of(it);
        let asked_for = request.python.is_none_or(is_it);
        let mut workspace = state.workspace.clone();
        let (build, venv) = (&request.build, &root);
        let read = |workspace: &Workspace| {
            let selection = selection(project, request, &workspace.policy, venv);
            let inputs = Inputs::read(project, workspace, build, &selection, venv, config);
            if !request.is_of_import {
                return inputs;
            }
            let inputs = inputs.with_variables_of(&state.inputs);
            inputs.with_options_of(&state.inputs)
        };
        let mut inputs = read(&workspace);
        let same_environment = inputs.environment() == state.inputs.environment();
        let allowed = state.python.satisfies(project.environment_python.as_ref());
        if !(asked_for && allowed && same_environment) {
            return None;
        }
        if inputs.cargo_call != state.inputs.cargo_call {
            // A manifest, a variable or cargo's configuration may mean another workspace or target directory.
            workspace = Workspace::load(project).ok()?;
            inputs = read(&workspace);
        }
        let python = state.python.clone();
        Some(Self {
            selection: selection(project, request, &workspace.policy, &root),
            environment: Environment::There(Venv { root, python }),
            workspace,
            inputs,
            earlier: Some((dist_info, state)),
        })
    }

    /// The same, found out from the ground.
    fn found_out(
        project: &Project,
        request: &DevRequest<'_>,
        config: &Layers,
    ) -> Result<Self, DevError> {
        let workspace = Workspace::load(project)?;
        let environment = match environment(project, request).plan()? {
            VenvPlan::Use(venv) => Environment::There(venv),
            VenvPlan::Create { root, base } => Environment::Absent { root, base },
        };
        let root = environment.root();
        let selection = selection(project, request, &workspace.policy, root);
        let inputs = Inputs::read(
            project,
            &workspace,
            &request.build,
            &selection,
            root,
            config,
        );
        let earlier = State::find(root, project.name());
        Ok(Self {
            environment,
            workspace,
            selection,
            inputs,
            earlier,
        })
    }
}

impl OurInstall {
    fn look(
        project: &Project,
        notes: &Utf8Path,
        environment: &Environment,
        dist_info: Utf8PathBuf,
        state: State,
    ) -> Self {
        let library = &state.library;
        let placed = Some(library.placed.as_path());
        let (changed, same): (Vec<_>, Vec<_>) = state
            .sources
            .iter()
            .partition(|source| source.has_changed(placed));
        let settled = same
            .into_iter()
            .filter(|source| source.is_whole_directory());
        let relative = |source: &Source| shown(&project.root, &source.path).to_owned();
        let search = leftovers::Search {
            root: &project.root,
            name: project.name(),
            venv: environment.root(),
            python: &state.python,
            notes,
        };
        Self {
            is_complete: install::is_complete(&dist_info),
            changed_sources: changed.into_iter().map(relative).collect(),
            settled: settled.map(|source| source.path.clone()).collect(),
            is_built: library.is_built(),
            placed: library.look(),
            gone: gone(&state),
            others: search.others(&library.placed, &project.extension),
            has_pyo3_config: pyo3_config::is_there(&state.cargo_call),
            dist_info,
            state,
        }
    }
}

/// What was installed with the dependencies and is no more, as after a `uv sync` without the extras that were
/// chosen here.
fn gone(state: &State) -> Vec<String> {
    if state.packages.is_empty() {
        return Vec::new();
    }
    let there = install::distributions(&state.python.platlib);
    let gone = state.packages.iter().filter(|name| !there.contains(name));
    gone.cloned().collect()
}

/// Whether the extension is linked against a library of its third-party crates.
fn prelinking(
    project: &Project,
    request: &DevRequest<'_>,
    workspace: &Workspace,
    config: &Layers,
) -> Prelinking {
    let platform = (std::env::consts::OS, std::env::consts::ARCH);
    let last = Outcome::read(&outcome_file(&scratch::path(&project.root, workspace)));
    let policy = workspace.policy.prelink;
    let linker = cargo_settings::linker::configured(config);
    let linker = linker.as_deref();
    Prelinking::decide(
        request.prelink.is_some(),
        policy,
        platform,
        linker,
        last.as_ref(),
    )
}

/// maturin's answer for `inputs`, if it was kept and is of use.
fn kept_call(root: &Utf8Path, workspace: &Workspace, inputs: &Inputs) -> Option<Invocation> {
    let scratch = scratch::path(root, workspace);
    kept_call::find(&scratch, &inputs.cargo_call).filter(pyo3_config::is_there)
}

/// The extras and groups that are wanted in the environment `venv`: those that were asked for, else those of
/// the last choice, else those of the policy.
fn selection(
    project: &Project,
    request: &DevRequest<'_>,
    policy: &Policy,
    venv: &Utf8Path,
) -> Selection {
    let wanted = match &request.dependencies {
        Wanted::Chosen(selection) => Some(selection.clone()),
        Wanted::AsBefore | Wanted::Leave => DEPENDENCIES.find(venv, project.name()),
    };
    wanted
        .unwrap_or_else(|| policy.dependencies.clone())
        .normalized()
}

/// That `uv run`, by which we were started, has built the project already, where it has.
fn built_by_uv_run(project: &Project, venv: &Utf8Path) -> Option<String> {
    vars::var(vars::UV_RUN_RECURSION_DEPTH)?;
    let installer = install::installer(venv, project.name())?;
    (installer == "uv").then(|| {
        "uv has built and installed it already, as `uv run` does before anything else: `cargo xtask dev` alone, or `uv run --no-sync cargo xtask dev`, builds it once".to_owned()
    })
}

/// The environment that a request for `project` means.
#[must_use]
pub fn environment<'a>(project: &'a Project, request: &DevRequest<'a>) -> venv::Request<'a> {
    let for_uv = vars::var(vars::UV_PROJECT_ENVIRONMENT);
    let for_uv = for_uv.filter(|_| project.pyproject.is_managed_by_uv());
    venv::Request {
        places: Places {
            venv: request.venv,
            // As uv has it: relative to the root of the workspace.
            for_uv: for_uv.map(|path| project.uv_workspace.join(path)),
            workspace: &project.uv_workspace,
            project: &project.root,
            active: Active::all(),
        },
        python: request.python,
        pinned: project.pinned_python.as_deref(),
        requires_python: project.environment_python.as_ref(),
    }
}
