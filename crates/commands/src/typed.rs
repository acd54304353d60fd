//! Commands in hints, so that they can be pasted as they are.

use std::sync::OnceLock;

use camino::Utf8Path;
use processes::Invocation;

/// `cargo xtask --project DIR `, where the user has named a project.
static WITH_PROJECT: OnceLock<String> = OnceLock::new();

/// What commands in messages begin with. The libraries write it, and know nothing of `--project`.
const PLAIN: &str = "cargo xtask ";

/// From now on, hints name this project.
pub(crate) fn name_project(dir: &Utf8Path) {
    // There is one command line, so it is set once.
    let _ = WITH_PROJECT.set(format!("{} ", project_command(dir)));
}

fn project_command(dir: &Utf8Path) -> Invocation {
    Invocation::new("cargo").args(["xtask", "--project", dir.as_str()])
}

/// `text`, in which commands of ours are for the project that the user has named.
pub(crate) fn to_paste(text: &str) -> String {
    match WITH_PROJECT.get() {
        Some(command) => with_project(text, command),
        None => text.to_owned(),
    }
}

/// The command that the user has typed, without these flags.
pub(crate) fn command_without(flags: &[&str]) -> String {
    let args = std::env::args().skip(1);
    let args = args.filter(|arg| !flags.contains(&arg.as_str()));
    Invocation::new("cargo").arg("xtask").args(args).to_string()
}

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

/// Whether a command may begin after `before`. The mark of a line in a file, "by `cargo xtask tune`", is
/// none.
fn begins_a_command(before: &str) -> bool {
    let begins = ["`", "&& "];
    let is_mark = before.ends_with("by `");
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
    fn the_directory_is_one_word_for_a_shell() {
        let command = project_command("/home/a b".into()).to_string();
        assert_eq!(command, "cargo xtask --project '/home/a b'");
    }
}
