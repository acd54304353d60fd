//! The program as it is called: by cargo, or by its own name.

use processes::{Captured, Invocation};
use testkit::Fixture;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cargo-pyext");

fn called(project: &Fixture, args: &[&str]) -> Captured {
    let command = Invocation::new(PROGRAM)
        .args(args.iter().copied())
        .env_remove("VIRTUAL_ENV")
        .cwd(&project.root());
    command.capture().expect("it starts")
}

fn done(project: &Fixture, args: &[&str]) -> Captured {
    let done = called(project, args);
    assert!(
        done.status.success(),
        "{args:?}: {}{}",
        done.stdout,
        done.stderr
    );
    done
}

fn pyproject(project: &Fixture) -> String {
    fs_err::read_to_string(project.root().join("pyproject.toml")).expect("it is there")
}

#[test]
fn the_version_tells_the_commit() {
    let dir = Fixture::new();
    let told = |args| done(&dir, args).stdout;
    let version = told(&["--version"]);
    let number = env!("CARGO_PKG_VERSION");
    assert!(
        version.starts_with(&format!("cargo-pyext {number} (")),
        "{version}"
    );
    assert_eq!(
        told(&["pyext", "--version"]),
        version.replace("cargo-pyext", "cargo pyext")
    );
}

#[test]
fn errors_and_cures_name_what_was_called() {
    let project = Fixture::mixed("named_thing");
    for (args, name) in [
        (&["editable"][..], "cargo-pyext"),
        (&["pyext", "editable"][..], "cargo pyext"),
    ] {
        let failed = called(&project, args);
        assert!(!failed.status.success());
        assert!(
            failed
                .stderr
                .contains(&format!("`{name} editable --profile dev`")),
            "{}",
            failed.stderr
        );
        assert!(!failed.stderr.contains("xtask"), "{}", failed.stderr);
    }
    let checked = called(
        &project,
        &["pyext", "--project", ".", "cache-keys", "--check"],
    );
    assert!(
        checked
            .stderr
            .contains("`cargo pyext --project . cache-keys` repairs it"),
        "{}",
        checked.stderr
    );
}

/// Both programs know what either has written as their own.
#[test]
fn what_either_program_has_written_is_taken_back_by_the_other() {
    let project = Fixture::mixed("shared_thing");
    let before = pyproject(&project);
    done(&project, &["cache-keys"]);
    let written = pyproject(&project);
    assert!(
        written.contains("# by `cargo pyext cache-keys`"),
        "{written}"
    );
    assert!(!written.contains("xtask`"), "{written}");
    project.write(
        "pyproject.toml",
        &written.replace("cargo pyext", "cargo xtask"),
    );
    done(&project, &["cache-keys", "--check"]);
    done(&project, &["cache-keys", "--remove"]);
    assert_eq!(pyproject(&project), before);
}
