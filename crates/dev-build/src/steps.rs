//! The steps of a development build.

use std::cell::OnceCell;

use build_env::tools::{Say, cannot_keep};
use build_env::{Invocation, Tool, Toolbox, Venv};
use camino::{Utf8Path, Utf8PathBuf};
use project_model::{Project, Workspace};

use crate::circumstances::circumstances;
use crate::compile::Compiled;
use crate::dependencies::Pins;
use crate::dev::{Installed, Request};
use crate::digest::Stamp;
use crate::error::{DevError, io_error, not_remembered};
use crate::import::{self, Imported, full_name};
use crate::inputs::Inputs;
use crate::install::{self, InstallError};
use crate::installs;
use crate::kept_call;
use crate::known::{Known, uv};
use crate::maturin::Maturin;
use crate::place::{self, Leftover};
use crate::provenance::{profile, provenance};
use crate::scratch::scratch;
use crate::shared_env;
use crate::sources::{Source, digest_of};
use crate::state::{Format, Library, State};
use crate::uv_cache;

/// One build: what was asked for, and what is known before it begins.
pub(crate) struct Build<'a> {
    project: &'a Project,
    toolbox: &'a Toolbox,
    request: &'a Request<'a>,
    say: Say<'a>,
    pub(crate) venv: Venv,
    workspace: Workspace,
    inputs: Inputs,
    circumstances: String,
    /// The install that is there, if we made it, and the directory of its metadata.
    pub(crate) earlier: Option<(Utf8PathBuf, State)>,
    scratch: OnceCell<Utf8PathBuf>,
    uv: OnceCell<Tool>,
    maturin: OnceCell<Tool>,
}

impl<'a> Build<'a> {
    pub(crate) fn prepare(
        project: &'a Project,
        toolbox: &'a Toolbox,
        request: &'a Request<'a>,
        say: Say<'a>,
    ) -> Result<Self, DevError> {
        let uv = OnceCell::new();
        let known = Known::find(project, toolbox, request, say, &uv)?;
        Ok(Self {
            project,
            toolbox,
            request,
            say,
            venv: known.venv,
            workspace: known.workspace,
            inputs: known.inputs,
            circumstances: circumstances(&project.root),
            earlier: known.earlier,
            scratch: OnceCell::new(),
            uv,
            maturin: OnceCell::new(),
        })
    }

    /// The scratch directory, made when it is first needed.
    fn scratch(&self) -> Result<&Utf8Path, DevError> {
        if self.scratch.get().is_none() {
            let dir = scratch(self.project, &self.workspace)?;
            let _ = self.scratch.set(dir);
        }
        Ok(self.scratch.get().map_or(Utf8Path::new(""), |dir| dir))
    }

    fn uv(&self) -> Result<&Tool, DevError> {
        uv(&self.uv, self.toolbox, self.say)
    }

    /// What is remembered, if nothing at all has changed since: then cargo is not even asked. It is with `-v` or
    /// `--timings`, by which the user asks to see what it does.
    pub(crate) fn fresh_install(&self) -> Option<&State> {
        let (dist_info, state) = self.earlier.as_ref()?;
        let run = &self.request.run;
        let asks_for_cargo = run.asks_for_details() || self.request.maturin_installs;
        let fresh = !asks_for_cargo
            && self.is_alone(&state.library.placed)
            && install::is_complete(dist_info)
            && state.is_fresh(&self.inputs, &self.circumstances);
        fresh.then_some(state)
    }

    /// By which uv notices that a source was deleted: see [`cache_keys::witness`]. Without them everything else
    /// works, so that they cannot be made is no reason to build nothing.
    pub(crate) fn keep_witnesses(&self) {
        if let Err(error) = cache_keys::witness::keep(self.project) {
            let dir = self.project.root.join(cache_keys::witness::DIR);
            let text = format!(
                "{dir} cannot be kept current ({error}): `uv run` may not notice that a source was deleted"
            );
            (self.say)("Note", &text);
        }
    }

    /// Where nothing has changed but times, as after a checkout there and back, uv is told so as well. Only where the
    /// keys are of our making: others may mean every file below the project, and reading their times takes a while.
    pub(crate) fn keep_fresh_for_uv(&self) -> Result<(), DevError> {
        if !cache_keys::witness::are_kept(self.project) {
            return Ok(());
        }
        self.keep_witnesses();
        match &self.earlier {
            Some((dist_info, state)) => {
                self.refresh_uv_cache(dist_info, state.uv_cache_understood, &state.sources)
            }
            None => Ok(()),
        }
    }

