//! The version of a wheel: the project's, with the commit as its local part (PEP 440), so that to pip and uv
//! a new build is a new wheel.

use packaging::normalized;
use pep440_rs::Version;
use project_model::WheelPolicy;

use crate::commit::Commit;
use crate::error::WheelError;
use crate::outside::{Outside, version_parts};

/// What the commit is called in a version: `1a2b3c4`; `1a2b3c4.dirty.d5e6f7a` where files differ from it:
/// `digest` tells what they are. `1a2b3c4.near.g5e6f7a8` with the crate `near` from outside of the
/// repository.
#[must_use]
pub fn commit_name(commit: &Commit, outside: &[Outside], digest: &str) -> String {
    let mut parts = vec![commit.short().to_owned()];
    parts.extend(version_parts(outside));
    if commit.dirty {
        let digest = digest.get(..7).unwrap_or(digest);
        parts.extend(["dirty".to_owned(), format!("d{digest}")]);
    }
    parts.join(".")
}

/// `0.2.0+g1a2b3c4` with the name of a commit, [`commit_name`]. Without git, the version as it is. A local
/// part that the project itself has comes first.
pub fn of(base: &str, commit: Option<&str>) -> Result<String, WheelError> {
    let version: Version = base.parse().map_err(|_| WheelError::Version {
        version: base.to_owned(),
        project: "the project".to_owned(),
    })?;
    let Some(commit) = commit else {
        return Ok(version.to_string());
    };
    let own = version.local().iter().map(ToString::to_string);
    let local: Vec<_> = own.chain([format!("g{commit}")]).collect();
    Ok(format!("{}+{}", version.without_local(), local.join(".")))
}

/// Which version a wheel is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Naming {
    /// The project's, with the commit.
    #[default]
    WithCommit,
    /// The project's as it is, which PyPI accepts: only of a commit whose tag says so.
    AsReleased,
}

impl Naming {
    /// What the policy says of wheels for `release`, or what is `asked` for.
    #[must_use]
    pub fn of(policy: &WheelPolicy, release: bool, asked: bool) -> Self {
        if release && (asked || policy.release_version) {
            Self::AsReleased
        } else {
            Self::WithCommit
        }
    }
}

/// The version that the project gives itself, if `commit` is it: nothing differs from it, nothing lies
/// outside of it, and one of its `tags` names the version. `names` are those of the distribution and its
/// crate.
pub fn released(
    base: &str,
    commit: Option<&Commit>,
    outside: &[Outside],
    (tags, names): (&[String], &[&str]),
) -> Result<String, WheelError> {
    let version = of(base, None)?;
    let refuse = |reason: String| WheelError::NotReleased {
        version: version.clone(),
        reason,
    };
    let Some(commit) = commit else {
        return Err(refuse("git knows nothing of the project".to_owned()));
    };
    if commit.dirty {
        let short = commit.short();
        return Err(refuse(format!("files differ from commit {short}")));
    }
    if let Some(outside) = outside.iter().find(|it| it.is_built) {
        return Err(refuse(format!(
            "{} lies outside of the repository",
            outside.dir
        )));
    }
    if !tags.iter().any(|tag| is_tag_of(tag, &version, names)) {
        let tags = if tags.is_empty() {
            "none".to_owned()
        } else {
            tags.join(", ")
        };
        let short = commit.short();
        return Err(refuse(format!(
            "no tag of commit {short} says so (it has {tags})"
        )));
    }
    Ok(version)
}

