//! `cargo xtask tune`.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Invocation, ending};
use project_model::Project;
use tune::apply::apply;
use tune::changes::SettingFiles;
use tune::measurement::Measurement;
use tune::report::table;
use tune::{TuneRequest, earlier, kept, measure};

use crate::Answer;
use crate::arguments::duration;
use crate::context::{Context, jobs_are_configured, toolbox};
use crate::ui;
use crate::write_mode::{WriteMode, written};

/// Measure which linker and which settings of the dev profile make builds faster here, and write them
///
/// Tries each linker that is here, less debug information, split debug information, other codegen units, and
/// incremental compilation, by what the edit loop gains. Works in a copy, and changes nothing of the project
/// unless `--apply` is given. What is within the noise is left alone, and so is what you have set yourself.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write what gains something: profile settings to Cargo.toml, the linker to .cargo/config.local.toml.
    /// Builds the project afterwards, and puts everything back if that fails
    #[arg(long, conflicts_with_all = ["check", "dry_run"])]
    apply: bool,
    /// Take back what was written
    #[arg(long, conflicts_with_all = ["apply", "from", "json", "time_budget"])]
    undo: bool,
    #[command(flatten)]
    mode: WriteMode,
    /// Measure nothing: take an earlier measurement
    #[arg(long, value_name = "FILE", conflicts_with = "time_budget")]
    from: Option<Utf8PathBuf>,
    /// Print the measurement as JSON instead of the table
    #[arg(long, conflicts_with_all = ["apply", "check", "dry_run"])]
    json: bool,
    /// How long it may take, as `90s`, `20m` or `2h`; what does not fit is not measured, and said
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration)]
    time_budget: Duration,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    if args.undo {
        return undo(context, args);
    }
    let project = context.project_to_build()?;
    ending::listen()?;
    let is_over = ending::is_wanted;
    let (measurement, file) = measurement(&project, args, &is_over)?;
    if args.json {
        ui::print(&measurement.json());
        return Ok(Answer::Done);
    }
    ui::print(&table(&measurement));
    if !(args.apply || args.mode.only_shows()) {
        suggest(&measurement, &file);
        return Ok(Answer::Done);
    }
    let files = SettingFiles::of(&project)?;
    let changes = files.changes_of(&project, &measurement)?;
    let shown = args.mode.show(&changes, &apply_later(&file).to_string());
    if !args.apply || changes.is_empty() {
        return Ok(shown);
    }
    let toolbox = toolbox(false)?;
    let outcome = apply(&project, &toolbox, &changes, &is_over, &ui::say)?;
    crate::dev::report(&project, &outcome);
    written(&changes);
    if let Some(note) = files.note(&changes) {
        ui::warn(&note);
    }
    Ok(Answer::Done)
}

/// An earlier measurement, or a new one, and where it is kept.
fn measurement(
    project: &Project,
    args: &Args,
    is_over: &(dyn Fn() -> bool + Sync),
) -> anyhow::Result<(Measurement, Utf8PathBuf)> {
    if let Some(path) = &args.from {
        return Ok((earlier(project, path)?, path.clone()));
    }
    let toolbox = toolbox(false)?;
    let measurement = measure(&TuneRequest {
        project,
        toolbox: &toolbox,
        budget_s: args.time_budget.as_secs_f64(),
        jobs_are_configured: jobs_are_configured(&project.root),
        is_over,
        say: &ui::say,
    })?;
    let kept = kept(project, &toolbox)?;
    measurement.save(&kept)?;
    Ok((measurement, kept))
}

fn suggest(measurement: &Measurement, file: &Utf8Path) {
    ui::say("Kept", file.as_str());
    if !measurement.to_write().is_empty() {
        ui::say(
            "Next",
            &format!("`{}` writes what is taken", apply_later(file)),
        );
    }
}

/// The command that writes what the measurement in `file` has found.
fn apply_later(file: &Utf8Path) -> Invocation {
    let args = ["xtask", "tune", "--apply", "--from", file.as_str()];
    Invocation::new("cargo").args(args)
}

fn undo(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let files = SettingFiles::of(&context.project()?)?;
    args.mode.carry_out_planned(|| Ok(files.undone()?))
}
