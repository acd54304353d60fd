//! `cargo xtask cache-keys`.

use std::cell::OnceCell;

use anyhow::Context as _;
use cache_keys::verify::{HEADING, ProofRequest, verify};
use cache_keys::{CacheKeysPlan, plan, plan_removal, witness};
use camino::{Utf8Path, Utf8PathBuf};
use config_edit::Change;
use processes::ending;
use project_model::{Closure, Project};
use python_tools::python;

use crate::Answer;
use crate::context::{Context, toolbox};
use crate::ui;
use crate::write_mode::WriteMode;

/// Tell uv what the extension is built from
///
/// So that `uv run` and `uv sync` build it when they should. Writes `cache-keys` under [tool.uv] in
/// pyproject.toml: the sources, manifests and build scripts of the extension's crate and of those it depends
/// on by path, the lock file, cargo's configuration, the toolchain, and the variables that change what is
/// built. Keys that you have added stay.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    mode: WriteMode,
    /// Take back what this command wrote
    #[arg(long, conflicts_with_all = ["check", "verify"])]
    remove: bool,
    /// Prove on a copy of the project, with the real uv, that it builds exactly when it should
    #[arg(long, conflicts_with_all = ["check", "dry_run"])]
    verify: bool,
    /// With --verify: the Python to build for: a path, or a version such as 3.12
    #[arg(long, value_name = "PYTHON", requires = "verify")]
    python: Option<String>,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let project = context.project()?;
    if args.verify {
        let closure = Closure::load(&project)?;
        return prove(&project, &closure, args.python.as_deref());
    }
    let is_told = OnceCell::new();
    let answer = args.mode.carry_out_planned(|| {
        let project = Project::load(&project.root)?;
        let (change, notes) = planned(&project, args.remove)?;
        is_told.get_or_init(|| notes.iter().for_each(|note| ui::say("Note", note)));
        Ok(vec![change])
    })?;
    if !args.mode.only_shows() {
        settle_witnesses(&project.root)?;
    }
    Ok(answer)
}

/// What is to be written, and what the user should know.
fn planned(project: &Project, remove: bool) -> anyhow::Result<(Change, Vec<String>)> {
    if remove {
        return Ok((plan_removal(project)?, Vec::new()));
    }
    let CacheKeysPlan { change, notes } = plan(project, &Closure::load(project)?)?;
    Ok((change, notes))
}

/// Does what the keys say that are there now: another process may have written or removed them.
pub(crate) fn settle_witnesses(root: &Utf8Path) -> anyhow::Result<()> {
    let kept: anyhow::Result<_> = witness::settle(root, || Ok(Project::load(root)?));
    let kept = kept.with_context(|| {
        let dir = root.join(witness::DIR);
        format!("cannot keep the witnesses of the inputs in {dir}")
    })?;
    for (verb, text) in kept.lines() {
        ui::say(verb, &text);
    }
    Ok(())
}

fn prove(project: &Project, closure: &Closure, wanted: Option<&str>) -> anyhow::Result<Answer> {
    let toolbox = toolbox(false)?;
    let uv = toolbox.uv(&ui::say)?;
    ending::listen()?;
    let request = ProofRequest {
        project,
        closure,
        maturin: &toolbox.maturin(&uv, &ui::say)?,
        uv: &uv,
        python: &interpreter(project, wanted)?,
        home: &toolbox.scratch()?,
        is_over: &ending::is_wanted,
        say: &ui::say,
    };
    ui::print(&format!("{HEADING}\n"));
    let count = verify(&request, &mut |row| ui::print(&format!("{row}\n")))?;
    ui::say("Proven", &format!("{count} cases"));
    Ok(Answer::Done)
}

/// The interpreter to build for: the one that is named, else the newest that the project allows.
fn interpreter(project: &Project, wanted: Option<&str>) -> anyhow::Result<Utf8PathBuf> {
    let found = match wanted {
        Some(wanted) => python::named(wanted)?,
        None => python::newest("any that requires-python allows", |python| {
            python.satisfies(project.requires_python.as_ref())
        })?,
    };
    Ok(found.executable)
}
