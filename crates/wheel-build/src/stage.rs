//! The copy that a wheel is built from.
//!
//! It lies outside the working tree: cargo reads the configuration of every directory above the one it runs
//! in, and what holds for this machine only, or is meant for development builds (`.cargo/config.local.toml`),
//! has no place in a wheel. Files that have not changed are left alone, so that cargo finds what it has built
//! from them.

use std::collections::BTreeSet;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use config_edit::PyprojectCopy;
use environment::cargo_env;
use files::digest::hex;
use files::owned;
use processes::Invocation;
use project_model::{Project, Workspace};
use sha2::{Digest as _, Sha256};
use walkdir::WalkDir;

use crate::commit::Commit;
use crate::error::{WheelError, cannot_read, cannot_write};
use crate::version;

/// The copy.
#[derive(Debug)]
pub struct Stage {
    /// Its root.
    pub root: Utf8PathBuf,
    /// The project in it, whose pyproject.toml has the version of the wheel.
    pub project: Project,
    /// That version.
    pub version: String,
    /// The commit it is a copy of.
    pub commit: Option<Commit>,
}

impl Stage {
    /// Makes `dir` a copy of the working tree of `project`: what git tracks, and what it neither tracks nor
    /// ignores; without git, all files that nobody has made from others.
    pub fn make(
        project: &Project,
        workspace: &Workspace,
        dir: &Utf8Path,
    ) -> Result<Self, WheelError> {
        let commit = Commit::of(&project.root);
        let (root, files) = files(project, workspace, commit.as_ref())?;
        let root_of = |path: &Utf8Path| path.strip_prefix(&root).unwrap_or(path).to_owned();
        let pyproject = root_of(&project.root).join("pyproject.toml");
        let kept = files.iter().filter(|file| **file != pyproject);
        remove_others(dir, &files)?;
        for file in kept {
            copy(&root.join(file), dir, file)?;
        }
        let digest = digest_of(&root, &files);
        let version = version::of(&base_version(project)?, commit.as_ref(), &digest)?;
        let text = with_version(project, &version)?;
        write_if_new(dir, &pyproject, text.as_bytes())?;
        Ok(Self {
            root: dir.to_owned(),
            project: Project::load(&dir.join(root_of(&project.root)))?,
            version,
            commit,
        })
    }

    /// The time that everything in the wheel is given, in seconds since 1970: that of the commit. Without
    /// one, the first that a ZIP file can hold.
    #[must_use]
    pub fn time_s(&self) -> u64 {
        const FIRST_OF_1980_S: u64 = 315_532_800;
        let commit = self.commit.as_ref();
        commit.map_or(FIRST_OF_1980_S, |commit| commit.time_s.max(FIRST_OF_1980_S))
    }
}

/// pyproject.toml as the copy has it.
fn with_version(project: &Project, version: &str) -> Result<String, WheelError> {
    let path = project.root.join("pyproject.toml");
    let mut copy = PyprojectCopy::read(&path)?;
    copy.set_version(project.name(), version);
    // They name the directory of the build, and say nothing that Cargo.lock does not.
    copy.leave_out_sboms();
    Ok(copy.into_text())
}

/// The root of what is copied, and the files relative to it.
fn files(
    project: &Project,
    workspace: &Workspace,
    commit: Option<&Commit>,
) -> Result<(Utf8PathBuf, Vec<Utf8PathBuf>), WheelError> {
    let (root, mut files) = if let Some(commit) = commit {
        let files = commit.files().map_err(|source| WheelError::Files {
            root: commit.root.clone(),
            source,
        })?;
        (commit.root.clone(), files)
    } else {
        let above = project.root.ancestors();
        let mut above = above.filter(|dir| workspace.root.starts_with(dir));
        let root = above.next().unwrap_or(&project.root).to_owned();
        let files = written_files(&root, &workspace.target_dir);
        (root, files)
    };
    // git may ignore it; without it every build would choose dependencies anew.
    if let Ok(lock) = workspace.root.join("Cargo.lock").strip_prefix(&root) {
        files.push(lock.to_owned());
    }
    files.retain(|file| {
        root.join(file)
            .symlink_metadata()
            .is_ok_and(|it| !it.is_dir())
    });
    files.sort();
    files.dedup();
    Ok((root, files))
}

