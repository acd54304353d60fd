//! `cargo xtask completions` and `cargo xtask man`: what shells and man(1) are to know of the command line.

use std::sync::OnceLock;

use anyhow::Context as _;
use camino::Utf8PathBuf;
use clap_complete::Shell;
use environment::program;

use crate::{Answer, help, ui};

/// The command line of the program that runs, commands of its own included.
static COMMAND_LINE: OnceLock<fn() -> clap::Command> = OnceLock::new();

/// From now on, this is the command line.
pub(crate) fn is(command_line: fn() -> clap::Command) {
    let _ = COMMAND_LINE.set(command_line);
}

/// Print what a shell completes the commands and options by
///
/// Such as `cargo-pyext completions bash >~/.local/share/bash-completion/completions/cargo-pyext`. Shells
/// complete the program by its own name, `cargo-pyext`; after `cargo` it is cargo that they ask.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Write the manual pages, a page for each command
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The directory, such as ~/.local/share/man/man1
    #[arg(long, value_name = "DIR")]
    out: Utf8PathBuf,
}

fn command_line() -> anyhow::Result<clap::Command> {
    let command_line = COMMAND_LINE.get().context("there is no command line")?;
    Ok(help::named(command_line()))
}

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<Answer> {
    let name = file_name();
    let mut command = command_line()?.bin_name(name);
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut text);
    ui::print(&String::from_utf8_lossy(&text));
    Ok(Answer::Done)
}

pub(crate) fn man(args: &ManArgs) -> anyhow::Result<Answer> {
    fs_err::create_dir_all(&args.out)?;
    let name = file_name();
    let command = command_line()?.name(name).bin_name(name).display_name(name);
    clap_mangen::generate_to(command, &args.out)
        .with_context(|| format!("cannot write manual pages into {}", args.out))?;
    ui::say("Written", &format!("manual pages into {}", args.out));
    Ok(Answer::Done)
}

/// What the program is called as a file.
fn file_name() -> &'static str {
    match program::called() {
        program::XTASK => "cargo-xtask",
        _ => program::PYEXT_ALONE,
    }
}
