//! The commit that a wheel is built from.

use camino::{Utf8Path, Utf8PathBuf};
use files::made::Sieve;
use packaging::checked::CommitHash;
use processes::{Invocation, RunError};
use serde::{Deserialize, Serialize};

/// What holds for this machine only, and is in no wheel.
pub(crate) const LOCAL_CONFIG_PATH: &str = ".cargo/config.local.toml";

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
    /// The files, relative to the root, that git neither tracks nor ignores and that no tool has made.
    #[serde(skip)]
    pub beside: Vec<Utf8PathBuf>,
}

impl Commit {
    /// That of the working tree that `dir` lies in and that git tracks: its pyproject.toml or, for a crate
    /// alone, its Cargo.toml. All in the directories `made` is made by tools. `None` where there is no git,
    /// no repository, no commit, or where git tracks nothing of `dir`: a source distribution unpacked within
    /// somebody's checkout.
    #[must_use]
    pub fn of(dir: &Utf8Path, made: &[Utf8PathBuf]) -> Option<Self> {
        let git = |args: &[&str]| git(dir, args).ok();
        let tracked = git(&["ls-files", "--", "pyproject.toml", "Cargo.toml"])?;
        if tracked.is_empty() {
            return None;
        }
        let shown = git(&["show", "--no-patch", "--format=%H %ct", "HEAD"])?;
        let (hash, time_s) = shown.trim().split_once(' ')?;
        let root = Utf8PathBuf::from(git(&["rev-parse", "--show-toplevel"])?.trim_end());
        let status = git(&["status", "--porcelain", "--untracked-files=no"])?;
        let beside = beside(&root, made)?;
        Some(Self {
            hash: hash.parse().ok()?,
            time_s: time_s.parse().ok()?,
            dirty: !status.trim().is_empty() || !beside.is_empty(),
            git_dir: git(&["rev-parse", "--absolute-git-dir"])?.trim_end().into(),
            root,
            beside,
        })
    }

    /// As many digits as stand in a version: the same number in every clone, where git's own abbreviation
    /// depends on what else the clone holds.
    #[must_use]
    pub fn short(&self) -> &str {
        self.hash.get(..7).unwrap_or(&self.hash)
    }

    /// Its tags.
    pub(crate) fn tags(&self) -> Vec<String> {
        let tags = git(&self.root, &["tag", "--points-at", "HEAD"]);
        let tags = tags.unwrap_or_default();
        tags.lines().map(str::to_owned).collect()
    }

    /// The files of the working tree that git tracks, and those beside them, relative to the root.
    pub(crate) fn files(&self) -> Result<Vec<Utf8PathBuf>, RunError> {
        let mut files = listed(&self.root, &["--cached", "--recurse-submodules"])?;
        files.extend(self.beside.iter().cloned());
        Ok(files)
    }
}

/// Whether tools write the file as soon as somebody works here, and no wheel is made of it. A Cargo.lock that
/// git does not track is like one that it ignores.
fn is_by_the_way(file: &Utf8Path) -> bool {
    let locks = ["Cargo.lock", "uv.lock"];
    let is_lock = file.file_name().is_some_and(|name| locks.contains(&name));
    is_lock || file.ends_with(LOCAL_CONFIG_PATH)
}

fn beside(root: &Utf8Path, made: &[Utf8PathBuf]) -> Option<Vec<Utf8PathBuf>> {
    let mut files = listed(root, &["--others", "--exclude-standard"]).ok()?;
    let mut sieve = Sieve::new(root, made.iter().cloned());
    files.retain(|file| !sieve.is_made(&root.join(file)) && !is_by_the_way(file));
    Some(files)
}

fn listed(root: &Utf8Path, which: &[&str]) -> Result<Vec<Utf8PathBuf>, RunError> {
    let args: Vec<_> = ["ls-files", "-z"].iter().chain(which).copied().collect();
    let names = git(root, &args)?;
    let names = names.split('\0').filter(|name| !name.is_empty());
    Ok(names.map(Into::into).collect())
}

fn git(dir: &Utf8Path, args: &[&str]) -> Result<String, RunError> {
    Invocation::new("git")
        .args(args.iter().copied())
        .cwd(dir)
        .read()
}
