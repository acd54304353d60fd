//! The copy of the project in which everything is built. The project's own files and its target directory are
//! only read.

use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::{Files, Layers};
use config_edit::{CargoConfig, CargoManifest};
use project_model::{Closure, Project, Sources, Workspace};
use trial::copy::{commit_all, copy_sources, git};
use trial::files::{FileError, Put, at, copy_file, link_file, refuse_small_disk, remove};
use walkdir::WalkDir;

use crate::{OWNER, TuneError};

/// What is built beside what is taken over, at least.
const WORK_BYTES: u64 = 1 << 30;

/// The copy. Its directory is removed with this value.
#[derive(Debug)]
pub(crate) struct ProjectCopy {
    /// The directory with everything.
    pub(crate) root: Utf8PathBuf,
    pub(crate) tree: Utf8PathBuf,
    pub(crate) project: Project,
    pub(crate) workspace: Workspace,
    /// Configuration files that cargo reads for the project and would not find for the copy.
    pub(crate) outer_configs: Vec<Utf8PathBuf>,
}

impl ProjectCopy {
    /// Copies what `project` is made of into the directory `root`, which is emptied. What an earlier call has
    /// written into its files is taken back in the copy.
    pub(crate) fn make(
        project: &Project,
        closure: &Closure,
        root: &Utf8Path,
    ) -> Result<Self, TuneError> {
        remove_copy(root)?;
        let sources = Sources::of(project, closure);
        let tree = root.join("tree");
        copy_sources(&sources, &tree)?;
        // What git ignores is not among the sources, and this machine's configuration is that.
        let mut outer_configs = Vec::new();
        for (path, _) in Layers::read(&project.root)?.files() {
            match path.strip_prefix(&sources.root) {
                Ok(below) => copy_file(path, &tree.join(below))?,
                Err(_) if is_found_everywhere(path) => {}
                Err(_) => outer_configs.push(path.to_owned()),
            }
        }
        let below = project.root.strip_prefix(&sources.root);
        let project = Project::load(&tree.join(below.unwrap_or(Utf8Path::new(""))))?;
        let workspace = Workspace::load(&project)?;
        let copy = Self {
            root: root.to_owned(),
            tree,
            project,
            workspace,
            outer_configs,
        };
        copy.take_back()?;
        copy.commit();
        Ok(copy)
    }

    pub(crate) fn target(&self) -> Utf8PathBuf {
        self.root.join("target")
    }

    /// The Cargo.toml with the profiles.
    pub(crate) fn manifest(&self) -> Utf8PathBuf {
        self.workspace.root.join("Cargo.toml")
    }

    fn take_back(&self) -> Result<(), TuneError> {
        CargoManifest::update(&self.manifest(), |file| file.undo(OWNER))?;
        let local = Files::of(&self.project, &self.workspace).local;
        CargoConfig::update(&local, |config| config.undo(OWNER))?;
        Ok(())
    }

    /// Has git know the files: a build script that asks it, or wants to be run again when something in `.git`
    /// changes, finds one. Where there is no git, there is none for the project either.
    fn commit(&self) {
        let init = git(&self.tree, &["init", "--quiet"]);
        for command in [init].into_iter().chain(commit_all(&self.tree, "a copy")) {
            let _ = command.capture();
        }
    }

    /// Takes over the dependencies that are compiled in `target`, the project's target directory, in the
    /// directory `profile` below it. `library` is the name of the extension's, which is not among them.
    pub(crate) fn seed(
        &self,
        target: &Utf8Path,
        profile: &str,
        library: &str,
    ) -> Result<(), TuneError> {
        let from = target.join(profile);
        let dirs = ["deps", "build", ".fingerprint"].map(|dir| from.join(dir));
        let entries = dirs.iter().flat_map(WalkDir::new).flatten();
        let files = entries.filter(|entry| entry.file_type().is_file());
        let paths = files.filter_map(|it| Utf8PathBuf::from_path_buf(it.into_path()).ok());
        let taken: Vec<_> = paths.filter(|it| is_taken_over(it, library)).collect();
        let sizes = taken.iter().filter_map(|path| path.metadata().ok());
        let size_bytes: u64 = sizes.map(|it| it.len()).sum();
        // Once more with other settings.
        refuse_small_disk(&self.root, 2 * size_bytes + WORK_BYTES)?;
        for path in taken {
            let below = path.strip_prefix(target).unwrap_or(&path);
            take_over(&path, &self.target().join(below))?;
        }
        Ok(())
    }
}

/// The directory has a name of ours in one for all projects.
fn remove_copy(root: &Utf8Path) -> Result<(), FileError> {
    remove(root.parent().unwrap_or(root), root)
}

impl Drop for ProjectCopy {
    fn drop(&mut self) {
        // What is left is removed by the next call.
        let _ = remove_copy(&self.root);
    }
}

/// Whether cargo finds the file wherever it is started: in its own directory.
fn is_found_everywhere(path: &Utf8Path) -> bool {
    let home = environment::cargo_env::cargo_home();
    home.is_some_and(|home| path.starts_with(home))
}

/// Whether a file of a target directory is of use: not a program, an object or the library that is built
/// anew, all of which are large.
fn is_taken_over(path: &Utf8Path, library: &str) -> bool {
    if path.parent().and_then(Utf8Path::file_name) != Some("deps") {
        return true;
    }
    let name = path.file_name().unwrap_or_default();
    let kinds = ["rlib", "rmeta", "so", "dylib", "d"];
    path.extension().is_some_and(|it| kinds.contains(&it))
        && !name.starts_with(&format!("lib{library}."))
}

/// Gives the copy a file with its time, by which cargo tells what is fresh. What rustc writes under another
/// name first and then renames is linked, the same file under two names; nothing else is: linkers and build
/// scripts may write into what is there.
fn take_over(from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
    let is_renamed = matches!(from.extension(), Some("rlib" | "rmeta"));
    let put: Put = if is_renamed { link_file } else { copy_file };
    put(from, to)?;
    let time = modified(from)?;
    if modified(to)? == time {
        return Ok(());
    }
    // The file may be one that even its owner is not to write to.
    let done = fs_err::File::open(to).and_then(|file| file.file().set_modified(time));
    done.map_err(at(to))
}

fn modified(path: &Utf8Path) -> Result<SystemTime, FileError> {
    let modified = fs_err::metadata(path).and_then(|it| it.modified());
    modified.map_err(at(path))
}

#[cfg(test)]
mod tests;
