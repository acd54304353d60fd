//! `docs/commands.md`, from the command line: every command with all of its options.

use clap::{Arg, Command};

/// What stands above the commands.
const HEAD: &str = "\
# Commands

Every command and option, as `--help` has them. This page is written by a test from the command line itself, and CI fails
where it is not current (`UPDATE_EXPECT=1 cargo test -p cargo-pyext` writes it anew). In this repository the same commands
are called `cargo xtask …`.
";

/// The page for `program`, whose commands are to be listed.
pub(crate) fn commands(mut program: Command) -> String {
    program.build();
    let mut text = HEAD.to_owned();
    text.push_str("\nBefore every command:\n\n");
    text.push_str(&table(&program, |arg| {
        !is_everywhere(arg) || arg.get_id() == "project"
    }));
    let mut left: Vec<_> = program.get_subcommands().collect();
    left.reverse();
    while let Some(command) = left.pop() {
        if command.get_name() == "help" || command.is_hide_set() {
            continue;
        }
        text.push_str(&section(command));
        let mut below: Vec<_> = command.get_subcommands().collect();
        below.reverse();
        left.extend(below);
    }
    text
}

/// Options that every command has.
fn is_everywhere(arg: &Arg) -> bool {
    ["help", "version", "project"].contains(&arg.get_id().as_str())
}

fn section(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let depth = name.split(' ').count();
    let marks = "#".repeat(depth.saturating_sub(1).max(2));
    let about = command.get_long_about().or(command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let mut text = format!("\n{marks} `{name}`\n\n{about}\n");
    let options = table(command, |arg| !is_everywhere(arg));
    if !options.is_empty() {
        text.push_str(&format!("\n{options}"));
    }
    text
}

fn table(command: &Command, is_listed: impl Fn(&Arg) -> bool) -> String {
    let args = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let rows: String = args.filter(|arg| is_listed(arg)).map(row).collect();
    if rows.is_empty() {
        return rows;
    }
    format!("| option | what it does |\n|---|---|\n{rows}")
}

fn row(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help());
    let mut help = help.map(ToString::to_string).unwrap_or_default();
    let values: Vec<_> = arg.get_possible_values();
    let takes_value = arg.get_action().takes_values();
    let names: Vec<_> = values
        .iter()
        .filter(|it| !it.is_hide_set() && takes_value)
        .collect();
    if !names.is_empty() {
        let names = names.iter().map(|it| match it.get_help() {
            Some(help) => format!("`{}`: {help}", it.get_name()),
            None => format!("`{}`", it.get_name()),
        });
        help.push_str(&format!(" ({})", names.collect::<Vec<_>>().join("; ")));
    }
    let defaults = arg.get_default_values().iter().filter_map(|it| it.to_str());
    let defaults: Vec<_> = defaults.filter(|_| takes_value).collect();
    if !defaults.is_empty() {
        help.push_str(&format!(" [default: {}]", defaults.join(", ")));
    }
    let cell = |text: &str| text.replace('\n', " ").replace('|', "\\|");
    format!("| `{}` | {} |\n", cell(&name(arg)), cell(&help))
}

/// `-j, --jobs <N>`; of what has no name, `[FILE]`.
fn name(arg: &Arg) -> String {
    let values = arg.get_value_names().unwrap_or_default();
    let value = values
        .iter()
        .map(|it| format!("<{it}>"))
        .collect::<Vec<_>>()
        .join(" ");
    let value = if arg.get_action().takes_values() {
        value
    } else {
        String::new()
    };
    let short = arg.get_short().map(|it| format!("-{it}"));
    let long = arg.get_long().map(|it| format!("--{it}"));
    let names: Vec<_> = short.into_iter().chain(long).collect();
    let more = arg
        .get_num_args()
        .is_some_and(|count| count.max_values() > 1);
    let dots = if more { "…" } else { "" };
    if names.is_empty() {
        return format!("{value}{dots}");
    }
    format!("{} {value}", names.join(", "))
        .trim_end()
        .to_owned()
}
