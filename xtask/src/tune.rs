//! `cargo xtask tune`.

use std::time::Duration;

use build_env::venv::{self, VenvPlan};
use build_env::{Interpreter, Invocation, Toolbox, ending};
use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::Files;
use cargo_settings::linker::Linkers;
use config_edit::{CargoConfig, CargoManifest, Change, EditError};
use dev_build::maturin::RunOptions;
use project_model::{Project, Workspace};
use tune::apply::apply;
use tune::measurement::Measurement;
use tune::plan::{Places, require_same};
use tune::report::table;
use tune::{OWNER, Request, measure, subject};

use crate::Answer;
use crate::context::{Context, jobs_are_configured, toolbox};
use crate::ui;
use crate::write_mode::{WriteMode, written};

/// Measure what the edit loop gains, on this machine, from each linker that is here, from less debug information, split
/// debug information, other codegen units, and incremental compilation
///
/// Works in a copy, and changes nothing of the project unless `--apply` is given. What is within the noise is left alone,
/// and so is what you have set yourself.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write what gains something: profile settings to Cargo.toml, the linker to .cargo/config.local.toml. Builds the
    /// project afterwards, and puts everything back if that fails
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
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = crate::bench_build::duration)]
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
        print!("{}", measurement.json());
        return Ok(Answer::Done);
    }
    print!("{}", table(&measurement));
    if !(args.apply || args.mode.only_shows()) {
        suggest(&measurement, &file);
        return Ok(Answer::Done);
    }
    let changes = changes(&project, &measurement)?;
    let shown = args.mode.show(&changes, &apply_later(&file).to_string());
    if !args.apply || changes.is_empty() {
        return Ok(shown);
    }
    write(&project, &changes, &is_over)?;
    Ok(Answer::Done)
}

/// An earlier measurement, or a new one, and where it is kept.
fn measurement(
    project: &Project,
    args: &Args,
    is_over: &(dyn Fn() -> bool + Sync),
) -> anyhow::Result<(Measurement, Utf8PathBuf)> {
    if let Some(path) = &args.from {
        let measurement = Measurement::load(path)?;
        let workspace = Workspace::load(project)?;
        require_same(
            &measurement,
            &subject(project, &workspace, &measurement.subject.profile)?,
            path,
        )?;
        return Ok((measurement, path.clone()));
    }
    let toolbox = toolbox(false)?;
    let kept = kept(project, &toolbox);
    let uv = toolbox.uv(&ui::say)?;
    let maturin = toolbox.maturin(&uv, &ui::say)?;
    let python = interpreter(project)?;
    let measurement = measure(&Request {
        project,
        toolbox: &toolbox,
        maturin: &maturin,
        python: &python,
        budget_s: args.time_budget.as_secs_f64(),
        jobs_are_configured: jobs_are_configured(&project.root),
        is_over,
        say: &ui::say,
    })?;
    measurement.save(&kept)?;
    Ok((measurement, kept))
}

/// Where the newest measurement is kept.
pub(crate) fn kept(project: &Project, toolbox: &Toolbox) -> Utf8PathBuf {
    let scratch = toolbox.scratch_of(&project.root, "xtask-tune");
    scratch.with_extension("json")
}

/// That of the environment which `cargo xtask dev` installs into. Where there is none yet, none is made: importing a
/// library takes no more than the Python that it would be made from.
fn interpreter(project: &Project) -> anyhow::Result<Interpreter> {
    let request = venv::Request {
        project: &project.root,
        python: None,
        venv: None,
        active: build_env::vars::var(build_env::vars::VIRTUAL_ENV).map(Utf8PathBuf::from),
        requires_python: project.requires_python.as_ref(),
    };
    Ok(match request.plan()? {
        VenvPlan::Use(venv) => venv.python,
        VenvPlan::Create { base, .. } => *base,
    })
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

fn places(project: &Project) -> anyhow::Result<Places> {
    let workspace = Workspace::load(project)?;
    Ok(Places::of(Files::of(project, &workspace), &workspace))
}

fn changes(project: &Project, measurement: &Measurement) -> anyhow::Result<Vec<Change>> {
    let target = Linkers::host(&project.root)?;
    let profile = &measurement.subject.profile;
    Ok(places(project)?.changes(measurement.to_write(), profile, &target)?)
}

/// Writes, and builds as `cargo xtask dev` does: only what builds and imports stays.
fn write(project: &Project, changes: &[Change], is_over: &dyn Fn() -> bool) -> anyhow::Result<()> {
    let toolbox = toolbox(false)?;
    let request = dev_build::DevRequest {
        run: RunOptions {
            jobs_are_configured: jobs_are_configured(&project.root),
            ..RunOptions::default()
        },
        ..dev_build::DevRequest::default()
    };
    let build = || {
        ui::say(
            "Building",
            "the project with these settings; the dependencies may have to be compiled once more",
        );
        let project = Project::load(&project.root)?;
        dev_build::dev(&project, &toolbox, &request, &ui::say)
    };
    let outcome = apply(changes, build, is_over, &without_ours)?;
    crate::dev::report(project, &outcome);
    written(changes);
    let files = places(project)?.files;
    let writes_local = changes.iter().any(|change| change.path == files.local);
    if let Some(note) = files.not_ignored().filter(|_| writes_local) {
        ui::warn(&note);
    }
    Ok(())
}

/// What becomes of a file that somebody has changed while it was being built: our lines go.
fn without_ours(change: &Change) -> Result<Change, EditError> {
    if change.path.file_name() == Some("Cargo.toml") {
        let mut manifest = CargoManifest::read(&change.path)?;
        manifest.undo(OWNER)?;
        return Ok(manifest.into_change());
    }
    let mut config = CargoConfig::read(&change.path)?;
    config.undo(OWNER)?;
    Ok(config.into_change())
}

fn undo(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let project = context.project()?;
    let changes = places(&project)?.changes(&[], "dev", "")?;
    args.mode.carry_out(&changes)
}
