//! For whom a cache is switched on, and in which file that stands.

use camino::Utf8PathBuf;
use cargo_settings::{Files, user_config};

use crate::CacheError;

/// For whom a cache is switched on.
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
    /// Each with its name, and what it means to a reader.
    pub const CHOICES: &'static [(&'static str, &'static str, Self)] = &[
        (
            "local",
            ".cargo/config.local.toml, which git ignores; a line in .cargo/config.toml includes it",
            Self::Local,
        ),
        (
            "workspace",
            ".cargo/config.toml, which git tracks",
            Self::Workspace,
        ),
        ("user", "config.toml in cargo's home", Self::User),
    ];

    /// What concerns one project alone.
    pub const OF_A_PROJECT: [Self; 2] = [Self::Local, Self::Workspace];

    /// Its file among those of a project.
    pub fn path(self, files: &Files) -> Result<Utf8PathBuf, CacheError> {
        match self {
            Self::Local => Ok(files.local.clone()),
            Self::Workspace => Ok(files.tracked.clone()),
            Self::User => user_config().ok_or(CacheError::NoCargoHome),
        }
    }
}
