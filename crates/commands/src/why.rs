//! `cargo xtask why`.

use camino::Utf8PathBuf;
use dev_build::DevRequest;
use dev_build::dependencies::Wanted;
use dev_build::maturin::{BuildOptions, RunOptions};
use dev_build::why::why;
use environment::vars;
use prelink::Bases;

use crate::Answer;
use crate::context::{Context, config, toolbox};
use crate::{typed, ui};

/// Tell why the last build compiled what it did, and what a build would do now
///
/// The root causes come first, each with the crates that were compiled for it, how many of them for it alone,
/// and what cures it. Builds nothing.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The virtual environment that is built into [default: .venv]
    #[arg(long, value_name = "DIR")]
    venv: Option<Utf8PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let project = context.project()?;
    let venv = args.venv.as_deref().map(crate::dev::absolute).transpose()?;
    let toolbox = toolbox(true)?;
    let bases = Bases::in_dir(&toolbox.prelinked()?);
    let is_off = vars::var(vars::XTASK_NO_PRELINK).is_some();
    let request = DevRequest {
        store: None,
        prelink: (!is_off).then_some(&bases),
        python: None,
        venv: venv.as_deref(),
        build: BuildOptions::default(),
        run: RunOptions::default(),
        config: config(&project.root),
        dependencies: Wanted::AsBefore,
        on_import: None,
        is_of_import: false,
        is_sibling: false,
        maturin_installs: false,
    };
    let answer = why(&project, &toolbox, &request)?;
    ui::answer(args.json, &answer, || typed::to_paste(&answer.text()))?;
    Ok(Answer::Done)
}
