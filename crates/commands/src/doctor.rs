//! `cargo xtask doctor`.

use anyhow::{Context as _, bail};
use camino::Utf8PathBuf;
use config_edit::Change;
use dev_build::DevRequest;
use doctor::prove::{self, Proof, ProofRequest, ProofStep, prove};
use doctor::{Facts, Finding, Problem, Subject, Verdict, judge, repairs};
use environment::vars;
use prelink::Bases;
use processes::ending;
use project_model::{Closure, Project};
use store::Store;

use crate::Answer;
use crate::context::{Context, toolbox};
use crate::write_mode::{show, written};
use crate::{typed, ui};

/// Look for what is wrong with the project and with this machine, and name what helps
///
/// All checks run, also where the project cannot be read. Builds nothing, uses no network, and writes nothing
/// unless `--fix` or `--prove` is given. Exit code 1 if something is wrong.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag on the command line"
)]
pub struct Args {
    /// Answer in JSON
    #[arg(long, conflicts_with = "fix")]
    json: bool,
    /// Repair what is safe to repair: show it as a diff, and write it
    #[arg(long)]
    fix: bool,
    /// With --fix: write nothing, show what would change
    #[arg(long, requires = "fix")]
    dry_run: bool,
    /// Prove on a copy of the project that the tools leave each other's builds alone: cargo check as
    /// rust-analyzer runs it, dev, maturin develop, uv sync, uv run, cargo test, dev and cargo check build
    /// one after the other. Takes as long as they do, and may need the network for what they install
    #[arg(long, conflicts_with = "fix")]
    prove: bool,
    /// With --prove: do not use the network
    #[arg(long, requires = "prove")]
    offline: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    if args.prove {
        return tell_proof(&proof(context, args.offline)?, args.json);
    }
    let facts = look(context)?;
    if !args.fix {
        return tell(&judge(&facts), args.json);
    }
    let changes = repairs(&facts)?;
    show(&changes);
    if args.dry_run {
        return Ok(Answer::Done);
    }
    Change::apply_all(&changes)?;
    written(&changes);
    // Not by way of the context, which would install a toolchain that is missing.
    let project = context.directory().ok().map(|dir| Project::load(&dir));
    if let Some(Ok(project)) = project {
        crate::cache_keys::settle_witnesses(&project.root)?;
    }
    tell(&judge(&look(context)?), false)
}

fn look(context: &Context) -> anyhow::Result<Facts> {
    let toolbox = toolbox(true)?;
    // Where there is no place for them, a check says so.
    let bases = toolbox.prelinked().ok().map(|dir| Bases::in_dir(&dir));
    let store = toolbox.store().ok().map(|dir| Store::at(&dir));
    let is_set = |name| vars::var(name).is_some();
    let request = DevRequest {
        store: store.as_ref().filter(|_| !is_set(vars::XTASK_NO_STORE)),
        prelink: bases.as_ref().filter(|_| !is_set(vars::XTASK_NO_PRELINK)),
        ..DevRequest::default()
    };
    Ok(Facts::look(&Subject {
        dir: context
            .directory()
            .map_err(|error| Problem::of(error.as_ref())),
        toolbox: &toolbox,
        request: &request,
    }))
}

/// The findings on standard output; an error, if one is a problem.
fn tell(findings: &[Finding], in_json: bool) -> anyhow::Result<Answer> {
    if in_json {
        ui::print(&(serde_json::to_string_pretty(findings)? + "\n"));
    } else {
        findings.iter().for_each(ui::finding);
    }
    let problems = findings.iter().filter(|it| it.verdict == Verdict::Problem);
    let count = problems.clone().count();
    let plural = if count == 1 { "" } else { "s" };
    match (count, problems.filter(|it| it.fixable).count()) {
        (0, _) => Ok(Answer::Done),
        (_, 0) => bail!("{count} problem{plural}"),
        (_, fixable) => bail!(
            "{count} problem{plural}\n  help: `cargo xtask doctor --fix` repairs {fixable} of them"
        ),
    }
}

fn proof(context: &Context, offline: bool) -> anyhow::Result<Proof> {
    let project = context.project_to_build()?;
    let toolbox = toolbox(offline)?;
    let uv = toolbox.uv(&ui::say)?;
    let program = std::env::current_exe().context("cannot tell where this program lies")?;
    ending::listen()?;
    let proof = prove(&ProofRequest {
        closure: &Closure::load(&project)?,
        program: &Utf8PathBuf::try_from(program)?,
        maturin: &toolbox.maturin(&uv, &ui::say)?,
        uv: &uv,
        home: &toolbox.scratch_of(&project.root, "xtask-prove")?,
        offline,
        is_over: &ending::is_wanted,
        say: &ui::say,
        project: &project,
    })?;
    Ok(proof)
}

/// The table on standard output; an error, if it is no pass.
fn tell_proof(proof: &Proof, in_json: bool) -> anyhow::Result<Answer> {
    ui::answer(in_json, proof, || typed::to_paste(&proof.text()))?;
    let steps = proof.steps.iter().filter(|it| !it.is_needed);
    for ProofStep { command, .. } in steps.filter(|it| it.failed.is_some()) {
        ui::warn(&format!(
            "`{command}` fails in the copy: what it would have compiled after that is not part of the proof"
        ));
    }
    match proof.verdict() {
        prove::Verdict::Passed => {
            ui::say("Proven", "no tool makes another's builds stale");
            Ok(Answer::Done)
        }
        prove::Verdict::Rebuilt { count, cures } => {
            let plural = if count == 1 { " was" } else { "s were" };
            let cures = cures.iter().map(|cure| format!("\n  help: {cure}"));
            let cures: String = cures.collect();
            bail!("{count} unit{plural} compiled again, though nothing has changed{cures}")
        }
        prove::Verdict::Failed { command, said } => bail!(
            "`{command}` fails in a copy of the project: {said}\n  help: run it in the project, where it says more"
        ),
    }
}
