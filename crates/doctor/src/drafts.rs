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
    /// Whether a compiler cache of ours is to go. It goes last: with it goes the line that includes the local
    /// file, where nobody else needs that file.
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

#[cfg(test)]
mod tests {
    use super::*;
    use cargo_settings::machine::write_jobs;
    use testkit::Fixture;

    const BY: &str = "# by `cargo xtask sccache`";
    const INCLUDE: &str = "include = [{ path = \"config.local.toml\", optional = true }] # by `cargo xtask sccache --scope local`\n";

    /// What both files hold after the wrapper has gone, and these jobs have come.
    fn repaired(jobs: Option<u32>) -> (Option<String>, Option<String>) {
        let fixture = Fixture::new();
        fixture.write(".cargo/config.toml", INCLUDE);
        let wrapper = format!("[build] {BY}\nrustc-wrapper = \"/gone\" {BY}\n");
        fixture.write(".cargo/config.local.toml", &wrapper);
        let files = Files::in_dir(&fixture.root(), &fixture.root());
        let mut cargo = Cargo::read(&files).unwrap();
        cargo.without_wrapper = true;
        if jobs.is_some() {
            write_jobs(&mut cargo.local, jobs).unwrap();
        }
        let drafts = Drafts {
            pyproject: None,
            cargo: Some(cargo),
        };
        for change in drafts.into_changes().unwrap() {
            change.apply().unwrap();
        }
        let text = |path| fs_err::read_to_string(path).ok();
        (text(&files.tracked), text(&files.local))
    }

    #[test]
    fn several_repairs_come_together_in_one_file() {
        let (tracked, local) = repaired(Some(2));
        assert_eq!(tracked.as_deref(), Some(INCLUDE), "the jobs need it");
        let local = local.unwrap();
        assert!(
            local.contains("jobs = 2") && !local.contains("wrapper"),
            "{local}"
        );
        assert_eq!(
            repaired(None),
            (Some(String::new()), None),
            "nobody needs it"
        );
    }
}
