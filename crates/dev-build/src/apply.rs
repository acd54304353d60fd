//! Carrying out a plan: the only part of a build that changes anything.

mod deliver;
mod hook;
mod linking;
mod remember;
mod storing;

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use build_dir::dep_info::prerequisites;
use camino::{Utf8Path, Utf8PathBuf};
use files::access::keeps_from_writing;
use processes::Invocation;
use processes::Say;
use project_model::{Layout, Project, ProjectError, Selection};
use python_tools::tools::cannot_keep;
use python_tools::venv::VenvPlan;
use python_tools::{Interpreter, Tool, Toolbox, Venv};

use crate::compile::Compiled;
use crate::costs::Edit;
use crate::dependencies::{Installer, Pins, Wanted};
use crate::digest::Stamp;
use crate::error::{DevError, io_error, target_error};
use crate::import::Imported;
use crate::kept_choice::DEPENDENCIES;
use crate::lock::Lock;
use crate::maturin::Maturin;
use crate::outcome::{Installed, Outcome};
use crate::packing::Packing;
use crate::plan::{BuildPlan, CallStep, Delivery, DevPlan, EnvironmentStep};
use crate::prelinking::outcome_file;
use crate::provenance::profile;
use crate::request::DevRequest;
use crate::scratch::Scratch;
use crate::siblings::{self, Sibling};
use crate::situation::{Package, Situation};
use crate::sources::{Before, Source, missing, sources_of};
use crate::units::{Misjudged, Units, is_shared};
use crate::why::look::{Look, Looking};
use crate::{incremental, install, pyo3_config, shared_env, still_running, told, uv_build};

/// Builds another project into an environment.
pub(crate) type BuildSibling<'a> = &'a dyn Fn(&Sibling, &Venv) -> Result<(), DevError>;

/// A plan that is being carried out.
pub(crate) struct Application<'a> {
    project: &'a Project,
    toolbox: &'a Toolbox,
    /// Where it is noted which environments the project is installed into.
    notes: Utf8PathBuf,
    request: &'a DevRequest<'a>,
    say: Say<'a>,
    build_sibling: BuildSibling<'a>,
    situation: Situation,
    scratch: Scratch,
    /// What is installed, once the dependencies are.
    packages: Option<Vec<String>>,
    uv: OnceCell<Tool>,
    maturin: OnceCell<Tool>,
    /// Begun before there is anything to pack.
    packing: RefCell<Option<Packing>>,
}

/// What a build has come to so far.
struct Built {
    venv: Venv,
    call: Invocation,
    compiled: Compiled,
    /// In the target directory.
    library: Utf8PathBuf,
    /// Of the library, as cargo has left it.
    stamp: Option<Stamp>,
    /// The library of third-party crates that it is linked against, by its file name.
    base: Option<String>,
    /// Held until the library is in place.
    lock: Option<Lock>,
    /// What cargo had kept before it was started.
    look: Option<Look>,
    /// The sources before cargo was started.
    before: Before,
    sources: OnceLock<Vec<Source>>,
    /// Variables that the crates have read.
    variables: BTreeSet<String>,
    /// Where relative names in cargo's dependency files are taken from.
    dep_info_base: Utf8PathBuf,
}

impl<'a> Application<'a> {
    pub(crate) fn new(
        project: &'a Project,
        toolbox: &'a Toolbox,
        notes: Utf8PathBuf,
        request: &'a DevRequest<'a>,
        say: Say<'a>,
        build_sibling: BuildSibling<'a>,
        situation: Situation,
    ) -> Self {
        Self {
            project,
            toolbox,
            notes,
            request,
            say,
            build_sibling,
            scratch: Scratch::new(&project.root, &situation.workspace),
            situation,
            packages: None,
            uv: OnceCell::new(),
            maturin: OnceCell::new(),
            packing: RefCell::new(None),
        }
    }

