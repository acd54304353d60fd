//! `cargo xtask`: builds the Python extension of this workspace, or of any maturin project, quickly.
//!
//! The commands live in `crates/commands`; here is added what only this workspace needs.

mod ci;

use std::process::ExitCode;

use camino::Utf8PathBuf;
use clap::{Parser, Subcommand};
use commands::{Answer, Context};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about,
    version,
    arg_required_else_help = true
)]
struct Cli {
    /// The maturin project to work on [default: the one around the working directory]
    #[arg(long, global = true, value_name = "DIR")]
    project: Option<Utf8PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Shared(Box<commands::Command>),
    /// Run everything that CI runs
    Ci(ci::Args),
}

fn main() -> ExitCode {
    if let Some(code) = commands::stand_in() {
        return code;
    }
    let cli = Cli::parse();
    let context = Context::new(cli.project, env!("CARGO_MANIFEST_DIR"));
    let done = match &cli.command {
        Command::Shared(command) => commands::run(command, &context),
        Command::Ci(args) => ci::run(&context, args).map(|()| Answer::Done),
    };
    commands::exit_code(&done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
