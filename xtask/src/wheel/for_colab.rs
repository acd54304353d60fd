//! Whether Google Colab takes what was built.

use anyhow::ensure;
use colab::runtimes::{Runtime, Snapshot};
use wheel_build::manifest::BuiltWheel;

use crate::ui;

/// Fails if no runtime of Colab can install any of `wheels`: the build is to fail then, and not the user.
pub(crate) fn check(wheels: &[BuiltWheel]) -> anyhow::Result<()> {
    let wheels: Vec<_> = wheels.iter().map(|built| built.wheel.clone()).collect();
    let snapshot = Snapshot::built_in();
    let (taken, missed) = snapshot.split(&wheels);
    let names: Vec<_> = wheels.iter().map(|wheel| wheel.file.as_str()).collect();
    ensure!(
        !taken.is_empty(),
        "no runtime of Google Colab (as of {}: {}) can install {}\n  help: look at `pythons` and `platforms` of [workspace.metadata.xtask.wheel], and at `requires-python`",
        snapshot.as_of,
        list(&missed),
        names.join(", ")
    );
    if !missed.is_empty() {
        ui::warn(&format!(
            "no wheel is for these runtimes of Google Colab: {}",
            list(&missed)
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

    fn entry(python: &str, platform: &str) -> BuiltWheel {
        let wheel = serde_json::json!({
            "file": "a.whl", "sha256": "", "size_bytes": 1, "python": [], "abi": [], "platforms": [platform],
            "pythons": [python], "keeps": null, "glibc": null, "build_time_ms": 0, "cache": null, "tried_with": [],
        });
        serde_json::from_value(wheel).unwrap()
    }

    #[test]
    fn a_wheel_that_nobody_on_colab_can_install_fails_the_build() {
        let error = check(&[entry("3.9", "manylinux_2_28_x86_64")])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("Python 3.13, Ubuntu 24.04") && error.contains("help: "),
            "{error}"
        );
        assert!(check(&[entry("3.13", "manylinux_2_41_x86_64")]).is_err());
        assert!(check(&[entry("3.12", "manylinux_2_28_x86_64")]).is_ok());
    }
}
