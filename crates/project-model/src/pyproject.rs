//! `pyproject.toml`, as far as building needs it (PEP 518, PEP 621, PEP 735, and maturin's own table:
//! <https://www.maturin.rs/config.html>).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use packaging::normalized;
use pep440_rs::VersionSpecifiers;
use serde::Deserialize;

use crate::ProjectError;
use crate::repository::{GITHUB, Repository};

/// The file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pyproject {
    /// `[build-system]`.
    pub build_system: Option<BuildSystem>,
    /// `[project]`; maturin does without, taking everything from Cargo.toml.
    pub project: Option<ProjectTable>,
    /// The names of `[dependency-groups]`.
    #[serde(default)]
    dependency_groups: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    tool: ToolTable,
}

/// `[build-system]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BuildSystem {
    /// What must be installed to build, as PEP 508 requirements.
    #[serde(default)]
    pub requires: Vec<String>,
    /// The PEP 517 backend; `maturin` for the projects that we can build.
    pub build_backend: Option<String>,
    /// Where a backend of the project's own is found.
    #[serde(default)]
    pub backend_path: Vec<String>,
}

/// `[project]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProjectTable {
    /// The name of the distribution.
    pub name: String,
    /// Its version, unless that is dynamic.
    pub version: Option<String>,
    /// The fields that come from somewhere else: with maturin, from Cargo.toml.
    #[serde(default)]
    pub dynamic: Vec<String>,
    /// The commands: by name, what they call.
    #[serde(default)]
    pub scripts: BTreeMap<String, String>,
    /// The same for commands without a terminal.
    #[serde(default)]
    pub gui_scripts: BTreeMap<String, String>,
    /// Patterns of the licence files, relative to the project.
    #[serde(default)]
    pub license_files: Vec<String>,
    /// `requires-python`.
    pub requires_python: Option<String>,
    /// What is to be installed beside it, as PEP 508 requirements.
    #[serde(default)]
    pub dependencies: Vec<String>,
    /// Addresses by their labels.
    #[serde(default)]
    pub urls: BTreeMap<String, String>,
    /// What is needed for each extra, as written.
    #[serde(default)]
    pub optional_dependencies: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct ToolTable {
    maturin: Option<MaturinTable>,
    #[serde(default)]
    uv: UvTable,
}

/// `[tool.uv]`, as far as it decides when uv builds the project again, and where it installs it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UvTable {
    cache_keys: Option<Vec<CacheKey>>,
    workspace: Option<UvWorkspaceTable>,
    managed: Option<bool>,
    package: Option<bool>,
    #[serde(default)]
    config_settings: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    config_settings_package: BTreeMap<String, serde_json::Map<String, serde_json::Value>>,
    default_groups: Option<serde_json::Value>,
    /// What was the group `dev` before there were groups.
    #[serde(default)]
    dev_dependencies: Vec<String>,
    #[serde(default)]
    conflicts: Vec<serde_json::Value>,
}

/// `[tool.uv.workspace]`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct UvWorkspaceTable {
    /// Patterns of the directories of other projects.
    #[serde(default)]
    pub(crate) members: Vec<String>,
    /// Patterns of those that are left out all the same.
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
}

/// One entry of `[tool.uv] cache-keys` (<https://docs.astral.sh/uv/reference/settings/#cache-keys>).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, rename_all_fields = "kebab-case")]
pub enum CacheKey {
    /// A file, or a pattern of files, relative to the project.
    Path(String),
    /// The same as a table.
    File {
        /// The file or pattern.
        file: String,
    },
    /// A directory: whether it is there, and since when.
    Directory {
        /// The directory.
        dir: String,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        env: String,
    },
    /// The commit or the tags of the git checkout.
    Git {
        /// Which of them.
        git: serde_json::Value,
    },
}

