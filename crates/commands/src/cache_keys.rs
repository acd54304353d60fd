//! `cargo xtask cache-keys`.

use cache_keys::verify::{HEADING, ProofRequest, verify};
use cache_keys::{CacheKeysPlan, plan, plan_removal, witness};
use camino::Utf8PathBuf;
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
    if args.remove {
        let answer = args.mode.carry_out(&[plan_removal(&project)?])?;
        if !args.mode.only_shows() {
            witness::remove(&project.root)?;
        }
        return Ok(answer);
    }
    let closure = Closure::load(&project)?;
    if args.verify {
        return prove(&project, &closure, args.python.as_deref());
    }
    let CacheKeysPlan { change, notes } = plan(&project, &closure)?;
    for note in notes {
        ui::say("Note", &note);
    }
    let answer = args.mode.carry_out(&[change])?;
    if !args.mode.only_shows() {
        keep_witnesses(&project)?;
    }
    Ok(answer)
}

fn keep_witnesses(project: &Project) -> anyhow::Result<()> {
    // With the keys that are there now.
    let kept = witness::keep(&Project::load(&project.root)?);
    let kept = kept.map_err(|error| {
        let dir = project.root.join(witness::DIR);
        anyhow::Error::new(error)
            .context(format!("cannot keep the witnesses of the inputs in {dir}"))
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
        home: &toolbox.scratch(),
        is_over: &ending::is_wanted,
        say: &ui::say,
    };
    println!("{HEADING}");
    let count = verify(&request, &mut |row| println!("{row}"))?;
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
