//! `cargo xtask release finish`.

use camino::Utf8PathBuf;
use environment::vars;
use project_model::Repository;
use release_channel::finish::{self, Outcome};
use release_channel::{MANIFEST, Ours, Verdict};
use wheel_build::manifest::append_for_github;

use super::{Place, client};
use crate::Answer;
use crate::context::Context;
use crate::ui;

/// Publish the wheels that `cargo xtask wheel --release` has built.
///
/// Uploads what is missing, moves the tag, writes the notes, exchanges the manifest last, and removes old
/// builds. A newer build is never overtaken. After a failure, run it again: it goes on where it ended.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directory with the wheels and their manifest.json [default: dist in the project]
    #[arg(long, value_name = "DIR")]
    dist: Option<Utf8PathBuf>,
    #[command(flatten)]
    place: Place,
    /// How many builds keep their wheels; at least 2, since those of the one before may be being installed
    #[arg(long, value_name = "N", default_value_t = finish::KEEP, value_parser = at_least_two)]
    keep: usize,
    /// Change nothing: print what would be done first
    #[arg(long)]
    dry_run: bool,
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

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let repository = args.place.repository(context)?;
    let dist = args.dist.clone().unwrap_or_else(|| context.dist());
    let ours = Ours::read(&dist, &repository)?;
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
            "neither the published commit nor this one comes after the other (a force push, or another branch): the later one is published",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_builds_are_the_least() {
        assert_eq!(at_least_two("2"), Ok(2));
        assert!(at_least_two("1").is_err() && at_least_two("all").is_err());
    }
}
