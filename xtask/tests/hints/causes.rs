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
        &["bench-build"],
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

/// `dev` in `project` for somebody without a home, with these variables.
fn homeless(project: &Fixture, variables: &[(&str, &str)]) -> processes::Captured {
    let asked = xtask(&project.root(), &["dev"]);
    let names = [
        "HOME",
        "XDG_CACHE_HOME",
        "XDG_RUNTIME_DIR",
        "XTASK_CACHE_DIR",
    ];
    // cargo and rustup are to be found all the same.
    let homes = [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")].map(|(name, dir)| {
        let home = std::env::var("HOME").expect("it is set");
        (name, std::env::var(name).unwrap_or(format!("{home}/{dir}")))
    });
    let asked = names
        .into_iter()
        .fold(asked, processes::Invocation::env_remove);
    let asked = homes
        .into_iter()
        .fold(asked, |asked, (name, value)| asked.env(name, value));
    let variables = variables.iter();
    run(&variables.fold(asked, |asked, (name, value)| asked.env(*name, *value)))
}

/// The names of what is in `dir`.
fn names(dir: &camino::Utf8Path) -> Vec<String> {
    let entries = dir.read_dir_utf8().expect("it is there").flatten();
    entries.map(|entry| entry.file_name().to_owned()).collect()
}

#[test]
fn without_a_home_locks_lie_where_nobody_else_writes() {
    // Nothing is built: there is no Python to build for.
    let project = Fixture::pure_rust("private_thing");
    project.edit("pyproject.toml", ">=3.11", ">=3.99");
    let (runtime, temporary) = (project.beside("runtime"), project.beside("temporary"));
    for dir in [&runtime, &temporary] {
        fs_err::create_dir(dir).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs_err::set_permissions(dir, private).unwrap();
    }
    let (runtime_dir, tmp) = (
        ("XDG_RUNTIME_DIR", runtime.as_str()),
        ("TMPDIR", temporary.as_str()),
    );
    homeless(&project, &[runtime_dir, tmp]);
    assert_eq!(names(&runtime), ["xtask-build"]);
    assert_eq!(names(&temporary), [""; 0]);
    // One of the user's own below that for temporary files, which others cannot read.
    homeless(&project, &[tmp]);
    let [name] = &names(&temporary)[..] else {
        panic!("{:?}", names(&temporary));
    };
    let dir = temporary.join(name);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs_err::metadata(&dir).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    // Somebody else was there first.
    fs_err::remove_dir_all(&dir).unwrap();
    let foreign = project.beside("foreign");
    fs_err::create_dir(&foreign).unwrap();
    std::os::unix::fs::symlink(&foreign, &dir).unwrap();
    let refused = homeless(&project, &[tmp]);
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("help: set XTASK_CACHE_DIR to"),
        "{}",
        refused.stderr
    );
    assert_eq!(names(&foreign), [""; 0]);
}

#[test]
fn a_relative_directory_is_not_another_one_from_every_place() {
    let project = Fixture::pure_rust("relative_thing");
    project.edit("pyproject.toml", ">=3.11", ">=3.99");
    let home = project.beside("home");
    let variables = [("HOME", home.as_str()), ("XDG_CACHE_HOME", "caches")];
    homeless(&project, &variables);
    assert_eq!(names(&home.join(".cache")), ["xtask-build"]);
    let refused = homeless(
        &project,
        &[("HOME", home.as_str()), ("XTASK_CACHE_DIR", "caches")],
    );
    assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
    let said = "XTASK_CACHE_DIR is `caches`";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("help: set it to an absolute path"),
        "{}",
        refused.stderr
    );
    let here = std::path::Path::new("caches");
    assert!(!project.root().join("caches").exists() && !here.exists());
}
