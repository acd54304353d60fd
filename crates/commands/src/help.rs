//! The help, for the program that was called. What stands at the commands names them as `cargo xtask` has
//! them typed.

use clap::builder::StyledStr;
use environment::program;

use crate::typed::with_name;

/// `command`, called as the program was called, with every command of ours in its help being that one's.
#[must_use]
pub fn named(command: clap::Command) -> clap::Command {
    let name = program::called();
    renamed(command.name(name).bin_name(name), name)
}

fn renamed(mut command: clap::Command, name: &'static str) -> clap::Command {
    if name == program::XTASK {
        return command;
    }
    let new = |text: &StyledStr| with_name(&text.to_string(), name);
    if let Some(text) = command.get_about().map(new) {
        command = command.about(text);
    }
    if let Some(text) = command.get_long_about().map(new) {
        command = command.long_about(text);
    }
    command
        .mut_args(|arg| {
            let (help, long) = (arg.get_help().map(new), arg.get_long_help().map(new));
            let arg = help.into_iter().fold(arg, clap::Arg::help);
            long.into_iter().fold(arg, clap::Arg::long_help)
        })
        .mut_subcommands(|below| renamed(below, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(subcommand)]
        _command: crate::Command,
    }

    #[test]
    fn no_help_of_the_installed_program_names_that_of_this_workspace() {
        let mut cli = renamed(Cli::command().bin_name(program::PYEXT), program::PYEXT);
        cli.build();
        let mut left = vec![cli];
        let mut seen = 0;
        while let Some(mut command) = left.pop() {
            let help = command.render_long_help().to_string();
            assert!(!help.contains("cargo xtask"), "{help}");
            seen += usize::from(help.contains("cargo pyext"));
            left.extend(command.get_subcommands().cloned());
        }
        assert!(seen > 10);
    }
}
