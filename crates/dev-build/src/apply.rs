//! Carrying out a plan: the only part of a build that changes anything.

use std::cell::OnceCell;
use std::io;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use build_dir::dep_info::prerequisites;
use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use processes::Say;
use project_model::Project;
use python_tools::tools::cannot_keep;
use python_tools::venv::VenvPlan;
use python_tools::{Tool, Toolbox, Venv};

use crate::circumstances::Marks;
use crate::compile::{self, Compiled};
use crate::digest::Stamp;
use crate::error::{DevError, io_error, not_remembered, target_error};
use crate::import::{self, Imported};
use crate::install::{self, InstallError};
use crate::leftovers::{Fate, OtherBuild, Search};
use crate::maturin::Maturin;
use crate::outcome::{Installed, Outcome};
use crate::plan::{BuildPlan, CallStep, Delivery, DevPlan, EnvironmentStep};
use crate::provenance::{profile, provenance};
use crate::request::DevRequest;
use crate::scratch::Scratch;
use crate::situation::Situation;
use crate::sources::{Before, Source, digest_of, missing, sources_of};
use crate::state::{Format, Library, Placed, State};
use crate::units::{Misjudged, Units};
use crate::{installs, kept_call, place, shared_env, uv_cache};

/// A plan that is being carried out.
pub(crate) struct Application<'a> {
    project: &'a Project,
    toolbox: &'a Toolbox,
    /// Where it is noted which environments the project is installed into.
    notes: Utf8PathBuf,
    request: &'a DevRequest<'a>,
    say: Say<'a>,
    situation: Situation,
    scratch: Scratch,
    uv: OnceCell<Tool>,
    maturin: OnceCell<Tool>,
}

