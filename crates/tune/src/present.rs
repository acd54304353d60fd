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

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// As TOML in one line.
    pub(crate) value: String,
    /// A file or a variable.
    pub(crate) origin: String,
}

/// Where profiles are set, and what there.
#[derive(Debug, Clone)]
pub(crate) struct Present {
    pub(crate) profile: String,
    environment: BTreeMap<String, String>,
    /// The name of each file, for messages, and its values without ours; the file that wins comes first.
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
        let chain = self.chain();
        chain.iter().find_map(|profile| self.find_in(profile, key))
    }

    /// The profile that this one stands on in the end: `dev` or `release`, whose defaults are cargo's.
    pub(crate) fn base(&self) -> String {
        self.chain().pop().unwrap_or_default()
    }

    fn find_in(&self, profile: &str, key: &[&str]) -> Option<Found> {
        let variable = variable(profile, key);
        let by_name = self.environment.get(&variable);
        let for_all = self.environment.get(vars::CARGO_INCREMENTAL);
        let for_all = for_all.filter(|_| key == ["incremental"]);
        if let Some(value) = by_name {
            let (value, origin) = (value.clone(), variable);
            return Some(Found { value, origin });
        }
        if let Some(value) = for_all {
            let value = (value == "1").to_string();
            let origin = vars::CARGO_INCREMENTAL.to_owned();
            return Some(Found { value, origin });
        }
        self.files.iter().find_map(|(origin, values)| {
            let profile = values.get("profile")?.get(profile);
            let value = key
                .iter()
                .try_fold(profile?, |value, part| value.get(part))?;
            let (value, origin) = (value.to_string(), origin.clone());
            Some(Found { value, origin })
        })
    }

    /// The profile, the one it inherits from, and so on.
    fn chain(&self) -> Vec<String> {
        let mut chain = Vec::new();
        let mut next = Some(self.profile.clone());
        while let Some(profile) = next.filter(|it| !chain.contains(it)) {
            next = self.inherited(&profile);
            chain.push(profile);
        }
        chain
    }

    fn inherited(&self, profile: &str) -> Option<String> {
        let mut files = self.files.iter();
        let inherits = files.find_map(|(_, values)| {
            let profile = values.get("profile")?.get(profile)?;
            profile.get("inherits")?.as_str()
        });
        let by_cargo = match profile {
            "test" => Some("dev"),
            "bench" => Some("release"),
            _ => None,
        };
        inherits.or(by_cargo).map(str::to_owned)
    }
}

/// As cargo calls the variable for a key
/// (<https://doc.rust-lang.org/cargo/reference/environment-variables.html#configuration-environment-variables>).
fn variable(profile: &str, key: &[&str]) -> String {
    let parts = [&["cargo", "profile", profile], key].concat();
    parts.join("_").replace('-', "_").to_uppercase()
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
    let set = variables
        .into_iter()
        .find(|it| environment.contains_key(*it));
    let in_file = || {
        layers.files().find_map(|(path, config)| {
            let of_target = ["target", target, "rustflags"];
            let owner = config.owner_of(&of_target);
            let is_set = config.has(&of_target) && !config.is_by(&of_target, OWNER);
            let for_all =
                config.has(&["build", "rustflags"]) || has_flags_by_condition(&values(path));
            let owner = owner.filter(|_| is_set);
            let by = owner.map(|owner| format!(", by `{owner}`"));
            (is_set || for_all).then(|| shown(path) + &by.unwrap_or_default())
        })
    };
    set.map(str::to_owned).or_else(in_file)
}

/// Whether there is a `[target.'cfg(…)'] rustflags`.
fn has_flags_by_condition(values: &Value) -> bool {
    let targets = values.get("target").and_then(Value::as_object);
    let mut conditions = targets.into_iter().flatten();
    conditions.any(|(name, table)| name.starts_with("cfg(") && table.get("rustflags").is_some())
}

#[cfg(test)]
mod tests;
