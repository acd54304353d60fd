//! What is set now: for each key its value, and where that comes from.
//!
//! What an earlier call of `cargo xtask tune` has written counts as not set: each measurement starts from the
//! project as if there had been none.

use std::collections::BTreeMap;

use camino::Utf8Path;
use cargo_settings::Layers;
use config_edit::{CargoManifest, EditError};
use environment::{cargo_env, vars};
use serde_json::Value;

use crate::OWNER;

/// A value that somebody has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// As TOML in one line.
    pub(crate) value: String,
    /// The file or the variable.
    pub(crate) origin: String,
}

/// Where profiles are set, and what there.
#[derive(Debug, Clone)]
pub(crate) struct Present {
    /// The profile.
    pub(crate) profile: String,
    environment: BTreeMap<String, String>,
    /// Files, the one that wins first: for messages its name, its values, and its keys that are ours.
    files: Vec<(String, Value)>,
    /// Who has set flags for rustc, among which a linker could be.
    pub(crate) flags: Option<String>,
}

impl Present {
    /// Looks for the keys of `profile` in the environment, in cargo's configuration as it is in force in
    /// `root`, and in `manifest`, the workspace's Cargo.toml. `target` is the triple that is compiled for.
    pub(crate) fn read(
        profile: &str,
        root: &Utf8Path,
        manifest: &Utf8Path,
        target: &str,
    ) -> Result<Self, EditError> {
        let layers = Layers::read(root)?;
        let environment = cargo_env::environment();
        let shown = |path: &Utf8Path| path.strip_prefix(root).unwrap_or(path).to_string();
        let mut files: Vec<_> = layers
            .files()
            .map(|(path, _)| (shown(path), values(path)))
            .collect();
        // What is ours is left out of the text before it is read.
        let mut without_ours = CargoManifest::read(manifest)?;
        without_ours.undo(OWNER)?;
        let text = without_ours.into_change().new.unwrap_or_default();
        files.push((shown(manifest), parsed(&text)));
        Ok(Self {
            profile: profile.to_owned(),
            flags: flags(&environment, &layers, target, &shown),
            environment,
            files,
        })
    }

    /// What is set for a key of the profile, or of one that it inherits from. Beyond that cargo's default is
    /// in force.
    pub(crate) fn find(&self, key: &[&str]) -> Option<Found> {
        self.chain()
            .iter()
            .find_map(|profile| self.find_in(profile, key))
    }

    /// The profile that this one stands on in the end: `dev` or `release`, whose defaults are cargo's.
    pub(crate) fn base(&self) -> String {
        self.chain().pop().unwrap_or_default()
    }

    fn find_in(&self, profile: &str, key: &[&str]) -> Option<Found> {
        let variable = variable(profile, key);
        if let Some(value) = self.environment.get(&variable) {
            return Some(Found {
                value: value.clone(),
                origin: variable,
            });
        }
        if let ("incremental", Some(value)) = (
            key.first().copied().unwrap_or_default(),
            self.environment.get(vars::CARGO_INCREMENTAL),
        ) {
            return Some(Found {
                value: (value == "1").to_string(),
                origin: vars::CARGO_INCREMENTAL.to_owned(),
            });
        }
        let mut files = self.files.iter();
        files.find_map(|(origin, values)| {
            let mut value = values.get("profile")?.get(profile)?;
            for part in key {
                value = value.get(part)?;
            }
            Some(Found {
                value: value.to_string(),
                origin: origin.clone(),
            })
        })
    }

    /// The profile, the one it inherits from, and so on.
    fn chain(&self) -> Vec<String> {
        let mut chain = vec![self.profile.clone()];
        while let Some(next) = self.inherited(chain.last().map_or("", String::as_str)) {
            if chain.contains(&next) {
                break;
            }
            chain.push(next);
        }
        chain
    }

    fn inherited(&self, profile: &str) -> Option<String> {
        let mut files = self.files.iter();
        let inherits = files.find_map(|(_, values)| {
            let profile = values.get("profile")?.get(profile)?;
            profile.get("inherits")?.as_str().map(str::to_owned)
        });
        inherits.or(match profile {
            "test" => Some("dev".to_owned()),
            "bench" => Some("release".to_owned()),
            _ => None,
        })
    }
}

/// As cargo calls the variable for a key
/// (<https://doc.rust-lang.org/cargo/reference/environment-variables.html#configuration-environment-variables>).
fn variable(profile: &str, key: &[&str]) -> String {
    let parts = ["cargo", "profile", profile].into_iter();
    let parts = parts.chain(key.iter().copied());
    let parts: Vec<_> = parts
        .map(|part| part.replace('-', "_").to_uppercase())
        .collect();
    parts.join("_")
}

fn values(path: &Utf8Path) -> Value {
    parsed(&fs_err::read_to_string(path).unwrap_or_default())
}

/// A text that the editor has read already, so that it is TOML.
fn parsed(text: &str) -> Value {
    toml_edit::de::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_default()
}

/// Who has set flags for the compiler, where ours would stand beside them or be passed over.
fn flags(
    environment: &BTreeMap<String, String>,
    layers: &Layers,
    target: &str,
    shown: &dyn Fn(&Utf8Path) -> String,
) -> Option<String> {
    let of_target = format!(
        "CARGO_TARGET_{}_RUSTFLAGS",
        target.replace('-', "_").to_uppercase()
    );
    let variables = [
        vars::CARGO_ENCODED_RUSTFLAGS,
        vars::RUSTFLAGS,
        &of_target,
        "CARGO_BUILD_RUSTFLAGS",
    ];
    if let Some(name) = variables
        .into_iter()
        .find(|it| environment.contains_key(*it))
    {
        return Some(name.to_owned());
    }
    layers.files().find_map(|(path, config)| {
        let of_target = ["target", target, "rustflags"];
        let owner = config.owner_of(&of_target);
        let is_ours = owner.as_deref() == Some(OWNER.0);
        let is_set = config.has(&of_target) && !is_ours;
        let for_all = config.has(&["build", "rustflags"]) || has_flags_by_condition(&values(path));
        let by = owner
            .filter(|_| is_set)
            .map(|owner| format!(", by `{owner}`"));
        (is_set || for_all).then(|| format!("{}{}", shown(path), by.unwrap_or_default()))
    })
}

/// Whether there is a `[target.'cfg(…)'] rustflags`.
fn has_flags_by_condition(values: &Value) -> bool {
    let targets = values.get("target").and_then(Value::as_object);
    let mut conditions = targets.into_iter().flatten();
    conditions.any(|(name, table)| name.starts_with("cfg(") && table.get("rustflags").is_some())
}

#[cfg(test)]
mod tests;
