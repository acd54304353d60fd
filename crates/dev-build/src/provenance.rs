//! Finding out what a library is made of.

use std::time::{SystemTime, UNIX_EPOCH};

use camino::Utf8Path;
use processes::Invocation;

use crate::sources::{Source, digest_of};
use crate::state::Provenance;

/// What the project in `root` is now, built by `cargo_call` from `sources`.
#[must_use]
pub fn provenance(root: &Utf8Path, cargo_call: &Invocation, sources: &[Source]) -> Provenance {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let git = |args: &[&str]| {
        let git = Invocation::new("git").args(args.iter().copied()).cwd(root);
        git.read().ok().map(|answer| answer.trim().to_owned())
    };
    let commit = git(&["rev-parse", "HEAD"]);
    let changes = git(&["status", "--porcelain", "--untracked-files=no"]);
    let rustc = Invocation::new("rustc").arg("--version").cwd(root);
    Provenance {
        profile: profile(cargo_call),
        features: features(cargo_call),
        dirty: commit.is_some() && changes.is_some_and(|changes| !changes.is_empty()),
        commit,
        sources_sha256: digest_of(sources),
        toolchain: rustc.read().unwrap_or_default().trim().to_owned(),
        placed_at_s: since_epoch.as_secs(),
    }
}

/// The profile that a call of cargo asks for.
#[must_use]
pub fn profile(cargo_call: &Invocation) -> String {
    let mut profile = "dev";
    let mut args = cargo_call.args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        match arg {
            "--" => break,
            "--release" => profile = "release",
            "--profile" => profile = args.next().unwrap_or(profile),
            _ => profile = arg.strip_prefix("--profile=").unwrap_or(profile),
        }
    }
    profile.to_owned()
}

/// The arguments of a call of cargo that choose features.
fn features(cargo_call: &Invocation) -> Vec<String> {
    let mut chosen = Vec::new();
    let mut args = cargo_call.args.iter().take_while(|arg| *arg != "--");
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--features" => chosen.extend(args.next().map(|names| format!("--features={names}"))),
            "--all-features" | "--no-default-features" => chosen.push(arg.clone()),
            _ if arg.starts_with("--features=") => chosen.push(arg.clone()),
            _ => {}
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(args: &[&str]) -> Invocation {
        Invocation::new("cargo").args(args.iter().copied())
    }

    #[test]
    fn the_profile_is_read_from_the_call() {
        assert_eq!(profile(&call(&["rustc"])), "dev");
        assert_eq!(profile(&call(&["rustc", "--profile", "bench"])), "bench");
        assert_eq!(
            profile(&call(&["rustc", "--profile=release", "--lib"])),
            "release"
        );
        assert_eq!(profile(&call(&["rustc", "--release"])), "release");
        assert_eq!(profile(&call(&["rustc", "--", "--release"])), "dev");
    }

    #[test]
    fn so_are_the_features() {
        let call = call(&[
            "rustc",
            "--features",
            "a,b",
            "--no-default-features",
            "--lib",
        ]);
        assert_eq!(features(&call), ["--features=a,b", "--no-default-features"]);
    }
}
