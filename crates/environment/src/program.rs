//! What this program is called. Two programs have the same commands: `cargo xtask` is the one of this
//! workspace, `cargo pyext` the one that is installed.
//!
//! The libraries name each command as [`XTASK`] would have it typed. Where a text reaches a person or a file,
//! it gets the name of the program that was called ([`renamed`]).

use std::borrow::Cow;
use std::sync::OnceLock;

/// The program of this workspace.
pub const XTASK: &str = "cargo xtask";

/// The program that is installed, as cargo starts it.
pub const PYEXT: &str = "cargo pyext";

/// The same, started without cargo.
pub const PYEXT_ALONE: &str = "cargo-pyext";

/// The table of Cargo.toml in which a project says what it decides itself: that of [`XTASK`].
const TABLE: &str = "[workspace.metadata.xtask";

/// The same for the installed program.
const PYEXT_TABLE: &str = "[workspace.metadata.pyext";

static CALLED: OnceLock<&str> = OnceLock::new();

/// From now on, this is what the program is called.
pub fn call_it(name: &'static str) {
    // There is one command line, so it is set once.
    let _ = CALLED.set(name);
}

/// As it was called: [`XTASK`], unless [`call_it`] has said otherwise.
#[must_use]
pub fn called() -> &'static str {
    CALLED.get().copied().unwrap_or(XTASK)
}

/// What it is called in files, which outlive the call.
#[must_use]
pub fn in_files() -> &'static str {
    match called() {
        PYEXT_ALONE => PYEXT,
        called => called,
    }
}

/// Where the page `name` of the documentation is to be read: in the repository, or by a command of the
/// program that is installed.
#[must_use]
pub fn page(name: &str) -> String {
    match called() {
        XTASK => format!("docs/{name}.md"),
        called => format!("`{called} docs {name}`"),
    }
}

/// Whether `a` and `b` are the same command, whichever program they name.
#[must_use]
pub fn is_same_command(a: &str, b: &str) -> bool {
    let command = |text: &str| renamed(text, XTASK).into_owned();
    a == b || command(a) == command(b)
}

/// `text`, in which every command of ours is one of the program `name`.
#[must_use]
pub fn renamed<'t>(text: &'t str, name: &str) -> Cow<'t, str> {
    let others = [XTASK, PYEXT].into_iter().filter(|other| *other != name);
    let table = if name == XTASK { TABLE } else { PYEXT_TABLE };
    let pairs = others.map(|other| (other, name));
    let pairs = pairs.chain([(TABLE, table)].into_iter().filter(|(a, b)| a != b));
    pairs.fold(Cow::Borrowed(text), |text, (from, to)| {
        if text.contains(from) {
            Cow::Owned(text.replace(from, to))
        } else {
            text
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_get_the_name_of_the_program_that_was_called() {
        let text = "`cargo xtask dev`, and [workspace.metadata.xtask.wheel] for cargo xtask";
        let expected = "`cargo pyext dev`, and [workspace.metadata.pyext.wheel] for cargo pyext";
        assert_eq!(renamed(text, PYEXT), expected);
        assert_eq!(
            renamed("`cargo xtask dev`", PYEXT_ALONE),
            "`cargo-pyext dev`"
        );
        assert!(matches!(renamed(text, XTASK), Cow::Borrowed(_)));
        assert_eq!(
            renamed("by `cargo pyext dev`", XTASK),
            "by `cargo xtask dev`"
        );
    }

    #[test]
    fn a_command_is_the_same_by_either_program() {
        assert!(is_same_command("cargo pyext tune", "cargo xtask tune"));
        assert!(is_same_command("cargo xtask tune", "cargo xtask tune"));
        assert!(!is_same_command("cargo pyext tune", "cargo xtask dev"));
        assert!(!is_same_command("make tune", "cargo xtask tune"));
    }
}