/// The files below `root` that somebody has written.
fn written_files(root: &Utf8Path, target_dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let made = |name: &str| {
        matches!(
            name,
            "target"
                | "dist"
                | "__pycache__"
                | "node_modules"
                | ".git"
                | ".venv"
                | "venv"
                | ".xtask"
        )
    };
    let entries = WalkDir::new(root).into_iter().filter_entry(|entry| {
        let is_made = entry.file_name().to_str().is_none_or(made);
        entry.depth() == 0 || !(entry.file_type().is_dir() && is_made) && entry.path() != target_dir
    });
    let files = entries
        .flatten()
        .filter(|entry| !entry.file_type().is_dir());
    let paths = files.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok());
    let is_written = |path: &Utf8PathBuf| !matches!(path.extension(), Some("so" | "pyd" | "pyc"));
    let relative = paths
        .filter(is_written)
        .filter_map(|path| Some(path.strip_prefix(root).ok()?.to_owned()));
    relative.collect()
}

/// Makes `file` in the copy `dir` what `from` is: a link to the same place, or a file with the same bytes and
/// rights.
fn copy(from: &Utf8Path, dir: &Utf8Path, file: &Utf8Path) -> Result<(), WheelError> {
    let to = &dir.join(file);
    let metadata = from.symlink_metadata().map_err(cannot_read(from))?;
    if metadata.is_symlink() {
        let target = from.read_link_utf8().map_err(cannot_read(from))?;
        clear_way(dir, file)?;
        if to.read_link_utf8().ok().as_deref() == Some(&target) {
            return Ok(());
        }
        owned::remove(dir, file).map_err(cannot_write(to))?;
        return std::os::unix::fs::symlink(&target, to).map_err(cannot_write(to));
    }
    let bytes = fs_err::read(from).map_err(cannot_read(from))?;
    write_if_new(dir, file, &bytes)?;
    fs_err::set_permissions(to, metadata.permissions()).map_err(cannot_write(to))
}

fn write_if_new(dir: &Utf8Path, file: &Utf8Path, bytes: &[u8]) -> Result<(), WheelError> {
    let to = &dir.join(file);
    clear_way(dir, file)?;
    let is_file = to
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.is_file());
    if is_file && fs_err::read(to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    owned::remove(dir, file).map_err(cannot_write(to))?;
    fs_err::write(to, bytes).map_err(cannot_write(to))
}

/// Has the directories above `file` be directories. Where the project had a link or a file, it may have one
/// now; what was written through the link would land where that leads.
fn clear_way(dir: &Utf8Path, file: &Utf8Path) -> Result<(), WheelError> {
    let above = file.parent().unwrap_or(file);
    let mut parts: Vec<_> = above.ancestors().collect();
    parts.reverse();
    for part in parts {
        let path = dir.join(part);
        let metadata = path.symlink_metadata();
        if metadata.is_ok_and(|metadata| !metadata.is_dir()) {
            owned::remove(dir, part).map_err(cannot_write(&path))?;
        }
    }
    let above = dir.join(above);
    owned::make_dir(dir, &above)
        .map(drop)
        .map_err(cannot_write(&above))
}

/// Has an empty directory be at `path`, in one of ours.
pub(crate) fn make_empty(path: &Utf8Path) -> Result<(), WheelError> {
    let above = path.parent().unwrap_or(path);
    let emptied = owned::remove(above, path).and_then(|_| owned::make_dir(above, path));
    emptied.map(drop).map_err(cannot_write(path))
}

