//! How the extension is bound to Python: by the features of pyo3, as maturin looks at them (its `bridge`,
//! 1.16).

use camino::Utf8Path;
use environment::cargo_env;
use processes::Invocation;
use project_model::{Features, Project};

use crate::error::WheelError;

/// What pyo3 is built with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bindings {
    /// The stable ABI of interpreters with the GIL (PEP 384).
    pub abi3: bool,
    /// The oldest minor version of CPython that a feature names for it.
    pub oldest: Option<u32>,
    /// The stable ABI of all interpreters since 3.15 (PEP 803).
    pub abi3t: bool,
    /// Its version.
    pub version: String,
    /// The minor versions of CPython that it takes, if it says so.
    pub takes: Option<(u32, u32)>,
}

/// Where cargo looks, and with which features.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The project.
    pub project: &'a Project,
    /// Features of its crate.
    pub features: &'a Features,
    /// What rustc calls the platform.
    pub triple: &'a str,
    /// Whether the network is not to be used.
    pub offline: bool,
    /// Whether cargo is not to write Cargo.lock.
    pub locked: bool,
}

impl Question<'_> {
    /// Asks cargo. Downloads what is missing, unless the network is not to be used.
    ///
    /// # Errors
    /// If cargo does not answer.
    pub fn ask(&self) -> Result<Bindings, WheelError> {
        let mut bindings = self.abi()?;
        if !bindings.abi3 {
            let metadata = [
                "metadata",
                "--format-version=1",
                "--filter-platform",
                self.triple,
            ];
            let metadata = self.cargo(&metadata, &self.feature_args())?;
            bindings.takes = of_metadata(&metadata, &bindings.version);
        }
        Ok(bindings)
    }

    /// The same without the Pythons that pyo3 takes, which are most of the work.
    ///
    /// # Errors
    /// If cargo does not answer.
    pub fn abi(&self) -> Result<Bindings, WheelError> {
        let tree = [
            "tree", "--edges", "normal", "--prefix", "none", "--format", "{p}|{f}",
        ];
        let target = ["--target", self.triple];
        let tree = self.cargo(&[&tree[..], &target].concat(), &self.feature_args())?;
        let mut bindings = of_tree(&tree);
        bindings.abi3 |= self.has_conditional_abi3();
        Ok(bindings)
    }

    fn manifest(&self) -> &Utf8Path {
        &self.project.extension.manifest
    }

    fn cargo(&self, args: &[&str], features: &[String]) -> Result<String, WheelError> {
        let command = Invocation::new(cargo_env::cargo())
            .args(args.iter().copied())
            .args(["--manifest-path", self.manifest().as_str()])
            .args(features.iter().cloned())
            .args(self.locked.then_some("--locked"))
            .cwd(self.manifest().parent().unwrap_or(self.manifest()));
        match command.clone().arg("--offline").read() {
            Err(_) if !self.offline => Ok(command.read()?),
            answer => Ok(answer?),
        }
    }

    /// As maturin puts them together: what is named on the command line comes in place of what is named in
    /// pyproject.toml.
    fn feature_args(&self) -> Vec<String> {
        let maturin = self.project.pyproject.maturin();
        let own = maturin.features.iter().filter_map(|it| it.as_str());
        let named = &self.features.features;
        let features: Vec<_> = if named.is_empty() {
            own.map(str::to_owned).collect()
        } else {
            named.clone()
        };
        let mut args: Vec<_> = features
            .iter()
            .map(|it| format!("--features={it}"))
            .collect();
        if self.features.no_default_features || maturin.no_default_features {
            args.push("--no-default-features".to_owned());
        }
        if maturin.all_features {
            args.push("--all-features".to_owned());
        }
        args
    }

    /// Whether pyproject.toml asks for the stable ABI where Python is new enough.
    fn has_conditional_abi3(&self) -> bool {
        let features = &self.project.pyproject.maturin().features;
        let mut conditional = features.iter().filter_map(|it| it.get("feature")?.as_str());
        conditional.any(|it| it.starts_with("pyo3") && it.contains("/abi3"))
    }
}

/// What `cargo tree` says, a line for each crate: `pyo3-ffi v0.30.1|abi3,abi3-py311,default`.
fn of_tree(tree: &str) -> Bindings {
    let mut bindings = Bindings::default();
    for line in tree.lines() {
        let (package, features) = line
            .trim_end_matches(" (*)")
            .split_once('|')
            .unwrap_or((line, ""));
        let Some((name, version)) = package.split_once(" v") else {
            continue;
        };
        if ["pyo3", "pyo3-ffi"].contains(&name) {
            let has = |abi: &str| {
                let of_version = format!("{abi}-py");
                let mut features = features.split(',');
                features.any(|it| it == abi || it.starts_with(&of_version))
            };
            let named = features
                .split(',')
                .filter_map(|it| it.strip_prefix("abi3-py3")?.parse().ok());
            bindings.oldest = named.chain(bindings.oldest).min();
            bindings.abi3 |= has("abi3");
            bindings.abi3t |= has("abi3t");
            version
                .split(' ')
                .next()
                .unwrap_or_default()
                .clone_into(&mut bindings.version);
        }
    }
    bindings
}

/// The versions of CPython that pyo3-ffi names in its manifest.
fn of_metadata(metadata: &str, version: &str) -> Option<(u32, u32)> {
    let metadata: serde_json::Value = serde_json::from_str(metadata).ok()?;
    let packages = metadata["packages"].as_array()?;
    let ours = |it: &&serde_json::Value| it["name"] == "pyo3-ffi" && it["version"] == version;
    let cpython = &packages.iter().find(ours)?["metadata"]["cpython"];
    let minor = |key: &str| cpython[key].as_str()?.strip_prefix("3.")?.parse().ok();
    Some((minor("min-version")?, minor("max-version")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_features_of_pyo3_tell_the_abi() {
        let of = |features: &str| {
            let found = of_tree(&format!(
                "a v1.0 (/a)|abi3\npyo3-ffi v0.30.1|{features}\npyo3 v0.30.1|default (*)"
            ));
            assert_eq!(found.version, "0.30.1");
            (found.abi3, found.abi3t)
        };
        assert_eq!(of("default"), (false, false));
        assert_eq!(of("abi3,default"), (true, false));
        assert_eq!(of("abi3-py311"), (true, false));
        assert_eq!(of("abi3t,abi3t-py315"), (false, true));
        assert_eq!(of("abi3,abi3t"), (true, true));
        assert_eq!(of(""), (false, false));
        let oldest = |features: &str| of_tree(&format!("pyo3-ffi v0.30.1|{features}")).oldest;
        assert_eq!(oldest("abi3,abi3-py39,abi3-py310,abi3t-py315"), Some(9));
        assert_eq!(oldest("abi3"), None);
    }

    #[test]
    fn pyo3_says_which_pythons_it_takes() {
        let package = |name: &str, metadata: serde_json::Value| serde_json::json!({ "name": name, "version": "0.30.1", "metadata": metadata });
        let range =
            serde_json::json!({ "cpython": { "min-version": "3.9", "max-version": "3.15" } });
        let all = serde_json::json!({ "packages": [package("a", range.clone()), package("pyo3-ffi", range)] });
        assert_eq!(of_metadata(&all.to_string(), "0.30.1"), Some((9, 15)));
        assert_eq!(of_metadata(&all.to_string(), "0.20.0"), None);
    }
}
