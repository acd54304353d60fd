//! A measurement as a whole: from what the user wants to results.

use std::time::Instant;

use camino::Utf8PathBuf;
use project_model::{Closure, Project, Sources, Workspace};
use python_tools::Toolbox;
use python_tools::tools::ToolError;

use crate::bench_tools::BenchTools;
use crate::error::BenchError;
use crate::prepared::Prepared;
use crate::progress::{ProgressLine, say_in_place};
use crate::request::BenchRequest;
use crate::results::{Results, State};
use crate::schedule::Job;
use crate::scratch::{self, ScratchDir, Source};
use crate::session::{Observer, Progress, measure};
use crate::store;
use crate::tuned::Tuned;

fn root_of(toolbox: &Toolbox, project: &Project) -> Result<Utf8PathBuf, ToolError> {
    toolbox.scratch_of(&project.root, "xtask-bench")
}

/// Where the results of the newest measurement of `project` are kept.
///
/// # Errors
/// Those of [`Toolbox::locks`].
pub fn results_of(toolbox: &Toolbox, project: &Project) -> Result<Utf8PathBuf, ToolError> {
    Ok(scratch::results(&root_of(toolbox, project)?))
}

/// Measures, keeping the results after each run, and tells how far it has come. The results tell whether it
/// came to its end.
///
/// # Errors
/// [`BenchError`]; what was measured until then is kept.
pub fn run(request: &BenchRequest<'_>) -> Result<Results, BenchError> {
    let tools = BenchTools::find(request)?;
    let told = |verb: &str, text: &str| say_in_place(request.say, verb, text);
    let in_place = BenchRequest {
        say: &told,
        plan: request.plan.clone(),
        tuned: request.tuned.clone(),
        ..*request
    };
    run_with(&tools, &in_place)
}

fn run_with(tools: &BenchTools, request: &BenchRequest<'_>) -> Result<Results, BenchError> {
    let closure = Closure::load(request.project)?;
    let workspace = Workspace::load(request.project)?;
    let sources = Sources::of(request.project, &closure);
    let scratch = ScratchDir::open(&root_of(request.toolbox, request.project)?)?;
    let prepared = Prepared {
        request,
        source: &Source {
            project: request.project,
            closure: &closure,
            sources: &sources,
            tools,
            requirements: &workspace.policy.dev_requirements,
            fetched: &request.toolbox.fetched(),
        },
        scratch: &scratch,
        tuned: Tuned::of(request, &workspace, &sources),
    };
    let start = Instant::now();
    let mut results = prepared.results()?;
    results.method.time_budget_s = request.plan.time_budget_s;
    let mut builder = prepared.builder(start)?;
    let mut keeper = Keeper {
        path: scratch.results(),
        line: ProgressLine::new(request.say),
    };
    let state = measure(&request.plan, &mut results, &mut builder, &mut keeper)?;
    results.subject.edits = builder.marks.map(|marks| marks.records).unwrap_or_default();
    store::save(&results, &scratch.results())?;
    if state == State::Complete {
        scratch.clear()?;
    }
    Ok(results)
}

/// Keeps the results after each run, and tells how it goes.
struct Keeper<'a> {
    path: Utf8PathBuf,
    line: ProgressLine<'a>,
}

impl Observer for Keeper<'_> {
    fn begins(&mut self, job: &Job, progress: Progress) {
        self.line.begins(job, progress);
    }

    fn ended(&mut self, results: &Results) -> Result<(), BenchError> {
        store::save(results, &self.path)?;
        if results.state != State::Running {
            self.line.end();
        }
        Ok(())
    }
}
