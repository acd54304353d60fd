//! `cargo xtask wheel`.

mod audit;

use crate::Answer;
use crate::context::Context;

/// Audit wheels.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Tell whether wheels are what they say they are; exit code 3 if one is not
    Audit(audit::Args),
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    match &args.action {
        Action::Audit(args) => audit::run(context, args),
    }
}
