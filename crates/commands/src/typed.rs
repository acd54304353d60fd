//! Commands in hints, so that they can be pasted as they are.

use std::borrow::Cow;
use std::sync::OnceLock;

use camino::Utf8Path;
use environment::program;
use processes::Invocation;

/// `cargo xtask --project DIR `, where the user has named a project.
static WITH_PROJECT: OnceLock<String> = OnceLock::new();

/// What commands in messages begin with. The libraries write it, and know nothing of `--project`, nor of the
/// name of the program that was called.
const PLAIN: &str = "cargo xtask ";

/// From now on, hints name this project.
pub(crate) fn name_project(dir: &Utf8Path) {
    // There is one command line, so it is set once.
    let _ = WITH_PROJECT.set(format!("{} ", project_command(dir)));
}

fn project_command(dir: &Utf8Path) -> Invocation {
    called().args(["--project", dir.as_str()])
}

/// The program as it was called.
fn called() -> Invocation {
    let mut words = program::called().split(' ');
    Invocation::new(words.next().unwrap_or_default()).args(words)
}

/// `text`, in which commands of ours are those of the program that was called, for the project that the user
/// has named.
pub(crate) fn to_paste(text: &str) -> String {
    let text = match WITH_PROJECT.get() {
        Some(command) => Cow::Owned(with_project(text, command)),
        None => Cow::Borrowed(text),
    };
    with_name(&text, program::called())
}

/// `text`, in which commands of ours are those of the program `name`. The mark of a line in a file stays what
/// it is there.
pub(crate) fn with_name(text: &str, name: &str) -> String {
    let mut parts = text.split(BY);
    let first = program::renamed(parts.next().unwrap_or_default(), name).into_owned();
    parts.fold(first, |done, part| {
        let (mark, rest) = part.split_once('`').unwrap_or((part, ""));
        let end = if part.contains('`') { "`" } else { "" };
        done + BY + mark + end + &program::renamed(rest, name)
    })
}

/// The command that the user has typed, without these flags.
pub(crate) fn command_without(flags: &[&str]) -> String {
    let args = arguments().into_iter().skip(1);
    let args = args.filter(|arg| !flags.contains(&arg.as_str()));
    called().args(args).to_string()
}

/// The arguments of this process. cargo gives a subcommand its own name as the first one.
pub(crate) fn arguments() -> Vec<String> {
    let mut args: Vec<_> = std::env::args().collect();
    if program::called() == program::PYEXT && args.get(1).is_some_and(|arg| arg == "pyext") {
        args.remove(1);
    }
    args
}

/// What stands before the mark of a line in a file: "by `cargo xtask tune`".
const BY: &str = "by `";

/// `text` with `command` in the place of `cargo xtask `, wherever that begins a command and names no project
/// yet.
fn with_project(text: &str, command: &str) -> String {
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(PLAIN) {
        let (before, after) = (&rest[..at], &rest[at + PLAIN.len()..]);
        done.push_str(before);
        let own_text = after.split(['`', '\n']).next().unwrap_or_default();
        let names_it = own_text.contains("--project ");
        let is_command = begins_a_command(&done) && !names_it;
        done.push_str(if is_command { command } else { PLAIN });
        rest = after;
    }
    done + rest
}

/// Whether a command may begin after `before`. The mark of a line in a file is none.
fn begins_a_command(before: &str) -> bool {
    let begins = ["`", "&& "];
    let is_mark = before.ends_with(BY);
    !is_mark && (before.is_empty() || begins.iter().any(|it| before.ends_with(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_hints_name_the_project() {
        let cases = [
            ("`cargo xtask dev` builds it", "`P dev` builds it"),
            ("`cargo xtask a`, then `cargo xtask b`", "`P a`, then `P b`"),
            (
                "git checkout 1 && cargo xtask wheel --release",
                "git checkout 1 && P wheel --release",
            ),
            ("cargo xtask release finish", "P release finish"),
            (
                "`cargo xtask sccache enable --project other`",
                "`cargo xtask sccache enable --project other`",
            ),
            (
                "jobs = 1 # by `cargo xtask machine`",
                "jobs = 1 # by `cargo xtask machine`",
            ),
            ("what cargo xtask does", "what cargo xtask does"),
            ("`cargo xtask` is run", "`cargo xtask` is run"),
        ];
        for (text, expected) in cases {
            assert_eq!(with_project(text, "P "), expected);
        }
    }

    #[test]
    fn commands_are_those_of_the_program_that_was_called() {
        let cases = [
            ("`cargo xtask dev` builds it", "`cargo pyext dev` builds it"),
            ("what cargo xtask does", "what cargo pyext does"),
            (
                "set by `cargo xtask tune`: `cargo xtask tune --undo`",
                "set by `cargo xtask tune`: `cargo pyext tune --undo`",
            ),
            ("by `cargo xtask", "by `cargo xtask"),
        ];
        for (text, expected) in cases {
            assert_eq!(with_name(text, program::PYEXT), expected);
        }
    }

    #[test]
    fn the_directory_is_one_word_for_a_shell() {
        let command = project_command("/home/a b".into()).to_string();
        assert_eq!(command, "cargo xtask --project '/home/a b'");
    }
}
