//! Tests that need what a machine may not have.

/// Says that a test cannot run here, for `reason`, and gives nothing, so that it ends. In CI, which installs
/// all that tests need, that is a failure: nobody would notice a test that never runs.
pub fn missing<T>(reason: &str) -> Option<T> {
    assert!(!is_ci(), "this test cannot run in CI: {reason}");
    eprintln!("skipped: {reason}");
    None
}

/// Build servers set this variable.
fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty())
}

/// Whether there is a program of this name in a directory of `PATH`; if not, see [`missing`].
#[must_use]
pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    is_there || missing::<()>(&format!("{name} is not installed")).is_some()
}
