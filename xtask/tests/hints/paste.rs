//! Commands in hints are for the project that the user has named.

use camino::Utf8Path;
use testkit::Fixture;

use crate::{run, xtask};

/// A project in a directory whose name has to be quoted, beside which the commands are run.
fn project() -> (Fixture, camino::Utf8PathBuf) {
    let project = Fixture::pure_rust("pasted_thing");
    let dir = project.beside("my project");
    fs_err::rename(project.root(), &dir).expect("a new name");
    let above = dir.parent().expect("a directory").to_owned();
    (project, above)
}

/// The command that stands between backticks in `text`.
fn hinted(text: &str) -> &str {
    let hint = text.split('`').find(|part| part.starts_with("cargo xtask"));
    hint.unwrap_or_else(|| panic!("no hint in {text}"))
}

/// The exit code of the hint, pasted into a shell in `dir`.
fn pasted(dir: &Utf8Path, hint: &str) -> Option<i32> {
    let mut shell = xtask(dir, &[]);
    let script = format!("cargo() {{ shift; {} \"$@\"; }}\n{hint}", shell.program);
    shell.program = "sh".into();
    let done = run(&shell.args(["-c", script.as_str()]));
    done.status.code()
}

#[test]
fn a_hint_repeats_the_options_of_the_command_that_gives_it() {
    let (_project, above) = project();
    let named = ["--project", "my project"];
    let typed = |args: &[&str]| xtask(&above, &[&named[..], args].concat());
    let done = run(&typed(&["dev", "--status", "--venv", "an env"]));
    assert_eq!(done.status.code(), Some(3), "{}", done.stderr);
    assert_eq!(
        hinted(&done.stdout),
        "cargo xtask --project 'my project' dev --venv 'an env'"
    );

    let check = typed(&["cache-keys", "--check"]);
    let done = run(&check);
    assert_eq!(done.status.code(), Some(3), "{}", done.stderr);
    assert_eq!(pasted(&above, hinted(&done.stderr)), Some(0));
    assert_eq!(run(&check).status.code(), Some(0), "it was repaired");
}

#[test]
fn a_hint_of_a_library_names_the_project() {
    let (_project, above) = project();
    let done = run(&xtask(
        &above,
        &["--project", "my project", "sccache", "stats"],
    ));
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert_eq!(
        hinted(&done.stderr),
        "cargo xtask --project 'my project' sccache enable"
    );
}

#[test]
fn what_is_made_by_default_goes_to_the_project() {
    let (_project, above) = project();
    let missing = |args: &[&str]| {
        let done = run(&xtask(&above, args));
        assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
        done.stderr
    };
    let finish = ["release", "finish", "--repo", "owner/name"];
    let named = ["--project", "my project"];
    let text = missing(&[&named[..], &finish].concat());
    assert!(
        text.contains("cannot read my project/dist/manifest.json"),
        "{text}"
    );
    // What is named is where the user stands.
    let text = missing(&[&named[..], &finish, &["--dist", "there"]].concat());
    assert!(text.contains("cannot read there/manifest.json"), "{text}");
    // Publishing takes no project.
    let text = missing(&finish);
    assert!(text.contains("cannot read dist/manifest.json"), "{text}");
}
