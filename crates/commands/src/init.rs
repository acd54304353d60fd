//! `cargo xtask init`.

use std::io::{IsTerminal, Write as _};

use adopt::{AdoptionPlan, AdoptionRequest, Part, UndoPlan};
use anyhow::{Context as _, bail};
use camino::Utf8Path;
use config_edit::{Change, retried};
use environment::program;
use project_model::Project;

use crate::Answer;
use crate::cache_keys::settle_witnesses;
use crate::context::{Context, pinned, toolbox};
use crate::write_mode::WriteMode;
use crate::{typed, ui};

/// Take a maturin project over, or give it back
///
/// Looks at the project, says what is to be written into it and why, shows it as one difference, and asks.
/// What the project has already stays and is built upon. A second call changes nothing, and --undo takes
/// every byte back, of all commands. A project that cannot be built is refused before anything is touched.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write without asking
    #[arg(long, short, conflicts_with_all = ["check", "dry_run"])]
    yes: bool,
    #[command(flatten)]
    mode: WriteMode,
    /// Also write these, which not everybody wants
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART")]
    with: Vec<With>,
    /// Take back all that any command has written into files of the project. A misspelt key that
    /// `doctor --fix` has corrected stays correct
    #[arg(long, conflicts_with = "with")]
    undo: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lower")]
enum With {
    /// The DevContainer, and the script that sets it up
    DevContainer,
    /// The workflow of GitHub that builds a wheel at every push and publishes it
    Workflow,
    /// The notebook that installs the newest wheel on Google Colab
    Colab,
}

impl Args {
    fn parts(&self) -> Vec<Part> {
        let parts = self.with.iter().map(|with| match with {
            With::DevContainer => Part::DevContainer,
            With::Workflow => Part::Workflow,
            With::Colab => Part::Colab,
        });
        parts.collect()
    }
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    if args.undo {
        return undo(&context.project()?, args);
    }
    let project = context.project_to_build()?;
    let plan = planned(&project, args)?;
    for decision in &plan.decisions {
        ui::say(decision.verdict.verb(), &decision.text());
    }
    let answer = args
        .mode
        .show(&plan.changes, &typed::command_without(&["--check"]));
    if args.mode.checks() && !plan.drifted.is_empty() {
        return Ok(Answer::Differs);
    }
    if plan.is_empty() || args.mode.only_shows() {
        return Ok(answer);
    }
    if !args.yes && !is_wanted(&plan.changes)? {
        ui::say("Left", "nothing has been written");
        return Ok(Answer::Done);
    }
    // Planned again, if somebody else has written one of the files in between.
    let written = retried(|| write(&project, args), anyhow::Error::downcast_ref)?;
    crate::write_mode::written(&written.changes);
    settle_witnesses(&project.root)?;
    ui::say(
        "Next",
        "`cargo xtask dev` builds it; `cargo xtask init --undo` takes it all back",
    );
    Ok(Answer::Done)
}

fn planned(project: &Project, args: &Args) -> anyhow::Result<AdoptionPlan> {
    let tools = pinned()?;
    let request = AdoptionRequest {
        parts: &args.parts(),
        uv_version: tools.version("uv")?,
    };
    Ok(adopt::plan(project, &request)?)
}

fn write(project: &Project, args: &Args) -> anyhow::Result<AdoptionPlan> {
    let plan = planned(&Project::load(&project.root)?, args)?;
    Change::apply_all(&plan.changes)?;
    Ok(plan)
}

fn undo(project: &Project, args: &Args) -> anyhow::Result<Answer> {
    let notes = toolbox(false)?.locks()?;
    let plan = adopt::undo(project, &notes)?;
    for venv in &plan.hooked {
        ui::say("Removes", &format!("what builds on import, from {venv}"));
    }
    for left in &plan.left {
        ui::say(
            "Leaves",
            &format!("{left}, which has been changed since it was written: it is yours"),
        );
    }
    for made in &plan.made {
        ui::say(
            "Removes",
            &format!(
                "{made}, which builds have made, and which only a line of ours keeps from git"
            ),
        );
    }
    let answer = args
        .mode
        .show(&plan.changes, &typed::command_without(&["--check"]));
    if plan.is_empty() || args.mode.only_shows() {
        return Ok(answer);
    }
    if !args.yes && !is_wanted(&plan.changes)? {
        ui::say("Left", "nothing has been written");
        return Ok(Answer::Done);
    }
    let undone = retried(|| take_back(project, &notes), anyhow::Error::downcast_ref)?;
    plan.remove_made(project)?;
    crate::write_mode::written(&undone.changes);
    settle_witnesses(&project.root)?;
    tell_what_stays()
}

/// What is no file of the project.
fn tell_what_stays() -> anyhow::Result<Answer> {
    let store = toolbox(false)?.store()?;
    let page = program::page("caches");
    let text = format!(
        "the environment, which is yours; and what all projects share: `cargo xtask store clear` empties {store}, and {page} names the rest"
    );
    ui::say("Stays", &text);
    Ok(Answer::Done)
}

fn take_back(project: &Project, notes: &Utf8Path) -> anyhow::Result<UndoPlan> {
    let plan = adopt::undo(&Project::load(&project.root)?, notes)?;
    Change::apply_all(&plan.changes)?;
    Ok(plan)
}

/// Asks the user, who has seen the difference, whether `changes` are to be made.
fn is_wanted(changes: &[Change]) -> anyhow::Result<bool> {
    let count = changes.iter().filter(|change| !change.is_empty()).count();
    let question = match count {
        0 | 1 => "Do it?".to_owned(),
        count => format!("Write these {count} files?"),
    };
    if !std::io::stdin().is_terminal() {
        let yes = typed::command_without(&[]);
        bail!(
            "nothing is written: there is no terminal to ask on\n  help: `{yes} --yes` writes it without asking"
        );
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush().context("cannot ask")?;
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .context("cannot read the answer")?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
