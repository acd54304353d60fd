//! Whether Google Colab takes what was built.

use colab::runtimes::{Runtime, Snapshot};
use packaging::{PythonVersion, Wheel};
use project_model::{Project, WheelPolicy};

use crate::bindings::Bindings;
use crate::error::WheelError;
use crate::manifest::BuiltWheel;
use crate::platform::Platform;
use crate::pythons::allows;

/// The runtimes of Colab that the wheels of a release are for, and those that they are not for, as far as the
/// `policy` and the features of pyo3 tell before anything is built.
#[must_use]
pub fn promised(
    project: &Project,
    policy: &WheelPolicy,
    bindings: &Bindings,
) -> (Vec<Runtime>, Vec<Runtime>) {
    let here = [Platform::default_here().to_string()];
    let platforms: &[String] = if policy.platforms.is_empty() {
        &here
    } else {
        &policy.platforms
    };
    let requires = project.requires_python.as_ref();
    let has_wheel = |python: PythonVersion| {
        let is_named = policy.pythons.is_empty() || policy.pythons.contains(&python);
        let is_old = bindings.oldest.is_some_and(|oldest| python.minor < oldest);
        let is_too_old = bindings.abi3 && policy.pythons.is_empty() && is_old;
        is_named && !is_too_old && allows(requires, python)
    };
    let is_served = |runtime: &Runtime| {
        let has_libc = platforms.iter().any(|tag| runtime.has_libc(tag));
        has_libc && runtime.python.parse().is_ok_and(has_wheel)
    };
    let runtimes = Snapshot::built_in().runtimes.into_iter();
    runtimes.partition(is_served)
}

/// Fails if no runtime of Colab can install any of `wheels`: the build is to fail then, and not the user.
pub(crate) fn check(wheels: &[BuiltWheel], warn: &dyn Fn(&str)) -> Result<(), WheelError> {
    let wheels: Vec<Wheel> = wheels.iter().map(|built| built.wheel.clone()).collect();
    let snapshot = Snapshot::built_in();
    let (taken, missed) = snapshot.split(&wheels);
    if taken.is_empty() {
        let names: Vec<_> = wheels.iter().map(|wheel| &*wheel.file).collect();
        return Err(WheelError::NotForColab {
            runtimes: list(&missed),
            wheels: names.join(", "),
            as_of: snapshot.as_of,
        });
    }
    if !missed.is_empty() {
        let missed = list(&missed);
        warn(&format!(
            "no wheel is for these runtimes of Google Colab: {missed}"
        ));
    }
    Ok(())
}

fn list(runtimes: &[&Runtime]) -> String {
    let names: Vec<_> = runtimes.iter().map(ToString::to_string).collect();
    names.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_all(wheels: &[BuiltWheel]) -> Result<(), WheelError> {
        check(wheels, &|_| ())
    }

    fn entry(python: &str, platform: &str) -> BuiltWheel {
        let wheel = serde_json::json!({
            "file": "a-1-py3-none-any.whl", "sha256": "0".repeat(64), "size_bytes": 1, "python": [], "abi": [], "platforms": [platform],
            "pythons": [python], "keeps": null, "glibc": null, "build_time_ms": 0, "cache": null, "tried_with": [],
        });
        serde_json::from_value(wheel).unwrap()
    }

    #[test]
    fn a_wheel_that_nobody_on_colab_can_install_fails_the_build() {
        let error = check_all(&[entry("3.9", "manylinux_2_28_x86_64")])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("Python 3.13, Ubuntu 24.04") && error.contains("help: "),
            "{error}"
        );
        assert!(check_all(&[entry("3.13", "manylinux_2_41_x86_64")]).is_err());
        assert!(check_all(&[entry("3.12", "manylinux_2_28_x86_64")]).is_ok());
    }

    #[test]
    fn what_will_be_built_tells_before_which_runtimes_can_install_it() {
        let fixture = testkit::Fixture::pure_rust("thing");
        let missed = |policy: &WheelPolicy, oldest: u32, requires: &str| {
            let mut project = Project::load(&fixture.root()).unwrap();
            project.requires_python = Some(requires.parse().unwrap());
            let bindings = Bindings {
                abi3: true,
                oldest: Some(oldest),
                ..Bindings::default()
            };
            let (_, missed) = promised(&project, policy, &bindings);
            let pythons = missed.into_iter().map(|runtime| runtime.python);
            pythons.collect::<std::collections::BTreeSet<_>>()
        };
        let mut policy = WheelPolicy {
            platforms: vec!["manylinux_2_28_x86_64".to_owned()],
            ..WheelPolicy::default()
        };
        assert!(missed(&policy, 9, ">=3.9").is_empty());
        for (oldest, requires) in [(13, ">=3.9"), (9, ">=3.13")] {
            let missed = missed(&policy, oldest, requires);
            assert!(missed.contains("3.12") && !missed.contains("3.13"));
        }
        policy.pythons = vec!["3.12".parse().unwrap()];
        assert!(missed(&policy, 9, ">=3.9").contains("3.13"));
        policy.pythons = Vec::new();
        policy.platforms = vec!["manylinux_2_28_aarch64".to_owned()];
        assert!(missed(&policy, 9, ">=3.9").contains("3.13"));
    }
}
