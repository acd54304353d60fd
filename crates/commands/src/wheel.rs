//! `cargo xtask wheel`.

mod audit;

use camino::Utf8PathBuf;
use environment::vars;
use packaging::PythonVersion;
use project_model::{Workspace, mistakes};
use store::Store;
use wheel_build::BuildRequest;
use wheel_build::action::Versions;
use wheel_build::release::{Release, ReleaseRequest, Talk};
use wheel_build::version::Naming;

use crate::Answer;
use crate::context::{Context, pinned, toolbox};
use crate::ui;

/// Build wheels for release, or audit some
///
/// Each is audited, tried and described. One wheel for each platform of `[workspace.metadata.xtask.wheel]`,
/// which with pyo3's stable ABI serves every version of Python. It is built from a copy of what git tracks;
/// its version has the commit as its local part. On any Linux the platform is kept by zig, which is fetched;
/// in a manylinux container by the compiler there.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    build: BuildArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Audit(audit::Args),
}

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct BuildArgs {
    /// Build with the release profile, and strip
    #[arg(long, short)]
    release: bool,
    /// Build the project's version as it is, without the commit, as PyPI takes it; only from a commit without
    /// changes that has a tag with this version
    #[arg(long, requires = "release")]
    release_version: bool,
    /// A wheel for this version of CPython, such as 3.12, or 3.14t without the GIL; may be given several
    /// times [default: the policy's, else one wheel of the stable ABI; without that ABI and with `--release`
    /// one for each version that `requires-python` allows and that this machine or Google Colab has]
    #[arg(long, value_name = "VERSION")]
    python: Vec<PythonVersion>,
    /// The directory that the wheels, SHA256SUMS and manifest.json are written to [default: dist in the
    /// project]
    #[arg(long, short, value_name = "DIR")]
    out: Option<Utf8PathBuf>,
    /// A platform such as `manylinux_2_28_x86_64`; may be given several times [default: the policy's, else
    /// `manylinux_2_28` on this machine]
    #[arg(long, value_name = "TAG")]
    platform: Vec<String>,
    /// Use sccache, and tell its hits
    #[arg(long)]
    sccache: bool,
    /// Do not use the network
    #[arg(long)]
    offline: bool,
    /// Take nothing from the store of what was built once on this machine, and keep nothing in it
    #[arg(long)]
    no_store: bool,
    /// Build nothing: copy the sources, and print maturin's arguments and variables as JSON; on GitHub also
    /// the inputs of maturin-action as outputs of the step
    #[arg(long)]
    plan: bool,
    /// Build nothing: audit, try and describe the wheel that maturin-action has built as `--plan` said
    #[arg(long, conflicts_with_all = ["plan", "sccache"])]
    built: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    match &args.action {
        Some(Action::Audit(args)) => audit::run(context, args),
        None => build(context, &args.build),
    }
}

fn build(context: &Context, args: &BuildArgs) -> anyhow::Result<Answer> {
    let project = context.wheels_to_build()?;
    mistakes::refuse_other_name(&project)?;
    let workspace = Workspace::load(&project)?;
    let toolbox = toolbox(args.offline)?;
    let store = Store::at(&toolbox.store()?);
    let without_store = args.no_store || vars::var(vars::XTASK_NO_STORE).is_some();
    let dist = args.out.clone().unwrap_or_else(|| context.dist());
    let request = ReleaseRequest {
        wheels: BuildRequest {
            release: args.release,
            pythons: args.python.clone(),
            platforms: args.platform.clone(),
            for_action: args.plan,
        },
        naming: Naming::of(&workspace.policy.wheel, args.release, args.release_version),
        dist: &dist,
        dist_is_ours: args.out.is_none(),
        sccache: args.sccache,
        offline: args.offline,
        is_built: args.built,
        versions: versions()?,
        store: (!without_store).then_some(&store),
    };
    let talk = Talk {
        say: &ui::say,
        warn: &ui::warn,
    };
    let release = Release::plan(&project, &workspace, &toolbox, &request, talk)?;
    if args.plan {
        release.hand_to_action()?;
        ui::print(&(serde_json::to_string_pretty(release.planned())? + "\n"));
        return Ok(Answer::Done);
    }
    for wheel in release.build()? {
        ui::print(&format!("{wheel}\n"));
    }
    Ok(Answer::Done)
}

/// What maturin-action is to install: what is installed here where nothing is on `PATH`.
fn versions() -> anyhow::Result<Versions> {
    let pinned = pinned()?;
    Ok(Versions {
        maturin: pinned.version("maturin")?.to_owned(),
    })
}
