//! `[workspace.metadata.xtask]`, or `.pyext`: what a project decides about its own builds. A package of the
//! workspace may have a table of its own, `[package.metadata.xtask]`, which stands in its place.

use camino::Utf8PathBuf;
use packaging::PythonVersion;
use packaging::checked::Tag;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use crate::Selection;

/// The table. A project without one gets the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Policy {
    /// Requirements files with pinned versions and hashes that make up the development environment,
    /// relative to the project. Without any, `uv.lock` decides; without that, the newest that fit.
    #[serde(default)]
    pub dev_requirements: Vec<Utf8PathBuf>,
    /// Which extras and dependency groups are installed, where `dev` has not been told which.
    #[serde(default)]
    pub dependencies: Selection,
    /// The page of the repository, `https://github.com/owner/name`, for where neither git nor GitHub's
    /// runners tell.
    #[serde(default)]
    pub repository: Option<String>,
    /// Whether `dev` links the extension against a library of its third-party crates: where it gains, if this
    /// is not said.
    #[serde(default)]
    pub prelink: Option<bool>,
    /// What is released.
    #[serde(default)]
    pub wheel: WheelPolicy,
    /// That it is for Google Colab: a wheel that no runtime of Colab can install is an error then.
    #[serde(default)]
    pub colab: Option<ColabPolicy>,
}

/// `[workspace.metadata.xtask.colab]`: the notebook. Paths are relative to the project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ColabPolicy {
    /// Where the notebook is kept.
    pub notebook: Option<Utf8PathBuf>,
    /// Python code that uses what was installed: the notebook's last cell.
    pub check: Option<Utf8PathBuf>,
}

/// `[workspace.metadata.xtask.wheel]`: which wheels are released, and what they must keep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct WheelPolicy {
    /// Platform tags such as `manylinux_2_28_x86_64`. Without any: `manylinux_2_28` on the machine at hand.
    pub platforms: Vec<String>,
    /// Versions of CPython such as `3.12`, or `3.14t` without the GIL, a wheel for each. Without any: one
    /// wheel with pyo3's stable ABI, which serves all versions from the oldest that its feature names;
    /// without that ABI, one for each version that `requires-python` allows and that this machine or Google
    /// Colab has.
    pub pythons: Vec<PythonVersion>,
    /// Features of the extension crate.
    #[serde(flatten)]
    pub features: Features,
    /// In place of these, those of a wheel for one version of CPython, which must switch the stable ABI off.
    pub one_python: Option<Features>,
    /// What a container needs before a wheel is built in it: packages by name (`clang`), or commands
    /// (`dnf install -y clang`). They are run in containers only; on a machine, what they bring is there.
    pub before: Vec<String>,
    /// Whether wheels for release get the project's version as it is, as PyPI takes it. Then they can only be
    /// built from a commit without changes that has a tag with this version.
    pub release_version: bool,
    /// The tag of the release that always holds the newest wheels.
    pub release_tag: Option<Tag>,
    /// The largest size of a wheel, in bytes.
    pub max_size_bytes: Option<u64>,
    /// Commands that must succeed where a wheel has been installed, each with its arguments. They are run one
    /// after the other in one empty directory; `python` is that of the environment, and an argument that
    /// names a file of the project is that file.
    pub smoke: Vec<Vec<String>>,
}

/// A choice of cargo features.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Features {
    /// `--features`.
    pub features: Vec<String>,
    /// `--no-default-features`.
    pub no_default_features: bool,
}

impl Policy {
    /// Whether `metadata` has the table.
    pub(crate) fn is_in(metadata: &serde_json::Value) -> bool {
        ["xtask", "pyext"]
            .iter()
            .any(|name| metadata.get(name).is_some())
    }

    /// Reads `[workspace.metadata]`, or `[package.metadata]`, as `cargo metadata` gives it.
    pub(crate) fn from_metadata(metadata: &serde_json::Value) -> Result<Self, serde_json::Error> {
        match (metadata.get("xtask"), metadata.get("pyext")) {
            (Some(_), Some(_)) => Err(serde_json::Error::custom(
                "there are both `xtask` and `pyext`, which are names of the same table",
            )),
            (Some(table), None) | (None, Some(table)) => Self::deserialize(table),
            (None, None) => Ok(Self::default()),
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
    fn the_table_has_two_names_and_one_place() {
        let table = json!({"prelink": false});
        for name in ["xtask", "pyext"] {
            let policy = Policy::from_metadata(&json!({name: table})).unwrap();
            assert_eq!(policy.prelink, Some(false), "{name}");
        }
        let both = Policy::from_metadata(&json!({"xtask": table, "pyext": table}));
        assert!(both.unwrap_err().to_string().contains("both"));
    }

    #[test]
    fn a_wheel_for_one_python_may_have_features_of_its_own() {
        let wheel = json!({
            "features": ["fast"],
            "one-python": {"no-default-features": true},
            "smoke": [["thing", "--help"]],
        });
        let policy = Policy::from_metadata(&json!({"xtask": {"wheel": wheel}})).unwrap();
        assert_eq!(policy.wheel.features.features, ["fast"]);
        assert!(policy.wheel.one_python.unwrap().no_default_features);
        let wrong = json!({"xtask": {"wheel": {"plattforms": []}}});
        let error = Policy::from_metadata(&wrong).unwrap_err().to_string();
        assert!(error.contains("plattforms"), "{error}");
    }

    /// The tables in the blocks of `toml` on the page `name`.
    fn shown_on(name: &str) -> Vec<serde_json::Value> {
        let docs = camino::Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let text = fs_err::read_to_string(docs.join(name)).unwrap();
        let blocks = text.split("```").skip(1).step_by(2);
        let tables = blocks.filter_map(|block| block.strip_prefix("toml\n"));
        let tables = tables.map(|block| toml_edit::de::from_str(block).unwrap());
        tables
            .filter_map(|table: serde_json::Value| table.pointer("/workspace/metadata").cloned())
            .collect()
    }

    #[test]
    fn the_tables_that_the_pages_show_are_understood() {
        for page in ["environments.md", "prelinking.md", "wheels.md"] {
            let tables = shown_on(page);
            assert!(!tables.is_empty(), "{page}");
            for table in tables {
                let policy = Policy::from_metadata(&table).unwrap();
                assert_ne!(policy, Policy::default(), "{page}: {table}");
            }
        }
    }

    #[test]
    fn a_key_that_is_not_known_is_refused() {
        let error = Policy::from_metadata(&json!({"xtask": {"dev-requirement": ["a.txt"]}}));
        assert!(error.unwrap_err().to_string().contains("dev-requirement"));
    }
}
