//! The files of a project that somebody has written, as against those that tools have made.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use files::made::{self, Sieve};
use processes::Invocation;

use crate::{Closure, Project};

/// Everything that a copy of a project needs to be built elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The directory that all of it lies in. The project's own, unless its crates lie beside it.
    pub root: Utf8PathBuf,
    /// The files, relative to that.
    pub files: BTreeSet<Utf8PathBuf>,
    /// Links to directories, relative to that, which say relative to themselves where they lead: to a
    /// directory that is among the sources.
    pub links: BTreeSet<Utf8PathBuf>,
}

impl Sources {
    /// The files of `project` and of the crates in `closure`, and the lock file, which is often ignored by
    /// git and part of the build all the same.
    #[must_use]
    pub fn of(project: &Project, closure: &Closure) -> Self {
        let roots = with_linked(&project.root, roots(&project.root, closure));
        let root = common(&project.root, &roots);
        let links = roots.iter().flat_map(|root| links_below(root));
        let is_copied = |target: &Utf8Path| roots.iter().any(|root| target.starts_with(root));
        let links = links.filter(|(_, target)| is_copied(target));
        let links = links.filter_map(|(link, _)| Some(link.strip_prefix(&root).ok()?.to_owned()));
        let mut found: Vec<_> = roots.iter().flat_map(|root| written_below(root)).collect();
        found.push(closure.workspace_root.join("Cargo.lock"));
        let files = found
            .iter()
            .filter(|path| path.is_file() && !leads_astray(&project.root, path));
        let relative = files.filter_map(|path| path.strip_prefix(&root).ok());
        Self {
            files: relative.map(Utf8Path::to_owned).collect(),
            links: links.collect(),
            root,
        }
    }
}

/// The directories that hold them: none lies in another.
fn roots(project: &Utf8Path, closure: &Closure) -> Vec<Utf8PathBuf> {
    let crates = closure.crates.iter().map(|one| one.dir.clone());
    let mut all: Vec<_> = [project.to_owned(), closure.workspace_root.clone()]
        .into_iter()
        .chain(closure.other_workspaces.iter().cloned())
        .chain(crates)
        .collect();
    all.sort();
    all.dedup_by(|later, earlier| later.starts_with(&*earlier));
    all
}

/// `roots`, and the directories that links in them lead to. None that the project lies in: that is all there
/// is.
fn with_linked(project: &Utf8Path, mut roots: Vec<Utf8PathBuf>) -> Vec<Utf8PathBuf> {
    let mut next = 0;
    while let Some(root) = roots.get(next) {
        for (_, target) in links_below(root) {
            let is_there = roots.iter().any(|root| target.starts_with(root));
            if !is_there && !project.starts_with(&target) {
                roots.push(target);
            }
        }
        next += 1;
    }
    roots
}

/// The links to directories among what [`written_below`] goes through, with where they lead, if they say so
/// relative to themselves.
fn links_below(dir: &Utf8Path) -> Vec<(Utf8PathBuf, Utf8PathBuf)> {
    let is_link = |path: &Utf8PathBuf| path.is_symlink() && path.is_dir();
    let links = listed_below(dir).into_iter().filter(is_link);
    let led = links.filter_map(|link| {
        let is_relative = link.read_link_utf8().ok()?.is_relative();
        let target = link.canonicalize_utf8().ok()?;
        is_relative.then_some((link, target))
    });
    led.collect()
}

fn common(project: &Utf8Path, roots: &[Utf8PathBuf]) -> Utf8PathBuf {
    let mut ancestors = project.ancestors();
    let common = ancestors.find(|dir| roots.iter().all(|root| root.starts_with(dir)));
    common.unwrap_or(project).to_owned()
}

/// Whether the file would make uv take the copy for a member of a larger workspace.
fn leads_astray(project: &Utf8Path, path: &Utf8Path) -> bool {
    let above = path
        .parent()
        .is_some_and(|dir| project != dir && project.starts_with(dir));
    above && path.file_name() == Some("pyproject.toml")
}

