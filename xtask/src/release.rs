//! `cargo xtask release`.

use std::time::Duration;

use anyhow::{Context as _, bail};
use build_env::vars;
use camino::Utf8PathBuf;
use project_model::repository::GITHUB;
use project_model::{Repository, Workspace};
use release_channel::finish::{self, Outcome};
use release_channel::gh::Gh;
use release_channel::verify::verify;
use release_channel::{Client, MANIFEST, Ours, Patience, Verdict};
use wheel_build::manifest::append_for_github;

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
    Finish(FinishArgs),
    /// Tell whether everybody can download what the release promises; exit code 3 if not
    Verify(VerifyArgs),
}

/// Publish the wheels that `cargo xtask wheel --release` has built.
///
/// Uploads what is missing, moves the tag, writes the notes, exchanges the manifest last, and removes old builds. A
/// newer build is never overtaken. After a failure, run it again: it goes on where it ended.
#[derive(Debug, clap::Args)]
struct FinishArgs {
    /// The directory with the wheels and their manifest.json
    #[arg(long, value_name = "DIR", default_value = "dist")]
    dist: Utf8PathBuf,
    #[command(flatten)]
    place: Place,
    /// How many builds keep their wheels; at least 2, since those of the one before may be being installed
    #[arg(long, value_name = "N", default_value_t = finish::KEEP, value_parser = at_least_two)]
    keep: usize,
    /// Change nothing: print what would be done first
    #[arg(long)]
    dry_run: bool,
}

/// Tell whether everybody can download what the release promises; exit code 3 if not.
#[derive(Debug, clap::Args)]
struct VerifyArgs {
    #[command(flatten)]
    place: Place,
    /// The tag of the release [default: the policy's]
    #[arg(long)]
    tag: Option<String>,
    /// Download every wheel, and compare it byte for byte
    #[arg(long)]
    download: bool,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The repository, with its host if that is not github.com [default: `GITHUB_REPOSITORY`, else git's remote origin]
    #[arg(long, value_name = "OWNER/NAME", value_parser = repository)]
    repo: Option<Repository>,
}

fn at_least_two(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number >= 2 => Ok(number),
        _ => Err(
            "expected a number from 2 on: the wheels of the build before may be being installed"
                .to_owned(),
        ),
    }
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
        Action::Finish(args) => finish_release(context, args),
        Action::Verify(args) => verify_release(context, args),
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

fn finish_release(context: &Context, args: &FinishArgs) -> anyhow::Result<Answer> {
    let repository = args.place.repository(context)?;
    let ours = Ours::read(&args.dist, &repository)?;
    let client = client(repository.clone())?;
    if args.dry_run {
        let planned = finish::plan(&client, &ours, args.keep)?;
        report(&planned, &ours, &repository);
        for step in &planned.steps {
            println!("{step}");
        }
        return Ok(Answer::Done);
    }
    let outcome = finish::finish(&client, &ours, args.keep, &ui::say)?;
    report(&outcome, &ours, &repository);
    append_for_github(vars::GITHUB_OUTPUT, &outputs(&outcome))?;
    append_for_github(vars::GITHUB_STEP_SUMMARY, &summary(&outcome, &ours))?;
    if let Some(page) = &outcome.page {
        println!("{page}");
    }
    Ok(Answer::Done)
}

/// Whether the release holds our build.
fn is_published(outcome: &Outcome) -> bool {
    matches!(outcome.verdict, Verdict::Ours | Verdict::OursIsLater)
}

/// Says how it has ended.
fn report(outcome: &Outcome, ours: &Ours, repository: &Repository) {
    let diverged = matches!(
        outcome.verdict,
        Verdict::OursIsLater | Verdict::SupersededByLater
    );
    if diverged {
        ui::warn(
            "the published commit and this one have no common history (a force push, or another branch): the later commit is published",
        );
    }
    let tag = &ours.manifest.release_tag;
    let (ours, published) = (&ours.manifest.version, version(outcome));
    if is_published(outcome) {
        let text = match outcome.steps.len() {
            0 => format!("{ours} is published in `{tag}` of {repository} already"),
            steps => format!("{ours} in `{tag}` of {repository}, {steps} steps"),
        };
        ui::say(
            if outcome.steps.is_empty() {
                "Fresh"
            } else {
                "Published"
            },
            &text,
        );
    } else {
        ui::say(
            "Superseded",
            &format!("{ours} by {published}, which `{tag}` of {repository} holds"),
        );
    }
}

/// The version that the release holds.
fn version(outcome: &Outcome) -> &str {
    outcome
        .published
        .as_ref()
        .map_or("nothing", |it| &it.version)
}

/// The outputs of a step on GitHub.
fn outputs(outcome: &Outcome) -> String {
    let published = outcome.published.as_ref();
    let hash = published.map_or("", |it| &it.commit.hash);
    format!(
        "published={}\npublished-version={}\npublished-commit={hash}\nrelease-page={}\n",
        is_published(outcome),
        version(outcome),
        outcome.page.as_deref().unwrap_or_default()
    )
}

/// The summary of a job on GitHub, in Markdown.
fn summary(outcome: &Outcome, ours: &Ours) -> String {
    let page = outcome.page.as_deref().unwrap_or_default();
    let manifest = &ours.manifest;
    let head = if is_published(outcome) {
        format!(
            "### Published {} in [`{}`]({page})",
            manifest.version, manifest.release_tag
        )
    } else {
        format!(
            "### {} is superseded by {} in [`{}`]({page})",
            manifest.version,
            version(outcome),
            manifest.release_tag
        )
    };
    let steps: String = outcome
        .steps
        .iter()
        .map(|step| format!("- {step}\n"))
        .collect();
    format!("{head}\n\n{steps}\n`{MANIFEST}` names the newest wheels.\n")
}

fn verify_release(context: &Context, args: &VerifyArgs) -> anyhow::Result<Answer> {
    let repository = args.place.repository(context)?;
    let tag = match &args.tag {
        Some(tag) => tag.clone(),
        None => policy_tag(context)?,
    };
    let client = client(repository)?;
    let report = verify(&client, &tag, args.download)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", report.text());
    }
    let version = report.version.as_deref().unwrap_or("nothing");
    if report.findings.is_empty() {
        let how = if args.download {
            "downloaded"
        } else {
            "asked for"
        };
        ui::say(
            "Verified",
            &format!(
                "`{tag}` of {} holds {version}; {} wheels {how}",
                report.repository,
                report.wheels.len()
            ),
        );
        return Ok(Answer::Done);
    }
    ui::warn(&format!(
        "`{tag}` of {} is not as it should be: {} findings",
        report.repository,
        report.findings.len()
    ));
    Ok(Answer::Differs)
}

fn policy_tag(context: &Context) -> anyhow::Result<String> {
    let workspace = Workspace::load(&context.project()?)?;
    workspace.policy.wheel.release_tag.with_context(|| {
        format!(
            "{} names no release tag\n  help: name one with `--tag`, or write `release-tag = \"latest\"` under [workspace.metadata.xtask.wheel]",
            workspace.root.join("Cargo.toml")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_builds_are_the_least() {
        assert_eq!(at_least_two("2"), Ok(2));
        assert!(at_least_two("1").is_err() && at_least_two("all").is_err());
    }
}