/// `[tool.maturin]`. Every key may be absent, and the whole table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MaturinTable {
    /// The Cargo.toml of the extension crate, relative to the project.
    pub manifest_path: Option<Utf8PathBuf>,
    /// The dotted name under which Python imports the extension.
    pub module_name: Option<String>,
    /// The directory of the Python packages, relative to the project.
    pub python_source: Option<Utf8PathBuf>,
    /// Python packages beside the one that holds the extension.
    #[serde(default)]
    pub python_packages: Vec<String>,
    /// Files that are packed beside those of the packages.
    #[serde(default)]
    pub include: Vec<Packing>,
    /// Files that are not packed.
    #[serde(default)]
    pub exclude: Vec<Packing>,
    /// The directory of what is installed elsewhere than among the modules: commands, headers and the like.
    pub data: Option<Utf8PathBuf>,
    /// How Python and Rust are bound together; found out by maturin, if absent.
    pub bindings: Option<String>,
    /// The cargo profile of every build.
    pub profile: Option<String>,
    /// The cargo profile of an editable build; before `profile`. Since maturin 1.10.
    pub editable_profile: Option<String>,
    /// Features of the extension crate: strings, or tables with a condition.
    #[serde(default)]
    pub features: Vec<serde_json::Value>,
    /// All features of the extension crate.
    #[serde(default)]
    pub all_features: bool,
    /// No default features of the extension crate.
    #[serde(default)]
    pub no_default_features: bool,
}

/// One entry of `include` or `exclude` in `[tool.maturin]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Packing {
    /// A pattern of files, relative to the project, for wheels and source distributions.
    Path(String),
    /// Files in the `OUT_DIR` of a build script.
    OutDir {
        /// The pattern, relative to that.
        path: String,
        /// Always `out-dir`.
        #[serde(rename = "from")]
        _from: String,
        /// The directory in the wheel.
        to: String,
        /// Whose build script it is, if not the extension's.
        crate_name: Option<String>,
    },
    /// A pattern for some formats only.
    Formats {
        /// The pattern.
        path: String,
        /// `sdist`, `wheel`, or a list of these.
        format: serde_json::Value,
    },
    /// What maturin refuses itself.
    Other(serde_json::Value),
}

impl Packing {
    /// The pattern, if it is one for wheels.
    #[must_use]
    pub fn for_wheels(&self) -> Option<&str> {
        match self {
            Self::Path(path) => Some(path),
            Self::Formats { path, format } => {
                let named = format
                    .as_array()
                    .map_or(std::slice::from_ref(format), Vec::as_slice);
                named.iter().any(|it| it == "wheel").then_some(path)
            }
            Self::OutDir { .. } | Self::Other(_) => None,
        }
    }
}

impl BuildSystem {
    /// What a build needs beside maturin.
    #[must_use]
    pub fn beside_maturin(&self) -> Vec<String> {
        let others = self.requires.iter();
        let others = others.filter(|requirement| requirement_name(requirement) != "maturin");
        others.cloned().collect()
    }
}

/// The name at the beginning of a requirement (PEP 508).
pub(crate) fn requirement_name(requirement: &str) -> &str {
    let text = requirement.trim_start();
    let is_in_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    text.split(|c| !is_in_name(c)).next().unwrap_or(text)
}

