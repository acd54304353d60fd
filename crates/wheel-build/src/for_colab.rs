//! Whether Google Colab takes what was built.

use colab::runtimes::{Runtime, Snapshot};
use packaging::Wheel;

use crate::error::WheelError;
use crate::manifest::BuiltWheel;

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
}
