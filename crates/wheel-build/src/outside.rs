//! What a wheel is made of that lies outside of the project's repository: the commit says nothing of it.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::hex;
use project_model::{Closure, written_below};
use sha2::{Digest as _, Sha256};

use crate::commit::Commit;

/// A directory of another repository, or of none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The name of a crate in it, else its own.
    pub name: String,
    /// Where it is.
    pub dir: Utf8PathBuf,
    /// `g` and the commit of a repository without changes, else `d` and a digest.
    pub state: String,
    /// The files in it.
    pub files: Vec<Utf8PathBuf>,
    /// Whether it is part of the wheel, rather than only read by cargo: a dependency of tests.
    pub is_built: bool,
}

/// The directories that `closure` and `links`, which lead to directories, need outside of `repository`; and
/// of `read` those that cargo reads.
pub(crate) fn of(
    repository: &Utf8Path,
    closure: &Closure,
    read: &BTreeSet<Utf8PathBuf>,
    links: impl Iterator<Item = Utf8PathBuf>,
) -> Vec<Outside> {
    let own_name = |dir: &Utf8Path| dir.file_name().unwrap_or_default().to_owned();
    let mut names: BTreeMap<_, _> = read
        .iter()
        .map(|dir| (dir.clone(), own_name(dir)))
        .collect();
    let mut built = BTreeSet::new();
    let workspaces = closure
        .other_workspaces
        .iter()
        .chain([&closure.workspace_root]);
    for dir in links.chain(workspaces.cloned()) {
        built.insert(dir.clone());
        names.insert(dir.clone(), own_name(&dir));
    }
    for one in &closure.crates {
        built.insert(one.dir.clone());
        names.insert(one.dir.clone(), one.name.clone());
    }
    let mut kept: Vec<(Utf8PathBuf, String)> = Vec::new();
    // Directories come before those in them.
    for (dir, name) in names {
        let is_kept = kept.iter().any(|(above, _)| dir.starts_with(above));
        if !dir.starts_with(repository) && !is_kept {
            kept.push((dir, name));
        }
    }
    let outside = kept.into_iter().map(|(dir, name)| {
        let is_built = built.iter().any(|it| it.starts_with(&dir));
        Outside::new(dir, name, is_built)
    });
    outside.collect()
}

impl Outside {
    fn new(dir: Utf8PathBuf, name: String, is_built: bool) -> Self {
        let files = written_below(&dir);
        let commit = Commit::of(&dir, &[]).filter(|commit| !commit.dirty);
        let state = match commit {
            Some(commit) => format!("g{}", commit.short()),
            None => format!("d{}", &digest_of(&dir, &files)[..7]),
        };
        Self {
            name,
            dir,
            state,
            files,
            is_built,
        }
    }
}

fn digest_of(dir: &Utf8Path, files: &[Utf8PathBuf]) -> String {
    let mut all = Sha256::new();
    for file in files.iter().collect::<BTreeSet<_>>() {
        let name = file.strip_prefix(dir).unwrap_or(file);
        all.update(format!("{name}\0"));
        all.update(Sha256::digest(fs_err::read(file).unwrap_or_default()));
    }
    hex(&all.finalize())
}

/// The parts of a version that say what `all` are (PEP 440: letters and digits). Of many, one digest.
pub(crate) fn version_parts(all: &[Outside]) -> Vec<String> {
    const NAMED: usize = 3;
    let all: Vec<_> = all.iter().filter(|it| it.is_built).collect();
    if all.len() > NAMED {
        let states: String = all
            .iter()
            .map(|it| format!("{}\0{}\0", it.name, it.state))
            .collect();
        return vec![format!("d{}", &hex(&Sha256::digest(states))[..7])];
    }
    let plain = |name: &str| {
        let kept = name.chars().filter(char::is_ascii_alphanumeric);
        kept.collect::<String>().to_lowercase()
    };
    let parts = all
        .iter()
        .flat_map(|it| [plain(&it.name), it.state.clone()]);
    parts.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(name: &str, state: &str) -> Outside {
        Outside {
            name: name.to_owned(),
            dir: "/x".into(),
            state: state.to_owned(),
            files: Vec::new(),
            is_built: true,
        }
    }

    #[test]
    fn a_version_names_few_and_digests_many() {
        assert_eq!(version_parts(&[]), [""; 0]);
        let few = [outside("near-by_2", "g1a2b3c4"), outside("é", "d0123456")];
        assert_eq!(version_parts(&few), ["nearby2", "g1a2b3c4", "d0123456"]);
        let many = ["a", "b", "c", "d"].map(|name| outside(name, "g1a2b3c4"));
        let parts = version_parts(&many);
        assert_eq!((parts.len(), parts[0].len()), (1, 8));
        let only_read = Outside {
            is_built: false,
            ..outside("testing", "g1a2b3c4")
        };
        assert_eq!(version_parts(&[only_read]), [""; 0]);
    }
}
