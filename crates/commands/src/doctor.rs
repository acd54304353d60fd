//! `cargo xtask doctor`.

use anyhow::bail;
use config_edit::Change;
use dev_build::DevRequest;
use doctor::{Facts, Finding, Problem, Subject, Verdict, judge, repairs};
use environment::vars;
use prelink::Bases;
use project_model::Project;
use store::Store;

use crate::Answer;
use crate::context::{Context, toolbox};
use crate::ui;
use crate::write_mode::written;

/// Look for what is wrong with the project and with this machine, and name what helps
///
/// All checks run, also where the project cannot be read. Builds nothing, uses no network, and writes nothing
/// unless `--fix` is given. Exit code 1 if something is wrong.
#[derive(Debug, clap::Args)]
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
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let facts = look(context)?;
    if !args.fix {
        return tell(&judge(&facts), args.json);
    }
    let changes = repairs(&facts)?;
    for change in &changes {
        print!("{}", change.diff());
    }
    if args.dry_run {
        return Ok(Answer::Done);
    }
    changes.iter().try_for_each(Change::apply)?;
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
        println!("{}", serde_json::to_string_pretty(findings)?);
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
