//! Links to directories, which uv does not follow where a key is a pattern.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use walkdir::WalkDir;

/// Where the links below a directory lead.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Links {
    /// Directories that a key can name: the same on every machine.
    pub(crate) targets: BTreeSet<Utf8PathBuf>,
    /// Links that lead elsewhere: to a place on this machine, or back to where a directory of `wide` lies.
    pub(crate) elsewhere: BTreeSet<Utf8PathBuf>,
}

impl Links {
    /// Those below `dir`, and below what they lead to. Who follows one to a directory that one of `wide` lies
    /// in would walk whole projects.
    pub(crate) fn below(dir: &Utf8Path, wide: &[&Utf8Path]) -> Self {
        let mut links = Self::default();
        let mut due = vec![dir.to_owned()];
        while let Some(dir) = due.pop() {
            for link in linked_directories(&dir) {
                let Some(target) = portable_target(&link, wide) else {
                    links.elsewhere.insert(link);
                    continue;
                };
                if links.targets.insert(target.clone()) {
                    due.push(target);
                }
            }
        }
        links
    }
}

/// The links to directories below `dir`.
fn linked_directories(dir: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> + use<> {
    let entries = WalkDir::new(dir).min_depth(1).into_iter().flatten();
    let links = entries.filter(|entry| entry.path_is_symlink() && entry.path().is_dir());
    links.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok())
}

/// Where `link` leads, if it says so relative to itself, and there lies none of `wide`.
fn portable_target(link: &Utf8Path, wide: &[&Utf8Path]) -> Option<Utf8PathBuf> {
    if link.read_link_utf8().ok()?.is_absolute() {
        return None;
    }
    let target = link.canonicalize_utf8().ok()?;
    let holds = |dir: &&Utf8Path| {
        dir.canonicalize_utf8()
            .is_ok_and(|it| it.starts_with(&target))
    };
    (!wide.iter().any(holds)).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use testkit::Fixture;

    #[test]
    fn links_are_followed_one_after_the_other_and_never_for_ever() {
        let fixture = Fixture::new();
        let root = fixture.root().canonicalize_utf8().unwrap();
        for name in ["src/deep/a.rs", "shared/b.rs", "more/c.rs", "file.rs"] {
            fixture.write(name, "");
        }
        let link = |to: &str, from: &str| symlink(to, root.join(from)).unwrap();
        link("../../shared", "src/deep/shared");
        link("../more", "shared/more");
        link("../shared", "more/back");
        link("../file.rs", "src/file.rs");
        link("../..", "src/all");
        let absolute = root.join("more");
        link(absolute.as_str(), "src/absolute");
        let links = Links::below(&root.join("src"), &[&root]);
        let targets = ["more", "shared"].map(|name| root.join(name));
        assert_eq!(links.targets, targets.into());
        let elsewhere = ["src/absolute", "src/all"].map(|name| root.join(name));
        assert_eq!(links.elsewhere, elsewhere.into());
    }
}
