//! The copy of the project.

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::Files;
use files::lock::Lock;
use files::owned;
use project_model::{Closure, Project, Sources, Workspace};
use trial::copy::{commit_all, copy_sources, git};
use trial::files::{at, copy_file, remove};

use super::request::ProofError;

/// A directory with the copy and all that is built in it, removed with this value.
pub(super) struct Place {
    /// The copied project.
    pub(super) project: Project,
    /// Its workspace, with a target directory of its own.
    pub(super) workspace: Workspace,
    /// Whether cargo has to be told where that is.
    pub(super) names_target_dir: bool,
    home: Utf8PathBuf,
    _lock: Lock,
}

impl Place {
    /// Copies what somebody has written, and what of cargo's configuration is this machine's alone. The copy
    /// has the same name each time, and what a killed run has left is removed.
    pub(super) fn make(
        project: &Project,
        closure: &Closure,
        home: &Utf8Path,
    ) -> Result<Self, ProofError> {
        let above = home.parent().unwrap_or(home);
        owned::make_dir(above, home).map_err(at(home))?;
        let path = home.join("lock");
        let lock = Lock::try_take(&path).map_err(at(&path))?;
        let lock = lock.ok_or(ProofError::Busy)?;
        let tree = tree(home);
        remove(home, &tree)?;
        let copied = Project::load(&copy(project, closure, &tree)?)?;
        let told = Workspace::load(&copied)?;
        let (workspace, names_target_dir) = with_own_target_dir(told, &tree);
        Ok(Self {
            project: copied,
            workspace,
            names_target_dir,
            home: home.to_owned(),
            _lock: lock,
        })
    }

    /// The file for what a step prints.
    pub(super) fn log(&self) -> Utf8PathBuf {
        self.home.join("log")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The lock stays: another run may wait for it.
        let _ = owned::remove(&self.home, tree(&self.home));
        let _ = owned::remove(&self.home, self.log());
    }
}

fn tree(home: &Utf8Path) -> Utf8PathBuf {
    home.join("tree")
}

/// Copies the project with its crates into `tree`, and gives the directory that it has there.
fn copy(project: &Project, closure: &Closure, tree: &Utf8Path) -> Result<Utf8PathBuf, ProofError> {
    let sources = Sources::of(project, closure);
    copy_sources(&sources, tree)?;
    let mut above = project.root.ancestors();
    if above.any(|dir| dir.join(".git").exists()) {
        make_repository(tree)?;
    }
    // After that: git is not to take it for a file of the project.
    copy_local_config(project, &sources, tree)?;
    let below = project.root.strip_prefix(&sources.root);
    Ok(tree.join(below.unwrap_or(Utf8Path::new(""))))
}

/// git does not know the file with this machine's settings. An editor reads it all the same.
fn copy_local_config(
    project: &Project,
    sources: &Sources,
    tree: &Utf8Path,
) -> Result<(), ProofError> {
    let local = Files::of(project, &Workspace::load(project)?).local;
    match local.strip_prefix(&sources.root) {
        Ok(below) if local.is_file() => Ok(copy_file(&local, &tree.join(below))?),
        _ => Ok(()),
    }
}

/// Build scripts ask git for a commit.
fn make_repository(tree: &Utf8Path) -> Result<(), ProofError> {
    git(tree, &["init", "--quiet"]).read()?;
    for command in commit_all(tree, "the project as it is") {
        command.read()?;
    }
    Ok(())
}

/// `workspace` with a target directory in the copy `tree`, and whether cargo has to be told of it: the
/// environment or cargo's configuration may name one that others use.
fn with_own_target_dir(workspace: Workspace, tree: &Utf8Path) -> (Workspace, bool) {
    let is_own = |dir: &Utf8Path| dir.starts_with(tree);
    if is_own(&workspace.target_dir) && is_own(&workspace.build_dir) {
        return (workspace, false);
    }
    let own = workspace.root.join("target");
    let workspace = Workspace {
        target_dir: own.clone(),
        build_dir: own,
        ..workspace
    };
    (workspace, true)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use project_model::Policy;

    use super::*;

    #[test]
    fn a_target_directory_that_others_use_is_not_the_proofs() {
        let of = |target: &str, build: &str| {
            let workspace = Workspace {
                root: "/copy/tree/rust".into(),
                target_dir: target.into(),
                build_dir: build.into(),
                packages: BTreeMap::new(),
                policy: Policy::default(),
            };
            let (found, is_named) = with_own_target_dir(workspace, "/copy/tree".into());
            (found.target_dir, found.build_dir, is_named)
        };
        let own = || Utf8PathBuf::from("/copy/tree/rust/target");
        let table = [
            ("/copy/tree/rust/target", "/copy/tree/rust/target", false),
            ("/shared", "/shared", true),
            ("/copy/tree/rust/target", "/shared/build", true),
            ("/copy/treetop/target", "/copy/treetop/target", true),
        ];
        for (target, build, is_named) in table {
            assert_eq!(of(target, build), (own(), own(), is_named), "{target}");
        }
        let elsewhere = "/copy/tree/out";
        assert_eq!(
            of(elsewhere, elsewhere),
            (elsewhere.into(), elsewhere.into(), false)
        );
    }
}
