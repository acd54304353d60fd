//! What `--version` tells: the version, and the commit where it can be known.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script has no library of ours to start git with"
)]

use std::process::Command;

fn main() {
    let version = env!("CARGO_PKG_VERSION");
    let commit = of_wheel(version).or_else(of_checkout);
    let commit = commit.map_or_else(String::new, |commit| format!(" ({commit})"));
    println!("cargo::rustc-env=PYEXT_VERSION={version}{commit}");
}

/// A wheel is built from a copy without git, whose pyproject.toml names the commit in its version:
/// `0.2.0+g1a2b3c4`, with more behind it where files differ from the commit.
fn of_wheel(version: &str) -> Option<String> {
    println!("cargo::rerun-if-changed=pyproject.toml");
    let text = std::fs::read_to_string("pyproject.toml").ok()?;
    let begin = format!("version = \"{version}+g");
    let line = text.lines().find_map(|line| line.strip_prefix(&begin))?;
    Some(line.trim_end_matches('"').to_owned())
}

/// The commit of the checkout. Files may differ from it.
fn of_checkout() -> Option<String> {
    // A line is added to it by whatever changes the commit.
    println!(
        "cargo::rerun-if-changed={}",
        git(&["rev-parse", "--git-path", "logs/HEAD"])?
    );
    git(&["log", "-1", "--format=%h %cs"])
}

fn git(args: &[&str]) -> Option<String> {
    let done = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(done.stdout).ok()?;
    let text = text.trim();
    (done.status.success() && !text.is_empty()).then(|| text.to_owned())
}