impl Pyproject {
    /// Reads `path`.
    pub fn read(path: &Utf8Path) -> Result<Self, ProjectError> {
        let text = fs_err::read_to_string(path).map_err(|source| ProjectError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse_text(&text, path)
    }

    /// The same of the text of the file at `path`.
    pub fn parse_text(text: &str, path: &Utf8Path) -> Result<Self, ProjectError> {
        Self::parse(text).map_err(|source| ProjectError::Toml {
            path: path.to_owned(),
            source,
        })
    }

    /// Reads the text of a file. Keys that building does not need are not looked at.
    pub(crate) fn parse(text: &str) -> Result<Self, toml_edit::de::Error> {
        // Editors on Windows may begin a file with a byte order mark.
        toml_edit::de::from_str(text.trim_start_matches('\u{feff}'))
    }

    /// `[tool.maturin]`; where there is none, an empty one.
    #[must_use]
    pub fn maturin(&self) -> &MaturinTable {
        static NONE: LazyLock<MaturinTable> = LazyLock::new(MaturinTable::default);
        self.tool.maturin.as_ref().unwrap_or(&NONE)
    }

    /// Whether there is `[tool.maturin]`.
    pub(crate) fn has_maturin_table(&self) -> bool {
        self.tool.maturin.is_some()
    }

    /// `[tool.uv] cache-keys`, if set.
    #[must_use]
    pub fn uv_cache_keys(&self) -> Option<&[CacheKey]> {
        self.tool.uv.cache_keys.as_deref()
    }

    /// `[tool.uv.workspace]`, if this is the root of one.
    pub(crate) fn uv_workspace(&self) -> Option<&UvWorkspaceTable> {
        self.tool.uv.workspace.as_ref()
    }

    /// Whether uv takes the project for one of its own: unless `[tool.uv] managed = false`.
    #[must_use]
    pub fn is_managed_by_uv(&self) -> bool {
        self.tool.uv.managed != Some(false)
    }

    /// Whether uv ever builds the project: it may be told to install only what it depends on.
    #[must_use]
    pub fn is_built_by_uv(&self) -> bool {
        self.is_managed_by_uv() && self.tool.uv.package != Some(false)
    }

    /// What uv hands on to the backend of the package `name`, where this is the root of its uv workspace: for
    /// all packages, and for this one.
    #[must_use]
    pub fn uv_config_settings(
        &self,
        name: &str,
    ) -> Vec<&serde_json::Map<String, serde_json::Value>> {
        let uv = &self.tool.uv;
        let own = uv.config_settings_package.iter();
        let own = own.filter(|(of, _)| normalized(of) == normalized(name));
        let own = own.map(|(_, settings)| settings);
        std::iter::once(&uv.config_settings).chain(own).collect()
    }

    /// The patterns in `[tool.uv.workspace] members`: directories of other projects.
    #[must_use]
    pub fn uv_workspace_members(&self) -> &[String] {
        let workspace = self.uv_workspace();
        workspace.map_or(&[], |workspace| &workspace.members)
    }

    /// The repository on GitHub that `[project.urls]` names, by the labels that PyPI knows
    /// (<https://packaging.python.org/en/latest/specifications/well-known-project-urls/>).
    #[must_use]
    pub fn repository(&self) -> Option<Repository> {
        let urls = &self.project.as_ref()?.urls;
        let plain = |label: &str| label.to_lowercase().replace([' ', '-', '_', '.'], "");
        let labelled = |wanted: &str| urls.iter().find(|(label, _)| plain(label) == wanted);
        let labels = ["repository", "source", "sourcecode", "github", "homepage"];
        let found = labels.into_iter().filter_map(labelled);
        let mut repositories = found.filter_map(|(_, url)| Repository::parse(url, GITHUB));
        repositories.find(|repository| repository.host == GITHUB)
    }

    /// The dependencies of the distribution, without its extras.
    #[must_use]
    pub fn dependencies(&self) -> &[String] {
        self.project
            .as_ref()
            .map_or(&[], |project| &project.dependencies)
    }

    /// The names of its extras, as written.
    #[must_use]
    pub fn extras(&self) -> Vec<&str> {
        let extras = self
            .project
            .iter()
            .flat_map(|it| it.optional_dependencies.keys());
        extras.map(String::as_str).collect()
    }

    /// The names of its dependency groups (PEP 735), as written.
    #[must_use]
    pub fn dependency_groups(&self) -> Vec<&str> {
        self.dependency_groups.keys().map(String::as_str).collect()
    }

    /// The groups that uv installs unless it is told otherwise: `[tool.uv] default-groups`, else `dev`, if
    /// there is one. `maturin develop` takes that as well.
    #[must_use]
    pub fn default_groups(&self) -> Vec<&str> {
        match &self.tool.uv.default_groups {
            Some(serde_json::Value::Array(names)) => {
                names.iter().filter_map(serde_json::Value::as_str).collect()
            }
            Some(_) => self.dependency_groups(),
            None => {
                let all = self.dependency_groups().into_iter();
                all.filter(|name| normalized(name) == "dev").collect()
            }
        }
    }

    /// Whether only uv's own resolution has the dependencies right: it has conflicts declared, or
    /// dependencies that stand in `[tool.uv]`.
    #[must_use]
    pub fn needs_uv_to_resolve(&self) -> bool {
        let uv = &self.tool.uv;
        !uv.conflicts.is_empty() || !uv.dev_dependencies.is_empty()
    }

    /// `requires-python`, read.
    pub(crate) fn requires_python(
        &self,
        path: &Utf8Path,
    ) -> Result<Option<VersionSpecifiers>, ProjectError> {
        let requires = self
            .project
            .as_ref()
            .and_then(|p| p.requires_python.as_deref());
        let parsed = requires.map(|text| {
            text.parse().map_err(|error| ProjectError::RequiresPython {
                path: path.to_owned(),
                text: text.to_owned(),
                // pep440_rs draws a picture over several lines; its first says what is wrong.
                reason: format!("{error}")
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            })
        });
        parsed.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_may_be_absent() {
        let pyproject = Pyproject::parse("").unwrap();
        assert!(pyproject.project.is_none());
        assert!(pyproject.maturin().module_name.is_none());
        assert!(pyproject.dependencies().is_empty());
    }

    #[test]
    fn the_repository_is_among_the_urls() {
        let repository = |urls: &str| {
            let text = format!("[project]\nname = 'a'\n[project.urls]\n{urls}");
            let found = Pyproject::parse(&text).unwrap().repository();
            found.map(|repository| repository.to_string())
        };
        let urls = "Homepage = 'https://a.example/x/y'\n'Source Code' = 'https://github.com/o/r/'";
        assert_eq!(repository(urls).as_deref(), Some("o/r"));
        assert_eq!(
            repository("homepage = 'https://github.com/o/r'").as_deref(),
            Some("o/r")
        );
        assert_eq!(repository("Issues = 'https://github.com/o/r/issues'"), None);
        assert_eq!(repository("Source = 'https://gitlab.com/o/r'"), None);
    }

    #[test]
    fn keys_of_other_tools_and_of_newer_versions_are_passed_over() {
        let text = "\u{feff}[project]\nname = 'a'\ndynamic = ['version']\nlicense = {text='MIT'}\n\
                    [dependency-groups]\ndev = ['pytest', {include-group='lint'}]\n\
                    [tool.ruff]\nline-length = 100\n\
                    [tool.maturin]\nmodule-name = 'a._a'\ninclude = [{path='x', format='sdist'}]\n";
        let pyproject = Pyproject::parse(text).unwrap();
        assert_eq!(pyproject.maturin().module_name.as_deref(), Some("a._a"));
        assert_eq!(pyproject.dependency_groups(), ["dev"]);
    }

    #[test]
    fn the_default_groups_are_those_of_uv() {
        for (table, expected) in [
            ("", &["Dev"][..]),
            ("default-groups = ['lint']", &["lint"]),
            ("default-groups = 'all'", &["Dev", "lint"]),
            ("default-groups = []", &[]),
        ] {
            let groups = "[dependency-groups]\nDev = []\nlint = []\n[tool.uv]\n";
            let pyproject = Pyproject::parse(&format!("{groups}{table}")).unwrap();
            assert_eq!(pyproject.default_groups(), expected, "{table}");
        }
        let without = Pyproject::parse("[dependency-groups]\nlint = []").unwrap();
        assert!(without.default_groups().is_empty());
    }

    #[test]
    fn a_wrong_requires_python_is_an_error_that_names_it() {
        let text = "[project]\nname = 'a'\nrequires-python = 'three'";
        let error = Pyproject::parse(text)
            .unwrap()
            .requires_python("pyproject.toml".into());
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains("`three`") && text.contains("pyproject.toml"),
            "{text}"
        );
    }
}
