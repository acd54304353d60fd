//! Keeping uv's notion of "fresh" true after a build that it knows nothing of.
//!
//! uv notes in `uv_cache.json`, beside the install, the inputs of a build: the latest change time among the
//! files that `[tool.uv] cache-keys` names, and variables and directories
//! (its crate `uv-cache-info`; undocumented, format as of uv 0.13). If they differ when `uv run` or `uv sync`
//! looks, it builds the project again, in isolation. A build of ours is newer than that note; so the note is
//! written anew, as uv would. That we read the format right is checked each time uv writes it: where
//! our reading of the inputs is not what uv noted itself, the file is left alone.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::time::UNIX_EPOCH;

use cache_keys::paths::{is_tree_in, matching};
use camino::{Utf8Path, Utf8PathBuf};
use environment::cargo_env;
use project_model::{CacheKey, Project};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const FILE: &str = "uv_cache.json";

/// A time, as uv writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Time {
    secs_since_epoch: i64,
    nanos_since_epoch: i64,
}

/// The inputs, as uv writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct CacheInfo {
    timestamp: Option<Time>,
    commit: Value,
    tags: Value,
    env: BTreeMap<String, Option<String>>,
    directories: BTreeMap<String, Option<Time>>,
}

/// Whether the note that uv has just written in `dist_info` is what we would have written.
#[must_use]
pub fn is_understood(project: &Project, dist_info: &Utf8Path) -> bool {
    let text = fs_err::read_to_string(dist_info.join(FILE)).unwrap_or_default();
    let noted = serde_json::from_str::<CacheInfo>(&text).ok();
    noted.is_some() && noted == read_inputs(project)
}

/// Writes the note anew, as of now. Nothing has changed below the directories `settled` since it was written.
pub fn refresh(
    project: &Project,
    dist_info: &Utf8Path,
    settled: &[Utf8PathBuf],
) -> std::io::Result<()> {
    let path = dist_info.join(FILE);
    let text = fs_err::read_to_string(&path).unwrap_or_default();
    let noted: Option<CacheInfo> = serde_json::from_str(&text).ok();
    match read_inputs_since(project, noted.as_ref(), settled) {
        Some(info) if noted.as_ref() != Some(&info) => {
            files::write::atomically(&path, &serde_json::to_string(&info)?)
        }
        _ => Ok(()),
    }
}

/// The inputs as of now, without a look at what lies below the directories `settled` where the rest tells
/// enough: nothing there is later than what was `noted`.
fn read_inputs_since(
    project: &Project,
    noted: Option<&CacheInfo>,
    settled: &[Utf8PathBuf],
) -> Option<CacheInfo> {
    let rest = noted.and_then(|_| read_inputs_without(project, settled));
    match (rest, noted) {
        (Some(rest), Some(noted)) if rest.timestamp >= noted.timestamp => Some(rest),
        _ => read_inputs(project),
    }
}

/// Writes anew which directories there are. That the library is gone, uv is told by a key for a directory,
/// and what it has noted itself was so before the library was there. The times stay as uv has read them: what
/// was written since then, it is to find changed.
pub fn note_directories(project: &Project, dist_info: &Utf8Path) -> std::io::Result<()> {
    let path = dist_info.join(FILE);
    let text = fs_err::read_to_string(&path).unwrap_or_default();
    let noted = serde_json::from_str::<CacheInfo>(&text).ok();
    let (Some(mut noted), Some(now)) = (noted, read_inputs(project)) else {
        return Ok(());
    };
    if noted.directories == now.directories {
        return Ok(());
    }
    noted.directories = now.directories;
    files::write::atomically(&path, &serde_json::to_string(&noted)?)
}

/// The inputs as of now. `None` where the keys ask for something that we do not know how to note.
fn read_inputs(project: &Project) -> Option<CacheInfo> {
    read_inputs_without(project, &[])
}

/// The same without trees in the directories `settled`.
fn read_inputs_without(project: &Project, settled: &[Utf8PathBuf]) -> Option<CacheInfo> {
    let mut info = CacheInfo {
        timestamp: None,
        commit: Value::Null,
        tags: Value::Null,
        env: BTreeMap::new(),
        directories: BTreeMap::new(),
    };
    let defaults = default_keys();
    // uv is started without what cargo has added to our environment.
    let environment = cargo_env::environment();
    for key in project.pyproject.uv_cache_keys().unwrap_or(&defaults) {
        match key {
            CacheKey::Path(pattern) | CacheKey::File { file: pattern }
                if is_tree_in(&project.root, pattern, settled) => {}
            CacheKey::Path(pattern) | CacheKey::File { file: pattern } => {
                let times = matching(&project.root, pattern)?
                    .into_iter()
                    .filter_map(|path| changed(&path));
                info.timestamp = times.chain(info.timestamp).max();
            }
            CacheKey::Directory { dir } => {
                let path = project.root.join(dir);
                // Of a file in its place uv notes nothing.
                if !path.is_file() {
                    info.directories.insert(dir.clone(), created(&path));
                }
            }
            CacheKey::Environment { env } => {
                info.env.insert(env.clone(), environment.get(env).cloned());
            }
            CacheKey::Git { .. } => return None,
        }
    }
    Some(info)
}

