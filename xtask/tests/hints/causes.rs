//! What keeps a command from working is told as what it is.

use testkit::Fixture;

use crate::{run, xtask};

#[test]
fn a_cache_that_cannot_be_written_is_named_with_its_variable() {
    let project = Fixture::pure_rust("homeless_thing");
    let file = project.beside("file");
    fs_err::write(&file, "").unwrap();
    // Below a file nothing can be made, not even by root.
    let cache = file.join("cache");
    for args in [
        &["dev"][..],
        &["wheel"],
        &["tune"],
        &["cache-keys", "--verify"],
    ] {
        let command = xtask(&project.root(), args).env("XTASK_CACHE_DIR", cache.as_str());
        let done = run(&command);
        assert_eq!(done.status.code(), Some(1), "{args:?}: {}", done.stderr);
        let help = done.stderr.lines().find(|line| line.contains("help: "));
        let help = help.unwrap_or_default();
        assert!(
            help.contains(cache.as_str()) && help.contains("XTASK_CACHE_DIR"),
            "{args:?}: {}",
            done.stderr
        );
        assert_eq!(
            done.stderr.matches("help: ").count(),
            1,
            "{args:?}: {}",
            done.stderr
        );
    }
}

#[test]
fn without_a_network_that_is_said_first_and_once() {
    let project = Fixture::pure_rust("offline_thing");
    project.edit("Cargo.toml", "pyo3 = ", "no-such-crate = \"1\"\npyo3 = ");
    let cargo_home = project.beside("cargo");
    let nowhere = "http://127.0.0.1:9";
    for command in ["dev", "wheel"] {
        let command = xtask(&project.root(), &[command])
            .env("CARGO_HOME", cargo_home.as_str())
            .env("CARGO_NET_RETRY", "1")
            .env("https_proxy", nowhere)
            .env("HTTPS_PROXY", nowhere);
        let done = run(&command);
        assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
        said_first_and_once(&done.stderr);
    }
}

fn said_first_and_once(stderr: &str) {
    let (before, error) = stderr.split_once("error: ").expect("an error");
    assert!(before.lines().count() <= 6, "{stderr}");
    assert!(error.contains("there is no network"), "{error}");
    assert!(
        error.contains("`https_proxy`") && error.contains("`--offline`"),
        "{error}"
    );
    assert!(!error.contains("spurious"), "{error}");
    assert!(error.lines().count() <= 6, "{error}");
}

#[test]
fn a_key_that_has_no_effect_is_said_once_before_anything_is_built() {
    let project = Fixture::mixed("doubtful_thing");
    project.edit("pyproject.toml", "python-source", "python-sorce");
    // Builds nothing, since there is no such measurement.
    let done = run(&xtask(&project.root(), &["tune", "--from", "none.json"]));
    let said = done.stderr.matches("did you mean `python-source`?").count();
    assert_eq!(said, 1, "{}", done.stderr);
    let status = run(&xtask(&project.root(), &["dev", "--status", "--json"]));
    assert_eq!(status.stderr, "");
}

#[test]
fn where_nothing_is_to_be_written_no_file_is_named_that_is_not_there() {
    let project = Fixture::pure_rust("untouched_thing");
    project.write("Cargo.lock", "version = 4\n");
    let said = |args: &[&str]| {
        let done = run(&xtask(&project.root(), args));
        assert!(done.status.success(), "{args:?}: {}", done.stderr);
        done.stderr
    };
    let undone = [
        &["machine", "--undo"][..],
        &["sccache", "disable"],
        &["tune", "--undo"],
        &["cache-keys", "--remove"],
    ];
    for args in undone {
        let said = said(args);
        let fresh = said
            .lines()
            .find(|line| line.contains("Fresh"))
            .unwrap_or_default();
        let named = fresh
            .split_whitespace()
            .filter(|word| word.starts_with('/'));
        let missing: Vec<_> = named
            .filter(|path| !camino::Utf8Path::new(path).exists())
            .collect();
        assert_eq!(missing, [""; 0], "{args:?}: {said}");
        assert!(!fresh.is_empty(), "{args:?}: {said}");
    }
    // What is there and stays as it is, is named.
    said(&["cache-keys"]);
    assert!(said(&["cache-keys"]).contains("Fresh /"));
}
