//! Giving everybody else the environment of our builds, so that all share the same artefacts.
//!
//! pyo3's build scripts are run again, and everything on top of them compiled again, whenever one of the
//! `PYO3_*` variables changes. maturin sets them; plain `cargo check`, `cargo test` and rust-analyzer do not
//! (PyO3/pyo3#1708, #5439). So what maturin sets is written where cargo reads it: `[env]` in the
//! configuration of this machine, `.cargo/config.local.toml`, if the project includes that file.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::local::DEV;
use cargo_settings::{Files, Layers};
use config_edit::{CargoConfig, EditError};
use environment::vars;
use processes::Invocation;
use project_model::{Project, Workspace};

const INTRODUCTION: &str = "\
# Settings of this machine only; git ignores this file. `cargo xtask dev` keeps the PYO3 variables in [env] what
# they are in its own builds, so that cargo check, cargo test and rust-analyzer share their artefacts.
";

/// `.cargo/config.local.toml` of a project that includes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalConfig {
    /// The file. It may not be there yet.
    pub path: Utf8PathBuf,
    /// The variables that its `[env]` sets.
    pub variables: BTreeMap<String, String>,
}

impl LocalConfig {
    /// Whether plain cargo, started with this configuration, has the variables of pyo3 that `call` has.
    #[must_use]
    pub fn has_variables_of(&self, call: &Invocation) -> bool {
        vars::PYO3.iter().all(|name| {
            let wanted = call.env.get(*name).and_then(Option::as_deref);
            self.variables.get(*name).map(String::as_str) == wanted
        })
    }
}

/// The local file that `project` includes, if it does.
///
/// # Errors
/// If a file is not TOML.
pub fn look(
    config: &Layers,
    project: &Project,
    workspace: &Workspace,
) -> Result<Option<LocalConfig>, EditError> {
    let Some(files) = Files::that_include(config, project, workspace)? else {
        return Ok(None);
    };
    let variables = config.file(&files.local)?.env().into_iter().collect();
    let path = files.local;
    Ok(Some(LocalConfig { path, variables }))
}

/// Writes the variables of `cargo_call` to the local file at `path`, if it has others. They are no input of a
/// build: whatever stands there, a build of ours has its own. Gives whether the file was changed.
///
/// # Errors
/// If the file is not TOML or cannot be written; it has been left as it was.
pub fn write(path: &Utf8Path, cargo_call: &Invocation) -> Result<bool, EditError> {
    let edit = |config: &mut CargoConfig| {
        for name in vars::PYO3 {
            let value = cargo_call.env.get(name).and_then(Option::as_deref);
            config.keep_env(name, value)?;
        }
        config.introduce(INTRODUCTION, DEV);
        Ok(())
    };
    Ok(!CargoConfig::update(path, edit)?.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    const INCLUDE: &str = "include = [{ path = 'config.local.toml', optional = true }]";

    fn found(fixture: &Fixture) -> Option<LocalConfig> {
        let project = Project::load(&fixture.root()).unwrap();
        let workspace = Workspace::load(&project).unwrap();
        let config = Layers::read(&project.root).unwrap();
        look(&config, &project, &workspace).unwrap()
    }

    /// The variables of `call` shared in `fixture`.
    fn shared(fixture: &Fixture, call: &Invocation) {
        if let Some(config) = found(fixture) {
            write(&config.path, call).unwrap();
        }
    }

    #[test]
    fn a_project_that_does_not_include_the_file_is_not_touched() {
        let fixture = Fixture::mixed("thing");
        shared(&fixture, &Invocation::new("cargo").env("PYO3_PYTHON", "/p"));
        assert!(!fixture.root().join(".cargo").exists());
    }

    #[test]
    fn variables_of_another_kind_of_build_are_removed_and_the_users_kept() {
        let fixture = Fixture::mixed("thing");
        fixture.write(".cargo/config.toml", INCLUDE);
        let old = "[build]\njobs = 1 # mine\n[env]\nPYO3_CONFIG_FILE = \"/old\"\n";
        fixture.write(".cargo/config.local.toml", old);
        let call = Invocation::new("cargo")
            .env("PYO3_PYTHON", "/p")
            .env("CARGO_ENCODED_RUSTFLAGS", "not pyo3's");
        shared(&fixture, &call);
        let text = fs_err::read_to_string(found(&fixture).unwrap().path).unwrap();
        assert_eq!(
            text,
            "[build]\njobs = 1 # mine\n[env]\nPYO3_PYTHON = \"/p\"\n"
        );
    }

    #[test]
    fn what_is_written_is_found_and_not_written_again() {
        let fixture = Fixture::mixed("thing");
        fixture.write(".cargo/config.toml", INCLUDE);
        let call = Invocation::new("cargo").env("PYO3_PYTHON", "/p");
        let config = |call: &Invocation| {
            let config = found(&fixture).unwrap();
            let is_shared = config.has_variables_of(call);
            (config, is_shared)
        };
        let (before, is_shared) = config(&call);
        assert!(!is_shared && before.variables.is_empty());
        assert!(write(&before.path, &call).unwrap());
        assert!(config(&call).1);
        assert!(!write(&before.path, &call).unwrap());
        assert!(!config(&Invocation::new("cargo")).1);
    }
}
