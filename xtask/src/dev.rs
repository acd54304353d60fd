//! `cargo xtask dev`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use build_env::{Invocation, Running, Toolbox, ending, memory};
use camino::{Utf8Path, Utf8PathBuf};
use dev_build::maturin::{BuildOptions, RunOptions};
use dev_build::status::{Status, Verdict, status};
use dev_build::watch::{Snapshot, Watched, look_before_build};
use dev_build::{Outcome, Request, dev};
use project_model::Project;

use crate::Answer;
use crate::context::{Context, jobs_are_configured, toolbox};
use crate::typed::command_without;
use crate::ui;

/// Build the extension and install the package as editable.
///
/// Brings what is missing: uv and maturin in pinned versions (into a cache of its own), and a virtual
/// environment. The Python is that of --python, of the project's .venv, of the active environment, or the
/// newest on this machine that requires-python allows.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of cargo's")]
pub(crate) struct Args {
    /// The Python to use: a path, a virtual environment, or a version such as 3.12
    #[arg(long, value_name = "PYTHON")]
    python: Option<String>,
    /// The virtual environment to install into, made if it is missing [default: .venv]
    #[arg(long, value_name = "DIR")]
    venv: Option<Utf8PathBuf>,
    /// Build with the release profile
    #[arg(long, short, conflicts_with = "profile")]
    release: bool,
    /// Build with this profile [default: what pyproject.toml says, else dev]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Cargo features of the extension crate [default: those in pyproject.toml]
    #[arg(long, short = 'F', value_name = "FEATURES", value_delimiter = ',')]
    features: Vec<String>,
    /// Activate all features
    #[arg(long)]
    all_features: bool,
    /// Do not activate the default features
    #[arg(long)]
    no_default_features: bool,
    /// Number of jobs that run in parallel
    #[arg(long, short, value_name = "N")]
    jobs: Option<u32>,
    /// Require Cargo.lock to be up to date
    #[arg(long)]
    locked: bool,
    /// Do not use the network
    #[arg(long)]
    offline: bool,
    /// Both --locked and --offline
    #[arg(long)]
    frozen: bool,
    /// Write cargo's HTML report of where the time went
    #[arg(long)]
    timings: bool,
    /// Build nothing: tell whether what is installed is what the sources say; exit code 3 if it is not
    #[arg(long)]
    status: bool,
    /// With --status: answer in JSON
    #[arg(long, requires = "status")]
    json: bool,
    /// Build again whenever something in Rust has changed (Python needs no build)
    #[arg(long, conflicts_with = "status")]
    watch: bool,
    /// With --watch: a command to run after each good build; it is stopped when the next one is ready
    #[arg(last = true, requires = "watch", value_name = "COMMAND")]
    command: Vec<String>,
    /// Who puts the library in place
    #[arg(long, value_enum, default_value_t = Engine::Direct)]
    engine: Engine,
    /// Show what cargo runs; twice for more
    #[arg(long, short, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Engine {
    /// maturin and uv when the package is installed, from then on this tool
    Direct,
    /// maturin and uv every time
    Maturin,
}

impl Args {
    fn build_options(&self) -> BuildOptions {
        let release = self.release.then(|| "release".to_owned());
        BuildOptions {
            profile: release.or_else(|| self.profile.clone()),
            features: self.features.clone(),
            all_features: self.all_features,
            no_default_features: self.no_default_features,
        }
    }

    fn run_options(&self, root: &Utf8Path) -> RunOptions {
        RunOptions {
            jobs_are_configured: jobs_are_configured(root),
            locked: self.locked,
            offline: self.offline,
            frozen: self.frozen,
            timings: self.timings,
            jobs: self.jobs,
            verbose: self.verbose,
        }
    }
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let project = if args.status {
        context.project()?
    } else {
        context.project_to_build()?
    };
    let venv = args.venv.as_deref().map(absolute).transpose()?;
    let request = Request {
        python: args.python.as_deref(),
        venv: venv.as_deref(),
        build: args.build_options(),
        run: args.run_options(&project.root),
        maturin_installs: args.engine == Engine::Maturin,
    };
    if args.status {
        return show_status(&status(&project, &request, &ui::say), args.json);
    }
    let toolbox = toolbox(request.run.forbids_network())?;
    if args.watch {
        return watch(&project.root, &toolbox, &request, &args.command);
    }
    build(&project, &toolbox, &request)?;
    Ok(Answer::Done)
}

fn build(project: &Project, toolbox: &Toolbox, request: &Request<'_>) -> anyhow::Result<()> {
    let outcome = dev(project, toolbox, request, &ui::say)?;
    report(project, &outcome);
    Ok(())
}

/// Builds whenever something has changed, until it is interrupted. A build that fails leaves the last good one
/// installed, and `command` running.
fn watch(
    root: &Utf8Path,
    toolbox: &Toolbox,
    request: &Request<'_>,
    command: &[String],
) -> anyhow::Result<Answer> {
    // Without this the command would go on: SIGTERM reaches us alone.
    ending::listen()?;
    let is_over = ending::is_wanted;
    let mut running: Option<Running> = None;
    while !is_over() {
        let (watched, before) = match rebuild(root, toolbox, request) {
            Ok(looked_at) => {
                stop(running.take());
                running = start(command, root)?;
                looked_at
            }
            // cargo was interrupted too, and that is what failed.
            Err(_) if is_over() => break,
            Err(Failed { error, looked_at }) => {
                ui::error(&error);
                looked_at
            }
        };
        ui::say("Watching", "for changes; Ctrl-C ends it");
        for path in watched.wait_for_change(&before, is_over) {
            ui::say("Changed", path.strip_prefix(root).unwrap_or(&path).as_str());
        }
    }
    stop(running);
    Ok(Answer::Done)
}