    pub(crate) fn install_dependencies(&self) -> Result<(), DevError> {
        let installed = self
            .earlier
            .as_ref()
            .map(|(_, state)| &state.inputs.dependencies);
        let pins = Pins::of(self.project, &self.workspace);
        if pins == Pins::None || installed == Some(&self.inputs.dependencies) {
            return Ok(());
        }
        if pins == Pins::Unpinned {
            let text = "dependencies from pyproject.toml: neither uv.lock nor the policy pins them";
            (self.say)("Resolving", text);
        }
        let offline = self.request.run.forbids_network();
        let command = pins.install(self.project, self.uv()?, &self.venv, offline);
        let done = command.map(|command| command.read()).transpose();
        done.map(drop).map_err(|source| DevError::Dependencies {
            project: self.project.root.clone(),
            source,
        })
    }

    /// The call of cargo: the one that is remembered, unless something that decides it has changed.
    pub(crate) fn cargo_call(&self) -> Result<Invocation, DevError> {
        if let Some((_, state)) = &self.earlier
            && state.inputs.cargo_call == self.inputs.cargo_call
            && pyo3_config_is_there(&state.cargo_call)
        {
            return Ok(state.cargo_call.clone());
        }
        let scratch = self.scratch()?;
        let kept = kept_call::find(scratch, &self.inputs.cargo_call);
        if let Some(call) = kept.filter(pyo3_config_is_there) {
            return Ok(call);
        }
        Ok(self.maturin(self.maturin_tool()?).cargo_call(scratch)?)
    }

    /// Only for the environment that everybody else works with as well.
    pub(crate) fn share_environment(&mut self, call: &Invocation) -> Result<(), DevError> {
        let remembered = self.earlier.as_ref().map(|(_, state)| &state.cargo_call);
        if self.request.venv.is_some() || remembered == Some(call) {
            return Ok(());
        }
        shared_env::share(self.project, &self.workspace, call)?;
        // What has been written is itself among what decides the next call.
        self.inputs = Inputs::read(
            self.project,
            &self.workspace,
            &self.request.build,
            &self.venv.root,
        );
        Ok(())
    }

    pub(crate) fn announce_profile(&self, call: &Invocation) {
        let now = profile(call);
        if let Some((_, state)) = &self.earlier
            && state.provenance.profile != now
        {
            let text = format!("from the {} profile to {now}", state.provenance.profile);
            (self.say)("Switching", &text);
        }
    }

    /// The install that is there, if only its library may have to be replaced.
    pub(crate) fn reusable_install(&self, compiled: &Compiled) -> Option<(&Utf8Path, &State)> {
        let (dist_info, state) = self.earlier.as_ref()?;
        let reusable = !self.request.maturin_installs
            && !compiled.needs_run_path
            && state.library.same_bytes
            && state.inputs.install == self.inputs.install
            && install::is_complete(dist_info)
            && state.library.placed.parent().is_some_and(Utf8Path::is_dir);
        reusable.then_some((dist_info, state))
    }

    /// Puts the library in place, unless it is there.
    pub(crate) fn place(
        &self,
        dist_info: &Utf8Path,
        earlier: &State,
        call: Invocation,
        compiled: &Compiled,
        built: &Utf8Path,
    ) -> Result<(Installed, Imported), DevError> {
        let placed = &earlier.library.placed;
        if earlier.library.is_in_place(built) {
            self.remove_leftovers(placed)?;
            self.remember_sources(dist_info, earlier, call, compiled, built)?;
            return Ok((Installed::Unchanged, earlier.imported.clone()));
        }
        let (imported, sources) = std::thread::scope(|scope| {
            let sources = scope.spawn(|| compiled.sources(built));
            let imported = import::try_library(&self.venv.python, &self.project.extension, built);
            (imported, sources.join().unwrap_or_default())
        });
        let imported = imported?;
        place::place(built, placed, self.scratch()?).map_err(|source| DevError::Place {
            library: built.to_owned(),
            place: placed.clone(),
            source,
        })?;
        self.remove_leftovers(placed)?;
        let library = Library {
            built: built.to_owned(),
            built_stamp: Stamp::of(built).map_err(io_error(built))?,
            placed: placed.clone(),
            placed_stamp: Stamp::of(placed).map_err(io_error(placed))?,
            same_bytes: true,
        };
        let understood = earlier.uv_cache_understood;
        self.refresh_uv_cache(dist_info, understood, &sources)?;
        self.remember(
            dist_info,
            call,
            library,
            imported.clone(),
            sources,
            understood,
        )?;
        Ok((Installed::Placed, imported))
    }

