//! The copy of the project.

use std::fs::TryLockError;

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::short_name;
use project_model::Sources;
use python_tools::tools::cannot_keep;

use super::request::{ProofRequest, VerifyError, at};
use crate::paths::relative;

/// A directory with the copy and all that the proof needs, removed with this value.
pub(super) struct Scratch {
    /// The directory of the copied project.
    pub(super) project: Utf8PathBuf,
    /// A directory for everything else.
    pub(super) beside: Utf8PathBuf,
    root: Utf8PathBuf,
    /// The open file is the lock.
    _lock: fs_err::File,
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
        if root.is_dir() {
            fs_err::remove_dir_all(&root).map_err(at(&root))?;
        }
        let tree = root.join("tree");
        let beside = root.join("beside");
        fs_err::create_dir_all(&beside).map_err(at(&beside))?;
        let sources = Sources::of(request.project, request.closure);
        let scratch = Self {
            project: tree.join(relative(&sources.root, project)),
            beside,
            root,
            _lock: lock,
        };
        copy(&sources, &tree)?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs_err::remove_dir_all(&self.root);
    }
}

fn lock(path: &Utf8Path) -> Result<fs_err::File, VerifyError> {
    let file = fs_err::File::create(path).map_err(at(path))?;
    match file.file().try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(VerifyError::Busy),
        Err(TryLockError::Error(source)) => Err(at(path)(source)),
    }
}

fn copy(sources: &Sources, tree: &Utf8Path) -> Result<(), VerifyError> {
    for file in &sources.files {
        copy_file(&sources.root.join(file), &tree.join(file))?;
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
