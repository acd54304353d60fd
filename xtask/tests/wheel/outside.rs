//! What lies outside of the project's repository.

use testkit::Fixture;

use super::{git, wheel, wheel_ok};

/// A project in git that depends on the crate `near`, which lies beside the repository.
fn reaching() -> Fixture {
    let project = Fixture::light("reaching");
    let dependency = "[dependencies]\nnear = { path = \"../../near\" }";
    project.edit("native/Cargo.toml", "[dependencies]", dependency);
    project.edit("native/src/lib.rs", "(42)", "(near::answer())");
    let manifest = "[package]\nname = \"near\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    project.write("../near/Cargo.toml", manifest);
    let library = "pub fn answer() -> std::ffi::c_long {\n    42\n}\n";
    project.write("../near/src/lib.rs", library);
    git(&project, &["init", "--quiet"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "--quiet", "-m", "one"]);
    project
}

#[test]
fn a_crate_beside_the_repository_is_built_and_said_before() {
    let project = reaching();
    let done = wheel(&project, &["--release"]);
    assert!(done.status.success(), "{}", done.stderr);
    let (said, built) = ("the commit does not determine the wheel", "Built");
    let at = |text: &str| done.stderr.find(text).unwrap_or(usize::MAX);
    assert!(at(said) < at(built), "{}", done.stderr);
    assert!(done.stdout.contains(".near.d"), "{}", done.stdout);
}

#[test]
fn there_is_no_plan_for_a_container_that_does_not_get_it() {
    let project = reaching();
    let done = wheel(&project, &["--release", "--plan"]);
    assert_eq!(done.status.code(), Some(1), "{}", done.stdout);
    let near = project.beside("near").canonicalize_utf8().unwrap();
    let expected = format!("{near} lies outside of the repository");
    assert!(done.stderr.contains(&expected), "{}", done.stderr);
}

/// By the path of this machine; the copy leads there too, and the wheel does not tell where that is.
#[test]
fn a_crate_by_an_absolute_path_is_built_without_that_path() {
    let project = reaching();
    let near = project.beside("near").canonicalize_utf8().unwrap();
    project.edit("native/Cargo.toml", "../../near", near.as_str());
    git(&project, &["commit", "--quiet", "-am", "two"]);
    let path = wheel_ok(&project, &["--release"]);
    assert!(path.as_str().contains(".near.d"), "{path}");
}
