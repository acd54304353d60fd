//! Recording, and whether what is predicted comes true.

use processes::Invocation;
use serde_json::Value;
use testkit::Fixture;

use crate::{Cache, Counted, REGISTRY_CRATES, clean, project};

/// Records the environment with `variables`, and builds in it from nothing: what the cache counted.
fn in_environment(
    cache: &Cache,
    project: &Fixture,
    name: &str,
    variables: &[(&str, &str)],
) -> Counted {
    let with = |command: Invocation| {
        let command = cache.with(command).cwd(&project.root());
        variables
            .iter()
            .fold(command, |command, (name, value)| command.env(*name, *value))
    };
    let record = Invocation::new(env!("CARGO_BIN_EXE_xtask")).args([
        "--project",
        project.root().as_str(),
        "sccache",
        "record",
        &recording(name),
    ]);
    with(record).read().expect("it is recorded");
    clean(project);
    with(Invocation::new("cargo").args(["build", "--target-dir", "target"]))
        .read()
        .expect("it builds");
    cache.counted(project)
}

fn recording(name: &str) -> String {
    format!("{name}.json")
}

/// What is expected of the environment recorded in `b` after that in `a`.
fn explained(cache: &Cache, project: &Fixture, a: &str, b: &str) -> Vec<Value> {
    let (a, b) = (
        project.root().join(recording(a)),
        project.root().join(recording(b)),
    );
    let args = ["sccache", "explain", a.as_str(), b.as_str(), "--json"];
    let done = cache.xtask(project, &args);
    let differences: Vec<Value> = serde_json::from_str(&done.stdout).expect("JSON");
    let expected = if differences.is_empty() { 0 } else { 3 };
    assert_eq!(done.status.code(), Some(expected), "{}", done.stderr);
    differences
}

#[test]
fn set_ups_without_hits_are_predicted() {
    let (cache, project) = (Cache::new(), project("predicted"));
    cache.enable(&project, &[]);
    let nothing = Counted {
        hits: 0,
        misses: REGISTRY_CRATES,
    };
    let everything = Counted {
        hits: REGISTRY_CRATES,
        misses: 0,
    };
    assert_eq!(in_environment(&cache, &project, "base", &[]), nothing);
    assert_eq!(in_environment(&cache, &project, "same", &[]), everything);
    assert_eq!(
        explained(&cache, &project, "base", "same"),
        Vec::<Value>::new()
    );

    let zero_hits = [
        ("color", ("CARGO_TERM_COLOR", "always")),
        ("incremental", ("CARGO_INCREMENTAL", "0")),
        ("target", ("CARGO_TARGET_DIR", "target")),
        ("flags", ("RUSTFLAGS", "-C debug-assertions=on")),
    ];
    for (name, variable) in zero_hits {
        let differences = explained_after(&cache, &project, name, variable, &nothing);
        assert_eq!(
            differences[0]["effect"], "no-hits",
            "{name}: {differences:?}"
        );
    }
    // Variables that change nothing are not blamed.
    for (name, variable) in [
        ("jobs", ("CARGO_BUILD_JOBS", "1")),
        ("other", ("LANG", "C")),
    ] {
        let differences = explained_after(&cache, &project, name, variable, &everything);
        assert_eq!(differences, Vec::<Value>::new(), "{name}");
    }
}

/// Builds with one variable more, which must count as `expected`; what was predicted of it.
fn explained_after(
    cache: &Cache,
    project: &Fixture,
    name: &str,
    variable: (&str, &str),
    expected: &Counted,
) -> Vec<Value> {
    let counted = in_environment(cache, project, name, &[variable]);
    assert_eq!(&counted, expected, "{name}");
    explained(cache, project, "base", name)
}

#[test]
fn profiles_in_the_manifest_are_seen() {
    let (cache, project) = (Cache::new(), project("profiles"));
    cache.enable(&project, &[]);
    in_environment(&cache, &project, "base", &[]);
    let manifest = fs_err::read_to_string(project.root().join("Cargo.toml")).unwrap();
    let optimised = "[profile.dev.package.\"*\"]\nopt-level = 1\n";
    project.write("Cargo.toml", &format!("{manifest}\n{optimised}"));
    let counted = in_environment(&cache, &project, "optimised", &[]);
    let nothing = Counted {
        hits: 0,
        misses: REGISTRY_CRATES,
    };
    assert_eq!(counted, nothing);
    let differences = explained(&cache, &project, "base", "optimised");
    assert_eq!(differences[0]["effect"], "no-hits", "{differences:?}");
    let flags = differences[0]["b"].as_str().unwrap_or_default();
    assert!(flags.contains("-C opt-level=1"), "{differences:?}");
}

#[test]
fn a_recording_has_no_secrets() {
    let (cache, project) = (Cache::new(), project("secrets"));
    cache.enable(&project, &[]);
    let file = project.root().join("recording.json");
    let command = Invocation::new(env!("CARGO_BIN_EXE_xtask")).args([
        "--project",
        project.root().as_str(),
        "sccache",
        "record",
        file.as_str(),
    ]);
    let secrets = [
        "CARGO_REGISTRY_TOKEN",
        "CARGO_REGISTRIES_MINE_TOKEN",
        "SCCACHE_REDIS_PASSWORD",
    ];
    let command = secrets.iter().fold(cache.with(command), |command, name| {
        command.env(*name, "geheim")
    });
    command.read().expect("it is recorded");
    let text = fs_err::read_to_string(&file).unwrap();
    assert!(!text.contains("geheim"), "{text}");
    assert!(
        text.contains("CARGO_REGISTRY_TOKEN"),
        "that it is set matters: {text}"
    );
}

#[test]
fn a_file_that_is_no_recording_is_refused_by_name() {
    let (cache, project) = (Cache::new(), project("no_recording"));
    let file = project.root().join("Cargo.toml");
    let done = cache.xtask(
        &project,
        &["sccache", "explain", file.as_str(), "/no/such/file"],
    );
    assert_eq!(done.status.code(), Some(1));
    assert!(
        done.stderr.contains("Cargo.toml is no recording"),
        "{}",
        done.stderr
    );
}
