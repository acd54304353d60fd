//! The files that repairs edit. Each is read once, so that the repairs of several checks come together in it.

use cargo_settings::Files;
use config_edit::{CargoConfig, Change, EditError, PyprojectFile};

use crate::facts::Facts;

/// The files while they are edited.
#[derive(Debug)]
pub(crate) struct Drafts {
    /// Where there is a project.
    pub(crate) pyproject: Option<PyprojectFile>,
    /// Cargo's configuration, where there is a project.
    pub(crate) cargo: Option<Cargo>,
}

/// The tracked configuration, and this machine's own.
#[derive(Debug)]
pub(crate) struct Cargo {
    pub(crate) tracked: CargoConfig,
    pub(crate) local: CargoConfig,
    /// Whether a compiler cache of ours is to go. It goes last: it takes the line that includes the local file
    /// along, where nobody else needs that file.
    pub(crate) without_wrapper: bool,
}

impl Drafts {
    pub(crate) fn read(facts: &Facts) -> Result<Self, EditError> {
        let path = facts.root.join("pyproject.toml");
        let pyproject = facts.project.is_ok().then(|| PyprojectFile::read(&path));
        let files = facts.files().ok();
        Ok(Self {
            pyproject: pyproject.transpose()?,
            cargo: files.as_ref().map(Cargo::read).transpose()?,
        })
    }

    pub(crate) fn into_changes(self) -> Result<Vec<Change>, EditError> {
        let pyproject = self.pyproject.map(PyprojectFile::into_change);
        let cargo = self.cargo.map(Cargo::into_changes).transpose()?;
        let changes = pyproject.into_iter().chain(cargo.into_iter().flatten());
        Ok(changes.filter(|change| !change.is_empty()).collect())
    }
}

impl Cargo {
    fn read(files: &Files) -> Result<Self, EditError> {
        Ok(Self {
            tracked: CargoConfig::read(&files.tracked)?,
            local: CargoConfig::read(&files.local)?,
            without_wrapper: false,
        })
    }

    fn into_changes(mut self) -> Result<Vec<Change>, EditError> {
        let local = if self.without_wrapper {
            compiler_cache::enable::undo(&mut self.tracked, self.local)?
        } else {
            self.local.into_change()
        };
        Ok(vec![local, self.tracked.into_change()])
    }
}
