//! All checks, in the order in which they are shown.
#![expect(
    clippy::unnecessary_wraps,
    reason = "all checks have one form, and so do all repairs"
)]

mod actions;
mod cargo_flags;
mod extension;
mod machine;
mod project;
mod pyproject;
mod python;
mod rust;
mod tracked;
mod wheels;
mod wrapper;

use crate::check::Check;
use crate::facts::Facts;
use crate::finding::Finding;

/// A check that repairs nothing.
const fn told(
    name: &'static str,
    about: &'static str,
    judge: fn(&Facts) -> crate::finding::Judged,
) -> Check {
    Check {
        name,
        about,
        judge,
        repair: None,
    }
}

const fn repaired(check: Check, repair: crate::check::Repair) -> Check {
    Check {
        repair: Some(repair),
        ..check
    }
}

/// All of them. A new check is one more entry.
pub const CHECKS: [Check; 22] = [
    told(
        "project",
        "it cannot be read or built: pyproject.toml, Cargo.toml, cargo's configuration, the policy",
        project::project,
    ),
    told(
        "toolchain",
        "it is not installed, or older than the crate's rust-version, or than what includes a configuration",
        rust::toolchain,
    ),
    told(
        "linker",
        "it is configured and not there, or there is no C compiler",
        rust::linker,
    ),
    told(
        "interpreter",
        "requires-python allows none that is here, or not that of the environment",
        python::interpreter,
    ),
    told(
        "environment",
        "it is broken, or no virtual environment, or may not be written",
        python::environment,
    ),
    told(
        "abi",
        "the stable ABI begins with a newer Python than requires-python does",
        wheels::abi,
    ),
    repaired(
        told(
            "wrapper",
            "a compiler cache is configured and not there, or refuses every call",
            wrapper::wrapper,
        ),
        wrapper::repair,
    ),
    told(
        "variables",
        "a variable of this shell has cargo compile again, or more than is due",
        cargo_flags::variables,
    ),
    told(
        "pyo3-variables",
        "pyo3 reads other variables here than in the builds of `dev`",
        cargo_flags::pyo3,
    ),
    told(
        "flags",
        "only some of cargo's calls read a file that decides what is compiled",
        cargo_flags::scattered,
    ),
    repaired(
        told(
            "local-config",
            "cargo does not read config.local.toml, or git does not ignore it",
            tracked::local_config,
        ),
        tracked::repair_include,
    ),
    repaired(
        told(
            "cache-keys",
            "uv does not look at what the extension is made of",
            extension::cache_keys,
        ),
        extension::repair_cache_keys,
    ),
    told(
        "extension",
        "what is installed is stale, shadowed by another file, or not ours",
        extension::installed,
    ),
    repaired(
        told(
            "editable",
            "uv builds another profile or other features than the last `dev`",
            extension::editable,
        ),
        extension::repair_editable,
    ),
    repaired(
        told(
            "jobs",
            "the memory bears fewer compilers than cargo runs at once",
            machine::jobs,
        ),
        machine::repair_jobs,
    ),
    told("disk", "less is free than a build needs", machine::disk),
    told(
        "caches",
        "the store cannot be written, or has outgrown its limit",
        machine::caches,
    ),
    repaired(
        told(
            "maturin-keys",
            "[tool.maturin] has a key that maturin does not know",
            pyproject::keys,
        ),
        pyproject::repair_keys,
    ),
    told(
        "backend",
        "pip and uv build the project by another backend",
        pyproject::backend,
    ),
    told(
        "tracked-values",
        "a file that git tracks has a value of one machine",
        tracked::values,
    ),
    told(
        "colab",
        "the newest runtime of Google Colab can install none of the wheels",
        wheels::colab,
    ),
    told(
        "actions",
        "a workflow uses an action that is not pinned to a commit",
        actions::pins,
    ),
];

/// What all checks find.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let checks = CHECKS.iter();
    let findings = checks.flat_map(|check| Finding::of(check.name, (check.judge)(facts)));
    findings.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_has_a_name_of_its_own() {
        let mut names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        let is_kebab = |name: &&str| {
            name.bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit())
        };
        assert!(names.iter().all(is_kebab), "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CHECKS.len());
    }
}
