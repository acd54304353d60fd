//! The commit that a wheel is built from.

use camino::{Utf8Path, Utf8PathBuf};
use packaging::checked::CommitHash;
use processes::{Invocation, RunError};
use serde::{Deserialize, Serialize};

/// What git says of a working tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The commit that is checked out, in full.
    pub hash: CommitHash,
    /// When it was made, in seconds since 1970.
    pub time_s: u64,
    /// Whether files differ from it, or stand beside what it holds.
    pub dirty: bool,
    /// The root of the working tree.
    #[serde(skip)]
    pub root: Utf8PathBuf,
    /// Its `.git` directory.
    #[serde(skip)]
    pub git_dir: Utf8PathBuf,
}

impl Commit {
    /// That of the working tree that `dir` lies in and that git tracks. `None` where there is no git, no
    /// repository, no commit, or where git tracks nothing of `dir`: a source distribution unpacked within
    /// somebody's checkout.
    #[must_use]
    pub fn of(dir: &Utf8Path) -> Option<Self> {
        let git = |args: &[&str]| git(dir, args).ok();
        let tracked = git(&["ls-files", "--", "pyproject.toml"])?;
        if tracked.is_empty() {
            return None;
        }
        let shown = git(&["show", "--no-patch", "--format=%H %ct", "HEAD"])?;
        let (hash, time_s) = shown.trim().split_once(' ')?;
        let root = Utf8PathBuf::from(git(&["rev-parse", "--show-toplevel"])?.trim_end());
        let status = git(&["status", "--porcelain"])?;
        Some(Self {
            hash: hash.parse().ok()?,
            time_s: time_s.parse().ok()?,
            dirty: !status.trim().is_empty(),
            root,
            git_dir: git(&["rev-parse", "--absolute-git-dir"])?.trim_end().into(),
        })
    }

    /// As many digits as stand in a version: the same number in every clone, where git's own abbreviation
    /// depends on what else the clone holds.
    #[must_use]
    pub fn short(&self) -> &str {
        self.hash.get(..7).unwrap_or(&self.hash)
    }

    /// The files of the working tree that git tracks, and those that it does not ignore, relative to the
    /// root.
    pub(crate) fn files(&self) -> Result<Vec<Utf8PathBuf>, RunError> {
        let tracked = git(
            &self.root,
            &["ls-files", "-z", "--cached", "--recurse-submodules"],
        )?;
        let beside = git(
            &self.root,
            &["ls-files", "-z", "--others", "--exclude-standard"],
        )?;
        let names = tracked.split('\0').chain(beside.split('\0'));
        Ok(names
            .filter(|name| !name.is_empty())
            .map(Into::into)
            .collect())
    }
}

fn git(dir: &Utf8Path, args: &[&str]) -> Result<String, RunError> {
    Invocation::new("git")
        .args(args.iter().copied())
        .cwd(dir)
        .read()
}
