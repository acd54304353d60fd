//! The versions of CPython that a wheel is for.

use packaging::WheelName;
use pep440_rs::{Version, VersionSpecifiers};

/// The newest minor version that is looked at. Tags and `requires-python` without an upper bound promise
/// versions that do not exist yet.
const NEWEST_MINOR: u32 = 30;

/// `3.11`, `3.12`, …: those that the tags of `name` serve and that `requires_python` allows in some patch
/// version.
#[must_use]
pub fn of(name: &WheelName, requires_python: Option<&VersionSpecifiers>) -> Vec<String> {
    let allowed = |minor: u32| {
        let patches = [0, 99].map(|patch| Version::new([3, u64::from(minor), patch]));
        requires_python.is_none_or(|it| patches.iter().any(|version| it.contains(version)))
    };
    let is_pure = name.abi.iter().any(|abi| abi == "none");
    (0..=NEWEST_MINOR)
        .filter(|minor| {
            is_pure || serves(name, (3, *minor), false) || serves(name, (3, *minor), true)
        })
        .filter(|minor| allowed(*minor))
        .map(|minor| format!("3.{minor}"))
        .collect()
}

/// Whether CPython of this version, `free_threaded` or not, takes wheels with these tags: those of its own
/// ABI, and, unless it is free-threaded, those of the stable ABI of an older one (PEP 425).
pub(crate) fn serves(name: &WheelName, (major, minor): (u32, u32), free_threaded: bool) -> bool {
    let threads = if free_threaded { "t" } else { "" };
    let python = format!("cp{major}{minor}");
    let exact = name.python.contains(&python) && name.abi.contains(&format!("{python}{threads}"));
    let has_stable_abi = name.abi.iter().any(|abi| abi == "abi3") && !free_threaded;
    let from = |tag: &String| {
        let (tag_major, tag_minor) = tag.strip_prefix("cp")?.split_at_checked(1)?;
        Some((
            tag_major.parse::<u32>().ok()?,
            tag_minor.parse::<u32>().ok()?,
        ))
    };
    let mut oldest = name.python.iter().filter_map(from);
    exact
        || has_stable_abi
            && oldest.any(|(its_major, its_minor)| its_major == major && its_minor <= minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_tags(tags: &str, requires_python: &str) -> Vec<String> {
        let name = WheelName::parse(&format!("a-1-{tags}.whl")).unwrap();
        of(&name, Some(&requires_python.parse().unwrap()))
    }

    #[test]
    fn tags_and_requires_python_decide_together() {
        assert_eq!(
            of_tags("cp311-abi3-manylinux_2_28_x86_64", ">=3.9,<3.14"),
            ["3.11", "3.12", "3.13"]
        );
        assert_eq!(
            of_tags("cp38-abi3-manylinux_2_28_x86_64", ">=3.11.4,<3.13"),
            ["3.11", "3.12"]
        );
        assert_eq!(
            of_tags("cp312-cp312-manylinux_2_28_x86_64", ">=3.9"),
            ["3.12"]
        );
        assert_eq!(
            of_tags("cp313-cp313t-manylinux_2_28_x86_64", ">=3.9"),
            ["3.13"]
        );
        assert_eq!(of_tags("py3-none-any", ">=3.12,<3.14"), ["3.12", "3.13"]);
        assert!(of_tags("cp312-cp312-manylinux_2_28_x86_64", ">=3.13").is_empty());
    }

    #[test]
    fn without_an_upper_bound_versions_to_come_count() {
        assert!(of_tags("cp311-abi3-manylinux_2_28_x86_64", ">=3.11").contains(&"3.19".to_owned()));
    }
}
