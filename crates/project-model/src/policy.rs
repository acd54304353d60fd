//! `[workspace.metadata.xtask]`: what a project decides about its own builds.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

/// The table. A project without one gets the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Policy {
    /// Requirements files with pinned versions and hashes that make up the development environment,
    /// relative to the project. Without any, `uv.lock` decides; without that, the newest that fit.
    #[serde(default)]
    pub dev_requirements: Vec<Utf8PathBuf>,
}

impl Policy {
    /// Reads `[workspace.metadata]` as `cargo metadata` gives it.
    pub(crate) fn from_metadata(metadata: &serde_json::Value) -> Result<Self, serde_json::Error> {
        match metadata.get("xtask") {
            Some(table) => Self::deserialize(table),
            None => Ok(Self::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn other_tools_may_keep_their_tables_beside_it() {
        let policy = Policy::from_metadata(&json!({"dist": {"ci": "github"}})).unwrap();
        assert_eq!(policy, Policy::default());
        assert_eq!(
            Policy::from_metadata(&json!(null)).unwrap(),
            Policy::default()
        );
    }

    #[test]
    fn a_key_that_is_not_known_is_refused() {
        let error = Policy::from_metadata(&json!({"xtask": {"dev-requirement": ["a.txt"]}}));
        assert!(error.unwrap_err().to_string().contains("dev-requirement"));
    }
}
