//! The versions of CPython that a wheel is for.

use packaging::{PythonVersion, WheelName};
use pep440_rs::{Version, VersionSpecifiers};

/// The newest minor version that is looked at. Tags and `requires-python` without an upper bound promise
/// versions that do not exist yet.
const NEWEST_MINOR: u32 = 30;

/// The first that is also built without the GIL (PEP 703), and the first with a stable ABI for that (PEP
/// 803).
const FIRST_FREE_THREADED: u32 = 13;
pub(crate) const FIRST_ABI3T: u32 = 15;

/// `3.11`, `3.12`, `3.14t`, …: those that the tags of `name` serve and that `requires_python` allows in some
/// patch version.
#[must_use]
pub fn of(name: &WheelName, requires_python: Option<&VersionSpecifiers>) -> Vec<PythonVersion> {
    let all = (0..=NEWEST_MINOR).flat_map(|minor| {
        let threads = [false, minor >= FIRST_FREE_THREADED];
        let threads = threads.into_iter().take(if threads[1] { 2 } else { 1 });
        threads.map(move |free_threaded| PythonVersion {
            minor,
            free_threaded,
        })
    });
    let is_pure = name.abi.iter().any(|abi| abi == "none");
    let served = all.filter(|python| is_pure || serves(name, *python));
    served
        .filter(|python| allows(requires_python, *python))
        .collect()
}

/// Whether `requires_python` allows `python` in some patch version.
#[must_use]
pub fn allows(requires_python: Option<&VersionSpecifiers>, python: PythonVersion) -> bool {
    let patches = [0, 99].map(|patch| Version::new([3, u64::from(python.minor), patch]));
    requires_python.is_none_or(|it| patches.iter().any(|version| it.contains(version)))
}

/// Whether `python` takes wheels with these tags: those of its own ABI (PEP 425), and those of the stable ABI
/// of an older version: `abi3`, or `abi3t` without the GIL.
pub(crate) fn serves(name: &WheelName, python: PythonVersion) -> bool {
    let has_abi = |wanted: &str| name.abi.iter().any(|abi| abi == wanted);
    let exact = name.python.contains(&python.tag()) && has_abi(&python.abi());
    let from = |tag: &String| tag.strip_prefix("cp3")?.parse::<u32>().ok();
    let mut oldest = name.python.iter().filter_map(from);
    let stable = if python.free_threaded {
        has_abi("abi3t") && python.minor >= FIRST_ABI3T
    } else {
        has_abi("abi3")
    };
    exact || stable && oldest.any(|minor| minor <= python.minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_tags(tags: &str, requires_python: &str) -> Vec<String> {
        let name = WheelName::parse(&format!("a-1-{tags}.whl")).unwrap();
        let of = of(&name, Some(&requires_python.parse().unwrap()));
        of.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tags_and_requires_python_decide_together() {
        for (tags, requires_python, expected) in [
            ("cp311-abi3-x", ">=3.9,<3.14", &["3.11", "3.12", "3.13"][..]),
            ("cp38-abi3-x", ">=3.11.4,<3.13", &["3.11", "3.12"]),
            ("cp312-cp312-x", ">=3.9", &["3.12"]),
            ("cp313-cp313t-x", ">=3.9", &["3.13t"]),
            ("cp314-cp314t-x", ">=3.9", &["3.14t"]),
            ("cp314-cp314t-x", ">=3.15", &[]),
            (
                "cp315-abi3.abi3t-x",
                ">=3.9,<3.17",
                &["3.15", "3.15t", "3.16", "3.16t"],
            ),
            (
                "cp311-abi3.abi3t-x",
                "<3.16,>=3.14",
                &["3.14", "3.15", "3.15t"],
            ),
            ("cp315-abi3t-x", "<3.16", &["3.15t"]),
            ("py3-none-any", ">=3.12,<3.14", &["3.12", "3.13", "3.13t"]),
            ("cp312-cp312-x", ">=3.13", &[]),
        ] {
            assert_eq!(
                of_tags(tags, requires_python),
                expected,
                "{tags} {requires_python}"
            );
        }
    }

    #[test]
    fn without_an_upper_bound_versions_to_come_count() {
        assert!(of_tags("cp311-abi3-manylinux_2_28_x86_64", ">=3.11").contains(&"3.19".to_owned()));
    }
}
