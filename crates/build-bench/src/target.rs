//! Where cargo puts what it builds: in the checkout, whatever the configuration says. One that all projects
//! share, as `build.target-dir` in the user's home may name it, would have the columns help one another, and
//! would be the user's.

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use processes::Invocation;

use crate::error::BenchError;
use crate::scratch::{ScratchDir, Source};

/// The target directory of all checkouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Relative to the sources.
    below: Utf8PathBuf,
    /// Whether cargo has to be told, since its configuration names another one.
    is_told: bool,
}

impl Target {
    pub(crate) fn find(scratch: &ScratchDir, source: &Source<'_>) -> Result<Self, BenchError> {
        let workspace = &source.closure.workspace_root;
        let below = source.moved(workspace, "".into()).join("target");
        let answer = scratch.metadata(&scratch.project(source)?)?;
        let expected = scratch.origin().join(&below);
        let named = [Some(answer.target_directory), answer.build_directory];
        let is_told = is_elsewhere(named, &expected);
        Ok(Self { below, is_told })
    }

    pub(crate) fn dir(&self, tree: &Utf8Path) -> Utf8PathBuf {
        tree.join(&self.below)
    }

    /// `command`, which builds in `tree`, as it is to build there.
    pub(crate) fn told_to(&self, command: Invocation, tree: &Utf8Path) -> Invocation {
        if !self.is_told {
            return command;
        }
        let dir = self.dir(tree);
        command
            .env(vars::CARGO_TARGET_DIR, dir.as_str())
            .env(vars::CARGO_BUILD_BUILD_DIR, dir.as_str())
    }
}

/// Whether one of the directories that cargo names is another one.
fn is_elsewhere(named: [Option<Utf8PathBuf>; 2], expected: &Utf8Path) -> bool {
    named.into_iter().flatten().any(|it| it != expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_told_only_where_it_would_go_elsewhere() {
        let expected = "/o/native/target";
        for (target, build, is_told) in [
            (expected, None, false),
            (expected, Some(expected), false),
            ("/home/all", None, true),
            (expected, Some("/home/all"), true),
        ] {
            let named = [Some(target), build].map(|it| it.map(Utf8PathBuf::from));
            assert_eq!(is_elsewhere(named, expected.into()), is_told);
        }
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
