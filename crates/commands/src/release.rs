//! `cargo xtask release`.

mod finish;
mod verify;

use project_model::Repository;
use release_channel::gh::Gh;
use release_channel::{Client, Patience};

use crate::context::Context;
use crate::{Answer, ui};

/// Publish wheels in the release that always holds the newest ones, or verify it
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
    Finish(finish::Args),
    Verify(verify::Args),
}

#[derive(Debug, clap::Args)]
struct RepositoryArg {
    /// The repository, with its host if that is not github.com [default: `GITHUB_REPOSITORY`, else git's
    /// remote origin]
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<String>,
}

impl RepositoryArg {
    fn repository(&self, context: &Context) -> anyhow::Result<Repository> {
        let root = context.root()?;
        Ok(Repository::required(self.repo.as_deref(), &root)?)
    }
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    match &args.action {
        Action::Finish(args) => finish::run(context, args),
        Action::Verify(args) => verify::run(context, args),
    }
}

fn client(repository: Repository) -> anyhow::Result<Client<'static>> {
    let patience = Patience::usual(&ui::say)?;
    Ok(Client::new(Gh::new(repository), patience))
}
