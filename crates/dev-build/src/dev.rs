//! All steps of a development build, in order, each only where it is due.

use std::cell::OnceCell;
use std::io;
use std::time::{Duration, Instant};

use build_env::tools::{Say, ToolError};
use build_env::venv::{self, VenvError};
use build_env::{Invocation, RunError, Tool, Toolbox, Venv, python};
use camino::{Utf8Path, Utf8PathBuf};
use project_model::{Project, ProjectError, Workspace};

use crate::circumstances::circumstances;
use crate::compile::{self, CompileError, Compiled};
use crate::dependencies::Pins;
use crate::digest::{Stamp, sha256};
use crate::import::{self, ImportError, Imported, full_name};
use crate::inputs::Inputs;
use crate::install::{self, InstallError};
use crate::lock::Lock;
use crate::maturin::{BuildOptions, Maturin, MaturinError, RunOptions};
use crate::place::{self, Leftover};
use crate::provenance::{profile, provenance};
use crate::shared_env;
use crate::sources::{Source, digest_of};
use crate::state::{Format, Library, State};
use crate::uv_cache;

/// What the user asked for.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// `--python`: see [`build_env::python::named`].
    pub python: Option<&'a str>,
    /// `--venv`: an environment other than `.venv`.
    pub venv: Option<&'a Utf8Path>,
    /// What is to be built.
    pub build: BuildOptions,
    /// How cargo is to go about it.
    pub run: RunOptions,
    /// Let maturin install every time, instead of putting the library in place ourselves.
    pub maturin_installs: bool,
}

/// What was done.
#[derive(Debug)]
pub struct Outcome {
    /// The environment that was installed into.
    pub venv: Venv,
    /// What cargo did.
    pub compiled: Compiled,
    /// What became of the library.
    pub install: Installed,
    /// What can now be imported.
    pub imported: Imported,
    /// From start to end.
    pub elapsed: Duration,
}

/// What became of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// The package was installed, with its metadata and entry points.
    Anew,
    /// The library alone was replaced.
    Placed,
    /// The right one was in place.
    Unchanged,
}

/// The step that failed.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "each variant is the error of the step that it names"
)]
pub enum DevError {
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error(transparent)]
    Venv(#[from] VenvError),
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error(
        "the bindings of {project} are {bindings}, and only pyo3's extension modules can be put in place\n  help: `maturin develop` installs the others"
    )]
    OtherBindings {
        project: Utf8PathBuf,
        bindings: String,
    },
    #[error("cannot install the dependencies of {project}")]
    Dependencies {
        project: Utf8PathBuf,
        source: RunError,
    },
    #[error(transparent)]
    Config(#[from] config_edit::EditError),
    #[error(transparent)]
    Maturin(#[from] MaturinError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error("cannot put {library} in place as {place}; the old one has been left there")]
    Place {
        library: Utf8PathBuf,
        place: Utf8PathBuf,
        source: io::Error,
    },
    #[error(
        "{leftover} is imported instead of {library}, and was not put there by maturin or this tool\n  help: if nobody needs it, remove it: `rm {leftover}`"
    )]
    Shadowed {
        leftover: Utf8PathBuf,
        library: Utf8PathBuf,
    },
    #[error(
        "the new library is in place, but what it is made of cannot be noted in {dist_info}\n  help: make the directory writable, and run the command again"
    )]
    NotRemembered {
        dist_info: Utf8PathBuf,
        source: io::Error,
    },
    #[error(
        "cannot write to {path}\n  help: make it writable, or name another target directory with CARGO_TARGET_DIR"
    )]
    Io {
        path: Utf8PathBuf,
        source: io::Error,
    },
}

fn not_remembered(dist_info: &Utf8Path) -> impl Fn(io::Error) -> DevError {
    move |source| DevError::NotRemembered {
        dist_info: dist_info.to_owned(),
        source,
    }
}

fn io_error(path: &Utf8Path) -> impl Fn(io::Error) -> DevError {
    move |source| DevError::Io {
        path: path.to_owned(),
        source,
    }
}

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
    request: &Request<'_>,
    say: Say<'_>,
) -> Result<Outcome, DevError> {
    refuse_other_bindings(project)?;
    let locks = toolbox.locks();
    let _lock = Lock::take(&project.root, &locks, say).map_err(io_error(&locks))?;
    // Waiting for another build is no part of this one.
    let start = Instant::now();
    let mut build = Build::prepare(project, toolbox, request, say)?;
    if let Some(state) = build.fresh_install() {
        let imported = state.imported.clone();
        return Ok(Outcome {
            venv: build.venv,
            compiled: Compiled::default(),
            install: Installed::Unchanged,
            imported,
            elapsed: start.elapsed(),
        });
    }
    let call = build.cargo_call()?;
    refuse_other_calls(project, &call)?;
    build.install_dependencies()?;
    build.share_environment(&call)?;
    build.announce_profile(&call);
    let cargo = request.run.added_to(call.clone());
    let known = build
        .earlier
        .as_ref()
        .map_or(&[][..], |(_, state)| &state.sources);
    let compiled = compile::compile(&cargo, &project.extension.manifest, known)?;
    let library = compiled.library(&project.extension.manifest)?.to_owned();
    let (install, imported) = match build.reusable_install(&compiled) {
        Some((dist_info, earlier)) => build.place(dist_info, earlier, call, &compiled, &library)?,
        None => build.install(call, &compiled, &library)?,
    };
    Ok(Outcome {
        venv: build.venv,
        compiled,
        install,
        imported,
        elapsed: start.elapsed(),
    })
}

