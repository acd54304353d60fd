//! Which Pythons a release is for: the stable ABI, and Google Colab.

use packaging::PythonVersion;
use pep440_rs::VersionSpecifiers;
use python_tools::venv::VenvPlan;
use wheel_build::bindings::Bindings;
use wheel_build::for_colab::promised;
use wheel_build::pythons::allows;

use crate::facts::Facts;
use crate::finding::{Found, Judged, Skipped};

pub(crate) fn abi(facts: &Facts) -> Judged {
    let requires = facts.project()?.requires_python.as_ref();
    let plan = facts
        .environment
        .as_ref()
        .and_then(|it| it.plan.as_ref().ok());
    let is_free_threaded = plan.is_some_and(|plan| match plan {
        VenvPlan::Use(venv) => venv.python.free_threaded,
        VenvPlan::Create { base, .. } => base.free_threaded,
    });
    Ok(stable(facts.bindings()?, requires, is_free_threaded))
}

fn stable(
    bindings: &Bindings,
    requires: Option<&VersionSpecifiers>,
    is_free_threaded: bool,
) -> Found {
    if bindings.version.is_empty() {
        return Found::ok("the extension is built without pyo3");
    }
    if !bindings.abi3 && !bindings.abi3t {
        return Found::ok(
            "each version of Python gets a build of its own: no feature `abi3` of pyo3 is on",
        );
    }
    let oldest = bindings.oldest.unwrap_or_default();
    let promised =
        (FIRST_WITH_ABI3..oldest).find(|minor| allows(requires, PythonVersion::new(*minor)));
    if let (Some(minor), Some(_)) = (promised, requires) {
        return Found::problem(
            format!(
                "the stable ABI begins with Python 3.{oldest} (`abi3-py3{oldest}`), and requires-python allows 3.{minor}, for which there will be no wheel"
            ),
            format!(
                "`requires-python = \">=3.{oldest}\"` in pyproject.toml, or pyo3's feature `abi3-py3{minor}`"
            ),
        );
    }
    let from = bindings
        .oldest
        .map_or_else(String::new, |it| format!(" from Python 3.{it} on"));
    if is_free_threaded && !bindings.abi3t {
        return Found::ok(format!(
            "stable{from}; the environment's Python has no GIL and gets a build of its own, which it alone can load"
        ));
    }
    Found::ok(format!("one build for every Python{from}"))
}

/// The first minor version for which pyo3 has the stable ABI.
const FIRST_WITH_ABI3: u32 = 7;

pub(crate) fn colab(facts: &Facts) -> Judged {
    let policy = &facts.workspace()?.policy;
    if policy.colab.is_none() {
        let reason =
            "the project is not for Google Colab: it has no [workspace.metadata.xtask.colab]";
        return Err(Skipped(reason.to_owned()));
    }
    let (taken, missed) = promised(facts.project()?, &policy.wheel, facts.bindings()?);
    let list = |runtimes: &[colab::runtimes::Runtime]| {
        let names: Vec<_> = runtimes.iter().map(ToString::to_string).collect();
        names.join("; ")
    };
    let newest = colab::runtimes::Snapshot::built_in()
        .runtimes
        .into_iter()
        .next();
    let is_missed = newest.is_some_and(|newest| missed.contains(&newest));
    if is_missed {
        return Ok(Found::problem(
            format!(
                "no wheel of the policy is for these runtimes of Google Colab: {}",
                list(&missed)
            ),
            "name their Python in `pythons` under [workspace.metadata.xtask.wheel], and allow it in requires-python; or remove the table `colab`",
        ));
    }
    let without = match missed.as_slice() {
        [] => String::new(),
        missed => format!("; not for {}", list(missed)),
    };
    Ok(Found::ok(format!(
        "the wheels are for {}{without}",
        list(&taken)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_is_to_be_there_for_every_python_that_is_promised() {
        let bindings = |abi3, oldest| Bindings {
            abi3,
            oldest,
            version: "0.30.1".to_owned(),
            ..Bindings::default()
        };
        for (bindings, requires, is_free_threaded, is_ok, says) in [
            (
                bindings(true, Some(11)),
                Some(">=3.11"),
                false,
                true,
                "every Python from Python",
            ),
            (
                bindings(true, Some(11)),
                Some(">=3.9"),
                false,
                false,
                "allows 3.9",
            ),
            (
                bindings(true, Some(11)),
                Some(">=3.10.4"),
                false,
                false,
                "allows 3.10",
            ),
            (bindings(true, Some(11)), None, false, true, "every Python"),
            (
                bindings(true, None),
                Some(">=3.8"),
                false,
                true,
                "every Python",
            ),
            (
                bindings(true, Some(11)),
                Some(">=3.11"),
                true,
                true,
                "no GIL",
            ),
            (
                bindings(false, None),
                Some(">=3.8"),
                false,
                true,
                "of its own",
            ),
            (Bindings::default(), None, false, true, "without pyo3"),
        ] {
            let requires = requires.map(|it| it.parse().unwrap());
            let found = stable(&bindings, requires.as_ref(), is_free_threaded);
            let (ok, text) = match found {
                Found::Ok(text) => (true, text),
                Found::Problems(problems) => (false, problems[0].text.clone()),
            };
            assert!(ok == is_ok && text.contains(says), "{text}");
        }
    }
}