/// What uv takes where pyproject.toml has no `cache-keys`.
fn default_keys() -> Vec<CacheKey> {
    let files = ["pyproject.toml", "setup.py", "setup.cfg"];
    let files = files.map(|file| CacheKey::Path(file.to_owned()));
    let source = CacheKey::Directory {
        dir: "src".to_owned(),
    };
    files.into_iter().chain([source]).collect()
}

/// When a file, or what the file system notes of it, was last changed (`ctime`).
fn changed(path: &Utf8Path) -> Option<Time> {
    let metadata = fs_err::metadata(path).ok()?;
    metadata.is_file().then(|| Time {
        secs_since_epoch: metadata.ctime(),
        nanos_since_epoch: metadata.ctime_nsec(),
    })
}

/// When a directory was made.
fn created(path: &Utf8Path) -> Option<Time> {
    let since_epoch = fs_err::metadata(path)
        .ok()?
        .created()
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    Some(Time {
        secs_since_epoch: since_epoch.as_secs().try_into().ok()?,
        nanos_since_epoch: since_epoch.subsec_nanos().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    fn inputs(fixture: &Fixture) -> Option<CacheInfo> {
        read_inputs(&Project::load(&fixture.root()).unwrap())
    }

    fn with_keys(keys: &str) -> Fixture {
        let fixture = Fixture::pure_rust("thing");
        let keys = format!("[tool.uv]\ncache-keys = {keys}\n[project]");
        fixture.edit("pyproject.toml", "[project]", &keys);
        fixture
    }

    #[test]
    fn a_changed_source_counts_where_the_keys_name_it() {
        let fixture = with_keys(r#"[{ file = "pyproject.toml" }, "src/**/*.rs"]"#);
        let before = inputs(&fixture).unwrap();
        fixture.write("README.md", "not an input");
        assert_eq!(inputs(&fixture).unwrap(), before);
        fixture.write("src/deep/new.rs", "");
        assert!(inputs(&fixture).unwrap().timestamp > before.timestamp);
    }

    #[test]
    fn of_a_directory_is_noted_since_when_it_is_there_and_of_a_file_nothing() {
        let fixture = with_keys(r#"[{ dir = "src" }, { dir = "Cargo.toml" }, { dir = "gone" }]"#);
        let noted = inputs(&fixture).unwrap().directories;
        let noted: Vec<_> = noted
            .iter()
            .map(|(name, time)| (name.as_str(), time.is_some()))
            .collect();
        assert_eq!(noted, [("gone", false), ("src", true)]);
    }

    #[test]
    fn a_tree_in_which_nothing_has_changed_is_passed_over_where_the_rest_is_as_new() {
        let fixture = with_keys(r#"[{ file = "Cargo.toml" }, "data/**/*"]"#);
        fixture.write("data/a", "");
        let project = Project::load(&fixture.root()).unwrap();
        let settled = [fixture.root().join("data")];
        let since = |noted: &CacheInfo| read_inputs_since(&project, Some(noted), &settled);
        let tick = || std::thread::sleep(std::time::Duration::from_millis(20));
        // The newest is in the tree, so that the rest does not tell.
        tick();
        fixture.write("data/a", "a");
        let newest_in_tree = inputs(&fixture).unwrap();
        assert_eq!(since(&newest_in_tree), Some(newest_in_tree.clone()));
        tick();
        fixture.edit("Cargo.toml", "[lib]", "[lib] #");
        let now = inputs(&fixture).unwrap();
        assert!(now.timestamp > newest_in_tree.timestamp);
        assert_eq!(since(&newest_in_tree), Some(now.clone()));
        // Not looked at: what changes there, the caller knows.
        tick();
        fixture.write("data/a", "b");
        assert_eq!(since(&now), Some(now));
    }

    #[test]
    fn keys_that_we_cannot_read_as_uv_does_are_left_alone() {
        assert!(inputs(&with_keys("[{ git = { commit = true } }]")).is_none());
        assert!(inputs(&with_keys(r#"["*.rs"]"#)).is_none());
        assert!(inputs(&with_keys(r#"[{ env = "CC" }]"#)).is_some());
    }
}