/// What is not a module that Python loads by itself cannot be put in place and tried as one.
fn refuse_other_bindings(project: &Project) -> Result<(), DevError> {
    match project.pyproject.maturin().bindings.as_deref() {
        None | Some("pyo3" | "pyo3-ffi") => Ok(()),
        Some(bindings) => Err(other_bindings(project, bindings)),
    }
}

/// The same where maturin finds out the bindings. For pyo3's, and only for them, it sets this variable
/// (since 1.10; its `compile.rs`).
fn refuse_other_calls(project: &Project, call: &Invocation) -> Result<(), DevError> {
    if call.env.contains_key("PYO3_BUILD_EXTENSION_MODULE") {
        return Ok(());
    }
    Err(other_bindings(project, "not pyo3"))
}

fn other_bindings(project: &Project, bindings: &str) -> DevError {
    DevError::OtherBindings {
        project: project.root.clone(),
        bindings: bindings.to_owned(),
    }
}

/// The environment that [`dev()`] and the status speak of.
pub(crate) fn environment<'a>(project: &'a Project, request: &Request<'a>) -> venv::Request<'a> {
    venv::Request {
        project: &project.root,
        python: request.python,
        venv: request.venv,
        active: build_env::vars::var(build_env::vars::VIRTUAL_ENV).map(Utf8PathBuf::from),
        requires_python: project.requires_python.as_ref(),
    }
}

/// One build: what was asked for, and what is known before it begins.
struct Build<'a> {
    project: &'a Project,
    toolbox: &'a Toolbox,
    request: &'a Request<'a>,
    say: Say<'a>,
    venv: Venv,
    workspace: Workspace,
    inputs: Inputs,
    circumstances: String,
    /// The install that is there, if we made it, and the directory of its metadata.
    earlier: Option<(Utf8PathBuf, State)>,
    scratch: OnceCell<Utf8PathBuf>,
    uv: OnceCell<Tool>,
}

