//! `cargo pyext`: the commands of `crates/commands` as a program of its own, for any maturin project. It is
//! installed as `cargo-pyext`, which cargo finds as its subcommand, and which works alone too.

mod docs;
#[cfg(test)]
mod pages;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use commands::{Context, Options};
use environment::program;

#[derive(Debug, Parser)]
#[command(about, version = env!("PYEXT_VERSION"), arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Shared(Box<commands::Command>),
    Docs(docs::Args),
}

fn main() -> ExitCode {
    let is_subcommand = std::env::args().nth(1).is_some_and(|arg| arg == "pyext");
    program::call_it(if is_subcommand {
        program::PYEXT
    } else {
        program::PYEXT_ALONE
    });
    if let Some(code) = commands::stand_in() {
        return code;
    }
    let Cli { options, command } = commands::parse();
    let done = match command {
        Command::Docs(args) => Ok(docs::run(&args)),
        // There is no workspace that it could be compiled from while it is measured.
        Command::Shared(command) => commands::run(&command, &Context::new(options, None)),
    };
    commands::exit_code(&done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use expect_test::expect_file;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_page_has_every_command_and_option() {
        program::call_it(program::PYEXT);
        let page = pages::commands(commands::named(Cli::command()));
        expect_file!["../../../docs/commands.md"].assert_eq(&page);
    }
}
