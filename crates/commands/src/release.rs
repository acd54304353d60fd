//! `cargo xtask release`.

mod finish;
mod verify;

use std::time::Duration;

use anyhow::Context as _;
use environment::vars;
use project_model::Repository;
use release_channel::gh::Gh;
use release_channel::{Client, Patience};

use crate::Answer;
use crate::context::Context;
use crate::{repository, ui};

/// Publish wheels in the release that always holds the newest ones, or look whether all is well there.
///
/// GitHub is reached through `gh`, with its own login or the token in `GH_TOKEN` (`GH_ENTERPRISE_TOKEN` for
/// another server).
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Publish the wheels that `cargo xtask wheel --release` has built
    Finish(finish::Args),
    /// Tell whether everybody can download what the release promises; exit code 3 if not
    Verify(verify::Args),
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The repository, with its host if that is not github.com [default: `GITHUB_REPOSITORY`, else git's
    /// remote origin]
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<String>,
}

impl Place {
    fn repository(&self, context: &Context) -> anyhow::Result<Repository> {
        let dir = context.project_dir.as_deref().unwrap_or(".".into());
        repository::required(self.repo.as_deref(), dir)
    }
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    match &args.action {
        Action::Finish(args) => finish::run(context, args),
        Action::Verify(args) => verify::run(context, args),
    }
}

fn client(repository: Repository) -> anyhow::Result<Client<'static>> {
    let unit = match vars::var(vars::XTASK_RETRY_UNIT_MS) {
        Some(text) => text.parse().with_context(|| {
            format!(
                "{} is not a number of milliseconds",
                vars::XTASK_RETRY_UNIT_MS
            )
        })?,
        None => 1000,
    };
    let patience = Patience::new(Duration::from_millis(unit), &std::thread::sleep, &ui::say);
    Ok(Client::new(Gh::new(repository), patience))
}
