//! Which wheels there are to be for a platform, where nobody names the Pythons.

use std::collections::BTreeSet;

use packaging::PythonVersion;
use pep440_rs::VersionSpecifiers;

use crate::bindings::Bindings;
use crate::pythons::{FIRST_ABI3T, allows};

/// One wheel: by default as the crate's features decide, looked at by the newest interpreter here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Aim {
    /// The one Python that it is for, unless it has a stable ABI.
    pub(crate) one: Option<PythonVersion>,
    /// The interpreter that maturin is told to build for.
    pub(crate) interpreter: Option<PythonVersion>,
}

/// What is known of Pythons.
#[derive(Debug)]
pub(crate) struct Pythons<'a> {
    /// Those of this machine.
    pub(crate) here: &'a [PythonVersion],
    /// Those of Google Colab's runtimes.
    pub(crate) colab: &'a [PythonVersion],
    /// Those that the project allows.
    pub(crate) requires: Option<&'a VersionSpecifiers>,
}

impl Aim {
    pub(crate) fn one(python: PythonVersion) -> Self {
        Self {
            one: Some(python),
            interpreter: Some(python),
        }
    }

    fn stable(interpreter: Option<PythonVersion>) -> Self {
        Self {
            one: None,
            interpreter,
        }
    }
}

/// The wheels, and the Pythons that none of them is for, with the reason. A stable ABI takes one wheel; of
/// two of them maturin takes the one that the interpreter has.
pub(crate) fn aims(bindings: &Bindings, pythons: &Pythons<'_>) -> (Vec<Aim>, Vec<String>) {
    let allowed = |python: &PythonVersion| allows(pythons.requires, *python);
    let known: BTreeSet<_> = pythons.here.iter().chain(pythons.colab).copied().collect();
    let known: Vec<_> = known.into_iter().filter(allowed).collect();
    let with_abi3t = PythonVersion::new(FIRST_ABI3T);
    let older = |python: &&PythonVersion| !python.free_threaded && python.minor < FIRST_ABI3T;
    let mut aims = Vec::new();
    let mut left_out = Vec::new();
    if bindings.abi3 {
        let newest = pythons
            .here
            .iter()
            .filter(|it| allowed(it) && !it.free_threaded);
        let newest = newest.filter(|it| !bindings.abi3t || older(it)).max();
        let last = bindings.abi3t.then(|| PythonVersion::new(FIRST_ABI3T - 1));
        aims.push(Aim::stable(newest.copied().or(last)));
    } else {
        let versions = known
            .iter()
            .filter(|it| !bindings.abi3t || it.minor < FIRST_ABI3T);
        for &python in versions {
            match why_not(bindings, python) {
                Some(reason) => left_out.push(format!("{python} ({reason})")),
                None => aims.push(Aim::one(python)),
            }
        }
    }
    if bindings.abi3t && allows(pythons.requires, with_abi3t) {
        aims.push(Aim::stable(Some(with_abi3t)));
    }
    (aims, left_out)
}

fn why_not(bindings: &Bindings, python: PythonVersion) -> Option<String> {
    if python.free_threaded {
        return Some(format!("`--python {python}` builds it"));
    }
    let (oldest, newest) = bindings.takes?;
    let is_taken = (oldest..=newest).contains(&python.minor);
    let version = &bindings.version;
    (!is_taken).then(|| format!("pyo3 {version} takes 3.{oldest} to 3.{newest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(texts: &[&str]) -> Vec<PythonVersion> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// The wheels as `3.12`, or `abi of 3.13`; and what is left out.
    fn of(abis: &[&str], here: &[&str], requires: &str) -> (Vec<String>, Vec<String>) {
        let bindings = Bindings {
            abi3: abis.contains(&"abi3"),
            abi3t: abis.contains(&"abi3t"),
            version: "0.30.1".to_owned(),
            takes: Some((9, 15)),
            oldest: None,
        };
        let pythons = Pythons {
            here: &parsed(here),
            colab: &parsed(&["3.11", "3.12", "3.13"]),
            requires: Some(&requires.parse().unwrap()),
        };
        let (aims, left_out) = aims(&bindings, &pythons);
        let text = |aim: Aim| match (aim.one, aim.interpreter) {
            (Some(one), _) => one.to_string(),
            (None, Some(python)) => format!("abi of {python}"),
            (None, None) => "abi".to_owned(),
        };
        (aims.into_iter().map(text).collect(), left_out)
    }

    #[test]
    fn without_a_stable_abi_there_is_a_wheel_for_each_python() {
        let (wheels, left_out) = of(&[], &["3.8", "3.12", "3.14", "3.14t"], ">=3.8");
        assert_eq!(wheels, ["3.11", "3.12", "3.13", "3.14"]);
        let reasons = [
            "3.8 (pyo3 0.30.1 takes 3.9 to 3.15)",
            "3.14t (`--python 3.14t` builds it)",
        ];
        assert_eq!(left_out, reasons);
        assert_eq!(of(&[], &["3.10"], ">=3.12,<3.13").0, ["3.12"]);
        assert_eq!(
            of(&[], &["3.16"], ">=3.16").1,
            ["3.16 (pyo3 0.30.1 takes 3.9 to 3.15)"]
        );
    }

    #[test]
    fn a_stable_abi_takes_one_wheel_and_two_take_two() {
        assert_eq!(
            of(&["abi3"], &["3.12", "3.14", "3.14t"], ">=3.9").0,
            ["abi of 3.14"]
        );
        assert_eq!(of(&["abi3"], &[], ">=3.9").0, ["abi"]);
        let both = &["abi3", "abi3t"];
        for (here, wheels) in [
            (&["3.13"][..], ["abi of 3.13", "abi of 3.15"]),
            (&["3.14", "3.15"], ["abi of 3.14", "abi of 3.15"]),
            (&["3.15t"], ["abi of 3.14", "abi of 3.15"]),
        ] {
            assert_eq!(of(both, here, ">=3.9").0, wheels);
        }
        assert_eq!(of(both, &["3.13"], "<3.15").0, ["abi of 3.13"]);
    }

    #[test]
    fn with_the_newer_stable_abi_alone_older_pythons_get_their_own() {
        let (wheels, left_out) = of(&["abi3t"], &["3.13", "3.14t", "3.15t"], ">=3.12");
        assert_eq!(wheels, ["3.12", "3.13", "abi of 3.15"]);
        assert_eq!(left_out, ["3.14t (`--python 3.14t` builds it)"]);
    }
}
