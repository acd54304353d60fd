//! A copy of a project's sources, which git knows.

use camino::Utf8Path;
use processes::Invocation;
use project_model::Sources;

use crate::files::{FileError, copy_file, copy_link};

/// Copies all files and links of `sources` into the directory `to`.
pub fn copy_sources(sources: &Sources, to: &Utf8Path) -> Result<(), FileError> {
    for file in &sources.files {
        copy_file(&sources.root.join(file), &to.join(file))?;
    }
    // Last, so that nothing is written through one.
    let mut links = sources.links.iter();
    links.try_for_each(|link| copy_link(&sources.root.join(link), &to.join(link)))
}

/// `git ARGS` in the copy `tree`, without the user's name, hooks, signatures and repository.
#[must_use]
pub fn git(tree: &Utf8Path, args: &[&str]) -> Invocation {
    let settings = [
        "user.name=xtask",
        "user.email=xtask@localhost",
        "commit.gpgsign=false",
        "core.hooksPath=/dev/null",
        "core.autocrlf=false",
        "advice.detachedHead=false",
    ];
    let inherited = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"];
    let git = inherited
        .into_iter()
        .fold(Invocation::new("git"), Invocation::env_remove);
    git.args(settings.iter().flat_map(|setting| ["-c", setting]))
        .args(args.iter().copied())
        .cwd(tree)
}

/// The calls of git by which all files of the copy `tree` become a commit, one after the other.
#[must_use]
pub fn commit_all(tree: &Utf8Path, message: &str) -> [Invocation; 2] {
    let commit = ["commit", "--quiet", "--allow-empty", "--message", message];
    [&["add", "--all", "--force"][..], &commit].map(|args| git(tree, args))
}
