//! Which Pythons wheels are for.

use std::collections::BTreeSet;

use processes::Captured;
use testkit::Fixture;

use super::{git, wheel};

/// A project in git whose `pyo3` has the features `features`.
fn bound(fixture: Fixture, features: &str) -> Fixture {
    fixture.edit("native/Cargo.toml", "[\"abi3-py311\"]", features);
    git(&fixture, &["init", "--quiet"]);
    git(&fixture, &["add", "."]);
    git(&fixture, &["commit", "--quiet", "-m", "one"]);
    fixture
}

/// The tags of the wheels that `done` has built.
fn tags(done: &Captured) -> BTreeSet<String> {
    assert!(done.status.success(), "{}", done.stderr);
    let names = done
        .stdout
        .lines()
        .filter_map(|line| line.rsplit('/').next());
    let tags = names.filter_map(|name| {
        let mut parts = name.split('-').skip(2);
        Some(format!("{}-{}", parts.next()?, parts.next()?))
    });
    tags.collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Also for one that Colab has and this machine not.
#[test]
fn without_a_stable_abi_a_release_has_a_wheel_for_each_python() {
    let project = bound(Fixture::light("many"), "[]");
    project.edit("pyproject.toml", ">=3.11", ">=3.12,<3.14");
    git(&project, &["commit", "--quiet", "-am", "two"]);
    let done = wheel(&project, &["--release"]);
    assert_eq!(tags(&done), set(&["cp312-cp312", "cp313-cp313"]));
    let manifest = project.root().join("dist/manifest.json");
    let manifest = fs_err::read_to_string(manifest).unwrap();
    assert!(
        manifest.contains("\"3.12\"") && manifest.contains("\"3.13\""),
        "{manifest}"
    );
}

/// No such interpreter has to be here: maturin knows what they are.
#[test]
fn a_wheel_may_be_for_a_python_without_the_gil() {
    let project = bound(Fixture::light("threads"), "[]");
    let done = wheel(
        &project,
        &["--release", "--python", "3.14t", "--python", "3.14"],
    );
    assert_eq!(tags(&done), set(&["cp314-cp314t", "cp314-cp314"]));
    let manifest = project.root().join("dist/manifest.json");
    let manifest = fs_err::read_to_string(manifest).unwrap();
    assert!(manifest.contains("\"3.14t\""), "{manifest}");
}

#[test]
fn two_stable_abis_take_a_wheel_each() {
    let project = bound(
        Fixture::mixed("stable"),
        "[\"abi3-py311\", \"abi3t-py315\"]",
    );
    let done = wheel(&project, &["--release"]);
    assert_eq!(tags(&done), set(&["cp311-abi3", "cp315-abi3.abi3t"]));
    let manifest = project.root().join("dist/manifest.json");
    let manifest = fs_err::read_to_string(manifest).unwrap();
    assert!(manifest.contains("\"3.15t\""), "{manifest}");
}
