//! `cargo xtask colab-snippet`.

use anyhow::bail;
use camino::Utf8PathBuf;
use colab::{Format, Mode, SnippetRequest};

use packaging::checked::{Name, Tag};

use crate::arguments::one_of;
use crate::context::Context;
use crate::write_mode::WriteMode;
use crate::{Answer, ui};

/// Print the notebook cell that installs the newest wheel on Google Colab
///
/// The cell is a fixed text: it asks the release what there is, picks the wheel for the Python and the glibc
/// that it is run with, and installs it by its SHA-256. It is plain Python and also runs as a script.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which build the cell installs
    #[arg(long, value_name = "MODE", value_parser = one_of(Mode::CHOICES), default_value = "latest")]
    mode: Mode,
    /// An extra to install with it; may be given several times
    #[arg(long, value_name = "EXTRA")]
    extra: Vec<Name>,
    /// What is printed or written
    #[arg(long, value_name = "FORMAT", value_parser = one_of(Format::CHOICES), default_value = "cell")]
    format: Format,
    /// Where it is on GitHub [default: what git's remote `origin` or [project.urls] says]
    #[arg(long, value_name = "OWNER/NAME")]
    repo: Option<String>,
    /// The tag of the release that has the wheels [default: the policy's, else `latest`]
    #[arg(long)]
    tag: Option<Tag>,
    /// With `--mode pinned`: the manifest of the build [default: that of the release]
    #[arg(long, value_name = "FILE")]
    manifest: Option<Utf8PathBuf>,
    /// The file to write [default for notebooks: the policy's, else standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<Utf8PathBuf>,
    #[command(flatten)]
    write_mode: WriteMode,
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<Answer> {
    let plan = colab::plan(&SnippetRequest {
        project: &context.project()?,
        mode: args.mode,
        format: args.format,
        extras: &args.extra,
        repository: args.repo.as_deref(),
        tag: args.tag.as_ref(),
        manifest: args.manifest.as_deref(),
        output: args.output.as_deref(),
        dist: &context.dist(),
    })?;
    plan.warnings.iter().for_each(|it| ui::warn(it));
    match plan.change {
        Some(change) => args.write_mode.carry_out(&[change]),
        None if args.write_mode.only_shows() => {
            bail!("there is no file to look at\n  help: name it, `--output FILE`")
        }
        None => {
            ui::print(&plan.text);
            Ok(Answer::Done)
        }
    }
}