    /// Has maturin pack the editable wheel and uv install it.
    pub(crate) fn install(
        &self,
        call: Invocation,
        compiled: &Compiled,
        built: &Utf8Path,
    ) -> Result<(Installed, Imported), DevError> {
        let (python, extension) = (&self.venv.python, &self.project.extension);
        import::try_library(python, extension, built)?;
        let built_stamp = Stamp::of(built).map_err(io_error(built))?;
        let wheel = self.maturin(self.maturin_tool()?);
        let wheel = wheel.editable_wheel(self.scratch()?)?;
        install::install(
            self.project,
            self.uv()?,
            &self.venv,
            &wheel,
            self.scratch()?,
        )?;
        let dist_info = install::dist_info(&python.platlib, self.project.name());
        let dist_info = dist_info.ok_or_else(|| InstallError::NotThere {
            name: self.project.name().to_owned(),
            site_packages: python.platlib.clone(),
        })?;

        let name = dist_info
            .file_name()
            .and_then(|name| name.strip_suffix(".dist-info"));
        let text = format!(
            "{} as editable into {}",
            name.unwrap_or_default(),
            self.venv.root
        );
        (self.say)("Installed", &text);

        let mut imported = import::installed(python, &full_name(extension))?;
        let placed = self.placed_library(&imported, built)?;
        if self.remove_leftovers(&placed)? {
            imported = import::installed(python, &full_name(extension))?;
        }
        let library = Library {
            built: built.to_owned(),
            built_stamp,
            placed_stamp: Stamp::of(&placed).map_err(io_error(&placed))?,
            same_bytes: same_bytes(&placed, built),
            placed,
        };
        let understood = uv_cache::is_understood(self.project, &dist_info);
        if !understood && self.project.pyproject.uv_cache_keys().is_some() {
            let text = "[tool.uv] cache-keys has a key that cannot be kept current here: after an edit, `uv run` will build again";
            (self.say)("Note", text);
        }
        let sources = compiled.sources(built);
        self.remember(
            &dist_info,
            call,
            library,
            imported.clone(),
            sources,
            understood,
        )?;
        Ok((Installed::Anew, imported))
    }

    /// The file that maturin has put in place: the one that is imported, or, if that is a leftover, the one
    /// beside it that has the new library's content.
    fn placed_library(
        &self,
        imported: &Imported,
        built: &Utf8Path,
    ) -> Result<Utf8PathBuf, DevError> {
        let file = imported
            .file
            .clone()
            .ok_or_else(|| InstallError::NotThere {
                name: self.project.extension.module.clone(),
                site_packages: self.venv.python.platlib.clone(),
            })?;
        if same_bytes(&file, built) {
            return Ok(file);
        }
        let beside = place::leftovers(&self.venv.python, &file).into_iter();
        let twin = beside
            .map(|other| other.path)
            .find(|other| same_bytes(other, built));
        // If neither has it, maturin has changed the library while it packed it, as it does to add a run path.
        Ok(twin.unwrap_or(file))
    }

    /// Removes other files for the module that maturin or we have put there, and reports the rest. Gives whether
    /// one of those removed had been imported instead of the library.
    fn remove_leftovers(&self, library: &Utf8Path) -> Result<bool, DevError> {
        let mut shadowed = false;
        for leftover in place::leftovers(&self.venv.python, library) {
            let Leftover { path, shadows, .. } = &leftover;
            match self.owner(path) {
                Some(venv) if !shadows => {
                    (self.say)("Note", &format!("{path} belongs to {venv}"));
                }
                None if !self.may_remove(&leftover) && *shadows => {
                    return Err(DevError::Shadowed {
                        leftover: path.clone(),
                        library: library.to_owned(),
                    });
                }
                None if !self.may_remove(&leftover) => {
                    let text = format!("{path} is the same module for another Python");
                    (self.say)("Note", &text);
                }
                owner => {
                    fs_err::remove_file(path).map_err(io_error(path))?;
                    let of = owner.map_or_else(String::new, |venv| format!(" that {venv} imports"));
                    (self.say)(
                        "Removed",
                        &format!("{path}, another build of the same module{of}"),
                    );
                    shadowed |= shadows;
                }
            }
        }
        Ok(shadowed)
    }

