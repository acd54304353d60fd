//! What is copied to build a wheel from.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use files::made::{self, Sieve};
use project_model::{Closure, Packed, Project, Workspace, dirs_that_cargo_reads};

use crate::commit::{Commit, LOCAL_CONFIG_PATH};
use crate::error::WheelError;
use crate::outside::{self, Outside};

/// The files.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The directory that all of them lie in.
    pub(crate) root: Utf8PathBuf,
    /// The files and links, relative to that.
    pub(crate) files: BTreeSet<Utf8PathBuf>,
    /// Those of them that are packed or compiled though git ignores them.
    pub(crate) ignored: BTreeSet<Utf8PathBuf>,
    /// What git says of the project.
    pub(crate) commit: Option<Commit>,
    /// What of it lies outside of the project's repository.
    pub(crate) outside: Vec<Outside>,
}

impl Listing {
    /// Lists what is copied of `project`, of which `packed` goes into the wheel beside the extension.
    pub(crate) fn of(
        project: &Project,
        workspace: &Workspace,
        closure: &Closure,
        packed: &Packed,
    ) -> Result<Self, WheelError> {
        let made = [workspace.target_dir.clone(), workspace.build_dir.clone()];
        let commit = Commit::of(&project.root, &made);
        let (repository, files) = match &commit {
            Some(commit) => (commit.root.clone(), files_of(commit)?),
            None => written(project, workspace, &made),
        };
        let read = dirs_that_cargo_reads(project)?;
        let mut listing = Self::with_outside(&repository, &files, closure, &read);
        listing.commit = commit;
        listing.add_packed(packed);
        listing.add_compiled(closure);
        // git may ignore it; without it every build would choose dependencies anew.
        if let Ok(lock) = workspace
            .root
            .join("Cargo.lock")
            .strip_prefix(&listing.root)
        {
            listing.files.insert(lock.to_owned());
        }
        let root = &listing.root;
        let is_file = |file: &Utf8PathBuf| {
            let metadata = root.join(file).symlink_metadata();
            metadata.is_ok_and(|it| !it.is_dir())
        };
        listing.files.retain(is_file);
        Ok(listing)
    }

    /// The `files` of `repository`, and what `closure` needs beside them.
    fn with_outside(
        repository: &Utf8Path,
        files: &BTreeSet<Utf8PathBuf>,
        closure: &Closure,
        read: &BTreeSet<Utf8PathBuf>,
    ) -> Self {
        let files: BTreeSet<_> = files.iter().map(|file| repository.join(file)).collect();
        let links = files.iter().filter_map(|file| linked_dir(file));
        let outside = outside::of(repository, closure, read, links);
        let mut above = repository.ancestors();
        let root = above.find(|dir| outside.iter().all(|it| it.dir.starts_with(dir)));
        let root = root.unwrap_or(repository).to_owned();
        let beside = outside.iter().flat_map(|it| &it.files);
        let all = files.iter().chain(beside);
        let relative = all.filter_map(|file| Some(file.strip_prefix(&root).ok()?.to_owned()));
        Self {
            files: relative.collect(),
            ignored: BTreeSet::new(),
            commit: None,
            root,
            outside,
        }
    }

    fn add_packed(&mut self, packed: &Packed) {
        for file in &packed.files {
            self.add(&file.source);
        }
    }

    /// What cargo compiles, though git ignores it: generated sources, and crates that somebody has fetched.
    fn add_compiled(&mut self, closure: &Closure) {
        for one in &closure.crates {
            let manifest = one.dir.join("Cargo.toml");
            let is_listed = manifest.strip_prefix(&self.root);
            let is_listed = is_listed.is_ok_and(|it| self.files.contains(it));
            let roots = one.roots.iter().filter_map(|root| root.parent());
            let inner = roots.filter(|dir| *dir != one.dir && dir.starts_with(&one.dir));
            let dirs = if is_listed {
                inner.collect()
            } else {
                vec![one.dir.as_path()]
            };
            for file in dirs.into_iter().flat_map(made::written_below) {
                self.add(&file);
            }
        }
    }

    /// Adds the file at `path`, if it lies in the directory that is copied.
    fn add(&mut self, path: &Utf8Path) {
        let Ok(path) = path.strip_prefix(&self.root) else {
            return;
        };
        if self.files.insert(path.to_owned()) && self.commit.is_some() {
            self.ignored.insert(path.to_owned());
        }
    }

    /// Whether the link at `path` leads to a file that is not copied.
    pub(crate) fn leads_out(&self, path: &Utf8Path) -> bool {
        let root = self.root.canonicalize_utf8();
        let root = root.as_ref().unwrap_or(&self.root);
        let target = path
            .canonicalize_utf8()
            .ok()
            .filter(|target| target.is_file());
        target.is_some_and(|target| {
            let inner = target.strip_prefix(root);
            inner.map_or(true, |inner| !self.files.contains(inner))
        })
    }
}

/// The directory that the link at `path` leads to, if it says so relative to itself: one that names a place
/// of this machine leads there from the copy too.
fn linked_dir(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let is_relative = path.read_link_utf8().ok()?.is_relative();
    let target = path.canonicalize_utf8().ok()?;
    (is_relative && target.is_dir()).then_some(target)
}

fn files_of(commit: &Commit) -> Result<BTreeSet<Utf8PathBuf>, WheelError> {
    let files = commit.files().map_err(|source| WheelError::Files {
        root: commit.root.clone(),
        source,
    })?;
    Ok(files.into_iter().collect())
}

/// Without git: the directory that project and workspace have in common, and what somebody has written there.
fn written(
    project: &Project,
    workspace: &Workspace,
    made: &[Utf8PathBuf],
) -> (Utf8PathBuf, BTreeSet<Utf8PathBuf>) {
    let mut above = project.root.ancestors();
    let root = above.find(|dir| workspace.root.starts_with(dir));
    let root = root.unwrap_or(&project.root).to_owned();
    let mut sieve = Sieve::new(&root, made.iter().cloned());
    let files = made::written_below(&root).filter(|path| !sieve.is_made(path));
    let files = files.filter(|path| !path.ends_with(LOCAL_CONFIG_PATH));
    let files = files.filter_map(|path| Some(path.strip_prefix(&root).ok()?.to_owned()));
    let files = files.collect();
    (root, files)
}