    pub(crate) fn carry_out(mut self, plan: DevPlan) -> Result<Outcome, DevError> {
        match plan {
            DevPlan::Build(plan) => self.build(*plan),
            DevPlan::Nothing(fresh) => {
                self.keep_fresh_for_uv()?;
                self.build_siblings(&fresh.venv)?;
                self.keep_shared_with_maturin(&fresh.venv.python)?;
                self.keep_hook(&fresh.venv)?;
                if fresh.sharing.is_some() {
                    self.share_variables_of_the_last_build()?;
                }
                Ok(Outcome {
                    venv: fresh.venv,
                    compiled: Compiled::default(),
                    install: Installed::Unchanged,
                    imported: fresh.imported,
                    still_running: None,
                    missing: self
                        .situation
                        .ours()
                        .map(|ours| self.missing(&ours.state.sources))
                        .unwrap_or_default(),
                    elapsed: Duration::ZERO,
                    waited: Duration::ZERO,
                })
            }
        }
    }

    fn build(&mut self, plan: BuildPlan) -> Result<Outcome, DevError> {
        let start = Instant::now();
        self.require_writable_package()?;
        if let EnvironmentStep::Use(venv) = &plan.environment {
            venv.require_writable()?;
            // Also where the sources do not compile: then above all.
            if self.request.on_import == Some(false) {
                self.keep_hook(venv)?;
            }
        }
        // Making a witness changes the time of its file, so it comes before anything notes that, and after
        // what goes by it.
        self.remember_units_of_others();
        self.keep_witnesses(&[]);
        let venv = self.environment(plan.environment)?;
        let call = self.cargo_call(plan.call, &venv)?;
        if matches!(plan.delivery, Delivery::Install(_)) {
            self.packing.replace(Some(self.start_packing(&venv)?));
        }
        if plan.dependencies.is_some() {
            self.install_dependencies(&venv)?;
        }
        self.build_siblings(&venv)?;
        if plan.dependencies.is_some() {
            self.packages = Some(install::distributions(&venv.python.platlib));
        }
        if plan.sharing.is_some() {
            self.share_variables(&call)?;
        }
        self.announce_profile(&call);
        let mut built = self.compile(venv, call)?;
        if !built.compiled.is_from_store {
            built.variables = self.remember_units(&built);
        }
        self.tell_why(&built);
        let mut delivered = self.deliver(&plan.delivery, &built);
        if let Err(error) = &delivered
            && built.compiled.is_from_store
        {
            let text =
                format!("the extension from the store is not used, and cargo is asked: {error}");
            (self.say)("Note", &text);
            built = self.built_by_cargo(built.venv, built.call, built.lock)?;
            built.variables = self.remember_units(&built);
            delivered = self.deliver(&plan.delivery, &built);
        }
        let (install, imported) = match delivered {
            Ok(delivered) => delivered,
            Err(error) => {
                let why = linking::at_fault(&error, &built).ok_or(error)?;
                built = self.relinked(built, &why)?;
                let delivered = self.deliver(&plan.delivery, &built)?;
                if why.lasts() {
                    self.forbid(&why)?;
                }
                delivered
            }
        };
        if let Some(asking) = self.asking(&built.venv, &built.call) {
            self.keep_extension(&asking, &built);
            if !built.compiled.is_from_store {
                self.keep_own_units(&asking, &built.compiled);
            }
        }
        self.keep_hook(&built.venv)?;
        self.tell_what_uv_builds();
        self.tell_of_ci(&built);
        self.tell_of_other_pythons(&built)?;
        self.tell_of_costs(&built, start.elapsed())?;
        Ok(Outcome {
            missing: self.missing(built.sources()),
            venv: built.venv,
            compiled: built.compiled,
            still_running: self.still_running(install, &imported),
            install,
            imported,
            elapsed: Duration::ZERO,
            waited: built.lock.and_then(|it| it.waited).unwrap_or_default(),
        })
    }

    /// Fails if the library of a mixed project cannot be put beside the Python modules: better now than after
    /// the build.
    fn require_writable_package(&self) -> Result<(), DevError> {
        let Layout::Mixed { package } = &self.project.extension.layout else {
            return Ok(());
        };
        let obstacle = keeps_from_writing(package);
        obstacle.map_or(Ok(()), |dir| Err(DevError::Package { dir }))
    }