    /// The other environment of this project that imports the library at `path`.
    fn owner(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        let (locks, name) = (self.toolbox.locks(), self.project.name());
        installs::owner(&locks, &self.project.root, &self.venv.root, name, path)
    }

    fn may_remove(&self, leftover: &Leftover) -> bool {
        leftover.built_by_us && !self.is_tracked_by_git(&leftover.path)
    }

    /// Whether nothing lies beside the library that would have to be removed or reported.
    fn is_alone(&self, library: &Utf8Path) -> bool {
        let others = place::leftovers(&self.venv.python, library);
        others
            .iter()
            .all(|other| !other.shadows && self.owner(&other.path).is_some())
    }

    fn is_tracked_by_git(&self, path: &Utf8Path) -> bool {
        let git = Invocation::new("git").args(["ls-files", "--error-unmatch", "--", path.as_str()]);
        git.cwd(&self.project.root).read().is_ok()
    }

    /// maturin, looked for when it is first needed.
    fn maturin_tool(&self) -> Result<&Tool, DevError> {
        if let Some(tool) = self.maturin.get() {
            return Ok(tool);
        }
        let tool = self.toolbox.maturin(self.uv()?, self.say)?;
        Ok(self.maturin.get_or_init(|| tool))
    }

    fn maturin<'t>(&'t self, tool: &'t Tool) -> Maturin<'t> {
        Maturin {
            tool,
            project: self.project,
            python: &self.venv.python.executable,
            build: &self.request.build,
            run: &self.request.run,
            target_dir: None,
        }
    }

    /// Writes down what was built. From then on the next build can tell what has changed.
    fn remember(
        &self,
        dist_info: &Utf8Path,
        cargo_call: Invocation,
        library: Library,
        imported: Imported,
        sources: Vec<Source>,
        uv_cache_understood: bool,
    ) -> Result<(), DevError> {
        let scratch = self.scratch()?;
        kept_call::keep(scratch, &self.inputs.cargo_call, &cargo_call)
            .map_err(io_error(scratch))?;
        let state = State {
            format: Format,
            inputs: self.inputs.clone(),
            circumstances: self.circumstances.clone(),
            python: self.venv.python.clone(),
            workspace: self.workspace.clone(),
            provenance: provenance(self.project, &cargo_call, &sources),
            cargo_call,
            library,
            imported,
            sources,
            uv_cache_understood,
        };
        let locks = self.toolbox.locks();
        let noted = installs::note(&locks, &self.project.root, &self.venv.root);
        noted.map_err(cannot_keep(&locks))?;
        state.write(dist_info).map_err(not_remembered(dist_info))
    }

    /// The library is the same, but what it is made of may have changed without changing it.
    fn remember_sources(
        &self,
        dist_info: &Utf8Path,
        earlier: &State,
        cargo_call: Invocation,
        compiled: &Compiled,
        built: &Utf8Path,
    ) -> Result<(), DevError> {
        let mut state = earlier.clone();
        state.inputs = self.inputs.clone();
        state.circumstances.clone_from(&self.circumstances);
        state.cargo_call = cargo_call;
        state.sources = compiled.sources(built);
        state.provenance.sources_sha256 = digest_of(&state.sources);
        self.refresh_uv_cache(dist_info, state.uv_cache_understood, &state.sources)?;
        if state == *earlier {
            return Ok(());
        }
        state.write(dist_info).map_err(not_remembered(dist_info))
    }

    /// Tells uv that the install is fresh, unless it is not: a source that was written while cargo was at work is
    /// newer than uv's note, and stays so.
    fn refresh_uv_cache(
        &self,
        dist_info: &Utf8Path,
        understood: bool,
        sources: &[Source],
    ) -> Result<(), DevError> {
        let is_late = |source: &Source| source.stamp.is_none() && source.sha256.is_none();
        if !understood || sources.iter().any(is_late) {
            return Ok(());
        }
        uv_cache::refresh(self.project, dist_info).map_err(not_remembered(dist_info))
    }
}

/// Whether the file is there that maturin writes for pyo3 and the remembered call names. `cargo clean`
/// removes it; maturin writes it again when it is asked for the call.
fn pyo3_config_is_there(call: &Invocation) -> bool {
    let file = call.env.get("PYO3_CONFIG_FILE").and_then(Option::as_deref);
    file.is_none_or(|file| Utf8Path::new(file).is_file())
}

fn same_bytes(one: &Utf8Path, other: &Utf8Path) -> bool {
    match (fs_err::read(one), fs_err::read(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}
