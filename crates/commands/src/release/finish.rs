//! `cargo xtask release finish`.

use camino::Utf8PathBuf;
use environment::vars;
use packaging::shown;
use project_model::Workspace;
use release_channel::{Intended, Ours, ReleaseError, SourceCommit, finish};
use wheel_build::stage;
use wheel_build::version::Naming;

use super::{RepositoryArg, client};
use crate::context::Context;
use crate::{Answer, ui};

/// Publish the wheels that `cargo xtask wheel --release` has built
///
/// Uploads what is missing, moves the tag, writes the notes, exchanges the manifest last, and removes old
/// builds. A newer build is never overtaken. After a failure, run it again: it goes on where it ended.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directory with the wheels and their manifest.json [default: dist in the project]
    #[arg(long, value_name = "DIR")]
    dist: Option<Utf8PathBuf>,
    #[command(flatten)]
    place: RepositoryArg,
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
    if let Some(commit) = vars::var(vars::GITHUB_SHA) {
        intended(context, &commit)?.require(&ours)?;
    }
    let client = client(repository.clone())?;
    let outcome = if args.dry_run {
        finish::plan(&client, &ours, args.keep)?
    } else {
        finish::finish(&client, &ours, args.keep, &ui::say)?
    };
    if let Some(warning) = outcome.warning() {
        ui::warn(warning);
    }
    let (verb, text) = outcome.line(&ours, &repository);
    ui::say(verb, &text);
    if args.dry_run {
        let steps = outcome.steps.iter();
        steps.for_each(|step| ui::print(&format!("{step}\n")));
        return Ok(Answer::Done);
    }
    outcome.hand_to_github(&ours)?;
    if let Some(page) = &outcome.page {
        ui::print(&format!("{page}\n"));
    }
    Ok(Answer::Done)
}

/// What the workflow that runs for `commit` is to publish.
fn intended(context: &Context, commit: &str) -> anyhow::Result<Intended> {
    let project = context.project_to_release()?;
    let workspace = Workspace::load(&project)?;
    let naming = Naming::of(&workspace.policy.wheel, true, false);
    let checked_out = stage::checked_out(&project, naming)?;
    let found = checked_out
        .as_ref()
        .map_or("no commit", |(it, _)| &*it.hash);
    let Some((at, version)) = checked_out.as_ref().filter(|(it, _)| *it.hash == *commit) else {
        return Err(ReleaseError::OtherCheckout {
            found: found.to_owned(),
            expected: shown(commit, 100),
        }
        .into());
    };
    Ok(Intended {
        name: project.name().parse()?,
        version: version.parse()?,
        commit: SourceCommit {
            hash: at.hash.clone(),
            time_s: at.time_s,
        },
        release_tag: workspace.release_tag()?.clone(),
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