    /// Those of `sources` that are not there, each with the crate that it lies in.
    fn missing(&self, sources: &[Source]) -> Vec<(Utf8PathBuf, Option<String>)> {
        let packages = &self.situation.workspace.packages;
        let package_of = |path: &Utf8PathBuf| {
            let around = packages.iter().filter(|(_, dir)| path.starts_with(dir));
            let nearest = around.max_by_key(|(_, dir)| dir.as_str().len());
            nearest.map(|(name, _)| name.clone())
        };
        let missing = missing(sources).into_iter();
        missing
            .map(|path| (path.clone(), package_of(&path)))
            .collect()
    }

    /// That processes still run the library that was replaced.
    fn still_running(&self, install: Installed, imported: &Imported) -> Option<String> {
        let placed = match install {
            Installed::Unchanged => return None,
            Installed::Placed => &self.situation.ours()?.state.library.placed,
            Installed::Anew => imported.file.as_ref()?,
        };
        let module = self.project.extension.full_name();
        still_running::note(&self.situation, &module, placed)
    }

    /// They may be imported by the library that is tried.
    fn build_siblings(&self, venv: &Venv) -> Result<(), DevError> {
        if self.request.dependencies == Wanted::Leave {
            return Ok(());
        }
        (self.situation.siblings.iter()).try_for_each(|sibling| (self.build_sibling)(sibling, venv))
    }

    /// Says that uv would build it otherwise, where that is news.
    fn tell_what_uv_builds(&self) {
        let command = if self.request.is_sibling {
            let dir = self.project.root.as_str();
            let command = Invocation::new("cargo").args(["xtask", "--project", dir, "editable"]);
            command.to_string()
        } else {
            uv_build::OWNER.command()
        };
        let otherwise = |options| uv_build::otherwise(self.project, options, &command);
        let before = self
            .situation
            .ours()
            .map(|ours| otherwise(&ours.state.options));
        match otherwise(&self.request.build) {
            Some(text) if before != Some(Some(text.clone())) => (self.say)("Note", &text),
            _ => {}
        }
    }

    /// Says that cargo has compiled more than it had to, where a machine looks like one of continuous
    /// integration.
    fn tell_of_ci(&self, built: &Built) {
        let profile = profile(&built.call);
        let note = incremental::note(self.project, &profile, &built.compiled);
        if let Some(note) = note {
            (self.say)("Note", &note);
        }
    }

    /// Says once that another tool gives pyo3 another Python, where that has just made cargo compile it
    /// again.
    fn tell_of_other_pythons(&self, built: &Built) -> Result<(), DevError> {
        let is_foreign = matches!(self.situation.package, Package::Foreign);
        let python = &built.venv.python;
        let note = pyo3_config::note(&built.call, python, &built.compiled).filter(|_| is_foreign);
        let scratch = self.scratch.dir()?;
        if let Some(note) = note.filter(|_| told::is_first(scratch, "pythons")) {
            (self.say)("Note", &note);
        }
        Ok(())
    }

    /// Says why more was compiled than the edit explains, if it was.
    fn tell_why(&self, built: &Built) {
        let (situation, config) = (&self.situation, self.request.config);
        let Some(look) = &built.look else {
            return;
        };
        let report = look.compare(self.project, situation, config, &built.compiled);
        if let Some(line) = report.line() {
            (self.say)("Why", &line);
        }
    }

    /// Says once what a setting of the project costs at each edit.
    fn tell_of_costs(&self, built: &Built, total: Duration) -> Result<(), DevError> {
        let scratch = self.scratch.dir()?;
        let Some(outcome) = prelink::Outcome::read(&outcome_file(scratch)) else {
            return Ok(());
        };
        let edit = Edit {
            incremental: outcome.incremental,
            is_for_edits: !matches!(profile(&built.call).as_str(), "release" | "bench"),
            cargo_s: built.compiled.elapsed.as_secs_f64(),
            total_s: total.as_secs_f64(),
        };
        let note = edit.note().filter(|_| built.compiled.is_of_an_edit());
        if let Some(note) = note.filter(|_| told::is_first(scratch, "costs")) {
            (self.say)("Note", &note);
        }
        Ok(())
    }

