//! What every command starts from.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use anyhow::{Context as _, bail};
use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::scattered::scattered;
use cargo_settings::{Layers, toolchain};
use compiler_cache::status::{Problem, missing_wrapper, refusal};
use environment::{cargo_env, program, vars};
use processes::quoted;
use project_model::doubts::doubts;
use project_model::mistakes;
use project_model::{Project, ProjectError, project_below};
use python_tools::{PinnedRequirements, Toolbox};

use crate::{Options, typed, ui};

/// The tools in the versions that the automation is tested with; see requirements/README.md.
const TOOLS: &str = include_str!("../../../requirements/tools.txt");

/// What all commands share.
#[derive(Debug)]
pub struct Context {
    /// `--project`.
    pub(crate) project_dir: Option<Utf8PathBuf>,
    /// The directory of the package that this program was compiled from, if cargo compiles it anew whenever
    /// it is called.
    pub(crate) package: Option<&'static str>,
    /// Whether the network may not be used: `--offline` or `--frozen`.
    offline: bool,
}

impl Context {
    /// `package` is the directory of the program's Cargo.toml, where `cargo run` starts it.
    #[must_use]
    pub fn new(options: Options, package: Option<&'static str>) -> Self {
        let project_dir = options.project;
        if let Some(dir) = &project_dir {
            typed::name_project(dir);
        }
        // Each command has the options of its own; what every command begins with has to know it before.
        let mut args = std::env::args();
        Self {
            project_dir,
            package,
            offline: args.any(|arg| arg == "--offline" || arg == "--frozen"),
        }
    }

    /// The project: the one that was named, else the nearest around the working directory. cargo can be
    /// started in it.
    pub(crate) fn project(&self) -> anyhow::Result<Project> {
        self.loaded(Project::load)
    }

    /// The same for a command that is for projects of programs as well.
    pub(crate) fn project_to_release(&self) -> anyhow::Result<Project> {
        self.loaded(Project::load_to_release)
    }

    fn loaded(
        &self,
        load: fn(&Utf8Path) -> Result<Project, ProjectError>,
    ) -> anyhow::Result<Project> {
        let project = load(&self.directory()?)?;
        toolchain::require(&project.root, self.offline, &ui::say)?;
        if missing(&project.root).is_some() {
            cargo_env::do_without_wrapper();
        }
        Ok(project)
    }

    /// Its directory, whatever its files hold.
    pub(crate) fn directory(&self) -> anyhow::Result<Utf8PathBuf> {
        match &self.project_dir {
            Some(dir) => Ok(dir.clone()),
            None => nearest_project(),
        }
    }

    /// The directory of the project, for a command that needs none: where there is none, the working
    /// directory.
    pub(crate) fn root(&self) -> anyhow::Result<Utf8PathBuf> {
        match &self.project_dir {
            Some(_) => Ok(self.project()?.root),
            None => Ok(nearest_project().unwrap_or(".".into())),
        }
    }

    /// Where wheels are put unless the user says otherwise: `dist` in the project. Where there is no project,
    /// in the working directory: publishing needs none.
    pub(crate) fn dist(&self) -> Utf8PathBuf {
        let here = || {
            let dir = nearest_project().ok()?;
            let is_here = std::env::current_dir().is_ok_and(|here| here == dir);
            (!is_here).then_some(dir)
        };
        let dir = self.project_dir.clone().or_else(here);
        dir.unwrap_or_default().join("dist")
    }

    /// The project, to be built. What is doubtful in its pyproject.toml is said. A compiler cache that is
    /// configured and not there is said, and done without; what makes one refuse every call is an error at
    /// once.
    pub fn project_to_build(&self) -> anyhow::Result<Project> {
        let project = self.project()?;
        look_before_building(&project)?;
        Ok(project)
    }

    /// The same for a command that is for projects of programs as well.
    pub(crate) fn wheels_to_build(&self) -> anyhow::Result<Project> {
        let project = self.project_to_release()?;
        look_before_building(&project)?;
        Ok(project)
    }
}

/// Says what is doubtful in a project that is to be built, and refuses what cannot be built.
fn look_before_building(project: &Project) -> anyhow::Result<()> {
    mistakes::refuse(project)?;
    if let Some(problem) = missing(&project.root) {
        ui::warn(&problem.to_string());
    }
    let crate_dir = project.extension.manifest.parent();
    let scattered = scattered(&project.root, crate_dir.unwrap_or(&project.root));
    let scattered = scattered.iter().map(ToString::to_string);
    for doubt in doubts(project).into_iter().chain(scattered) {
        ui::warn(&doubt);
    }
    if let Some(config) = config(&project.root) {
        refusal(config, &project.root)?;
    }
    Ok(())
}

/// The environment for what a script starts in the project in `root`: that of the user's shell, and no
/// compiler wrapper that is not there.
#[must_use]
pub fn environment(root: &Utf8Path) -> BTreeMap<String, String> {
    let mut environment = cargo_env::environment();
    if missing(root).is_some() {
        environment.insert(vars::RUSTC_WRAPPER.to_owned(), String::new());
    }
    environment
}

/// The tools: those on `PATH`, and the pinned ones in place of what is missing there.
pub fn toolbox(offline: bool) -> anyhow::Result<Toolbox> {
    Ok(Toolbox::new(pinned()?, offline))
}

/// The versions of these.
pub(crate) fn pinned() -> anyhow::Result<PinnedRequirements> {
    PinnedRequirements::parse(TOOLS).context("in requirements/tools.txt")
}

/// Cargo's configuration for the project in `root` as the command found it: read once, since there is one
/// project. A build begins with it: what has changed since counts as changed. `None`: a file is not TOML, of
/// which cargo will say more.
pub(crate) fn config(root: &Utf8Path) -> Option<&'static Layers> {
    static FOUND: OnceLock<Option<Layers>> = OnceLock::new();
    FOUND.get_or_init(|| Layers::read(root).ok()).as_ref()
}

fn missing(root: &Utf8Path) -> Option<Problem> {
    missing_wrapper(config(root)?, root)
}

/// Whether the user has said, for cargo, how many jobs there are to be.
pub(crate) fn jobs_are_configured(root: &Utf8Path) -> bool {
    let configured = config(root).is_some_and(|layers| layers.sets(&["build", "jobs"]));
    configured || vars::var(vars::CARGO_BUILD_JOBS).is_some()
}

fn nearest_project() -> anyhow::Result<Utf8PathBuf> {
    let here = std::env::current_dir().context("cannot tell the working directory")?;
    let here = Utf8PathBuf::try_from(here).context("the working directory is not UTF-8")?;
    let is_project = |dir: &&Utf8Path| dir.join("pyproject.toml").is_file();
    match here.ancestors().find(is_project) {
        Some(dir) => Ok(dir.to_owned()),
        None => bail!(
            "neither {here} nor a directory above it has a pyproject.toml\n  help: {}",
            way_to_a_project(&here)
        ),
    }
}

/// What helps where no project is found at `here` or above.
fn way_to_a_project(here: &Utf8Path) -> String {
    if let Some(dir) = project_below(here) {
        let dir = quoted(dir.as_str());
        return format!(
            "`cd {dir}`, or `--project {dir}` behind the command, works on the project there"
        );
    }
    format!(
        "`--project DIR` behind the command names a project; if there is none yet, {} has the three files that make one",
        program::page("first-steps")
    )
}
