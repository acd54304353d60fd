//! Where cargo compiles without what it has kept of the last time, because it takes the machine for one of
//! continuous integration.

use cargo_settings::Layers;
use environment::{cargo_env, vars};
use processes::Invocation;
use project_model::Project;

use crate::compile::Compiled;

/// The first version of cargo that does so (rust-lang/cargo#17220).
const SINCE: (u32, u32) = (1, 99);

/// What decides it, in the order in which it counts for cargo.
#[derive(Debug, Clone, Copy)]
struct Settings {
    /// Whether the environment says what is to be done.
    is_said: bool,
    /// Whether `CI` is set.
    is_ci: bool,
    /// Whether the profile is one for which cargo would keep anything.
    is_for_edits: bool,
}

impl Settings {
    /// Whether only `CI` is what keeps cargo from it.
    fn is_only_ci(self) -> bool {
        self.is_ci && !self.is_said && self.is_for_edits
    }
}

/// That cargo has compiled a crate of the project's in whole, where it need not have; in a line with the
/// words that avoid it. Asks cargo for its version only where it may be so.
pub(crate) fn note(project: &Project, profile: &str, compiled: &Compiled) -> Option<String> {
    let variables = [vars::CARGO_INCREMENTAL, vars::CARGO_BUILD_INCREMENTAL];
    let settings = Settings {
        is_said: variables.iter().any(|it| vars::var(it).is_some()),
        is_ci: vars::even_empty(vars::CI).is_some(),
        is_for_edits: !matches!(profile, "release" | "bench"),
    };
    if !settings.is_only_ci() || !compiled.has_rebuilt_a_path_crate() {
        return None;
    }
    if Layers::read(&project.root).is_ok_and(|it| it.sets(&["build", "incremental"])) {
        return None;
    }
    let cargo = Invocation::new(cargo_env::cargo()).arg("--version");
    let said = cargo.cwd(&project.root).read().ok()?;
    is_one_that_does(&said).then(|| {
        "CI is set, so cargo has compiled without its incremental cache: `CARGO_INCREMENTAL=1 cargo xtask dev`, or without CI, is quicker after an edit".to_owned()
    })
}

/// Whether the cargo that said this is such a one: `cargo 1.99.0 (…)`.
fn is_one_that_does(version: &str) -> bool {
    let number = version.split_whitespace().nth(1).unwrap_or_default();
    let mut parts = number.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= SINCE,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_new_cargo_looks_at_ci() {
        for (version, expected) in [
            ("cargo 1.98.1 (0123 2026-08-01)", false),
            ("cargo 1.99.0 (0123 2026-10-01)", true),
            ("cargo 1.101.0-nightly (0123 2026-11-01)", true),
            ("cargo 2.0.0", true),
            ("", false),
            ("cargo one", false),
        ] {
            assert_eq!(is_one_that_does(version), expected, "{version}");
        }
    }

    #[test]
    fn whoever_has_said_what_is_wanted_is_told_nothing() {
        let settings = |is_said, is_ci, is_for_edits| Settings {
            is_said,
            is_ci,
            is_for_edits,
        };
        assert!(settings(false, true, true).is_only_ci());
        assert!(!settings(true, true, true).is_only_ci());
        assert!(!settings(false, false, true).is_only_ci());
        assert!(!settings(false, true, false).is_only_ci(), "release");
    }
}
