//! `cargo xtask release verify`.

use anyhow::Context as _;
use project_model::Workspace;
use release_channel::verify::verify;

use super::{Place, client};
use crate::Answer;
use crate::context::Context;
use crate::typed::to_paste;
use crate::ui;

/// Tell whether everybody can download what the release promises; exit code 3 if not.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
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

pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let repository = args.place.repository(context)?;
    let tag = match &args.tag {
        Some(tag) => tag.clone(),
        None => policy_tag(context)?,
    };
    let client = client(repository)?;
    let project = context.project_dir.as_deref();
    let mut report = verify(&client, &tag, project, args.download)?;
    for finding in &mut report.findings {
        finding.repair = to_paste(&finding.repair);
    }
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
