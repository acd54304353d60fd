//! The copy of the project.

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::short_name;
use files::lock::Lock;
use files::owned;
use project_model::Sources;
use python_tools::tools::cannot_keep;

use super::request::{ProofRequest, VerifyError, at};
use crate::paths::relative;

/// A directory with the copy and all that the proof needs, removed with this value.
pub(super) struct Scratch {
    /// The directory of the copied project.
    pub(super) project: Utf8PathBuf,
    /// What it lies in, with all that is copied.
    pub(super) tree: Utf8PathBuf,
    /// A directory for everything else.
    pub(super) beside: Utf8PathBuf,
    home: Utf8PathBuf,
    root: Utf8PathBuf,
    _lock: Lock,
}

impl Scratch {
    /// Copies what somebody has written. The copy has the same name each time: crates are compiled anew
    /// when they lie elsewhere. What a killed run has left is removed.
    pub(super) fn make(request: &ProofRequest<'_>) -> Result<Self, VerifyError> {
        let project = &request.project.root;
        let name = short_name(project.as_str());
        fs_err::create_dir_all(request.home).map_err(cannot_keep(request.home))?;
        let lock = lock(&request.home.join(format!("{name}.lock")))?;
        let root = request.home.join(name);
        owned::remove(request.home, &root).map_err(at(&root))?;
        let tree = root.join("tree");
        let beside = root.join("beside");
        owned::make_dir(request.home, &beside).map_err(at(&beside))?;
        let sources = Sources::of(request.project, request.closure);
        let scratch = Self {
            project: tree.join(relative(&sources.root, project)),
            tree: tree.clone(),
            beside,
            home: request.home.to_owned(),
            root,
            _lock: lock,
        };
        copy(&sources, &tree)?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = owned::remove(&self.home, &self.root);
    }
}

fn lock(path: &Utf8Path) -> Result<Lock, VerifyError> {
    let lock = Lock::try_take(path).map_err(at(path))?;
    lock.ok_or(VerifyError::Busy)
}

fn copy(sources: &Sources, tree: &Utf8Path) -> Result<(), VerifyError> {
    for file in &sources.files {
        copy_file(&sources.root.join(file), &tree.join(file))?;
    }
    // Last, so that nothing is written through one.
    for link in &sources.links {
        let (from, to) = (sources.root.join(link), tree.join(link));
        let target = from.read_link_utf8().map_err(at(&from))?;
        let parent = to.parent().unwrap_or(&to);
        fs_err::create_dir_all(parent).map_err(at(parent))?;
        fs_err::os::unix::fs::symlink(target, &to).map_err(at(&to))?;
    }
    Ok(())
}

/// With its modification time, by which cargo tells whether it has changed.
fn copy_file(from: &Utf8Path, to: &Utf8Path) -> Result<(), VerifyError> {
    let parent = to.parent().unwrap_or(to);
    fs_err::create_dir_all(parent).map_err(at(parent))?;
    fs_err::copy(from, to).map_err(at(to))?;
    let modified = fs_err::metadata(from).and_then(|metadata| metadata.modified());
    let modified = modified.map_err(at(from))?;
    let file = fs_err::OpenOptions::new().append(true).open(to);
    let set = file.and_then(|file| file.file().set_modified(modified));
    // A read-only file keeps the time at which it was copied, and is compiled once more.
    let _ = set;
    Ok(())
}
