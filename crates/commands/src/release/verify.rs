//! `cargo xtask release verify`.

use packaging::checked::Tag;
use project_model::Workspace;
use release_channel::verify::verify;

use super::{RepositoryArg, client};
use crate::context::Context;
use crate::typed::to_paste;
use crate::{Answer, ui};

/// Tell whether everybody can download what the release promises; exit code 3 if not
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: RepositoryArg,
    /// The tag of the release [default: the policy's]
    #[arg(long)]
    tag: Option<Tag>,
    /// Download every wheel, and compare it byte for byte
    #[arg(long)]
    download: bool,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let repository = args.place.repository(context)?;
    let tag = match &args.tag {
        Some(tag) => tag.clone(),
        None => Workspace::load(&context.project_to_release()?)?
            .release_tag()?
            .clone(),
    };
    let project = context.project_dir.as_deref();
    let mut report = verify(&client(repository)?, &tag, project, args.download)?;
    for finding in &mut report.findings {
        finding.repair = to_paste(&finding.repair);
    }
    ui::answer(args.json, &report, || report.text())?;
    let conclusion = report.conclusion(args.download);
    if report.findings.is_empty() {
        ui::say("Verified", &conclusion);
    } else {
        ui::warn(&conclusion);
    }
    Ok(Answer::of(!report.findings.is_empty()))
}
