//! A measurement as a whole: from what the user wants to results.

use std::time::Instant;

use build_env::tools::Say;
use build_env::{Interpreter, Tool, Toolbox};
use camino::{Utf8Path, Utf8PathBuf};
use project_model::{Closure, Project, Sources, Workspace as CargoWorkspace};

use crate::error::BenchError;
use crate::prepared::Prepared;
use crate::results::{Results, State};
use crate::schedule::{Job, Plan};
use crate::session::{Observer, Progress, measure};
use crate::store;
use crate::tuned::{self, Tuned};
use crate::workspace::{self, Source, Workspace};

/// What the user wants, and what it takes.
pub struct Request<'a> {
    /// The project; it is only read.
    pub project: &'a Project,
    /// What is to be measured.
    pub plan: Plan,
    /// Whether to go on with what was interrupted.
    pub resumes: bool,
    /// Where tools come from.
    pub toolbox: &'a Toolbox,
    /// uv.
    pub uv: &'a Tool,
    /// maturin.
    pub maturin: &'a Tool,
    /// The interpreter that environments are made from.
    pub python: &'a Interpreter,
    /// This program.
    pub xtask: &'a Utf8Path,
    /// The workspace in which the user has typed `cargo xtask` to start it; `None`: it was started without
    /// cargo.
    pub xtask_root: Option<&'a Utf8Path>,
    /// What has been found to be the fastest for this project on this machine, as cargo's configuration.
    pub tuned: Option<String>,
    /// Whether the user wants it to end.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
    /// Tells what takes time.
    pub say: Say<'a>,
    /// Tells what could not be done.
    pub warn: &'a dyn Fn(&str),
}

fn root_of(toolbox: &Toolbox, project: &Project) -> Utf8PathBuf {
    toolbox.scratch_of(&project.root, "xtask-bench")
}

/// Where the results of the newest measurement of `project` are kept.
#[must_use]
pub fn results_of(toolbox: &Toolbox, project: &Project) -> Utf8PathBuf {
    workspace::results(&root_of(toolbox, project))
}

/// Measures, keeping the results after each run. They tell whether it came to its end.
///
/// # Errors
/// [`BenchError`]; what was measured until then is kept.
pub fn run(request: &Request<'_>, observer: &mut dyn Observer) -> Result<Results, BenchError> {
    let closure = Closure::load(request.project)?;
    let cargo_workspace = CargoWorkspace::load(request.project)?;
    let sources = Sources::of(request.project, &closure);
    let root = root_of(request.toolbox, request.project);
    let workspace = Workspace::open(&root)?;
    let source = Source {
        project: request.project,
        closure: &closure,
        uv: request.uv,
        python: &request.python.executable,
        requirements: &cargo_workspace.policy.dev_requirements,
        tools: &request.toolbox.scratch().with_file_name("tools"),
    };
    let mut prepared = Prepared {
        request,
        closure: &closure,
        sources: &sources,
        workspace: &workspace,
        tuned: Tuned {
            found: request.tuned.clone(),
            local: tuned::local(request.project, &cargo_workspace, &sources),
        },
    };
    let start = Instant::now();
    let mut results = prepared.results(&source)?;
    results.method.time_budget_s = request.plan.time_budget_s;
    let mut bench = prepared.bench(&source, start, request.plan.time_budget_s)?;
    let mut keeper = Keeper {
        path: workspace.results(),
        observer,
    };
    let state = measure(&request.plan, &mut results, &mut bench, &mut keeper)?;
    results.subject.edits = bench.marks.map(|marks| marks.records).unwrap_or_default();
    store::save(&results, &workspace.results())?;
    if state == State::Complete {
        workspace.clear()?;
    }
    Ok(results)
}

/// Keeps the results after each run, and passes on what it is told.
struct Keeper<'a> {
    path: Utf8PathBuf,
    observer: &'a mut dyn Observer,
}

impl Observer for Keeper<'_> {
    fn begins(&mut self, job: &Job, progress: Progress) {
        self.observer.begins(job, progress);
    }

    fn ended(&mut self, results: &Results) -> Result<(), BenchError> {
        store::save(results, &self.path)?;
        self.observer.ended(results)
    }
}
