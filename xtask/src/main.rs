//! `cargo xtask`: builds the Python extension of this workspace, or of any maturin project, quickly.
//!
//! The commands live in `crates/commands`; here is added what only this workspace needs.

mod ci;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use commands::{Answer, Context, Options};

#[derive(Debug, Parser)]
#[command(about, version, arg_required_else_help = true)]
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
    Ci(ci::Args),
}

fn main() -> ExitCode {
    if let Some(code) = commands::stand_in() {
        return code;
    }
    let Cli { options, command } = commands::parse();
    let context = Context::new(options, Some(env!("CARGO_MANIFEST_DIR")));
    let done = match &command {
        Command::Shared(command) => commands::run(command, &context),
        Command::Ci(args) => ci::run(&context, args).map(|()| Answer::Done),
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
    fn every_command_tells_how_it_is_called() {
        let mut cli = commands::named(Cli::command());
        cli.build();
        let mut left = vec![(Vec::new(), cli)];
        while let Some((words, mut command)) = left.pop() {
            let name = if words.is_empty() {
                "xtask".to_owned()
            } else {
                words.join("-")
            };
            let path = format!("../tests/snapshots/help/{name}.txt");
            expect_file![path].assert_eq(&command.render_long_help().to_string());
            let below = command.get_subcommands();
            let below = below.filter(|it| it.get_name() != "help");
            let with = |name: &str| [&words[..], &[name.to_owned()]].concat();
            left.extend(below.map(|it| (with(it.get_name()), it.clone())));
        }
    }
}