/// Removes what is in `dir` and not among `files`.
fn remove_others(dir: &Utf8Path, files: &[Utf8PathBuf]) -> Result<(), WheelError> {
    let wanted: BTreeSet<_> = files.iter().flat_map(|file| file.ancestors()).collect();
    let mut entries = WalkDir::new(dir).min_depth(1).into_iter();
    while let Some(Ok(entry)) = entries.next() {
        let path = Utf8Path::from_path(entry.path());
        let relative = path.and_then(|path| path.strip_prefix(dir).ok());
        if relative.is_some_and(|path| wanted.contains(path)) {
            continue;
        }
        if entry.file_type().is_dir() {
            entries.skip_current_dir();
        }
        // A name that is not UTF-8 has no place in a wheel either.
        let Some(path) = path else {
            let path = entry.path().to_string_lossy().into_owned();
            return Err(cannot_write(Utf8Path::new(&path))(
                io::ErrorKind::InvalidFilename.into(),
            ));
        };
        owned::remove(dir, path).map_err(cannot_write(path))?;
    }
    Ok(())
}

/// The SHA-256 of the names and contents of `files`, in hexadecimal digits.
fn digest_of(root: &Utf8Path, files: &[Utf8PathBuf]) -> String {
    let mut all = Sha256::new();
    for file in files {
        let content = fs_err::read(root.join(file)).unwrap_or_default();
        all.update(format!("{file}\0"));
        all.update(Sha256::digest(content));
    }
    hex(&all.finalize())
}

/// The version that the project gives itself: in pyproject.toml, else in Cargo.toml.
fn base_version(project: &Project) -> Result<String, WheelError> {
    let table = project.pyproject.project.as_ref();
    if let Some(version) = table.and_then(|table| table.version.clone()) {
        return Ok(version);
    }
    let manifest = &project.extension.manifest;
    let metadata = Invocation::new(cargo_env::cargo())
        .args([
            "metadata",
            "--format-version=1",
            "--no-deps",
            "--manifest-path",
            manifest.as_str(),
        ])
        .cwd(&project.root)
        .read()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let same = |path: &str| same_file(Utf8Path::new(path), manifest).unwrap_or(false);
    let mut ours = packages.filter(|package| package["manifest_path"].as_str().is_some_and(same));
    let version = ours.next().and_then(|package| package["version"].as_str());
    version
        .map(str::to_owned)
        .ok_or_else(|| WheelError::Version {
            version: String::new(),
            project: project.name().to_owned(),
        })
}