fn stop(running: Option<Running>) {
    if let Some(running) = running {
        running.stop();
    }
}

type LookedAt = (Watched, Snapshot);

struct Failed {
    error: anyhow::Error,
    looked_at: LookedAt,
}

/// One build of the project as it is now, and its files as they were before it: a change during the build is
/// a reason for the next one.
fn rebuild(root: &Utf8Path, toolbox: &Toolbox, request: &Request<'_>) -> Result<LookedAt, Failed> {
    let before = look_before_build(root, request);
    let done = Project::load(root)
        .map_err(Into::into)
        .and_then(|project| build(&project, toolbox, request));
    // Only after the build is known what it is made of.
    let watched = Watched::new(root, request);
    let mut snapshot = watched.look();
    snapshot.extend(before);
    match done {
        Ok(()) => Ok((watched, snapshot)),
        Err(error) => Err(Failed {
            error,
            looked_at: (watched, snapshot),
        }),
    }
}

/// Starts the command that the user gave, if any.
fn start(command: &[String], root: &Utf8Path) -> anyhow::Result<Option<Running>> {
    let Some((program, args)) = command.split_first() else {
        return Ok(None);
    };
    let command = Invocation::new(program.as_str()).args(args).cwd(root);
    ui::say("Running", &command.to_string());
    Ok(Some(command.spawn()?))
}

/// Data on standard output: for people, or with `--json` for programs.
fn show_status(status: &Status, json: bool) -> anyhow::Result<Answer> {
    if json {
        println!("{}", serde_json::to_string_pretty(status)?);
    } else {
        print!("{}", status_text(status));
    }
    Ok(match status.verdict {
        Verdict::Fresh => Answer::Done,
        _ => Answer::Differs,
    })
}

fn status_text(status: &Status) -> String {
    let verdict = format!("{:?}", status.verdict).to_lowercase();
    let mut lines = vec![format!(
        "{}: {verdict} ({})",
        status.module,
        status.verdict.explanation(&command_without(&["--status"]))
    )];
    lines.extend(
        status
            .changed
            .iter()
            .map(|what| format!("  changed    {what}")),
    );
    lines.extend(
        status
            .shadowed_by
            .iter()
            .map(|file| format!("  shadowed   by {file}")),
    );
    lines.extend(
        status
            .library
            .iter()
            .map(|file| format!("  library    {file}")),
    );
    if let Some(of) = &status.provenance {
        let dirty = if of.dirty { ", with changes" } else { "" };
        let commit = of.commit.as_deref().unwrap_or("not in git");
        lines.push(
            format!("  profile    {} {}", of.profile, of.features.join(" "))
                .trim_end()
                .to_owned(),
        );
        lines.push(format!("  commit     {commit}{dirty}"));
        lines.push(format!("  sources    sha256:{}", of.sources_sha256));
        lines.push(format!("  toolchain  {}", of.toolchain));
        lines.push(format!("  placed     {}", ago(of.placed_at_s)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// How long ago a time was, given in seconds since 1970.
fn ago(time_s: u64) -> String {
    let now_s = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    match now_s.saturating_sub(time_s) {
        s if s < 120 => format!("{s} s ago"),
        s if s < 7200 => format!("{} min ago", s / 60),
        s if s < 172_800 => format!("{} h ago", s / 3600),
        s => format!("{} days ago", s / 86_400),
    }
}

/// Tools are run in the project's directory, where a relative path would mean something else.
fn absolute(path: &Utf8Path) -> anyhow::Result<Utf8PathBuf> {
    Ok(Utf8PathBuf::try_from(std::path::absolute(path)?)?)
}

/// Tells what was built.
pub(crate) fn report(project: &Project, outcome: &Outcome) {
    let cargo = outcome.compiled.elapsed;
    let rest = outcome.elapsed.saturating_sub(cargo);
    if outcome.compiled.started.is_none() {
        ui::say(
            "Fresh",
            &format!("nothing has changed ({})", seconds(outcome.elapsed)),
        );
    } else {
        let what = format!(
            "{} in {} (cargo {}, the rest {})",
            outcome.compiled.summary(),
            seconds(outcome.elapsed),
            seconds(cargo),
            seconds(rest)
        );
        ui::say("Rebuilt", &what);
    }
    if let Some(bytes) = outcome.compiled.peak_bytes {
        let mib = bytes >> 20;
        let of = memory::limit().map_or_else(String::new, |limit| format!("; {limit}"));
        ui::say("Peak", &format!("{mib} MiB of memory at once{of}"));
    }
    ui::say("Importable", &importable(project, outcome));
}

/// `maou._rust (index, io) with CPython 3.13.0 in .venv`.
fn importable(project: &Project, outcome: &Outcome) -> String {
    let names = &outcome.imported.names;
    // Enough to recognise the module by; a large one would fill the screen.
    let shown = names.iter().take(8).map(String::as_str).collect::<Vec<_>>();
    let more = if names.len() > shown.len() {
        ", …"
    } else {
        ""
    };
    let venv = &outcome.venv.root;
    format!(
        "{} ({}{more}) with {} in {}",
        project.extension.module,
        shown.join(", "),
        outcome.venv.python,
        venv.strip_prefix(&project.root).unwrap_or(venv)
    )
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.2} s", elapsed.as_secs_f64())
}