/// The files below `dir`, without those that tools have made ([`made`]): those that git tracks or would,
/// where it is a git checkout; else all that lie there. Hidden directories count: a vendored crate has its
/// checksums over all of its files.
#[must_use]
pub fn written_below(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut files = listed_below(dir);
    // A file that is deleted and not yet staged is still listed.
    files.retain(|path| path.is_file());
    files
}

/// The files below `dir` that every checkout has: those that git tracks; where it tracks none, those of
/// [`written_below`].
#[must_use]
pub fn kept_below(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut files = listed_by_git(dir, &["--cached"]).unwrap_or_default();
    files.retain(|path| path.is_file());
    if files.is_empty() {
        return written_below(dir);
    }
    files
}

/// What git lists below `dir`; `None` if it is not in a checkout.
fn listed_by_git(dir: &Utf8Path, which: &[&str]) -> Option<Vec<Utf8PathBuf>> {
    let git = Invocation::new("git").args(["ls-files", "-z"]);
    let names = git.args(which.iter().copied()).cwd(dir).read().ok()?;
    let names = names.split('\0').filter(|name| !name.is_empty());
    Some(names.map(|name| dir.join(name)).collect())
}

/// [`written_below`] with links to directories.
fn listed_below(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let tracked = listed_by_git(dir, &["--cached"]);
    let beside = || listed_by_git(dir, &["--others", "--exclude-standard"]);
    let Some((mut files, beside)) = tracked.and_then(|it| Some((it, beside()?))) else {
        return made::written_below(dir).collect();
    };
    let mut sieve = Sieve::new(dir, []);
    files.extend(beside.into_iter().filter(|path| !sieve.is_made(path)));
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    #[test]
    fn what_a_link_leads_to_is_among_the_sources() {
        let fixture = Fixture::pure_rust("thing");
        fixture.write("../shared/a.rs", "");
        fixture.write("../foreign/b.rs", "");
        let link = |to: &str, from: &str| {
            std::os::unix::fs::symlink(to, fixture.root().join(from)).unwrap();
        };
        link("../../shared", "src/shared");
        link(fixture.beside("foreign").as_str(), "src/foreign");
        link("../..", "src/all");
        let project = Project::load(&fixture.root()).unwrap();
        let sources = Sources::of(&project, &Closure::load(&project).unwrap());
        assert_eq!(sources.root, project.root.parent().unwrap());
        let files = ["project/src/lib.rs", "shared/a.rs"].map(Utf8PathBuf::from);
        assert!(
            files.iter().all(|file| sources.files.contains(file)),
            "{sources:?}"
        );
        assert!(!sources.files.iter().any(|file| file.starts_with("foreign")));
        assert_eq!(
            sources.links,
            [Utf8PathBuf::from("project/src/shared")].into()
        );
    }

    #[test]
    fn in_a_checkout_git_decides() {
        let fixture = Fixture::new();
        let git = Invocation::new("git").args(["init", "-q"]);
        git.cwd(&fixture.root()).read().unwrap();
        for name in ["a.rs", "made.rs", ".github/x.yml"] {
            fixture.write(name, "");
        }
        fixture.write(".gitignore", "made.rs\n.gitignore\n");
        let found = written_below(&fixture.root());
        let names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(fixture.root()).unwrap())
            .collect();
        assert_eq!(names, [".github/x.yml", "a.rs"]);
    }

    #[test]
    fn what_tools_have_made_counts_only_where_git_tracks_it() {
        let fixture = Fixture::new();
        let git = |args: &[&str]| {
            let git = Invocation::new("git").args(args.iter().copied());
            git.cwd(&fixture.root()).read().unwrap();
        };
        git(&["init", "-q"]);
        for name in [
            "Cargo.toml",
            "a.rs",
            "kept/a.whl",
            "target/debug/b.rs",
            "dist/a.whl",
        ] {
            fixture.write(name, "");
        }
        git(&["add", "kept", "Cargo.toml"]);
        let found = written_below(&fixture.root());
        let names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(fixture.root()).unwrap())
            .collect();
        assert_eq!(names, ["Cargo.toml", "a.rs", "kept/a.whl"]);
    }
}