fn same_file(one: &Utf8Path, other: &Utf8Path) -> io::Result<bool> {
    Ok(one.canonicalize_utf8()? == other.canonicalize_utf8()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{Fixture, TempDir};

    fn git(fixture: &Fixture, args: &[&str]) {
        let git = Invocation::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@t"])
            .args(args.iter().copied())
            .cwd(&fixture.root());
        git.read().unwrap();
    }

    fn committed(name: &str) -> Fixture {
        let fixture = Fixture::mixed(name);
        fixture.write(".gitignore", "/ignored\nCargo.lock\n");
        fixture.write("ignored/x", "");
        git(&fixture, &["init", "--quiet"]);
        git(&fixture, &["add", "."]);
        git(&fixture, &["commit", "--quiet", "-m", "one"]);
        fixture
    }

    fn stage(fixture: &Fixture, dir: &TempDir) -> Stage {
        let project = Project::load(&fixture.root()).unwrap();
        let workspace = Workspace::load(&project).unwrap();
        Stage::make(&project, &workspace, &dir.path().join("source")).unwrap()
    }

    #[test]
    fn the_copy_has_the_commit_in_its_version_and_the_original_has_not() {
        let fixture = committed("staged");
        let before = fs_err::read_to_string(fixture.root().join("pyproject.toml")).unwrap();
        let dir = TempDir::new();
        let stage = stage(&fixture, &dir);
        let commit = stage.commit.as_ref().unwrap();
        assert_eq!(stage.version, format!("0.1.0+g{}", commit.short()));
        assert_eq!(
            stage
                .project
                .pyproject
                .project
                .as_ref()
                .unwrap()
                .version
                .as_deref(),
            Some(&*stage.version)
        );
        assert_eq!(
            fs_err::read_to_string(fixture.root().join("pyproject.toml")).unwrap(),
            before
        );
        assert!(!stage.root.join("ignored").exists() && !stage.root.join(".git").exists());
        assert_eq!(stage.time_s(), commit.time_s);
    }

    #[test]
    fn changes_that_are_not_committed_are_told_apart() {
        let fixture = committed("dirtied");
        let dir = TempDir::new();
        let clean = stage(&fixture, &dir).version;
        fixture.write("python/dirtied/new.py", "one");
        let one = stage(&fixture, &dir);
        assert!(
            one.version.starts_with(&format!("{clean}.dirty.d")),
            "{}",
            one.version
        );
        assert!(one.root.join("python/dirtied/new.py").exists());
        fixture.write("python/dirtied/new.py", "two");
        let two = stage(&fixture, &dir).version;
        assert_ne!(one.version, two);
        fs_err::remove_file(fixture.root().join("python/dirtied/new.py")).unwrap();
        let again = stage(&fixture, &dir);
        assert_eq!(again.version, clean);
        assert!(!again.root.join("python/dirtied/new.py").exists());
    }

    #[test]
    fn nothing_is_written_or_removed_through_a_link_that_an_earlier_copy_had() {
        let fixture = Fixture::mixed("relinked");
        let foreign = fixture.beside("foreign");
        fixture.write(foreign.join("data.txt"), "mine");
        let linked = fixture.root().join("linked");
        std::os::unix::fs::symlink(&foreign, &linked).unwrap();
        let dir = TempDir::new();
        assert!(stage(&fixture, &dir).root.join("linked").is_symlink());
        fs_err::remove_file(&linked).unwrap();
        fixture.write("linked/data.txt", "the project's");
        let staged = stage(&fixture, &dir).root.join("linked/data.txt");
        assert_eq!(fs_err::read_to_string(staged).unwrap(), "the project's");
        let text = fs_err::read_to_string(foreign.join("data.txt"));
        assert_eq!(text.unwrap(), "mine");
    }

    #[test]
    fn a_link_above_the_copy_stays() {
        let fixture = Fixture::pure_rust("moved");
        let (dir, link) = (TempDir::new(), fixture.beside("cache"));
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        let project = Project::load(&fixture.root()).unwrap();
        let workspace = Workspace::load(&project).unwrap();
        Stage::make(&project, &workspace, &link.join("source")).unwrap();
        assert!(link.is_symlink() && dir.path().join("source/src/lib.rs").is_file());
    }

    #[test]
    fn what_has_not_changed_keeps_its_time() {
        let fixture = committed("timed");
        let dir = TempDir::new();
        let time = |stage: &Stage| {
            let metadata = stage.root.join("native/src/lib.rs").metadata().unwrap();
            metadata.modified().unwrap()
        };
        let first = time(&stage(&fixture, &dir));
        fixture.write(
            "native/src/lib.rs",
            &fs_err::read_to_string(fixture.root().join("native/src/lib.rs")).unwrap(),
        );
        assert_eq!(time(&stage(&fixture, &dir)), first);
    }

    #[test]
    fn without_git_the_version_stays_and_made_files_are_left() {
        let fixture = Fixture::pure_rust("gitless");
        fixture.edit(
            "pyproject.toml",
            "version = \"0.1.0\"",
            "dynamic = [\"version\"]",
        );
        fixture.write("target/x", "");
        fixture.write("old.so", "");
        let dir = TempDir::new();
        let stage = stage(&fixture, &dir);
        assert_eq!(stage.version, "0.1.0");
        assert!(stage.commit.is_none());
        assert!(!stage.root.join("target").exists() && !stage.root.join("old.so").exists());
        let text = fs_err::read_to_string(stage.root.join("pyproject.toml")).unwrap();
        assert!(
            text.contains("version = \"0.1.0\"") && !text.contains("dynamic"),
            "{text}"
        );
    }
}
