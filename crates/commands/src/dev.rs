//! `cargo xtask dev`.

use camino::{Utf8Path, Utf8PathBuf};
use dev_build::dependencies::Wanted;
use dev_build::maturin::RunOptions;
use dev_build::status::{Status, Verdict, status};
use dev_build::watch::{Event, Watch};
use dev_build::{DevRequest, Outcome, dev, dry_run};
use environment::vars;
use prelink::Bases;
use processes::ending;
use project_model::{Project, Selection};
use python_tools::Toolbox;
use store::Store;

use crate::Answer;
use crate::build_args::BuildArgs;
use crate::context::{Context, config, toolbox};
use crate::typed::{self, command_without};
use crate::ui;

/// Build the extension and install the package as editable
///
/// Brings what is missing: uv and maturin in pinned versions (into a cache of its own), and a virtual
/// environment. That is the one of --venv, else of `UV_PROJECT_ENVIRONMENT`, else the .venv in the root of
/// the uv workspace or in the project, also where it is a file or a link that leads elsewhere, else the
/// active one, be it of conda or pixi. A new one has the Python of --python, of .python-version, or the
/// newest on this machine that requires-python allows.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of cargo's")]
pub struct Args {
    /// The Python to use: a path, a virtual environment, or a version such as 3.12
    #[arg(long, value_name = "PYTHON")]
    python: Option<String>,
    /// The virtual environment to install into, made if it is missing [default: .venv]
    #[arg(long, value_name = "DIR")]
    venv: Option<Utf8PathBuf>,
    #[command(flatten)]
    build: BuildArgs,
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
    /// Build nothing: print the steps that a build would take, each with its causes
    #[arg(long, conflicts_with_all = ["status", "watch"])]
    dry_run: bool,
    /// With --status: answer in JSON
    #[arg(long, requires = "status")]
    json: bool,
    /// Build again whenever something in Rust has changed (Python needs no build)
    #[arg(long, conflicts_with = "status")]
    watch: bool,
    /// With --watch: a command to run after each good build and each change in Python, with the environment's
    /// programs on PATH; it is stopped when it is to run again
    #[arg(last = true, requires = "watch", value_name = "COMMAND")]
    command: Vec<String>,
    /// Have each process that imports the extension from this environment build it first, if it is older
    /// than its sources. What is chosen is kept for the next call; with `XTASK_ON_IMPORT=off` a process does
    /// without
    #[arg(
        long, value_enum, value_name = "WHETHER", num_args = 0..=1, require_equals = true,
        default_missing_value = "on"
    )]
    on_import: Option<OnImport>,
    /// Who puts the library in place
    #[arg(long, value_enum, default_value_t = Engine::Direct)]
    engine: Engine,
    /// Have each link be of all crates, as rustc does it, instead of linking third-party crates once into a
    /// library of their own. Without this option that is done on Linux where it gains something, unless the
    /// policy says `prelink = false`
    #[arg(long)]
    no_prelink: bool,
    /// Take nothing from the store of what was built once on this machine, and keep nothing in it
    #[arg(long)]
    no_store: bool,
    /// Show what cargo runs; twice for more
    #[arg(long, short, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(flatten)]
    dependencies: DependencyArgs,
}

/// Which dependencies are installed beside the package.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Dependencies")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of uv's")]
struct DependencyArgs {
    /// Install this extra as well. What is chosen is kept for the next call, until something else is; nothing
    /// is removed
    #[arg(long, value_name = "NAME")]
    extra: Vec<String>,
    /// Install all extras
    #[arg(long)]
    all_extras: bool,
    /// Not this extra
    #[arg(long, value_name = "NAME")]
    no_extra: Vec<String>,
    /// Install this dependency group as well
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// Install all dependency groups
    #[arg(long)]
    all_groups: bool,
    /// Not this dependency group
    #[arg(long, value_name = "NAME")]
    no_group: Vec<String>,
    /// Not the dependency group `dev`
    #[arg(long)]
    no_dev: bool,
    /// Not the default dependency groups
    #[arg(long)]
    no_default_groups: bool,
    /// Leave the dependencies as they are, also where one cannot be fetched; the next call installs them
    #[arg(long, conflicts_with_all = [
        "extra", "all_extras", "no_extra", "group", "all_groups", "no_group", "no_dev", "no_default_groups"
    ])]
    no_deps: bool,
}

