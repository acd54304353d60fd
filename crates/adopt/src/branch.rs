//! The branch that everybody gets builds of.

use camino::Utf8Path;
use processes::Invocation;

/// That of the `checkout`: `main` or `master`, whichever there is, here or at `origin`; else what `origin`
/// says.
pub(crate) fn main_branch(checkout: &Utf8Path) -> String {
    let refs = [
        "for-each-ref",
        "--format=%(refname) %(symref)",
        "refs/heads",
        "refs/remotes/origin",
    ];
    let refs = Invocation::new("git").args(refs).cwd(checkout).read();
    named_in(&refs.unwrap_or_default()).to_owned()
}

/// The same of lines of git, each a ref, and what it stands for where it is symbolic.
fn named_in(refs: &str) -> &str {
    let refs = || refs.lines().filter_map(|line| line.split_once(' '));
    let is_there = |branch: &&str| {
        let mut names = refs().filter_map(|(name, _)| short(name));
        names.any(|name| name == *branch)
    };
    let usual = ["main", "master"].into_iter().find(is_there);
    let mut targets = refs().filter_map(|(_, target)| short(target));
    usual.or_else(|| targets.next()).unwrap_or("main")
}

/// The name of a branch, without where it is.
fn short(name: &str) -> Option<&str> {
    let local = name.strip_prefix("refs/heads/");
    local.or_else(|| name.strip_prefix("refs/remotes/origin/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_name_counts_else_what_origin_says() {
        for (refs, expected) in [
            ("", "main"),
            ("refs/heads/work \nrefs/heads/main \n", "main"),
            ("refs/heads/master \nrefs/heads/work \n", "master"),
            ("refs/heads/work \nrefs/remotes/origin/main \n", "main"),
            (
                "refs/heads/work \nrefs/remotes/origin/HEAD refs/remotes/origin/trunk\nrefs/remotes/origin/trunk \n",
                "trunk",
            ),
        ] {
            assert_eq!(named_in(refs), expected, "{refs}");
        }
    }
}
