//! For whom a cache is switched on, and in which file that stands.

use build_env::cargo_env::{self, LOCAL_CONFIG, local_config};
use camino::{Utf8Path, Utf8PathBuf};
use config_edit::CargoConfig;
use project_model::{Project, Workspace};

use crate::CacheError;

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// This checkout, on this machine: `.cargo/config.local.toml`, which git ignores and `.cargo/config.toml`
    /// includes.
    #[default]
    Local,
    /// Everybody who works on the project: `.cargo/config.toml`, which git tracks.
    Workspace,
    /// All projects of the user: `config.toml` in cargo's home.
    User,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Local, Self::Workspace, Self::User];

    /// As on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Workspace => "workspace",
            Self::User => "user",
        }
    }
}

/// The files of a project that a cache can be switched on in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The directory that cargo is started in: where reading of its configuration begins.
    pub root: Utf8PathBuf,
    /// The tracked configuration.
    pub tracked: Utf8PathBuf,
    /// This machine's own, beside it.
    pub local: Utf8PathBuf,
}

impl Files {
    /// Those of `project`: in the directory whose configuration includes a local one already, else in the upper one
    /// of the project's and its Cargo workspace's, where both find it.
    #[must_use]
    pub fn of(project: &Project, workspace: &Workspace) -> Self {
        let dirs = [&workspace.root, &project.root];
        let including = dirs.into_iter().find(|dir| includes_local(dir));
        let upper = if project.root.starts_with(&workspace.root) {
            &workspace.root
        } else {
            &project.root
        };
        let dir = including.unwrap_or(upper);
        Self {
            root: project.root.clone(),
            tracked: dir.join(".cargo/config.toml"),
            local: local_config(dir),
        }
    }

    /// The one for `scope`.
    pub fn path(&self, scope: Scope) -> Result<Utf8PathBuf, CacheError> {
        match scope {
            Scope::Local => Ok(self.local.clone()),
            Scope::Workspace => Ok(self.tracked.clone()),
            Scope::User => {
                let home = cargo_env::cargo_home().ok_or(CacheError::NoCargoHome)?;
                // cargo prefers the older name where both are there.
                let old = home.join("config");
                Ok(if old.is_file() {
                    old
                } else {
                    home.join("config.toml")
                })
            }
        }
    }
}

fn includes_local(dir: &Utf8Path) -> bool {
    let path = dir.join(".cargo/config.toml");
    path.is_file() && CargoConfig::read(&path).is_ok_and(|config| config.includes(LOCAL_CONFIG))
}