    fn environment(&mut self, step: EnvironmentStep) -> Result<Venv, DevError> {
        match step {
            EnvironmentStep::Use(venv) => Ok(venv),
            EnvironmentStep::Make { root, base } => {
                let venv = VenvPlan::Create { root, base }.apply(self.uv()?, self.say)?;
                self.situation.note_environment(&venv);
                Ok(venv)
            }
        }
    }

    fn cargo_call(&mut self, step: CallStep, venv: &Venv) -> Result<Invocation, DevError> {
        // Where the environment has just been made, an answer may have been kept for one like it.
        let kept = self.situation.kept_call.take();
        let call = match (step, kept) {
            (CallStep::Known(call), _) => *call,
            (CallStep::AskMaturin(_), Some(kept)) => kept,
            (CallStep::AskMaturin(_), None) => {
                let call = self.maturin(venv)?.cargo_call(self.scratch.dir()?)?;
                let Situation {
                    inputs, workspace, ..
                } = &mut self.situation;
                inputs.note_lock_file(&self.project.root, workspace);
                call
            }
        };
        refuse_other_calls(&self.project.root, &call)?;
        self.for_all_checkouts(call, &venv.python)
    }

    /// `call` with what pyo3 reads as every other checkout has it. Build scripts that import packages have to
    /// start the Python of the environment.
    fn for_all_checkouts(
        &self,
        call: Invocation,
        python: &Interpreter,
    ) -> Result<Invocation, DevError> {
        let call = if self.situation.needs_python_to_build {
            call
        } else {
            pyo3_config::with_base_python(call, python)
        };
        let kept = self.toolbox.pyo3_configs()?;
        let places = pyo3_config::Places {
            kept: &kept,
            target_dir: &self.situation.workspace.target_dir,
        };
        Ok(places.keep(call).map_err(cannot_keep(&kept))?)
    }

    /// maturin's own calls find what pyo3 reads where ours do, also after its directory was removed.
    fn keep_shared_with_maturin(&self, python: &Interpreter) -> Result<(), DevError> {
        let call = self.situation.ours().map(|ours| &ours.state.cargo_call);
        let call = call.map(|call| self.for_all_checkouts(call.clone(), python));
        call.transpose().map(drop)
    }

    /// Installs what is pinned; of the projects with an extension among it, finds out which are needed.
    fn install_dependencies(&mut self, venv: &Venv) -> Result<(), DevError> {
        let pins = self.situation.pins.clone();
        if pins.are_open() {
            let text = "dependencies from pyproject.toml: neither uv.lock nor the policy pins them";
            (self.say)("Resolving", text);
        }
        let selection = self.situation.selection.clone();
        if pins == (Pins::UvLock { is_there: false }) {
            let text = "dependencies: uv writes uv.lock, as it does for `uv sync`";
            (self.say)("Locking", text);
            self.read_of_uv(&self.installer(venv, &selection)?.lock())?;
            self.situation.inputs.note_uv_lock(self.project);
        }
        let is_locked = matches!(pins, Pins::UvLock { .. });
        let mut siblings = Vec::new();
        if is_locked {
            siblings = siblings::locked(self.project);
        }
        let installer = self.installer(venv, &selection)?;
        let commands = [
            installer.install(&pins, &siblings),
            installer.install_for_build(),
        ];
        for command in commands.iter().flatten() {
            self.read_of_uv(command)?;
        }
        if !siblings.is_empty() {
            let answer = self.read_of_uv(&installer.list())?;
            let needed = siblings::needed(siblings, &answer);
            siblings = needed.map_err(|source| DevError::Packages {
                project: self.project.root.clone(),
                source,
            })?;
        }
        self.situation.siblings = siblings;
        if let Wanted::Chosen(_) = self.request.dependencies {
            let text = format!("{}, also from the next call on", selection.args().join(" "));
            (self.say)("Chosen", &text);
            let kept = DEPENDENCIES.keep(&venv.root, self.project.name(), &selection);
            kept.map_err(io_error(&venv.root))?;
        }
        Ok(())
    }

