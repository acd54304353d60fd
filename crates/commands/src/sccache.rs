//! `cargo xtask sccache`.

use anyhow::Context as _;
use camino::Utf8PathBuf;
use cargo_settings::Files;
use compiler_cache::enable::{EnableRequest, plan_disable, plan_enable};
use compiler_cache::explain::{explain, text};
use compiler_cache::install::{Installer, Source};
use compiler_cache::record::Recording;
use compiler_cache::scope::Scope;
use compiler_cache::status::status;
use compiler_cache::{Settings, Size, Switched, Wrapper, switch_off, switch_on};
use project_model::Workspace;

use crate::Answer;
use crate::arguments::one_of;
use crate::context::{Context, toolbox};
use crate::typed::to_paste;
use crate::ui;
use crate::write_mode::{WriteMode, written};

/// Keep what the compiler makes, so that a lost `target/` is back sooner
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Get sccache onto this machine, without compiling it
    Install(InstallArgs),
    /// Switch a compiler cache on in cargo's configuration, once it has compiled a small crate
    Enable(EnableArgs),
    /// Take back what `enable` wrote
    Disable(DisableArgs),
    /// Tell what is in force, from which file or variable, and what is wrong with it
    Status(JsonArgs),
    /// Tell hits and misses, and why calls were not for the cache
    Stats(StatsArgs),
    /// Write down what decides the cache keys here, for `explain`
    Record(RecordArgs),
    /// Tell why two recorded environments do not share a cache
    Explain(ExplainArgs),
}

#[derive(Debug, clap::Args)]
struct InstallArgs {
    /// Where to get it from [default: the first that works, in this order]
    #[arg(long, value_parser = one_of(Source::CHOICES), value_name = "SOURCE")]
    from: Option<Source>,
    /// Do not use the network
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, clap::Args)]
struct EnableArgs {
    /// For whom: this checkout, everybody who works on the project, or all projects of yours
    #[arg(long, value_parser = one_of(Scope::CHOICES), default_value = "local")]
    scope: Scope,
    /// Which compiler cache [default: sccache]
    #[arg(long, value_parser = one_of(Wrapper::CHOICES))]
    wrapper: Option<Wrapper>,
    /// Its program [default: the one on PATH, else the one that `install` got]
    #[arg(long, value_name = "PATH")]
    program: Option<Utf8PathBuf>,
    /// How large a cache on disk may grow [default: 10G, on a small disk 2G, and never more than a tenth of
    /// what is free]
    #[arg(long, value_name = "SIZE")]
    size: Option<Size>,
    /// The directory of a cache on disk [default: the cache's own choice]
    #[arg(long, value_name = "DIR")]
    dir: Option<Utf8PathBuf>,
    /// Where the cache is kept [default: disk]: `disk`, `redis://HOST:PORT/DB`, `rediss://…`,
    /// `s3://BUCKET?region=NAME` (`&endpoint=URL` for another server than Amazon's), `https://HOST/PATH` of a
    /// `WebDAV` server, or `gha` inside a workflow of GitHub Actions. `?prefix=TEXT` is what all keys begin
    /// with. Credentials are taken from the environment and never written
    #[arg(long, value_name = "URL")]
    backend: Option<String>,
    #[command(flatten)]
    mode: WriteMode,
}

#[derive(Debug, clap::Args)]
struct DisableArgs {
    /// Only where `enable` wrote for this scope [default: local and workspace, what concerns this project
    /// alone]
    #[arg(long, value_parser = one_of(Scope::CHOICES))]
    scope: Option<Scope>,
    #[command(flatten)]
    mode: WriteMode,
}

