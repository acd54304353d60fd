//! What Colab offers.

use serde::Deserialize;

use packaging::{PythonVersion, Wheel};

/// A snapshot: sources and date are in the file.
const SNAPSHOT: &str = include_str!("../data/runtimes.json");

/// What Colab offered on a day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Snapshot {
    /// The day, as `2026-09-09`.
    pub as_of: String,
    /// The runtimes that can be chosen, the default one first.
    pub runtimes: Vec<Runtime>,
}

/// One runtime; all are x86-64.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Runtime {
    /// What Colab calls it.
    pub name: String,
    /// `3.13`.
    pub python: String,
    /// `24.04`.
    pub ubuntu: String,
    /// `2.39`.
    pub glibc: String,
}

impl Snapshot {
    /// The one that is built in.
    ///
    /// # Panics
    /// If it is damaged, which a test would tell.
    #[must_use]
    pub fn built_in() -> Self {
        serde_json::from_str(SNAPSHOT).expect("data/runtimes.json")
    }

    /// The runtimes on which one of `wheels` can be installed, and those on which none can.
    #[must_use]
    pub fn split(&self, wheels: &[Wheel]) -> (Vec<&Runtime>, Vec<&Runtime>) {
        let runtimes = self.runtimes.iter();
        runtimes.partition(|runtime| wheels.iter().any(|wheel| runtime.takes(wheel)))
    }
}

impl Runtime {
    /// Whether pip and uv install the wheel there: they go by its tags and by `requires-python` (PEP 425, PEP
    /// 600).
    #[must_use]
    pub fn takes(&self, wheel: &Wheel) -> bool {
        let mut platforms = wheel.platforms.iter();
        platforms.any(|tag| self.has_libc(tag))
            && wheel.pythons.iter().any(|it| self.has_python(*it))
    }

    /// Whether it has this Python.
    #[must_use]
    pub fn has_python(&self, python: PythonVersion) -> bool {
        python.to_string() == self.python
    }

    /// Whether a wheel with this platform tag runs there.
    #[must_use]
    pub fn has_libc(&self, tag: &str) -> bool {
        let policy = tag
            .strip_suffix("_x86_64")
            .and_then(|tag| tag.strip_prefix("manylinux_"));
        policy.is_some_and(|policy| number(policy, '_') <= number(&self.glibc, '.'))
    }
}

/// `3.13` as it can be compared.
fn number(text: &str, separator: char) -> Vec<u32> {
    text.split(separator)
        .map(|part| part.parse().unwrap_or(u32::MAX))
        .collect()
}

/// `Python 3.12, Ubuntu 22.04 (26.07)`
impl std::fmt::Display for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Python {}, Ubuntu {} ({})",
            self.python, self.ubuntu, self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheel(pythons: &[&str], platform: &str) -> Wheel {
        Wheel {
            file: "a-1-py3-none-any.whl".parse().unwrap(),
            sha256: "0".repeat(64).try_into().unwrap(),
            size_bytes: 1,
            python: Vec::new(),
            abi: Vec::new(),
            pythons: pythons.iter().map(|it| it.parse().unwrap()).collect(),
            platforms: vec![platform.parse().unwrap()],
            glibc: None,
        }
    }

    #[test]
    fn the_snapshot_is_whole() {
        let snapshot = Snapshot::built_in();
        assert_eq!(snapshot.runtimes[0].name, "latest");
        assert!(
            snapshot
                .runtimes
                .iter()
                .all(|it| number(&it.glibc, '.').iter().all(|part| *part < 100))
        );
    }

    #[test]
    fn a_wheel_for_one_python_fits_the_runtimes_that_have_it() {
        let snapshot = Snapshot::built_in();
        let fits = |wheel: Wheel| snapshot.split(&[wheel]).0.len();
        let all = snapshot.runtimes.len();
        assert_eq!(
            fits(wheel(&["3.11", "3.12", "3.13"], "manylinux_2_28_x86_64")),
            all
        );
        let some = fits(wheel(&["3.12"], "manylinux_2_28_x86_64"));
        assert!(some > 0 && some < all, "{some}");
        assert_eq!(fits(wheel(&["3.9"], "manylinux_2_28_x86_64")), 0);
        assert_eq!(fits(wheel(&["3.13"], "manylinux_2_28_aarch64")), 0);
        assert_eq!(fits(wheel(&["3.13"], "manylinux_2_40_x86_64")), 0);
        assert_eq!(fits(wheel(&["3.13"], "musllinux_1_2_x86_64")), 0);
    }
}
