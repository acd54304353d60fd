//! A measurement as a whole: from the project to what was found out.

use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::Layers;
use cargo_settings::linker::{Linkers, configured};
use dev_build::DevRequest;
use dev_build::lock::Lock;
use dev_build::maturin::{BuildOptions, Maturin, RunOptions};
use dev_build::prelinking::{Prelinking, with_stand_in};
use dev_build::provenance::profile;
use dev_build::situation::environment;
use environment::vars;
use prelink::{Bases, Job};
use processes::Say;
use processes::{Invocation, memory};
use project_model::{Closure, PathCrate, Policy, Project, Workspace};
use python_tools::tools::{ToolError, cannot_keep};
use python_tools::venv::{VenvError, VenvPlan};
use python_tools::{Interpreter, Tool, Toolbox};
use trial::files::{at, sha256};
use trial::linked::linked;

use crate::TuneError;
use crate::candidates::Facts;
use crate::changes::require_same;
use crate::choices::after_subcommand;
use crate::copy::ProjectCopy;
use crate::copy_builds::CopyBuilds;
use crate::measurement::{Measurement, TunedProject};
use crate::present::Present;
use crate::search::search;

/// What the user wants, and what it takes.
pub struct TuneRequest<'a> {
    /// The project; it is only read.
    pub project: &'a Project,
    /// Where tools come from, and where the copy lies.
    pub toolbox: &'a Toolbox,
    /// How long it may take, in seconds.
    pub budget_s: f64,
    /// Whether the user's configuration or environment says how many jobs there are to be.
    pub jobs_are_configured: bool,
    /// Whether the user wants it to end.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
    /// Tells what takes time.
    pub say: Say<'a>,
}

/// Measures. The project and its target directory are only read; the copy is removed afterwards.
pub fn measure(request: &TuneRequest<'_>) -> Result<Measurement, TuneError> {
    let (project, say) = (request.project, request.say);
    let locks = request.toolbox.locks()?;
    let scratch = request.toolbox.scratch_of(&project.root, SCRATCH)?;
    let _lock = Lock::take(&scratch, &locks, say).map_err(cannot_keep(&locks))?;
    let uv = request.toolbox.uv(say)?;
    let maturin = request.toolbox.maturin(&uv, say)?;
    let python = interpreter(project)?;
    let start = Instant::now();
    let closure = Closure::load(project)?;
    let workspace = Workspace::load(project)?;
    say("Copying", &format!("the project to {scratch}"));
    let copy = ProjectCopy::make(project, &closure, &scratch)?;
    let mut builds = builds(request, &maturin, &python, &copy, start)?;
    builds.call = prelinked(request, &workspace.policy, &copy, &builds.call)?;
    let name = closure.crates.first().and_then(|it| it.library.clone());
    copy.seed(
        &workspace.target_dir,
        dir_of(&builds.profile),
        &name.unwrap_or_default(),
    )?;
    let facts = facts(request, &workspace, &closure, &builds.profile)?;
    say("Building", "the copy, as the project is");
    builds.find_edit(request.budget_s)?;
    let found = search(&facts, &mut builds, request.budget_s)?;
    let edited = builds.edited().into_string();
    Ok(Measurement {
        subject: TunedProject {
            edited,
            ..subject(project, &workspace, &builds.profile)?
        },
        spent_s: start.elapsed().as_secs_f64(),
        ..found
    })
}

/// The name of the directory in which projects are copied.
const SCRATCH: &str = "xtask-tune";

/// Where the newest measurement of `project` is kept.
///
/// # Errors
/// Those of [`Toolbox::locks`].
pub fn kept(project: &Project, toolbox: &Toolbox) -> Result<Utf8PathBuf, ToolError> {
    let scratch = toolbox.scratch_of(&project.root, SCRATCH)?;
    Ok(scratch.with_extension("json"))
}

/// What the newest measurement of `project` has found, if there is one, as cargo's configuration.
#[must_use]
pub fn found(project: &Project, toolbox: &Toolbox) -> Option<String> {
    let measurement = Measurement::load(&kept(project, toolbox).ok()?).ok()?;
    if measurement.subject.root != project.root {
        return None;
    }
    measurement.config(&Linkers::host(&project.root).ok()?)
}

/// The measurement in `path`, if it was made of `project` as it is, on this machine.
pub fn earlier(project: &Project, path: &Utf8Path) -> Result<Measurement, TuneError> {
    let measurement = Measurement::load(path)?;
    let workspace = Workspace::load(project)?;
    let now = subject(project, &workspace, &measurement.subject.profile)?;
    require_same(&measurement, &now, path)?;
    Ok(measurement)
}

/// That of the environment which `cargo xtask dev` installs into. Where there is none yet, none is made:
/// importing a library takes no more than the Python that it would be made from.
fn interpreter(project: &Project) -> Result<Interpreter, VenvError> {
    Ok(match environment(project, &DevRequest::default()).plan()? {
        VenvPlan::Use(venv) => venv.python,
        VenvPlan::Create { base, .. } => *base,
    })
}

/// What a measurement made now would be of. The edited file is not known.
pub fn subject(
    project: &Project,
    workspace: &Workspace,
    profile: &str,
) -> Result<TunedProject, TuneError> {
    let rustc = Invocation::new("rustc").arg("-vV").cwd(&project.root);
    let rustc = rustc.read()?;
    let host = rustc.lines().filter(|line| line.starts_with("host: "));
    let toolchain: Vec<_> = rustc.lines().take(1).chain(host).collect();
    Ok(TunedProject {
        name: project.name().to_owned(),
        root: project.root.to_string(),
        profile: profile.to_owned(),
        toolchain: toolchain.join(", "),
        lock_sha256: sha256(&workspace.root.join("Cargo.lock")).unwrap_or_default(),
        edited: String::new(),
    })
}