/// Whether `tag` says `version`: `0.2.0`, `v0.2.0`, `release-0.2.0`, or with the name of the distribution or
/// the crate, `thing-v0.2.0`, `thing/0.2.0`; in a repository of several languages `py-0.2.0`.
fn is_tag_of(tag: &str, version: &str, names: &[&str]) -> bool {
    const PREFIXES: [&str; 7] = ["", "v", "py", "python", "rel", "release", "version"];
    let same = |text: &str| {
        text.parse::<Version>()
            .is_ok_and(|it| it.to_string() == version)
    };
    let is_prefix = |text: &str| {
        let text = text.trim_end_matches(['-', '_', '/', '@', '.']);
        PREFIXES.contains(&text)
            || names
                .iter()
                .any(|name| normalized(name) == normalized(text))
    };
    let starts = tag.char_indices().filter(|(_, it)| it.is_ascii_digit());
    starts
        .map(|(at, _)| tag.split_at(at))
        .any(|(before, rest)| {
            let separated = |text: &str| text.ends_with(['-', '_', '/', '@']);
            let bare = before
                .strip_suffix('v')
                .filter(|it| it.is_empty() || separated(it));
            same(rest) && (is_prefix(before) || bare.is_some_and(is_prefix))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(dirty: bool) -> Commit {
        Commit {
            hash: "1a2b3c4d5e".repeat(4).try_into().unwrap(),
            time_s: 0,
            dirty,
            root: "/p".into(),
            git_dir: "/p/.git".into(),
            beside: Vec::new(),
        }
    }

    #[test]
    fn the_commit_is_the_local_part() {
        let version = |base, dirty| {
            let name = commit_name(&commit(dirty), &[], "0123456789");
            of(base, Some(&name)).unwrap()
        };
        assert_eq!(version("0.2.0", false), "0.2.0+g1a2b3c4");
        assert_eq!(version("0.2.0", true), "0.2.0+g1a2b3c4.dirty.d0123456");
        assert_eq!(version("0.2.0+cuda12", false), "0.2.0+cuda12.g1a2b3c4");
        // As Cargo.toml has it, and as PEP 440 has it.
        assert_eq!(version("1.0.0-alpha.1", false), "1.0.0a1+g1a2b3c4");
        assert_eq!(of("0.2.0", None).unwrap(), "0.2.0");
    }

    #[test]
    fn a_tag_says_a_version_and_nothing_else() {
        let is = |tag| is_tag_of(tag, "1.0.0a1", &["My_Thing", "my-thing-py"]);
        for tag in [
            "1.0.0a1",
            "v1.0.0a1",
            "v1.0.0-alpha.1",
            "release-1.0.0a1",
            "release/v1.0.0a1",
            "py-1.0.0a1",
            "my-thing-v1.0.0a1",
            "my_thing/1.0.0a1",
            "my-thing-py@1.0.0a1",
        ] {
            assert!(is(tag), "{tag}");
        }
        for tag in [
            "1.0.0",
            "v1.0.0a2",
            "latest",
            "other-1.0.0a1",
            "1.0.0a1-2",
            "nov1.0.0a1",
            "",
        ] {
            assert!(!is(tag), "{tag}");
        }
        assert!(is_tag_of("thing2-1.0", "1.0", &["thing2"]));
        assert!(!is_tag_of("thing2-1.0", "2", &["thing2"]));
    }

    #[test]
    fn only_a_tagged_commit_without_changes_is_a_release() {
        let tags = ["v0.2.0".to_owned()];
        let says = |commit: Option<Commit>, tags: &[String]| {
            let version = released("0.2.0", commit.as_ref(), &[], (tags, &["thing"]));
            version.map_err(|error| error.to_string())
        };
        assert_eq!(says(Some(commit(false)), &tags).as_deref(), Ok("0.2.0"));
        for (commit, tags, reason) in [
            (
                Some(commit(true)),
                &tags[..],
                "files differ from commit 1a2b3c4",
            ),
            (Some(commit(false)), &[], "(it has none)"),
            (
                Some(commit(false)),
                &["latest".to_owned()],
                "(it has latest)",
            ),
            (None, &tags, "git knows nothing"),
        ] {
            let error = says(commit, tags).unwrap_err();
            assert!(
                error.contains(reason) && error.contains("help: "),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        assert!(of("one", None).is_err());
    }
}
