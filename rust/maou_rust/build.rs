//! Tells the extension which commit it is built from. One for development says that it is built from the working
//! tree: else each commit would compile it again, and each checkout has its own. `cargo xtask dev --status` tells the
//! commit of such a build.
#![allow(
    clippy::disallowed_methods,
    reason = "a build script has nobody to start git for it"
)]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let profile = env::var("PROFILE").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=MAOU_PROFILE={profile}");
    if profile == "debug" {
        println!("cargo::rustc-env=MAOU_COMMIT=working-tree");
        return;
    }
    for path in ["logs/HEAD", "HEAD"] {
        // After every commit, checkout and reset git adds a line to the log of HEAD. HEAD itself
        // matters where there is no log. Both are asked from git: in a worktree they are elsewhere.
        if let Some(path) = git(&["rev-parse", "--git-path", path])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=MAOU_COMMIT={commit}");
}

/// What git prints, or nothing: without git, and in a source distribution, there is no commit.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
