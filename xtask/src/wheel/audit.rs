//! `cargo xtask wheel audit`.

use anyhow::Context as _;
use camino::Utf8PathBuf;
use wheel_audit::audit;

use crate::Answer;
use crate::context::Context;
use crate::ui;

/// Tell whether wheels are what they say they are; exit code 3 if one is not.
///
/// Any wheel may be named: its name and tags are compared with its contents, its native code with what its
/// platform tag promises, RECORD with every file. Nothing is installed, and nothing is run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The wheels
    #[arg(required = true, value_name = "FILE")]
    files: Vec<Utf8PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(_context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let mut reports = Vec::new();
    for path in &args.files {
        let bytes = fs_err::read(path).with_context(|| format!("cannot audit {path}"))?;
        reports.push(audit(path.file_name().unwrap_or_default(), &bytes, None));
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&reports)?);
    } else {
        reports
            .iter()
            .for_each(|report| print!("{}", report.text()));
    }
    let refused = reports.iter().filter(|report| !report.passes()).count();
    if refused > 0 {
        ui::warn(&format!("{refused} of {} refused", reports.len()));
        return Ok(Answer::Differs);
    }
    Ok(Answer::Done)
}
