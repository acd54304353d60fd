//! `dev --status` and its exit code.

use camino::Utf8Path;
use processes::Invocation;
use testkit::Fixture;

use crate::{TARGET_DIR, dev, dev_ok, tools, xtask};

/// The verdict and what has changed, with the exit code.
fn status(project: &Fixture) -> (String, Vec<String>, Option<i32>) {
    let done = dev(project, &["--status", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
    let changed = answer["changed"].as_array().expect("a list").iter();
    let changed = changed.map(|what| what.as_str().expect("a name").to_owned());
    let verdict = answer["verdict"].as_str().expect("a word").to_owned();
    (verdict, changed.collect(), done.status.code())
}

fn says(project: &Fixture, verdict: &str, changed: &[&str]) {
    let code = if verdict == "fresh" { 0 } else { 3 };
    let changed = changed.iter().map(|what| (*what).to_owned()).collect();
    assert_eq!(status(project), (verdict.to_owned(), changed, Some(code)));
}

#[test]
fn it_tells_missing_fresh_and_stale_apart_and_names_what_changed() {
    let project = Fixture::mixed("known_thing");
    says(&project, "missing", &[]);
    dev_ok(&project, &[]);
    says(&project, "fresh", &[]);

    project.edit("native/src/lib.rs", "42", "43");
    says(&project, "stale", &["native/src/lib.rs"]);
    // The same content at another time, as after a checkout there and back.
    project.edit("native/src/lib.rs", "43", "42");
    says(&project, "fresh", &[]);

    project.edit("pyproject.toml", "\"0.1.0\"", "\"0.1.1\"");
    says(&project, "stale", &["pyproject.toml [project]"]);
    dev_ok(&project, &[]);
    says(&project, "fresh", &[]);

    let library = project
        .root()
        .join("python/known_thing/_known_thing.abi3.so");
    fs_err::remove_file(&library).unwrap();
    assert_eq!(status(&project).0, "missing");
    dev_ok(&project, &[]);
    says(&project, "fresh", &[]);
}

#[test]
fn where_the_extension_comes_from_is_remembered() {
    let project = Fixture::pure_rust("provenance_thing");
    let git = |args: &[&str]| {
        let git = Invocation::new("git").args(["-c", "user.name=n", "-c", "user.email=e"]);
        git.args(args.iter().copied())
            .cwd(&project.root())
            .read()
            .unwrap()
    };
    project.write(".gitignore", ".venv\nCargo.lock\n");
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "first"]);
    let provenance = || {
        let done = dev(&project, &["--status", "--json"]);
        let answer: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
        answer["provenance"].clone()
    };
    dev_ok(&project, &[]);
    assert_eq!(provenance()["commit"], git(&["rev-parse", "HEAD"]).trim());
    assert_eq!(provenance()["dirty"], false);
    assert_eq!(provenance()["profile"], "dev");
    assert!(
        provenance()["toolchain"]
            .as_str()
            .unwrap()
            .starts_with("rustc 1.")
    );

    let digest = provenance()["sources_sha256"].clone();
    project.edit("src/lib.rs", "42", "43");
    dev_ok(&project, &[]);
    assert_eq!(provenance()["dirty"], true);
    assert_ne!(provenance()["sources_sha256"], digest);
}

#[test]
fn an_install_of_another_tool_is_not_taken_for_ours() {
    let project = Fixture::pure_rust("foreign_thing");
    dev_ok(&project, &[]);
    let (uv, maturin) = tools();
    let path = format!(
        "{}:{}",
        uv.path.parent().unwrap(),
        std::env::var("PATH").unwrap()
    );
    let venv = project.root().join(".venv");
    let develop = Invocation::new(&maturin.path)
        .args(["develop", "--uv"])
        .env("PATH", path);
    let develop = develop
        .env("VIRTUAL_ENV", venv.as_str())
        .env("CARGO_TARGET_DIR", TARGET_DIR);
    develop.cwd(&project.root()).read().unwrap();
    says(&project, "foreign", &[]);
    dev_ok(&project, &[]);
    says(&project, "fresh", &[]);
}

#[test]
fn people_get_the_same_answer_in_words() {
    let project = Fixture::pure_rust("worded_thing");
    let done = dev(&project, &["--status"]);
    assert_eq!(done.status.code(), Some(3));
    assert!(
        done.stdout.starts_with("worded_thing: missing"),
        "{}",
        done.stdout
    );
    assert!(
        !Utf8Path::new(&project.root().join(".venv")).exists(),
        "it only looks"
    );
}

/// The first build makes the witnesses for uv, and with them other times for the files.
#[test]
fn right_after_the_first_build_all_is_fresh_where_uv_is_told_what_to_look_at() {
    let project = Fixture::mixed("first_status_thing");
    let keys = xtask(&project.root()).arg("cache-keys").capture().unwrap();
    assert!(keys.status.success(), "{}", keys.stderr);
    fs_err::remove_dir_all(project.root().join(".xtask")).unwrap();
    dev_ok(&project, &[]);
    let status = xtask(&project.root()).args(["dev", "--status"]);
    let status = status.capture().unwrap();
    assert!(status.status.success(), "{}", status.stdout);
}