impl<'a> Build<'a> {
    fn prepare(
        project: &'a Project,
        toolbox: &'a Toolbox,
        request: &'a Request<'a>,
        say: Say<'a>,
    ) -> Result<Self, DevError> {
        let uv = OnceCell::new();
        let known = known(project, request);
        let (venv, workspace, inputs, earlier) = match known {
            Some(known) => known,
            None => unknown(project, toolbox, request, say, &uv)?,
        };
        Ok(Self {
            project,
            toolbox,
            request,
            say,
            venv,
            workspace,
            inputs,
            circumstances: circumstances(&project.root),
            earlier,
            scratch: OnceCell::new(),
            uv,
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
    fn fresh_install(&self) -> Option<&State> {
        let (dist_info, state) = self.earlier.as_ref()?;
        let run = &self.request.run;
        let asks_for_cargo = run.verbose > 0 || run.timings || self.request.maturin_installs;
        let others = place::leftovers(&state.python, &state.library.placed);
        let fresh = !asks_for_cargo
            && others.is_empty()
            && install::is_complete(dist_info)
            && state.is_fresh(&self.inputs, &self.circumstances);
        fresh.then_some(state)
    }

    fn install_dependencies(&self) -> Result<(), DevError> {
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
    fn cargo_call(&self) -> Result<Invocation, DevError> {
        if let Some((_, state)) = &self.earlier
            && state.inputs.cargo_call == self.inputs.cargo_call
            && pyo3_config_is_there(&state.cargo_call)
        {
            return Ok(state.cargo_call.clone());
        }
        let tool = self.maturin_tool()?;
        Ok(self.maturin(&tool).cargo_call(self.scratch()?)?)
    }

    /// Only for the environment that everybody else works with as well.
    fn share_environment(&mut self, call: &Invocation) -> Result<(), DevError> {
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

    fn announce_profile(&self, call: &Invocation) {
        let now = profile(call);
        if let Some((_, state)) = &self.earlier
            && state.provenance.profile != now
        {
            let text = format!("from the {} profile to {now}", state.provenance.profile);
            (self.say)("Switching", &text);
        }
    }

    /// The install that is there, if only its library may have to be replaced.
    fn reusable_install(&self, compiled: &Compiled) -> Option<(&Utf8Path, &State)> {
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
    fn place(
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
        self.refresh_uv_cache(dist_info, understood)?;
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
    fn install(
        &self,
        call: Invocation,
        compiled: &Compiled,
        built: &Utf8Path,
    ) -> Result<(Installed, Imported), DevError> {
        let (python, extension) = (&self.venv.python, &self.project.extension);
        import::try_library(python, extension, built)?;
        let built_stamp = Stamp::of(built).map_err(io_error(built))?;
        let tool = self.maturin_tool()?;
        let wheel = self.maturin(&tool).editable_wheel(self.scratch()?)?;
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
            let Leftover {
                path,
                shadows,
                built_by_us,
            } = leftover;
            if built_by_us && !self.is_tracked_by_git(&path) {
                fs_err::remove_file(&path).map_err(io_error(&path))?;
                (self.say)(
                    "Removed",
                    &format!("{path}, an older build of the same module"),
                );
                shadowed |= shadows;
            } else if shadows {
                return Err(DevError::Shadowed {
                    leftover: path,
                    library: library.to_owned(),
                });
            } else {
                (self.say)(
                    "Note",
                    &format!("{path} is the same module for another Python"),
                );
            }
        }
        Ok(shadowed)
    }

    fn is_tracked_by_git(&self, path: &Utf8Path) -> bool {
        let git = Invocation::new("git").args(["ls-files", "--error-unmatch", "--", path.as_str()]);
        git.cwd(&self.project.root).read().is_ok()
    }

    fn maturin_tool(&self) -> Result<Tool, DevError> {
        Ok(self.toolbox.maturin(self.uv()?, self.say)?)
    }

    fn maturin<'t>(&'t self, tool: &'t Tool) -> Maturin<'t> {
        Maturin {
            tool,
            project: self.project,
            python: &self.venv.python.executable,
            build: &self.request.build,
            run: &self.request.run,
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
        self.refresh_uv_cache(dist_info, state.uv_cache_understood)?;
        if state == *earlier {
            return Ok(());
        }
        state.write(dist_info).map_err(not_remembered(dist_info))
    }

    fn refresh_uv_cache(&self, dist_info: &Utf8Path, understood: bool) -> Result<(), DevError> {
        if !understood {
            return Ok(());
        }
        uv_cache::refresh(self.project, dist_info).map_err(not_remembered(dist_info))
    }
}

type Known = (Venv, Workspace, Inputs, Option<(Utf8PathBuf, State)>);

/// What an earlier build remembers, if that was into the same environment. Unless something has changed that
/// decides the call of cargo, no process is started.
fn known(project: &Project, request: &Request<'_>) -> Option<Known> {
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
        return Some((venv, workspace, inputs, Some((dist_info, state))));
    }
    // A manifest, a variable or cargo's configuration may mean another workspace or target directory.
    let workspace = Workspace::load(project).ok()?;
    let inputs = Inputs::read(project, &workspace, &request.build, &venv.root);
    Some((venv, workspace, inputs, Some((dist_info, state))))
}

/// The same, found out from the ground.
fn unknown(
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
    Ok((venv, workspace, inputs, earlier))
}

fn uv<'t>(cell: &'t OnceCell<Tool>, toolbox: &Toolbox, say: Say<'_>) -> Result<&'t Tool, DevError> {
    if let Some(tool) = cell.get() {
        return Ok(tool);
    }
    let tool = toolbox.uv(say)?;
    Ok(cell.get_or_init(|| tool))
}

/// An empty directory of ours below the target directory: on the same file system as what is built, and
/// ignored by git. What a killed build left in it is gone afterwards.
fn scratch(project: &Project, workspace: &Workspace) -> Result<Utf8PathBuf, DevError> {
    let name = &sha256(project.root.as_str().as_bytes())[..16];
    let dir = workspace.target_dir.join("xtask-dev").join(name);
    match fs_err::remove_dir_all(&dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(&dir)(error)),
        _ => {}
    }
    fs_err::create_dir_all(&dir).map_err(io_error(&dir))?;
    tag_as_cache(&workspace.target_dir).map_err(io_error(&workspace.target_dir))?;
    Ok(dir)
}

/// Marks the target directory as one that backups may skip, as cargo does when it makes it
/// (<https://bford.info/cachedir/>).
fn tag_as_cache(target_dir: &Utf8Path) -> io::Result<()> {
    let path = target_dir.join("CACHEDIR.TAG");
    if path.exists() {
        return Ok(());
    }
    let text =
        "Signature: 8a477f597d28d172789f06886806bc55\n# This is a cache directory of cargo.\n";
    fs_err::write(path, text)
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
