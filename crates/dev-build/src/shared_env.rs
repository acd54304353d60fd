//! Giving everybody else the environment of our builds, so that all share the same artefacts.
//!
//! pyo3's build scripts are run again, and everything on top of them compiled again, whenever one of the
//! `PYO3_*` variables changes. maturin sets them; plain `cargo check`, `cargo test` and rust-analyzer do not
//! (PyO3/pyo3#1708, #5439). So what maturin sets is written where cargo reads it: `[env]` in the
//! configuration of this machine, `.cargo/config.local.toml`, if the project includes that file.

use build_env::cargo_env::{LOCAL_CONFIG, local_config};
use build_env::{Invocation, vars};
use camino::Utf8Path;
use config_edit::{CargoConfig, EditError, Owner};
use project_model::{Project, Workspace};

const INTRODUCTION: &str = "\
# Settings of this machine only; git ignores this file. `cargo xtask dev` keeps the PYO3 variables in [env] what
# they are in its own builds, so that cargo check, cargo test and rust-analyzer share their artefacts.
";

const OWNER: Owner = Owner("cargo xtask dev");

/// Writes the variables of `cargo_call`, and gives whether that changed anything. Does nothing in a project that does
/// not include the local file.
///
/// # Errors
/// If a file is not TOML or cannot be written; it has been left as it was.
pub fn share(
    project: &Project,
    workspace: &Workspace,
    cargo_call: &Invocation,
) -> Result<bool, EditError> {
    // cargo reads the files of every directory from the one it is started in upwards.
    for dir in [&workspace.root, &project.root] {
        if includes_local_config(dir)? {
            return write(&local_config(dir), cargo_call);
        }
    }
    Ok(false)
}

fn includes_local_config(dir: &Utf8Path) -> Result<bool, EditError> {
    let path = dir.join(".cargo/config.toml");
    Ok(path.is_file() && CargoConfig::read(&path)?.includes(LOCAL_CONFIG))
}

fn write(path: &Utf8Path, cargo_call: &Invocation) -> Result<bool, EditError> {
    let edit = |config: &mut CargoConfig| {
        for name in vars::PYO3 {
            let value = cargo_call.env.get(name).and_then(Option::as_deref);
            config.keep_env(name, value)?;
        }
        config.introduce(INTRODUCTION, OWNER);
        Ok(())
    };
    CargoConfig::update(path, edit).map(|change| !change.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    /// The variables of `call` shared in `fixture`.
    fn shared(fixture: &Fixture, call: &Invocation) {
        let project = Project::load(&fixture.root()).unwrap();
        let workspace = Workspace::load(&project).unwrap();
        share(&project, &workspace, call).unwrap();
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
        fixture.write(".cargo/config.toml", "include = ['config.local.toml']");
        let old = "[build]\njobs = 1 # mine\n[env]\nPYO3_CONFIG_FILE = \"/old\"\n";
        fixture.write(".cargo/config.local.toml", old);
        let call = Invocation::new("cargo")
            .env("PYO3_PYTHON", "/p")
            .env("CARGO_ENCODED_RUSTFLAGS", "not pyo3's");
        shared(&fixture, &call);
        let text = fs_err::read_to_string(local_config(&fixture.root())).unwrap();
        assert_eq!(
            text,
            "[build]\njobs = 1 # mine\n[env]\nPYO3_PYTHON = \"/p\"\n"
        );
    }
}