/// The call, linked as `dev` has it linked.
fn prelinked(
    request: &TuneRequest<'_>,
    policy: &Policy,
    copy: &ProjectCopy,
    call: &Invocation,
) -> Result<Invocation, TuneError> {
    let platform = (std::env::consts::OS, std::env::consts::ARCH);
    let config = Layers::read(&request.project.root)?;
    let linker = configured(&config);
    let prelinking = Prelinking::decide(true, policy.prelink, platform, linker.as_deref(), None);
    let Prelinking::On { stand_in } = prelinking else {
        return Ok(call.clone());
    };
    let dir = copy.root.join("prelink");
    fs_err::create_dir_all(&dir).map_err(at(&dir))?;
    let job = Job {
        bases: request.toolbox.prelinked()?,
        module: copy.project.extension.full_name(),
        outcome: dir.join("linked.json"),
    };
    let call = with_stand_in(call, &dir.join(stand_in), &dir.join("job.json"), &job);
    Ok(call.map_err(at(&dir))?)
}

/// cargo's call in the copy, and what belongs to it.
fn builds<'a>(
    request: &'a TuneRequest<'_>,
    maturin: &Tool,
    python: &'a Interpreter,
    copy: &'a ProjectCopy,
    start: Instant,
) -> Result<CopyBuilds<'a>, TuneError> {
    let asked = copy.root.join("asked");
    fs_err::create_dir_all(&asked).map_err(at(&asked))?;
    let target = copy.target();
    let maturin = Maturin {
        tool: maturin,
        project: &copy.project,
        python: &python.executable,
        build: &BuildOptions::default(),
        run: &RunOptions::default(),
        target_dir: Some(&target),
    };
    let call = maturin.cargo_call(&asked)?;
    let outer = copy.outer_configs.iter().rev();
    let outer = outer.flat_map(|path| ["--config".to_owned(), path.to_string()]);
    // Where the intermediates go may be configured by itself.
    let build_dir = ["--config".to_owned(), format!("build.build-dir='{target}'")];
    let call = after_subcommand(call, outer.chain(build_dir));
    let others = vars::OTHER_TARGET_DIRS.into_iter();
    let call = others.fold(call, Invocation::env_remove);
    let limit = memory::limit().filter(|_| !request.jobs_are_configured);
    Ok(CopyBuilds {
        copy,
        profile: profile(&call),
        bases: Bases::in_dir(&request.toolbox.prelinked()?),
        call,
        python,
        jobs: limit.and_then(|limit| limit.jobs(memory::cores())),
        is_over: request.is_over,
        say: request.say,
        start,
        edited: None,
    })
}

fn facts(
    request: &TuneRequest<'_>,
    workspace: &Workspace,
    closure: &Closure,
    profile: &str,
) -> Result<Facts, TuneError> {
    let project = request.project;
    (request.say)("Trying", "the linkers that are here");
    let linkers = Linkers::look(&project.root)?;
    let manifest = workspace.root.join("Cargo.toml");
    Ok(Facts {
        present: Present::read(profile, &project.root, &manifest, &linkers.target)?,
        own_crates: own_crates(closure),
        splits_debuginfo: linkers.target.contains("linux"),
        linkers,
    })
}

/// The names of the workspace's crates that the extension is linked with, itself first.
fn own_crates(closure: &Closure) -> Vec<String> {
    let is_own = |one: &&PathCrate| {
        let mut others = closure.other_workspaces.iter();
        one.dir.starts_with(&closure.workspace_root)
            && !others.any(|root| one.dir.starts_with(root))
    };
    let extension = closure.crates.first().into_iter();
    let found = extension.flat_map(|extension| linked(closure, extension));
    found.filter(is_own).map(|one| one.name.clone()).collect()
}

/// The directory of a profile below the target directory.
fn dir_of(profile: &str) -> &str {
    match profile {
        "dev" | "test" => "debug",
        "bench" => "release",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    #[test]
    fn own_crates_are_those_that_are_linked_and_of_the_workspace() {
        let fixture = Fixture::pure_rust("thing");
        fixture.edit(
            "Cargo.toml",
            "[dependencies]\n",
            "[dependencies]\nnear = { path = \"near\" }\nfar = { path = \"../far\" }\n\n[build-dependencies]\nmaker = { path = \"maker\" }\n\n[dependencies.pyo3-is-below]\npackage = \"near2\"\npath = \"near2\"\n\n[dependencies.rest]\npackage = \"macros\"\npath = \"macros\"\n\n[dependencies.pyo3x]\npackage = \"near3\"\npath = \"near3\"\noptional = true\n",
        );
        // `pyo3 = …` stood below the header that has been replaced.
        fixture.edit(
            "Cargo.toml",
            "pyo3 = { version = \"0.30\", features = [\"abi3-py311\"] }\n",
            "",
        );
        for (dir, rest) in [
            ("near", "[dependencies]\ndeep = { path = \"../deep\" }\n"),
            ("near2", ""),
            ("near3", ""),
            ("deep", ""),
            ("maker", ""),
            ("macros", "[lib]\nproc-macro = true\n"),
            ("../far", "[workspace]\n"),
        ] {
            let name = dir.rsplit('/').next().unwrap();
            let manifest = format!(
                "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{rest}"
            );
            fixture.write(format!("{dir}/Cargo.toml"), &manifest);
            fixture.write(format!("{dir}/src/lib.rs"), "");
        }
        let closure = Closure::load(&Project::load(&fixture.root()).unwrap()).unwrap();
        let mut own = own_crates(&closure);
        assert_eq!(own.remove(0), "thing");
        own.sort();
        assert_eq!(own, ["deep", "near", "near2", "near3"]);
    }
}
