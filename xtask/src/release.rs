//! `cargo xtask release`.

mod finish;
mod verify;

use std::time::Duration;

use anyhow::{Context as _, bail};
use build_env::vars;
use project_model::Repository;
use project_model::repository::GITHUB;
use release_channel::gh::Gh;
use release_channel::{Client, Patience};

use crate::Answer;
use crate::context::Context;
use crate::ui;

/// Publish wheels in the release that always holds the newest ones, or look whether all is well there.
///
/// GitHub is reached through `gh`, with its own login or the token in `GH_TOKEN` (`GH_ENTERPRISE_TOKEN` for another
/// server).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
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
    /// The repository, with its host if that is not github.com [default: `GITHUB_REPOSITORY`, else git's remote origin]
    #[arg(long, value_name = "OWNER/NAME", value_parser = repository)]
    repo: Option<Repository>,
}

fn repository(text: &str) -> Result<Repository, String> {
    Repository::parse(text, &default_host())
        .ok_or_else(|| "expected OWNER/NAME or HOST/OWNER/NAME".to_owned())
}

/// The server that a workflow runs on, else the one that gh is told to speak to.
fn default_host() -> String {
    let server = vars::var(vars::GITHUB_SERVER_URL);
    let host = server
        .as_deref()
        .and_then(|url| url.strip_prefix("https://"));
    let host = host.map(|host| host.trim_end_matches('/').to_owned());
    host.or_else(|| vars::var(vars::GH_HOST))
        .unwrap_or_else(|| GITHUB.to_owned())
}

impl Place {
    fn repository(&self, context: &Context) -> anyhow::Result<Repository> {
        if let Some(repository) = &self.repo {
            return Ok(repository.clone());
        }
        if let Some(named) = vars::var(vars::GITHUB_REPOSITORY) {
            return repository(&named)
                .map_err(|reason| anyhow::anyhow!("GITHUB_REPOSITORY is `{named}`: {reason}"));
        }
        let root = context.project()?.root;
        match Repository::of_origin(&root) {
            Some(repository) => Ok(repository),
            None => bail!(
                "git's remote origin in {root} names no repository on a server\n  help: name one with `--repo OWNER/NAME`"
            ),
        }
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