#[derive(Debug, clap::Args)]
struct JsonArgs {
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct StatsArgs {
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    /// Count from zero again, afterwards
    #[arg(long)]
    zero: bool,
}

#[derive(Debug, clap::Args)]
struct RecordArgs {
    /// The file to write
    file: Utf8PathBuf,
    /// The profile whose compiler flags are recorded
    #[arg(long, value_name = "NAME", default_value = "dev")]
    profile: String,
}

#[derive(Debug, clap::Args)]
struct ExplainArgs {
    /// A recording, made with `record`
    a: Utf8PathBuf,
    /// Another one
    b: Utf8PathBuf,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    match &args.command {
        Command::Install(args) => install(args),
        Command::Enable(args) => enable(context, args),
        Command::Disable(args) => disable(context, args),
        Command::Status(args) => show_status(context, args.json),
        Command::Stats(args) => show_stats(context, args),
        Command::Record(args) => record(context, args),
        Command::Explain(args) => show_explanation(args),
    }
}

fn install(args: &InstallArgs) -> anyhow::Result<Answer> {
    let toolbox = toolbox(args.offline)?;
    let installed = Installer::new(&toolbox).install(args.from, &ui::say)?;
    let (verb, text) = installed.line();
    ui::say(verb, &text);
    Ok(Answer::Done)
}

fn enable(context: &Context, args: &EnableArgs) -> anyhow::Result<Answer> {
    let (_, files) = files(context)?;
    let (toolbox, request) = (toolbox(true)?, args.request()?);
    if args.mode.only_shows() {
        return args
            .mode
            .carry_out(&plan_enable(&files, &toolbox, &request)?.changes);
    }
    tell(&switch_on(&files, &toolbox, &request, &ui::say)?);
    Ok(Answer::Done)
}

fn disable(context: &Context, args: &DisableArgs) -> anyhow::Result<Answer> {
    let (root, places) = places(context)?;
    let scopes = args
        .scope
        .map_or(Scope::OF_A_PROJECT.to_vec(), |scope| vec![scope]);
    if args.mode.only_shows() {
        let plan = plan_disable(&places, &scopes)?;
        let answer = args.mode.carry_out(&plan.changes)?;
        return plan
            .unreadable
            .map_or(Ok(answer), |error| Err(error.into()));
    }
    tell(&switch_off(&root, &places, &scopes)?);
    Ok(Answer::Done)
}

/// The directory of the project and the files that a cache may have been switched on in. This has to work
/// where nothing else does: with a configuration that cargo refuses, or a manifest that does not parse.
fn places(context: &Context) -> anyhow::Result<(Utf8PathBuf, Vec<Files>)> {
    if let Ok((_, files)) = files(context) {
        return Ok((files.root.clone(), vec![files]));
    }
    let dir = context.directory()?;
    let root = dir
        .canonicalize_utf8()
        .with_context(|| format!("cannot look into {dir}"))?;
    Ok((root.clone(), Files::possible(&root)))
}

/// What was written, and what is to be said of it.
fn tell(switched: &Switched) {
    if !switched.plan.is_empty() {
        written(&switched.plan.changes);
    }
    switched.warnings.iter().for_each(|it| ui::warn(it));
    for (verb, text) in &switched.lines {
        ui::say(verb, text);
    }
}

fn show_status(context: &Context, in_json: bool) -> anyhow::Result<Answer> {
    let mut status = status(&context.project()?.root)?;
    for problem in &mut status.problems {
        problem.help = to_paste(&problem.help);
    }
    ui::answer(in_json, &status, || status.text())?;
    Ok(Answer::of(!status.problems.is_empty()))
}

fn show_stats(context: &Context, args: &StatsArgs) -> anyhow::Result<Answer> {
    let counts = status(&context.project()?.root)?.stats(args.zero)?;
    ui::answer(args.json, &counts, || counts.text())?;
    Ok(Answer::Done)
}

fn record(context: &Context, args: &RecordArgs) -> anyhow::Result<Answer> {
    let (workspace, files) = files(context)?;
    Recording::take(&files, &workspace.root, &args.profile)?.write(&args.file)?;
    let text = format!("what decides cache keys here, in {}", args.file);
    ui::say("Recorded", &text);
    Ok(Answer::Done)
}

fn show_explanation(args: &ExplainArgs) -> anyhow::Result<Answer> {
    let differences = explain(&Recording::read(&args.a)?, &Recording::read(&args.b)?);
    ui::answer(args.json, &differences, || text(&differences))?;
    Ok(Answer::of(!differences.is_empty()))
}

fn files(context: &Context) -> anyhow::Result<(Workspace, Files)> {
    let project = context.project()?;
    let workspace = Workspace::load(&project)?;
    let files = Files::of(&project, &workspace);
    Ok((workspace, files))
}

impl EnableArgs {
    fn request(&self) -> anyhow::Result<EnableRequest> {
        let request = EnableRequest {
            scope: self.scope,
            wrapper: self.wrapper,
            program: self.program.clone(),
            settings: Settings {
                dir: self.dir.as_deref().map(camino::absolute_utf8).transpose()?,
                size: self.size,
                ..Settings::default()
            },
        };
        Ok(match &self.backend {
            Some(url) => request.kept_at(url)?,
            None => request,
        })
    }
}
