//! Where cargo puts what it builds: in the checkout, whatever the configuration says. One that all projects
//! share, as `build.target-dir` in the user's home may name it, would have the columns help one another, and
//! would be the user's.

use camino::{Utf8Path, Utf8PathBuf};
use environment::{cargo_env, vars};
use processes::Invocation;
use project_model::{Closure, Project};
use serde::Deserialize;

use crate::error::BenchError;
use crate::scratch::ScratchDir;

/// The target directory of all checkouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Relative to the sources.
    below: Utf8PathBuf,
    /// Whether cargo has to be told, since its configuration names another one.
    is_told: bool,
}

/// What cargo says, of all it says (<https://doc.rust-lang.org/cargo/commands/cargo-metadata.html>).
#[derive(Debug, Deserialize)]
struct Metadata {
    target_directory: Utf8PathBuf,
    /// Since 1.91.
    build_directory: Option<Utf8PathBuf>,
}

impl Target {
    /// Asks cargo in the copy. `sources` is the root of what was copied.
    pub(crate) fn find(
        scratch: &ScratchDir,
        project: &Project,
        closure: &Closure,
        sources: &Utf8Path,
    ) -> Result<Self, BenchError> {
        let root = closure.workspace_root.strip_prefix(sources);
        let below = root.unwrap_or(Utf8Path::new("")).join("target");
        let ask = Invocation::new(cargo_env::cargo())
            .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
            .args(["--manifest-path", project.extension.manifest.as_str()])
            .cwd(&project.root);
        let answer = scratch.isolated(ask).read();
        let answer = answer.map_err(BenchError::Prepare)?;
        let is_told = serde_json::from_str(&answer)
            .is_ok_and(|answer| is_elsewhere(&answer, &scratch.origin().join(&below)));
        Ok(Self { below, is_told })
    }

    /// The directory in the checkout `tree`.
    pub(crate) fn dir(&self, tree: &Utf8Path) -> Utf8PathBuf {
        tree.join(&self.below)
    }

    /// `command`, which builds in `tree`, as it is to build there.
    pub(crate) fn told_to(&self, command: Invocation, tree: &Utf8Path) -> Invocation {
        if !self.is_told {
            return command;
        }
        let dir = self.dir(tree);
        let names = [vars::CARGO_TARGET_DIR, vars::CARGO_BUILD_BUILD_DIR];
        names
            .into_iter()
            .fold(command, |command, name| command.env(name, dir.as_str()))
    }
}

fn is_elsewhere(answer: &Metadata, expected: &Utf8Path) -> bool {
    let build = answer.build_directory.as_deref();
    answer.target_directory != expected || build.is_some_and(|it| it != expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_told_only_where_it_would_go_elsewhere() {
        let metadata = |target: &str, build: Option<&str>| Metadata {
            target_directory: target.into(),
            build_directory: build.map(Utf8PathBuf::from),
        };
        let expected = Utf8Path::new("/o/native/target");
        assert!(!is_elsewhere(&metadata("/o/native/target", None), expected));
        let same = metadata("/o/native/target", Some("/o/native/target"));
        assert!(!is_elsewhere(&same, expected));
        assert!(is_elsewhere(&metadata("/home/all", None), expected));
        let build = metadata("/o/native/target", Some("/home/all"));
        assert!(is_elsewhere(&build, expected));

        let mut target = Target {
            below: "native/target".into(),
            is_told: false,
        };
        let tree = Utf8Path::new("/t");
        assert_eq!(target.dir(tree), "/t/native/target");
        let command = target.told_to(Invocation::new("cargo"), tree);
        assert_eq!(command, Invocation::new("cargo"));
        target.is_told = true;
        let command = target.told_to(command, tree);
        for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_BUILD_DIR"] {
            assert_eq!(command.env[name].as_deref(), Some("/t/native/target"));
        }
    }
}
