//! Another version of one dependency: found by asking cargo for earlier ones, since no newer one need exist.
//! Each run takes one that was never built before; a version that is built a second time would come from
//! `target/` or a cache.

use std::collections::BTreeSet;

use camino::Utf8Path;
use cargo_metadata::{Dependency, DependencyKind};
use project_model::{Closure, Project};
use serde::Deserialize;
use trial::files::{read, replace, write};

use crate::error::BenchError;
use crate::results::Bumped;
use crate::scratch::{ScratchDir, cargo};

/// How often cargo is asked, each time for one version.
const QUESTIONS: u32 = 24;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct LockFile {
    #[serde(default)]
    pub(crate) package: Vec<LockedPackage>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LockedPackage {
    name: String,
    version: String,
}

impl LockFile {
    /// What cannot be read names no package: cargo says why.
    pub(crate) fn parse(text: &str) -> Self {
        toml_edit::de::from_str(text).unwrap_or_default()
    }

    /// The version of `name`, if it is there once.
    fn version(&self, name: &str) -> Option<&str> {
        let mut found = self.package.iter().filter(|it| it.name == name);
        let first = found.next()?;
        found.next().is_none().then_some(&first.version)
    }
}

/// Asks cargo in the copy `project`, whose lock file is `lock`.
pub(crate) struct VersionSearch<'a> {
    pub(crate) scratch: &'a ScratchDir,
    pub(crate) project: &'a Project,
    pub(crate) lock: &'a Utf8Path,
    pub(crate) closure: &'a Closure,
    /// How many other versions there are to be.
    pub(crate) wanted: usize,
}

/// A version, and the lock file that names it.
type Locked = (String, String);

impl VersionSearch<'_> {
    /// Keeps up to `wanted` lock files, each with another version of the same dependency, and downloads
    /// these. `None` if there is no such dependency, or no registry.
    pub(crate) fn find(&self) -> Result<Option<Bumped>, BenchError> {
        let first = read(self.lock)?;
        let mut questions = QUESTIONS;
        let mut best: (String, Vec<Locked>) = Default::default();
        for (name, version) in self.candidates(&first)? {
            let others = self.others(&name, &version, &first, &mut questions)?;
            if !others.is_empty() && others.len() >= best.1.len() {
                let own = (version, first.clone());
                best = (name, [vec![own], others].concat());
            }
            if questions == 0 || best.1.len() > self.wanted {
                break;
            }
        }
        let (name, found) = best;
        for (number, (_, text)) in found.iter().enumerate().skip(1) {
            replace(&self.scratch.lock_file(number), text)?;
        }
        let versions: Vec<_> = found.into_iter().map(|(version, _)| version).collect();
        Ok((!versions.is_empty()).then_some(Bumped { name, versions }))
    }

    /// Other versions of the dependency `name`; the lock file is as it was afterwards.
    fn others(
        &self,
        name: &str,
        version: &str,
        first: &str,
        questions: &mut u32,
    ) -> Result<Vec<Locked>, BenchError> {
        let mut found = Vec::new();
        for earlier in earlier(version) {
            if *questions == 0 || found.len() == self.wanted {
                break;
            }
            *questions -= 1;
            if let Some(text) = self.with_version(&format!("{name}@{version}"), &earlier) {
                found.push((earlier, text));
            }
            write(self.lock, first)?;
        }
        Ok(found)
    }

    /// The lock file with `package` in another version, which is downloaded. `None` if cargo refuses.
    fn with_version(&self, package: &str, other: &str) -> Option<String> {
        let ask = |subcommand, args: &[&str]| {
            let command = cargo(subcommand, self.project).args(args.iter().copied());
            self.scratch.isolated(command).read().ok()
        };
        ask("update", &["--package", package, "--precise", other])?;
        ask("fetch", &["--locked"])?;
        read(self.lock).ok()
    }

    /// The dependencies from a registry that the crates of the extension name themselves, with the versions
    /// that the lock file has, by name.
    fn candidates(&self, lock: &str) -> Result<Vec<(String, String)>, BenchError> {
        let packages = self.scratch.metadata(self.project)?.packages;
        let is_ours = |name: &str| self.closure.crates.iter().any(|one| one.name == name);
        let ours = packages.into_iter().filter(|it| is_ours(&it.name));
        let dependencies = ours.flat_map(|package| package.dependencies);
        let names: BTreeSet<_> = dependencies.filter(is_built).map(|it| it.name).collect();
        let lock = LockFile::parse(lock);
        let locked = names.into_iter().filter_map(|name| {
            let version = lock.version(&name)?.to_owned();
            Some((name, version))
        });
        Ok(locked.collect())
    }
}

/// Whether a dependency is one from a registry that is built in every case.
fn is_built(dependency: &Dependency) -> bool {
    let source = dependency.source.as_ref();
    source.is_some_and(|it| it.repr.starts_with("registry+"))
        && dependency.kind == DependencyKind::Normal
        && dependency.target.is_none()
        && !dependency.optional
}

/// The versions before `version` that differ in the last place, the latest first.
fn earlier(version: &str) -> Vec<String> {
    let Some((above, patch)) = version.rsplit_once('.') else {
        return Vec::new();
    };
    let patch: u64 = patch.parse().unwrap_or(0);
    let patches = (0..patch).rev();
    patches.map(|patch| format!("{above}.{patch}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_versions_differ_in_the_last_place() {
        assert_eq!(earlier("1.2.3"), ["1.2.2", "1.2.1", "1.2.0"]);
        assert!(earlier("1.2.0").is_empty());
        assert!(earlier("1.2.3-rc.1+x").is_empty());
    }

    #[test]
    fn what_is_locked_twice_has_no_version() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1.0.1\"\n\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"b\"\nversion = \"2.0.0\"\n";
        let lock = LockFile::parse(lock);
        assert_eq!(lock.version("a"), Some("1.0.1"));
        assert_eq!(lock.version("b"), None);
        assert_eq!(lock.version("c"), None);
        assert_eq!(lock.package.len(), 3);
    }
}