impl DependencyArgs {
    fn wanted(&self) -> Wanted {
        if self.no_deps {
            return Wanted::Leave;
        }
        let dev = self.no_dev.then(|| "dev".to_owned());
        let selection = Selection {
            extras: self.extra.clone(),
            all_extras: self.all_extras,
            no_extras: self.no_extra.clone(),
            groups: self.group.clone(),
            all_groups: self.all_groups,
            no_groups: self.no_group.iter().cloned().chain(dev).collect(),
            no_default_groups: self.no_default_groups,
        };
        if selection == Selection::default() {
            return Wanted::AsBefore;
        }
        Wanted::Chosen(selection)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Engine {
    /// maturin and uv when the package is installed, from then on this tool
    Direct,
    /// maturin and uv every time
    Maturin,
}

/// Whether an import builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OnImport {
    /// An import builds
    On,
    /// An import builds nothing
    Off,
}

impl Args {
    fn run_options(&self) -> RunOptions {
        RunOptions {
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
    let toolbox = toolbox(args.offline || args.frozen)?;
    let bases = Bases::in_dir(&toolbox.prelinked()?);
    let is_off = args.no_prelink || vars::var(vars::XTASK_NO_PRELINK).is_some();
    let store = Store::at(&toolbox.store()?);
    let without_store = args.no_store || vars::var(vars::XTASK_NO_STORE).is_some();
    let request = DevRequest {
        store: (!without_store).then_some(&store),
        prelink: (!is_off).then_some(&bases),
        python: args.python.as_deref(),
        venv: venv.as_deref(),
        build: args.build.options(),
        run: args.run_options(),
        // A watched project is read anew for each build.
        config: config(&project.root).filter(|_| !args.watch),
        dependencies: args.dependencies.wanted(),
        on_import: args.on_import.map(|it| it == OnImport::On),
        is_of_import: false,
        is_sibling: false,
        maturin_installs: args.engine == Engine::Maturin,
    };
    if args.status {
        return show_status(&status(&project, &toolbox, &request)?, args.json);
    }
    if args.dry_run {
        return show_plan(&project, &toolbox, &request);
    }
    if args.watch {
        return watch(&project.root, &toolbox, &request, &args.command);
    }
    let outcome = dev(&project, &toolbox, &request, &ui::say)?;
    report(&project, &outcome);
    Ok(Answer::Done)
}

fn watch(
    root: &Utf8Path,
    toolbox: &Toolbox,
    request: &DevRequest<'_>,
    command: &[String],
) -> anyhow::Result<Answer> {
    // Without this the command would go on: SIGTERM reaches us alone.
    ending::listen()?;
    let watch = Watch {
        root,
        request,
        command,
    };
    let tell = |event: Event<'_>| match event {
        Event::Built(project, outcome) => report(project, outcome),
        Event::Failed(error) | Event::NotStarted(error) => ui::error(&error.into()),
    };
    watch.run(toolbox, &ui::say, &tell, &ending::is_wanted);
    Ok(Answer::Done)
}

/// Data on standard output: for people, or with `--json` for programs.
fn show_status(status: &Status, in_json: bool) -> anyhow::Result<Answer> {
    ui::answer(in_json, status, || {
        typed::to_paste(&status.text(&command_without(&["--status"])))
    })?;
    Ok(Answer::of(status.verdict != Verdict::Fresh))
}

/// The steps that a build would take, with their causes.
fn show_plan(
    project: &Project,
    toolbox: &Toolbox,
    request: &DevRequest<'_>,
) -> anyhow::Result<Answer> {
    let preview = dry_run(project, toolbox, request)?;
    for note in &preview.situation.notes {
        ui::say("Note", note);
    }
    for step in &preview.steps {
        ui::print(&format!("{}\n", typed::to_paste(step)));
    }
    if preview.steps.is_empty() {
        ui::say("Fresh", "nothing has changed");
    }
    Ok(Answer::Done)
}

/// Tools are run in the project's directory, where a relative path would mean something else.
pub(crate) fn absolute(path: &Utf8Path) -> anyhow::Result<Utf8PathBuf> {
    Ok(Utf8PathBuf::try_from(std::path::absolute(path)?)?)
}

/// Tells what was built.
pub(crate) fn report(project: &Project, outcome: &Outcome) {
    for (verb, text) in outcome.lines(project) {
        ui::say(verb, &text);
    }
}
