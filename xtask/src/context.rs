//! What every command starts from.

use anyhow::{Context as _, bail};
use build_env::{PinnedRequirements, Toolbox};
use camino::{Utf8Path, Utf8PathBuf};
use project_model::Project;

/// The tools in the versions that the automation is tested with; see requirements/README.md.
const TOOLS: &str = include_str!("../../requirements/tools.txt");

/// The arguments that all commands share.
#[derive(Debug)]
pub(crate) struct Context {
    /// `--project`.
    pub(crate) project_dir: Option<Utf8PathBuf>,
}

impl Context {
    /// The project: the one that was named, else the nearest around the working directory.
    pub(crate) fn project(&self) -> anyhow::Result<Project> {
        let dir = match &self.project_dir {
            Some(dir) => dir.clone(),
            None => nearest_project()?,
        };
        Ok(Project::load(&dir)?)
    }
}

/// The tools: those on `PATH`, and the pinned ones in place of what is missing there.
pub(crate) fn toolbox(offline: bool) -> anyhow::Result<Toolbox> {
    let pinned = PinnedRequirements::parse(TOOLS).context("in requirements/tools.txt")?;
    Ok(Toolbox::new(pinned, offline))
}

fn nearest_project() -> anyhow::Result<Utf8PathBuf> {
    let here = std::env::current_dir().context("cannot tell the working directory")?;
    let here = Utf8PathBuf::try_from(here).context("the working directory is not UTF-8")?;
    let is_project = |dir: &&Utf8Path| dir.join("pyproject.toml").is_file();
    match here.ancestors().find(is_project) {
        Some(dir) => Ok(dir.to_owned()),
        None => bail!(
            "neither {here} nor a directory above it has a pyproject.toml\n  help: name a project with `--project DIR`"
        ),
    }
}
