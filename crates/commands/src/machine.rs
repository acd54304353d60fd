//! `cargo xtask machine`.

use cargo_settings::Files;
use cargo_settings::machine::{Machine, MachinePlan};
use project_model::Workspace;

use crate::Answer;
use crate::context::Context;
use crate::ui;
use crate::write_mode::WriteMode;

/// Write the settings that follow from this machine: jobs and linker
///
/// As many jobs as its memory bears, and a linker where the toolchain has no fast one of its own; both to
/// .cargo/config.local.toml, which git ignores. What you have set yourself is left alone.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Take back what was written
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    mode: WriteMode,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let project = context.project()?;
    let files = Files::of(&project, &Workspace::load(&project)?);
    let plan = || -> anyhow::Result<MachinePlan> {
        Ok(if args.undo {
            MachinePlan::undo(&files)?
        } else {
            Machine::look(&files.root)?.plan(&files)?
        })
    };
    for (what, reason) in &plan()?.reasons {
        ui::say(what, reason);
    }
    args.mode.carry_out_planned(|| Ok(vec![plan()?.change]))
}
