//! `cargo xtask editable`.

use anyhow::bail;
use dev_build::DevRequest;
use dev_build::maturin::BuildOptions;
use dev_build::situation::environment;
use dev_build::state::State;
use dev_build::uv_build;
use project_model::Project;

use crate::Answer;
use crate::build_args::BuildArgs;
use crate::context::Context;
use crate::ui;
use crate::write_mode::WriteMode;

/// Have uv build what `cargo xtask dev` builds
///
/// `uv run` and `uv sync` build the extension again after a change, and know nothing of the options that
/// `dev` was given. Writes what is wanted under [tool.maturin] in pyproject.toml: `editable-profile`,
/// `features` and the like. Without options that is what `dev` has built last. What you have written there
/// stays.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    build: BuildArgs,
    #[command(flatten)]
    mode: WriteMode,
    /// Take back what this command wrote
    #[arg(long, conflicts_with_all = ["release", "profile", "features", "all_features", "no_default_features"])]
    undo: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let project = context.project()?;
    let options = args.build.options();
    let options = if args.undo || options != BuildOptions::default() {
        options
    } else {
        options_of_the_last_build(&project)?
    };
    let writes_features = !options.features.is_empty() || options.all_features;
    if !args.undo && (writes_features || options.no_default_features) {
        ui::say(
            "Note",
            "features in pyproject.toml are those of every build, of wheels as well",
        );
    }
    args.mode.carry_out_planned(|| {
        let project = Project::load(&project.root)?;
        let change = if args.undo {
            uv_build::plan_undo(&project)?
        } else {
            uv_build::plan(&project, &options)?
        };
        Ok(vec![change])
    })
}

fn options_of_the_last_build(project: &Project) -> anyhow::Result<BuildOptions> {
    let venv = environment(project, &DevRequest::default()).found()?.root;
    let Some((_, state)) = State::find(&venv, project.name()) else {
        bail!(
            "nothing that `cargo xtask dev` has built is installed in {venv}, so what uv is to build is not known\n  help: say what, such as `cargo xtask editable --profile dev`"
        );
    };
    Ok(state.options)
}
