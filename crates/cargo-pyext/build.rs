//! What `--version` tells: the version, and the commit where it can be known.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script has no library of ours to start git with"
)]

use std::path::Path;
use std::process::Command;

fn main() {
    let version = env!("CARGO_PKG_VERSION");
    println!("cargo::rerun-if-changed=pyproject.toml");
    let pyproject = std::fs::read_to_string("pyproject.toml").unwrap_or_default();
    let commit = of_wheel(&pyproject).or_else(|| of_checkout(Path::new(".")));
    let commit = commit.map_or_else(String::new, |commit| format!(" ({commit})"));
    println!("cargo::rustc-env=PYEXT_VERSION={version}{commit}");
}

/// A wheel is built from a copy without git, whose pyproject.toml names the commit in a comment: `1a2b3c4`,
/// with more behind it where files differ from the commit (crates/wheel-build/src/stage.rs).
pub(crate) fn of_wheel(pyproject: &str) -> Option<String> {
    let mut lines = pyproject.lines().rev();
    let commit = lines.find_map(|line| line.strip_prefix("# commit: "))?;
    Some(commit.to_owned())
}

/// The commit of the checkout, if `dir` is part of one: it may also be a copy that lies in somebody else's.
/// Files may differ from the commit.
pub(crate) fn of_checkout(dir: &Path) -> Option<String> {
    git(dir, &["ls-files", "--error-unmatch", "Cargo.toml"])?;
    // A line is added to it by whatever changes the commit.
    let log = git(dir, &["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo::rerun-if-changed={log}");
    git(dir, &["log", "-1", "--format=%h %cs"])
}

fn git(dir: &Path, args: &[&str]) -> Option<String> {
    let done = Command::new("git").args(args).current_dir(dir).output();
    let done = done.ok()?;
    let text = String::from_utf8(done.stdout).ok()?;
    let text = text.trim();
    (done.status.success() && !text.is_empty()).then(|| text.to_owned())
}
