//! `cargo xtask machine`.

use cargo_settings::Files;
use cargo_settings::machine::{Machine, plan_undo};
use config_edit::Change;
use project_model::Workspace;

use crate::Answer;
use crate::context::Context;
use crate::ui;

/// Write the settings that follow from this machine
///
/// As many jobs as its memory bears, and a linker where the toolchain has no fast one of its own; both to
/// .cargo/config.local.toml, which git ignores. What you have set yourself is left alone.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Take back what was written
    #[arg(long)]
    undo: bool,
    /// Write nothing: show what would change; exit code 3 if anything would
    #[arg(long)]
    check: bool,
    /// Write nothing: show what would change
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let project = context.project()?;
    let files = Files::of(&project, &Workspace::load(&project)?);
    let change = if args.undo {
        plan_undo(&files)?
    } else {
        let plan = Machine::look(&files.root)?.plan(&files)?;
        for (what, reason) in &plan.reasons {
            ui::say(what, reason);
        }
        plan.change
    };
    Ok(args.carry_out(&change)?)
}

impl Args {
    fn carry_out(&self, change: &Change) -> Result<Answer, config_edit::EditError> {
        if self.check || self.dry_run {
            print!("{}", change.diff());
            let differs = self.check && !change.is_empty();
            return Ok(if differs {
                Answer::Differs
            } else {
                Answer::Done
            });
        }
        change.apply()?;
        ui::changed(change);
        Ok(Answer::Done)
    }
}