    fn installer<'i>(
        &'i self,
        venv: &'i Venv,
        selection: &'i Selection,
    ) -> Result<Installer<'i>, DevError> {
        Ok(Installer {
            project: self.project,
            uv: self.uv()?,
            venv,
            selection,
            offline: self.request.run.forbids_network(),
        })
    }

    /// What `command`, one of uv's for the dependencies, answers.
    fn read_of_uv(&self, command: &Invocation) -> Result<String, DevError> {
        command.read().map_err(|source| DevError::Dependencies {
            project: self.project.root.clone(),
            source,
        })
    }

    fn share_variables_of_the_last_build(&self) -> Result<(), DevError> {
        let call = self.situation.ours().map(|ours| &ours.state.cargo_call);
        call.map_or(Ok(()), |call| self.share_variables(call))
    }

    fn share_variables(&self, call: &Invocation) -> Result<(), DevError> {
        if let Some(config) = &self.situation.local_config {
            shared_env::write(&config.path, call)?;
        }
        Ok(())
    }

    fn announce_profile(&self, call: &Invocation) {
        let now = profile(call);
        if let Some(ours) = self.situation.ours()
            && ours.state.provenance.profile != now
        {
            let text = format!(
                "from the {} profile to {now}",
                ours.state.provenance.profile
            );
            (self.say)("Switching", &text);
        }
    }

    /// The library that the sources make: as it was once built from them, or by cargo.
    fn compile(&self, venv: Venv, call: Invocation) -> Result<Built, DevError> {
        let lock = self.lock_shared_directory()?;
        let asking = self.asking(&venv, &call);
        if let Some(asking) = &asking
            && let Some(built) = self.take_from_store(asking, &venv, &call)?
        {
            return Ok(Built { lock, ..built });
        }
        self.built_by_cargo(venv, call, lock)
    }

    fn built_by_cargo(
        &self,
        venv: Venv,
        call: Invocation,
        lock: Option<Lock>,
    ) -> Result<Built, DevError> {
        let asking = self.asking(&venv, &call);
        let before = self.before();
        let had_all = asking.as_ref().is_some_and(|asking| {
            self.give_own_units(asking);
            self.give_units(asking)
        });
        let looking = Looking::start(&self.situation.workspace, &call);
        self.make_stale()?;
        self.make_fresh()?;
        let compiled = self.run_cargo(&venv, &call)?;
        if let Some(asking) = &asking {
            self.keep_units(asking, &compiled, had_all);
        }
        let library = compiled
            .library(&self.project.extension.manifest)?
            .to_owned();
        self.refuse_library_of_another_checkout(&library)?;
        let built = Built {
            base: linking::base_of(&library),
            stamp: Stamp::of(&library).ok(),
            venv,
            call,
            compiled,
            library,
            before,
            lock,
            look: Some(looking.end()),
            sources: OnceLock::new(),
            variables: BTreeSet::new(),
            dep_info_base: self.situation.dep_info_base.clone(),
        };
        let Some(why) = self.linked_in_vain(&built) else {
            return Ok(built);
        };
        let built = self.relinked(built, &why)?;
        if why.lasts() {
            self.forbid(&why)?;
        }
        Ok(built)
    }

    /// Where checkouts share a build directory, their builds take turns: what another one built there while
    /// cargo waited for its lock would be taken for fresh, and for ours.
    fn lock_shared_directory(&self) -> Result<Option<Lock>, DevError> {
        let workspace = &self.situation.workspace;
        if !is_shared(workspace) {
            return Ok(None);
        }
        let lock = Lock::take(&workspace.build_dir, &self.notes, self.say);
        Ok(Some(lock.map_err(cannot_keep(&self.notes))?))
    }

    /// The sources that are known, as they are before cargo is started.
    fn before(&self) -> Before {
        let state = self.situation.ours().map(|ours| &ours.state);
        let sources = state.map_or(&[][..], |state| &state.sources);
        let placed = state.map(|state| state.library.placed.as_path());
        Before::look_at(sources, &self.situation.workspace.build_dir, placed)
    }

    /// Has cargo build again what it would wrongly take for fresh. Looked at anew, after [`Self::before`]: an
    /// older content may have come since the plan was made, or another checkout may have built into the same
    /// directory.
    fn make_stale(&self) -> Result<(), DevError> {
        let mut told = None;
        for (unit, misjudged) in self.situation.misjudged_now() {
            unit.make_stale()
                .map_err(target_error(&self.situation.workspace.build_dir))?;
            if misjudged.is_news && told.as_ref() != Some(&misjudged) {
                let Misjudged { package, cause, .. } = &misjudged;
                (self.say)("Stale", &format!("{package}: {cause}"));
            }
            told = Some(misjudged);
        }
        Ok(())
    }

    /// Keeps cargo from building again what it would for the times of sources alone. Looked at anew, as
    /// above.
    fn make_fresh(&self) -> Result<(), DevError> {
        let now = SystemTime::now();
        let mut units = Units::remembered(&self.project.root, &self.situation.workspace);
        let taken = units.taken_for_stale(now);
        units
            .take_for_fresh(&taken, now)
            .map_err(target_error(&self.situation.workspace.build_dir))
    }

    /// Where checkouts share a target directory, another one may have built into it since cargo has ended.
    fn refuse_library_of_another_checkout(&self, library: &Utf8Path) -> Result<(), DevError> {
        let text = fs_err::read_to_string(library.with_extension("d")).unwrap_or_default();
        let sources = prerequisites(&text, &self.situation.dep_info_base);
        let crate_dir = self.project.extension.manifest.parent();
        let is_ours = |path: &Utf8PathBuf| crate_dir.is_some_and(|dir| path.starts_with(dir));
        if sources.is_empty() || sources.iter().any(is_ours) {
            return Ok(());
        }
        Err(DevError::BuiltElsewhere {
            library: library.to_owned(),
            source_file: sources[0].clone(),
        })
    }

    fn uv(&self) -> Result<&Tool, DevError> {
        if let Some(tool) = self.uv.get() {
            return Ok(tool);
        }
        let tool = self.toolbox.uv(self.say)?;
        Ok(self.uv.get_or_init(|| tool))
    }

    fn maturin<'t>(&'t self, venv: &'t Venv) -> Result<Maturin<'t>, DevError> {
        if self.maturin.get().is_none() {
            let tool = self.toolbox.maturin(self.uv()?, self.say)?;
            let _ = self.maturin.set(tool);
        }
        Ok(Maturin {
            tool: self.maturin.get().expect("it has just been set"),
            project: self.project,
            python: &venv.python.executable,
            build: &self.request.build,
            run: &self.request.run,
            target_dir: None,
        })
    }
}

impl Built {
    /// What the library is made of, as cargo saw it. Looked at once, before anything is put in place.
    fn sources(&self) -> &[Source] {
        self.sources.get_or_init(|| {
            let whole = self.compiled.whole_directories();
            sources_of(&self.library, &self.dep_info_base, &whole, &self.before)
        })
    }
}

/// maturin finds out the bindings where the project does not name them. For pyo3's, and only for them, it
/// sets this variable (since 1.10; its `compile.rs`).
fn refuse_other_calls(root: &Utf8Path, call: &Invocation) -> Result<(), DevError> {
    if call.env.contains_key("PYO3_BUILD_EXTENSION_MODULE") {
        return Ok(());
    }
    let bindings = "not pyo3's".to_owned();
    let project = root.to_owned();
    Err(ProjectError::OtherBindings { project, bindings }.into())
}