/// What a build has come to so far.
struct Built {
    venv: Venv,
    call: Invocation,
    compiled: Compiled,
    /// In the target directory.
    library: Utf8PathBuf,
    /// The sources before cargo was started.
    before: Before,
    sources: OnceLock<Vec<Source>>,
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
        situation: Situation,
    ) -> Self {
        Self {
            project,
            toolbox,
            notes,
            request,
            say,
            scratch: Scratch::new(&project.root, &situation.workspace),
            situation,
            uv: OnceCell::new(),
            maturin: OnceCell::new(),
        }
    }

    pub(crate) fn carry_out(mut self, plan: DevPlan) -> Result<Outcome, DevError> {
        match plan {
            DevPlan::Build(plan) => self.build(*plan),
            DevPlan::Nothing(fresh) => {
                self.keep_fresh_for_uv()?;
                Ok(Outcome {
                    venv: fresh.venv,
                    compiled: Compiled::default(),
                    install: Installed::Unchanged,
                    imported: fresh.imported,
                    missing: self
                        .situation
                        .ours()
                        .map(|ours| missing(&ours.state.sources))
                        .unwrap_or_default(),
                    elapsed: Duration::ZERO,
                })
            }
        }
    }

    fn build(&mut self, plan: BuildPlan) -> Result<Outcome, DevError> {
        if let EnvironmentStep::Use(venv) = &plan.environment {
            venv.require_writable()?;
        }
        // Making a witness changes the time of its file, so it comes before anything notes that.
        self.keep_witnesses();
        let venv = self.environment(plan.environment)?;
        let call = self.cargo_call(plan.call, &venv)?;
        if plan.dependencies.is_some() {
            self.install_dependencies(&venv)?;
        }
        if plan.sharing.is_some() {
            self.share_variables(&call)?;
        }
        self.announce_profile(&call);
        let built = self.compile(venv, call)?;
        let (install, imported) = self.deliver(&plan.delivery, &built)?;
        self.remember_units(&built);
        Ok(Outcome {
            missing: missing(built.sources()),
            venv: built.venv,
            compiled: built.compiled,
            install,
            imported,
            elapsed: Duration::ZERO,
        })
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
        Ok(call)
    }

    fn install_dependencies(&self, venv: &Venv) -> Result<(), DevError> {
        let pins = &self.situation.pins;
        if pins.are_open() {
            let text = "dependencies from pyproject.toml: neither uv.lock nor the policy pins them";
            (self.say)("Resolving", text);
        }
        let offline = self.request.run.forbids_network();
        let command = pins.install(self.project, self.uv()?, venv, offline);
        let done = command.map(|command| command.read()).transpose();
        done.map(drop).map_err(|source| DevError::Dependencies {
            project: self.project.root.clone(),
            source,
        })
    }

    fn share_variables(&mut self, call: &Invocation) -> Result<(), DevError> {
        let Some(config) = &self.situation.local_config else {
            return Ok(());
        };
        if let Some(written) = shared_env::write(&config.path, call)? {
            // The file is itself among what decides the next call.
            let path = config.path.clone();
            self.situation
                .inputs
                .note_written(&self.project.root, &path, &written);
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

    fn compile(&self, venv: Venv, call: Invocation) -> Result<Built, DevError> {
        let before = self.before();
        self.make_stale()?;
        let manifest = &self.project.extension.manifest;
        let compiled = compile::compile(&call, &self.request.run, manifest, self.say)?;
        let library = compiled.library(manifest)?.to_owned();
        self.refuse_library_of_another_checkout(&library)?;
        Ok(Built {
            venv,
            call,
            compiled,
            library,
            before,
            sources: OnceLock::new(),
            dep_info_base: self.situation.dep_info_base.clone(),
        })
    }

    /// The sources that are known, as they are before cargo is started.
    fn before(&self) -> Before {
        let state = self.situation.ours().map(|ours| &ours.state);
        let sources = state.map_or(&[][..], |state| &state.sources);
        let placed = state.map(|state| state.library.placed.as_path());
        Before::look_at(sources, &self.situation.workspace.build_dir, placed)
    }

    /// Has cargo build again what it would wrongly take for fresh. Looked at anew: another checkout may have
    /// built into the same directory since the plan was made.
    fn make_stale(&self) -> Result<(), DevError> {
        let mut told = None;
        for (unit, misjudged) in self.situation.find_misjudged() {
            unit.make_stale()
                .map_err(target_error(&self.situation.workspace.build_dir))?;
            if told.as_ref() != Some(&misjudged) {
                let Misjudged { package, cause } = &misjudged;
                (self.say)("Stale", &format!("{package}: {cause}"));
            }
            told = Some(misjudged);
        }
        Ok(())
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

    /// Without this record everything else works: cargo then compiles the project's own crates once more
    /// where it is not sure.
    fn remember_units(&self, built: &Built) {
        let units = Units::remembered(&self.project.root, &self.situation.workspace);
        let started = built.compiled.started.unwrap_or(SystemTime::UNIX_EPOCH);
        if let Err(error) = units.remember(&built.compiled.path_crates(), started) {
            let text = format!("what the crates were built from cannot be noted: {error}");
            (self.say)("Note", &text);
        }
    }

    /// Puts the library in place; has the package installed where that was planned, or where only the build
    /// could tell that maturin has to change the library.
    fn deliver(
        &self,
        delivery: &Delivery,
        built: &Built,
    ) -> Result<(Installed, Imported), DevError> {
        match (delivery, self.situation.ours()) {
            (Delivery::Place(_), Some(ours)) if !built.compiled.needs_run_path => {
                self.place(&ours.dist_info, &ours.state, built)
            }
            _ => self.install(built),
        }
    }

    /// Puts the library in place, unless it is there.
    fn place(
        &self,
        dist_info: &Utf8Path,
        earlier: &State,
        built: &Built,
    ) -> Result<(Installed, Imported), DevError> {
        let placed = &earlier.library.placed;
        if earlier.library.is_in_place(&built.library) {
            self.remove_leftovers(&built.venv, placed)?;
            self.remember_sources(dist_info, earlier, built)?;
            return Ok((Installed::Unchanged, earlier.imported.clone()));
        }
        let imported = std::thread::scope(|scope| {
            scope.spawn(|| built.sources());
            self.try_library(built)
        });
        let imported = imported?;
        place::place(&built.library, placed, self.scratch.dir()?).map_err(|source| {
            DevError::Place {
                library: built.library.clone(),
                place: placed.clone(),
                source,
            }
        })?;
        self.remove_leftovers(&built.venv, placed)?;
        let library = Library::of(&built.library, placed, true)?;
        let understood = earlier.uv_cache_understood;
        self.refresh_uv_cache(dist_info, understood, built.sources())?;
        self.remember(dist_info, built, library, &imported, understood)?;
        Ok((Installed::Placed, imported))
    }

    /// Has maturin pack the editable wheel and uv install it.
    fn install(&self, built: &Built) -> Result<(Installed, Imported), DevError> {
        self.try_library(built)?;
        built.sources();
        let built_stamp = Stamp::of(&built.library).map_err(io_error(&built.library))?;
        let dist_info = self.install_wheel(&built.venv)?;
        let (python, module) = (&built.venv.python, self.project.extension.full_name());
        let mut imported = import::installed(python, &module)?;
        let placed = self.placed_library(&imported, built)?;
        if self.remove_leftovers(&built.venv, &placed)? {
            imported = import::installed(python, &module)?;
        }
        self.remove_library_of_before(&placed)?;
        let same_bytes = place::same_bytes(&placed, &built.library);
        let mut library = Library::of(&built.library, &placed, same_bytes)?;
        // Of the library that was tried: maturin's own call of cargo may have written it since.
        library.built_stamp = built_stamp;
        let understood = uv_cache::is_understood(self.project, &dist_info);
        self.keep_library_link();
        if understood {
            let noted = uv_cache::note_directories(self.project, &dist_info);
            noted.map_err(not_remembered(&dist_info))?;
        }
        if !understood && self.project.pyproject.uv_cache_keys().is_some() {
            let text = "[tool.uv] cache-keys has a key that cannot be kept current here: after an edit, `uv run` will build again";
            (self.say)("Note", text);
        }
        self.remember(&dist_info, built, library, &imported, understood)?;
        Ok((Installed::Anew, imported))
    }

    /// Where the module has another name or place than before, its old library would stay importable.
    fn remove_library_of_before(&self, placed: &Utf8Path) -> Result<(), DevError> {
        let Some(ours) = self.situation.ours() else {
            return Ok(());
        };
        let old = &ours.state.library;
        if old.placed == placed || old.look() != Placed::Same {
            return Ok(());
        }
        place::remove(&old.placed).map_err(io_error(&old.placed))?;
        let text = format!("{}, which was the module before", old.placed);
        (self.say)("Removed", &text);
        Ok(())
    }

    /// Installs the editable wheel; the directory of its metadata.
    fn install_wheel(&self, venv: &Venv) -> Result<Utf8PathBuf, DevError> {
        let scratch = self.scratch.dir()?;
        let wheel = self.maturin(venv)?.editable_wheel(scratch)?;
        install::install(self.project, self.uv()?, venv, &wheel, scratch)?;
        let (site_packages, name) = (&venv.python.platlib, self.project.name());
        let dist_info = install::dist_info(site_packages, name);
        let dist_info = dist_info.ok_or_else(|| InstallError::NotThere {
            name: name.to_owned(),
            site_packages: site_packages.clone(),
        })?;
        let stem = dist_info
            .file_name()
            .and_then(|name| name.strip_suffix(".dist-info"));
        let text = format!(
            "{} as editable into {}",
            stem.unwrap_or_default(),
            venv.root
        );
        (self.say)("Installed", &text);
        Ok(dist_info)
    }

    fn try_library(&self, built: &Built) -> Result<Imported, DevError> {
        let python = &built.venv.python;
        Ok(import::try_library(
            python,
            &self.project.extension,
            &built.library,
        )?)
    }

    /// The file that maturin has put in place: the one that is imported, or, if that is a leftover, the one
    /// beside it that has the new library's content.
    fn placed_library(&self, imported: &Imported, built: &Built) -> Result<Utf8PathBuf, DevError> {
        let file = imported
            .file
            .clone()
            .ok_or_else(|| InstallError::NotThere {
                name: self.project.extension.module.clone(),
                site_packages: built.venv.python.platlib.clone(),
            })?;
        if place::same_bytes(&file, &built.library) {
            return Ok(file);
        }
        let beside = self
            .others(&built.venv, &file)
            .into_iter()
            .map(|other| other.path);
        let twin = beside
            .into_iter()
            .find(|other| place::same_bytes(other, &built.library));
        // If neither has it, maturin has changed the library while it packed it, as it does to add a run
        // path.
        Ok(twin.unwrap_or(file))
    }

    fn others(&self, venv: &Venv, library: &Utf8Path) -> Vec<OtherBuild> {
        let search = Search {
            root: &self.project.root,
            name: self.project.name(),
            venv: &venv.root,
            python: &venv.python,
            notes: &self.notes,
        };
        search.others(library, &self.project.extension)
    }

    /// Removes other files for the module that maturin or we have put there, and reports the rest. Gives
    /// whether one of those removed had been imported instead of the library.
    fn remove_leftovers(&self, venv: &Venv, library: &Utf8Path) -> Result<bool, DevError> {
        let mut shadowed = false;
        for other in self.others(venv, library) {
            let path = &other.path;
            let of = other.owner.as_deref().unwrap_or(Utf8Path::new(""));
            match other.fate() {
                Fate::BelongsToAnother => (self.say)("Note", &format!("{path} belongs to {of}")),
                Fate::Keep => {
                    (self.say)(
                        "Note",
                        &format!("{path} is the same module for another Python"),
                    );
                }
                Fate::Refuse => {
                    return Err(DevError::Shadowed {
                        leftover: path.clone(),
                        library: library.to_owned(),
                    });
                }
                Fate::Remove => {
                    place::remove(path).map_err(io_error(path))?;
                    let whose = match &other.owner {
                        Some(venv) => format!(" that {venv} imports"),
                        None => String::new(),
                    };
                    let text = format!("{path}, another build of the same module{whose}");
                    (self.say)("Removed", &text);
                    shadowed |= other.shadows;
                }
            }
        }
        Ok(shadowed)
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

    /// By which uv notices that a source was deleted: see [`cache_keys::witness`]. Without them everything
    /// else works, so that they cannot be made is no reason to build nothing.
    fn keep_witnesses(&self) {
        if let Err(error) = cache_keys::witness::keep(self.project) {
            let dir = self.project.root.join(cache_keys::witness::DIR);
            let text = format!(
                "{dir} cannot be kept current ({}): `uv run` may not notice that a source was deleted",
                in_one_line(&error)
            );
            (self.say)("Note", &text);
        }
    }

    /// By which uv notices that the library is gone: see [`cache_keys::library`].
    fn keep_library_link(&self) {
        if let Err(error) = cache_keys::library::keep(self.project) {
            let link = self.project.root.join(cache_keys::library::KEY);
            let text = format!(
                "{link} cannot be kept current ({}): `uv run` may not notice that the extension is gone",
                in_one_line(&error)
            );
            (self.say)("Note", &text);
        }
    }

    /// Where nothing has changed but times, as after a checkout there and back, uv is told so as well. Only
    /// where the keys are of our making: others may mean every file below the project, and reading their
    /// times takes a while.
    fn keep_fresh_for_uv(&self) -> Result<(), DevError> {
        if !cache_keys::witness::are_kept(self.project) {
            return Ok(());
        }
        self.keep_witnesses();
        let Some(ours) = self.situation.ours() else {
            return Ok(());
        };
        self.refresh_uv_cache(
            &ours.dist_info,
            ours.state.uv_cache_understood,
            &ours.state.sources,
        )
    }

    /// Writes down what was built. From then on the next build can tell what has changed.
    fn remember(
        &self,
        dist_info: &Utf8Path,
        built: &Built,
        library: Library,
        imported: &Imported,
        uv_cache_understood: bool,
    ) -> Result<(), DevError> {
        let Situation {
            inputs,
            circumstances,
            workspace,
            ..
        } = &self.situation;
        let scratch = self.scratch.dir()?;
        kept_call::keep(scratch, &inputs.cargo_call, &built.call).map_err(io_error(scratch))?;
        let state = State {
            format: Format,
            project: self.project.root.clone(),
            inputs: inputs.clone(),
            circumstances: circumstances.digest.clone(),
            circumstance_marks: circumstances.marks.clone(),
            volatile: self.volatile(built),
            python: built.venv.python.clone(),
            workspace: workspace.clone(),
            provenance: provenance(&self.project.root, &built.call, built.sources()),
            cargo_call: built.call.clone(),
            library,
            imported: imported.clone(),
            sources: built.sources().to_vec(),
            uv_cache_understood,
        };
        let is_noted = installs::note(&self.notes, &self.project.root, &built.venv.root);
        is_noted.map_err(cannot_keep(&self.notes))?;
        state.write(dist_info).map_err(not_remembered(dist_info))
    }

    /// The library is the same, but what it is made of may have changed without changing it.
    fn remember_sources(
        &self,
        dist_info: &Utf8Path,
        earlier: &State,
        built: &Built,
    ) -> Result<(), DevError> {
        let mut state = earlier.clone();
        state.inputs = self.situation.inputs.clone();
        state
            .circumstances
            .clone_from(&self.situation.circumstances.digest);
        state
            .circumstance_marks
            .clone_from(&self.situation.circumstances.marks);
        state.volatile = self.volatile(built);
        state.library.built_stamp = Stamp::of(&built.library).map_err(io_error(&built.library))?;
        state.cargo_call = built.call.clone();
        state.sources = built.sources().to_vec();
        state.provenance.sources_sha256 = digest_of(&state.sources);
        self.refresh_uv_cache(dist_info, state.uv_cache_understood, &state.sources)?;
        if state == *earlier {
            return Ok(());
        }
        state.write(dist_info).map_err(not_remembered(dist_info))
    }

    /// Variables that change all the time and that the crates have read.
    fn volatile(&self, built: &Built) -> Marks {
        let units = Units::remembered(&self.project.root, &self.situation.workspace);
        let read = units.variables(&built.compiled.path_crates());
        self.situation.circumstances.volatile_among(&read)
    }

    /// Tells uv that the install is fresh, unless it is not: a source that was written while cargo was at
    /// work is newer than uv's note, and stays so.
    fn refresh_uv_cache(
        &self,
        dist_info: &Utf8Path,
        understood: bool,
        sources: &[Source],
    ) -> Result<(), DevError> {
        self.keep_library_link();
        let is_late = |source: &Source| source.stamp.is_none() && source.sha256.is_none();
        if !understood || sources.iter().any(is_late) {
            return Ok(());
        }
        uv_cache::refresh(self.project, dist_info).map_err(not_remembered(dist_info))
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

/// An error without its remedy.
fn in_one_line(error: &io::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_owned()
}

/// maturin finds out the bindings where the project does not name them. For pyo3's, and only for them, it
/// sets this variable (since 1.10; its `compile.rs`).
fn refuse_other_calls(root: &Utf8Path, call: &Invocation) -> Result<(), DevError> {
    if call.env.contains_key("PYO3_BUILD_EXTENSION_MODULE") {
        return Ok(());
    }
    Err(DevError::other_bindings(root, "not pyo3"))
}
