//! Settings of a build that cargo keeps as digests only, so that what has changed in them can be named.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8Path;
use cargo_settings::Layers;
use project_model::Workspace;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The versions of each package.
pub(crate) type Versions = BTreeMap<String, BTreeSet<String>>;

/// Those of one build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// What the compiler says of itself.
    pub(crate) rustc: Option<String>,
    /// What is called for crates of the workspace in the place of rustc, by cargo's configuration.
    pub(crate) workspace_wrapper: Option<String>,
    /// Those of profiles: `profile.dev.debug`.
    pub(crate) profiles: BTreeMap<String, String>,
}

impl Settings {
    /// Those of `workspace`, beside `config`.
    pub(crate) fn read(workspace: &Workspace, config: &Layers) -> Self {
        let wrapper = config.string(&["build", "rustc-workspace-wrapper"]);
        let manifest = workspace.root.join("Cargo.toml");
        let manifest = fs_err::read_to_string(manifest).unwrap_or_default();
        let mut profiles = BTreeMap::new();
        note_profiles(&manifest, &mut profiles);
        // Of two files the first wins, and each over Cargo.toml.
        let files: Vec<_> = config.files().collect();
        for (_, file) in files.into_iter().rev() {
            note_profiles(file.text(), &mut profiles);
        }
        Self {
            rustc: [&workspace.build_dir, &workspace.target_dir]
                .into_iter()
                .find_map(|dir| rustc(dir)),
            workspace_wrapper: wrapper.map(|it| it.value),
            profiles,
        }
    }

    /// What has changed of profiles since `earlier`.
    pub(crate) fn changes_of_profiles(&self, earlier: &Self) -> BTreeSet<String> {
        let keys = self.profiles.keys().chain(earlier.profiles.keys());
        let changes = keys.filter_map(|key| {
            let (now, then) = (self.profiles.get(key), earlier.profiles.get(key));
            let shown = |value: Option<&String>| value.map_or("not set", String::as_str).to_owned();
            (now != then).then(|| format!("{key} is {}, and was {}", shown(now), shown(then)))
        });
        changes.collect()
    }
}

fn note_profiles(text: &str, profiles: &mut BTreeMap<String, String>) {
    // Most have none, and to parse them takes a while.
    if !text.contains("profile") {
        return;
    }
    let text = text.trim_start_matches('\u{feff}');
    let value: Value = toml_edit::de::from_str(text).unwrap_or_default();
    if let Some(value) = value.get("profile") {
        flatten("profile", value, profiles);
    }
}

fn flatten(key: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value.as_object() {
        Some(table) => {
            for (name, value) in table {
                flatten(&format!("{key}.{name}"), value, into);
            }
        }
        None => {
            into.insert(key.to_owned(), value.to_string());
        }
    }
}

/// The first line of `rustc -vV`, which cargo keeps.
fn rustc(target_dir: &Utf8Path) -> Option<String> {
    let text = fs_err::read_to_string(target_dir.join(".rustc_info.json")).ok()?;
    let info: Value = serde_json::from_str(&text).ok()?;
    let outputs = info.get("outputs")?.as_object()?.values();
    let mut outputs = outputs.filter_map(|it| it.get("stdout")?.as_str()?.lines().next());
    let line = outputs.find(|line| line.starts_with("rustc "))?;
    Some(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_profiles_that_have_changed_are_named() {
        let of = |text: &str| {
            let mut profiles = BTreeMap::new();
            note_profiles(text, &mut profiles);
            Settings {
                profiles,
                ..Settings::default()
            }
        };
        let old = of("[profile.dev]\ndebug = 1\nopt-level = 0\n");
        let new = of(
            "[profile.dev]\ndebug = false\nopt-level = 0\n[profile.dev.package.a]\nstrip = true",
        );
        let changes: Vec<_> = new.changes_of_profiles(&old).into_iter().collect();
        let expected = [
            "profile.dev.debug is false, and was 1",
            "profile.dev.package.a.strip is true, and was not set",
        ];
        assert_eq!(changes, expected);
        assert!(old.changes_of_profiles(&old).is_empty());
        assert_eq!(of("no [toml").profiles, BTreeMap::new());
    }

    #[test]
    fn what_cargo_has_noted_of_the_compiler_is_read() {
        let dir = testkit::TempDir::new();
        assert_eq!(rustc(dir.path()), None);
        let text = r#"{"outputs":{"1":{"stdout":"___\n"},"2":{"stdout":"rustc 1.95.0 (5980 2026)\nbinary: rustc\n"}}}"#;
        fs_err::write(dir.path().join(".rustc_info.json"), text).unwrap();
        assert_eq!(rustc(dir.path()).unwrap(), "rustc 1.95.0 (5980 2026)");
    }
}
