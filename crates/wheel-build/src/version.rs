//! The version of a wheel: the project's, with the commit as its local part (PEP 440), so that to pip and uv
//! a new build is a new wheel.

use pep440_rs::{LocalSegment, Version};

use crate::commit::Commit;
use crate::error::WheelError;
use crate::outside::{Outside, version_parts};

/// `0.2.0+g1a2b3c4`; `0.2.0+g1a2b3c4.dirty.d5e6f7a` where files differ from the commit: `digest` tells what
/// they are. `0.2.0+g1a2b3c4.near.g5e6f7a8` with the crate `near` from outside of the repository. Without git,
/// the version as it is. A local part that the project itself has comes first.
pub fn of(
    base: &str,
    commit: Option<&Commit>,
    outside: &[Outside],
    digest: &str,
) -> Result<String, WheelError> {
    let version: Version = base.parse().map_err(|_| WheelError::Version {
        version: base.to_owned(),
        project: "the project".to_owned(),
    })?;
    let Some(commit) = commit else {
        return Ok(version.to_string());
    };
    let mut local = version.local().to_vec();
    local.push(LocalSegment::String(format!("g{}", commit.short())));
    local.extend(version_parts(outside).into_iter().map(LocalSegment::String));
    if commit.dirty {
        let digest = digest.get(..7).unwrap_or(digest);
        local.push(LocalSegment::String("dirty".to_owned()));
        local.push(LocalSegment::String(format!("d{digest}")));
    }
    let local: Vec<_> = local.iter().map(ToString::to_string).collect();
    Ok(format!("{}+{}", version.without_local(), local.join(".")))
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
        let version = |base, dirty| of(base, Some(&commit(dirty)), &[], "0123456789").unwrap();
        assert_eq!(version("0.2.0", false), "0.2.0+g1a2b3c4");
        assert_eq!(version("0.2.0", true), "0.2.0+g1a2b3c4.dirty.d0123456");
        assert_eq!(version("0.2.0+cuda12", false), "0.2.0+cuda12.g1a2b3c4");
        // As Cargo.toml has it, and as PEP 440 has it.
        assert_eq!(version("1.0.0-alpha.1", false), "1.0.0a1+g1a2b3c4");
        assert_eq!(of("0.2.0", None, &[], "").unwrap(), "0.2.0");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        assert!(of("one", None, &[], "").is_err());
    }
}
