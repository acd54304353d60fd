//! `cargo xtask wheel audit`.

use anyhow::Context as _;
use camino::Utf8PathBuf;
use project_model::{Packed, Workspace};
use wheel_audit::{Expected, audit_file};
use wheel_build::expected;

use crate::Answer;
use crate::context::Context;
use crate::ui;

/// Tell whether wheels are what they say they are; exit code 3 if one is not
///
/// Any wheel may be named: its name and tags are compared with its contents, its native code with what its
/// platform tag promises, RECORD with every file. Nothing is installed, and nothing is run. One takes no more
/// than 10 seconds and 512 MiB: a wheel that would take more is refused.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The wheels
    #[arg(required = true, value_name = "FILE")]
    files: Vec<Utf8PathBuf>,
    /// Also compare them with the project: that its package is complete, its commands and metadata are in it,
    /// and no path of this machine
    #[arg(long)]
    against_project: bool,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let expected = if args.against_project {
        Some(expected_of(context)?)
    } else {
        None
    };
    let mut reports = Vec::new();
    for path in &args.files {
        let report = audit_file(path.as_std_path(), expected.as_ref());
        reports.push(report.with_context(|| format!("cannot audit {path}"))?);
    }
    ui::answer(args.json, &reports, || {
        reports.iter().map(wheel_audit::Report::text).collect()
    })?;
    let refused = reports.iter().filter(|report| !report.passes()).count();
    if refused > 0 {
        ui::warn(&format!("{refused} of {} refused", reports.len()));
        return Ok(Answer::Differs);
    }
    Ok(Answer::Done)
}

/// What the project at hand wants. Which commit a wheel is of is not asked: its version says it.
fn expected_of(context: &Context) -> anyhow::Result<Expected> {
    let project = context.project_to_release()?;
    let workspace = Workspace::load(&project)?;
    let own = [project.root.clone(), workspace.root.clone()];
    // The wheel may have what only a build makes.
    let packed = Packed::of(&project, true)?;
    let expected = expected::of(&project, &packed, &workspace.policy.wheel, &own)?;
    Ok(Expected {
        version: None,
        ..expected
    })
}
