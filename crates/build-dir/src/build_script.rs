//! What build scripts have printed
//! (<https://doc.rust-lang.org/cargo/reference/build-scripts.html#change-detection>).

use std::collections::BTreeSet;

/// The value of the instruction `name` on a line of a build script. cargo looks at the beginning of the line
/// alone: whatever else contains the name is text.
fn instruction<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line
        .strip_prefix("cargo::")
        .or_else(|| line.strip_prefix("cargo:"))?;
    rest.strip_prefix(name)?.strip_prefix('=')
}

/// Whether a script that printed `output` says what it depends on. If it does not, cargo runs it again when
/// any file of its package has changed.
#[must_use]
pub fn declares_inputs(output: &str) -> bool {
    let mut lines = output.lines();
    lines.any(|line| {
        let names = ["rerun-if-changed", "rerun-if-env-changed"];
        names.iter().any(|name| instruction(line, name).is_some())
    })
}

/// The files and directories that the script has declared, as it names them.
#[must_use]
pub fn inputs(output: &str) -> BTreeSet<String> {
    values(output, "rerun-if-changed")
}

/// The variables that the script has declared.
#[must_use]
pub fn variables(output: &str) -> BTreeSet<String> {
    values(output, "rerun-if-env-changed")
}

fn values(output: &str, name: &str) -> BTreeSet<String> {
    let values = output.lines().filter_map(|line| instruction(line, name));
    values.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_instruction_declares_an_input() {
        for (output, expected) in [
            ("cargo:rerun-if-changed=a.txt\n", true),
            ("cargo::rerun-if-env-changed=CC\n", true),
            (
                "note: nothing prints cargo:rerun-if-changed=x here\n",
                false,
            ),
            (" cargo:rerun-if-changed=a.txt\n", false),
            ("rerun-if-changed=a.txt\n", false),
            ("cargo:rustc-cfg=x\n", false),
        ] {
            assert_eq!(declares_inputs(output), expected, "{output}");
        }
    }

    #[test]
    fn declared_variables_are_read_in_both_spellings() {
        let output = "cargo:rerun-if-env-changed=A\ncargo::rerun-if-env-changed=B\nx\n";
        assert_eq!(variables(output), ["A", "B"].map(str::to_owned).into());
    }
}
