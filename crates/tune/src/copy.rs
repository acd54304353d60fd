//! The copy of the project in which everything is built. The project's own files and its target directory are only read.

use std::time::SystemTime;

use build_env::Invocation;
use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::{Files, Layers};
use config_edit::{CargoConfig, CargoManifest};
use project_model::{Closure, Project, Sources, Workspace};
use walkdir::{DirEntry, WalkDir};

use crate::error::at;
use crate::{OWNER, TuneError};

/// What is built beside what is taken over, at least.
const WORK_BYTES: u64 = 1 << 30;

/// The copy. Its directory is removed with this value.
#[derive(Debug)]
pub struct ProjectCopy {
    /// The directory with everything.
    pub root: Utf8PathBuf,
    /// The root of the sources.
    pub tree: Utf8PathBuf,
    /// The project in it.
    pub project: Project,
    /// Its workspace.
    pub workspace: Workspace,
    /// Configuration files that cargo reads for the project and would not find for the copy.
    pub outer_configs: Vec<Utf8PathBuf>,
}

impl ProjectCopy {
    /// Copies what `project` is made of into the directory `root`, which is emptied. What an earlier call has written into
    /// its files is taken back in the copy.
    ///
    /// # Errors
    /// If there can be no copy.
    pub fn make(project: &Project, closure: &Closure, root: &Utf8Path) -> Result<Self, TuneError> {
        remove(root)?;
        let sources = Sources::of(project, closure);
        let tree = root.join("tree");
        for file in &sources.files {
            copy_file(&sources.root.join(file), &tree.join(file))?;
        }
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

    /// Where cargo puts what it builds.
    #[must_use]
    pub fn target(&self) -> Utf8PathBuf {
        self.root.join("target")
    }

    /// The Cargo.toml with the profiles.
    #[must_use]
    pub fn manifest(&self) -> Utf8PathBuf {
        self.workspace.root.join("Cargo.toml")
    }

    fn take_back(&self) -> Result<(), TuneError> {
        CargoManifest::update(&self.manifest(), |file| file.undo(OWNER))?;
        let local = Files::of(&self.project, &self.workspace).local;
        CargoConfig::update(&local, |config| config.undo(OWNER))?;
        Ok(())
    }

    /// Has git know the files: a build script that asks it, or wants to be run again when something in `.git` changes,
    /// finds one. Where there is no git, there is none for the project either.
    fn commit(&self) {
        let settings = [
            "-c",
            "user.name=tune",
            "-c",
            "user.email=tune@localhost",
            "-c",
            "commit.gpgsign=false",
        ];
        for args in [
            &["init", "--quiet"][..],
            &["add", "--all", "--force"],
            &["commit", "--quiet", "--no-verify", "--message", "a copy"],
        ] {
            let git = Invocation::new("git")
                .args(settings)
                .args(args.iter().copied());
            let inherited = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];
            let git = inherited.into_iter().fold(git, Invocation::env_remove);
            let _ = git.cwd(&self.tree).capture();
        }
    }

    /// Takes over the dependencies that are compiled in `target`, the project's target directory, in the directory
    /// `profile` below it. `library` is the name of the extension's, which is not among them.
    ///
    /// # Errors
    /// If the disk is too small, or something cannot be copied.
    pub fn seed(&self, target: &Utf8Path, profile: &str, library: &str) -> Result<(), TuneError> {
        let from = target.join(profile);
        let taken: Vec<_> = ["deps", "build", ".fingerprint"]
            .into_iter()
            .flat_map(|dir| WalkDir::new(from.join(dir)).into_iter().flatten())
            .filter(|entry| entry.file_type().is_file() && is_taken_over(entry, library))
            .collect();
        let size_bytes = taken
            .iter()
            .filter_map(|entry| entry.metadata().ok())
            .map(|it| it.len())
            .sum();
        self.refuse_small_disk(size_bytes)?;
        for entry in taken {
            let Some(path) = Utf8Path::from_path(entry.path()) else {
                continue;
            };
            let below = path.strip_prefix(target).unwrap_or(path);
            take_over(path, &self.target().join(below))?;
        }
        Ok(())
    }

    fn refuse_small_disk(&self, taken_bytes: u64) -> Result<(), TuneError> {
        let Ok(disk) = rustix::fs::statvfs(self.root.as_std_path()) else {
            return Ok(());
        };
        let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
        // Once more with other settings.
        let needed_bytes = 2 * taken_bytes + WORK_BYTES;
        if free_bytes >= needed_bytes {
            return Ok(());
        }
        Err(TuneError::NoSpace {
            dir: self.root.clone(),
            free_bytes,
            needed_bytes,
        })
    }
}

impl Drop for ProjectCopy {
    fn drop(&mut self) {
        // What is left is removed by the next call.
        let _ = remove(&self.root);
    }
}

/// Whether cargo finds the file wherever it is started: in its own directory.
fn is_found_everywhere(path: &Utf8Path) -> bool {
    let home = build_env::cargo_env::cargo_home();
    home.is_some_and(|home| path.starts_with(home))
}

/// Whether a file of a target directory is of use: not a program, an object or the library that is built anew, all of
/// which are large.
fn is_taken_over(entry: &DirEntry, library: &str) -> bool {
    let Some(path) = Utf8Path::from_path(entry.path()) else {
        return false;
    };
    let is_of_deps = path.parent().and_then(Utf8Path::file_name) == Some("deps");
    let name = path.file_name().unwrap_or_default();
    let is_extension = name.starts_with(&format!("lib{library}."));
    let of_use = matches!(
        path.extension(),
        Some("rlib" | "rmeta" | "so" | "dylib" | "d")
    );
    !is_of_deps || (of_use && !is_extension)
}

/// Gives the copy a file with its time, by which cargo tells what is fresh. What rustc writes under another name first
/// and then renames is linked, the same file under two names; nothing else is: linkers and build scripts may write into
/// what is there.
fn take_over(from: &Utf8Path, to: &Utf8Path) -> Result<(), TuneError> {
    let dir = to.parent().unwrap_or(to);
    fs_err::create_dir_all(dir).map_err(at(dir))?;
    let is_renamed = matches!(from.extension(), Some("rlib" | "rmeta"));
    if is_renamed && fs_err::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs_err::copy(from, to).map_err(at(to))?;
    let time = fs_err::metadata(from)
        .and_then(|it| it.modified())
        .map_err(at(from))?;
    set_time(to, time)
}

fn set_time(path: &Utf8Path, time: SystemTime) -> Result<(), TuneError> {
    use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let time = Timespec {
        tv_sec: i64::try_from(since.as_secs()).unwrap_or_default(),
        tv_nsec: since.subsec_nanos().into(),
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    let done = utimensat(CWD, path.as_str(), &times, AtFlags::empty());
    done.map_err(|error| at(path)(error.into()))
}

fn copy_file(from: &Utf8Path, to: &Utf8Path) -> Result<(), TuneError> {
    let dir = to.parent().unwrap_or(to);
    fs_err::create_dir_all(dir).map_err(at(dir))?;
    fs_err::copy(from, to).map(drop).map_err(at(to))
}

fn remove(dir: &Utf8Path) -> Result<(), TuneError> {
    match fs_err::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at(dir)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
