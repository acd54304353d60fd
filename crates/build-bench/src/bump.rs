//! Another version of one dependency: found by asking cargo for earlier ones, since no newer one need exist.
//! Each run takes one that was never built before; a version that is built a second time would come from
//! `target/` or a cache.

use camino::Utf8Path;
use environment::cargo_env;
use processes::Invocation;
use project_model::Closure;
use serde_json::Value;
use trial::files::{read, replace, write};

use crate::error::BenchError;
use crate::results::Bumped;
use crate::scratch::ScratchDir;

/// How often cargo is asked, each time for one version.
const QUESTIONS: u32 = 24;

/// Writes up to `wanted` lock files beside that of the copy, each with another version of the same
/// dependency, and downloads these. `None` if there is no such dependency, or no registry.
pub(crate) fn find(
    scratch: &ScratchDir,
    manifest: &Utf8Path,
    lock: &Utf8Path,
    closure: &Closure,
    wanted: usize,
) -> Result<Option<Bumped>, BenchError> {
    let first = read(lock)?;
    let mut questions = QUESTIONS;
    let mut best: Option<(Bumped, Vec<String>)> = None;
    for (name, version) in candidates(scratch, manifest, &first, closure) {
        let mut found = Bumped {
            name,
            versions: vec![version.clone()],
        };
        let mut locks = Vec::new();
        for earlier in earlier(&version) {
            if questions == 0 || locks.len() == wanted {
                break;
            }
            questions -= 1;
            let asked = (&*found.name, &*version, &*earlier);
            if let Some(text) = with_version(scratch, manifest, lock, asked) {
                found.versions.push(earlier);
                locks.push(text);
            }
            write(lock, &first)?;
        }
        let most = best.as_ref().map_or(0, |(_, most)| most.len());
        if locks.len() > most {
            best = Some((found, locks));
        }
        if questions == 0 || best.as_ref().is_some_and(|(_, most)| most.len() == wanted) {
            break;
        }
    }
    let Some((found, locks)) = best else {
        return Ok(None);
    };
    for (number, text) in locks.iter().enumerate() {
        replace(&scratch.lock_file(number + 1), text)?;
    }
    Ok(Some(found))
}

/// The lock file with one dependency in another version, which is downloaded. `None` if cargo refuses.
fn with_version(
    scratch: &ScratchDir,
    manifest: &Utf8Path,
    lock: &Utf8Path,
    (name, version, other): (&str, &str, &str),
) -> Option<String> {
    let cargo = |args: &[&str]| {
        let command = Invocation::new(cargo_env::cargo())
            .args(args.iter().copied())
            .args(["--quiet", "--manifest-path", manifest.as_str()])
            .cwd(dir_of(manifest));
        scratch.isolated(command).read().ok()
    };
    cargo(&[
        "update",
        "--package",
        &format!("{name}@{version}"),
        "--precise",
        other,
    ])?;
    cargo(&["fetch", "--locked"])?;
    read(lock).ok()
}

/// The dependencies from a registry that the crates of the extension name themselves, with the versions that
/// the lock file has, by name.
fn candidates(
    scratch: &ScratchDir,
    manifest: &Utf8Path,
    lock: &str,
    closure: &Closure,
) -> Vec<(String, String)> {
    let command = Invocation::new(cargo_env::cargo()).args([
        "metadata",
        "--no-deps",
        "--format-version=1",
        "--manifest-path",
        manifest.as_str(),
    ]);
    let command = command.cwd(dir_of(manifest));
    let text = scratch.isolated(command).read().unwrap_or_default();
    let metadata: Value = serde_json::from_str(&text).unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let ours = packages.filter(|package| {
        let name = package["name"].as_str().unwrap_or_default();
        closure.crates.iter().any(|one| one.name == name)
    });
    let dependencies =
        ours.flat_map(|package| package["dependencies"].as_array().into_iter().flatten());
    let built = dependencies.filter(|it| is_built(it));
    let mut names: Vec<_> = built
        .filter_map(|it| it["name"].as_str())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    let locked = names.into_iter().filter_map(|name| {
        let version = locked_version(lock, &name)?;
        Some((name, version))
    });
    locked.collect()
}

/// Whether a dependency is one from a registry that is built in every case.
fn is_built(dependency: &Value) -> bool {
    let source = dependency["source"].as_str();
    source.is_some_and(|it| it.starts_with("registry+"))
        && dependency["kind"].is_null()
        && dependency["target"].is_null()
        && dependency["optional"] == false
}

/// Where cargo finds the configuration and the toolchain of the crate.
fn dir_of(manifest: &Utf8Path) -> &Utf8Path {
    manifest.parent().unwrap_or(manifest)
}

/// The version of `name` in a lock file, if it is there once.
fn locked_version(lock: &str, name: &str) -> Option<String> {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let mut versions = lock.match_indices(&entry);
    let (at, _) = versions.next()?;
    let rest = &lock[at + entry.len()..];
    let version = rest.split('"').next()?;
    versions.next().is_none().then(|| version.to_owned())
}

/// The versions before `version` that differ in the last place, the latest first.
fn earlier(version: &str) -> Vec<String> {
    let Some((above, patch)) = version.rsplit_once('.') else {
        return Vec::new();
    };
    let patch: u64 = patch.parse().unwrap_or(0);
    (0..patch)
        .rev()
        .map(|patch| format!("{above}.{patch}"))
        .collect()
}

/// How many packages a lock file names.
pub(crate) fn packages(lock: &str) -> usize {
    lock.matches("[[package]]").count()
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
        assert_eq!(locked_version(lock, "a").as_deref(), Some("1.0.1"));
        assert_eq!(locked_version(lock, "b"), None);
        assert_eq!(locked_version(lock, "c"), None);
        assert_eq!(packages(lock), 3);
    }
}
