//! Which difference means what.

use serde_json::{Value, json};

use super::*;
use crate::why::change::Was;
use crate::why::settings::{Settings, Versions};
use build_dir::explanation::Explanation;

fn explanation(changes: &[(&str, Value)]) -> Explanation {
    let mut text = json!({"rustc": 1, "features": "[]", "profile": 1, "target": 1, "path": 1});
    for (key, value) in changes {
        text[*key] = value.clone();
    }
    Explanation::read(text.to_string().as_bytes()).unwrap()
}

fn plain() -> Explanation {
    explanation(&[])
}

/// The library of `package`, compiled though nothing differs.
fn library(package: &str) -> Change {
    Change {
        package: package.to_owned(),
        kind: format!("lib-{package}"),
        was: Was::Same(plain()),
        now: plain(),
        ..Change::default()
    }
}

fn of_script(package: &str, kind: &str) -> Change {
    Change {
        kind: format!("{kind}build-script-build"),
        ..library(package)
    }
}

fn is_now(changes: &[(&str, Value)]) -> Change {
    Change {
        now: explanation(changes),
        ..library("libc")
    }
}

/// The root causes in words, of one unit that was compiled.
fn words(change: Change, facts: &Facts) -> String {
    let found = causes(&[change], facts);
    let words: Vec<_> = found[0].roots.iter().map(Cause::words).collect();
    words.join(" + ")
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn versions(version: &str) -> Versions {
    [("libc".to_owned(), set(&[version]))].into()
}

/// Nothing has changed but this name.
fn changed(name: &str) -> Facts {
    Facts {
        extension: "top".to_owned(),
        changed: set(&[name]),
        ..Facts::default()
    }
}

/// Of a unit that was compiled, where nothing else is known.
fn plainly(change: Change) -> String {
    words(change, &Facts::default())
}

#[test]
fn each_digest_has_its_words() {
    for (key, value, expected) in [
        ("rustc", json!(2), "another toolchain"),
        (
            "rustflags",
            json!(["-O"]),
            "rustc gets other flags: `-O`, before none",
        ),
        (
            "features",
            json!("[\"x\"]"),
            "other features: now with libc/x",
        ),
        ("profile", json!(2), "settings of the profile have changed"),
        (
            "path",
            json!(2),
            "its source lies in another directory than before",
        ),
        (
            "target",
            json!(2),
            "Cargo.toml says something else of its library",
        ),
        ("config", json!(2), "cargo's settings have changed"),
        (
            "deps",
            json!([[1, "leaf", false, 2]]),
            "made with another build of leaf that was there",
        ),
        (
            "deps",
            json!([[1, "build_script_build", false, 2]]),
            "made with another build of the build script of libc that was there",
        ),
    ] {
        assert_eq!(plainly(is_now(&[(key, value)])), expected);
    }
    let removed = "what was built of it is gone, as after `cargo clean -p`";
    assert_eq!(plainly(library("libc")), removed);
}

#[test]
fn what_else_has_changed_gives_better_words() {
    let config = ".cargo/config.toml";
    let commit = "Cargo.lock has another commit or source of libc";
    for (key, value, name, expected) in [
        ("path", json!(2), "native/Cargo.lock", commit),
        ("config", json!(2), config, ".cargo/config.toml changed"),
    ] {
        assert_eq!(words(is_now(&[(key, value)]), &changed(name)), expected);
    }
    let scattered = |other: Option<&str>| Facts {
        scattered: Some(("rust/c.toml".to_owned(), other.map(str::to_owned))),
        ..Facts::default()
    };
    let differ = "RUSTFLAGS differ between c.toml and rust/c.toml";
    let only_some = "only some calls of cargo read the RUSTFLAGS in rust/c.toml";
    for (facts, expected) in [
        (
            changed("variable RUSTFLAGS"),
            "the variable RUSTFLAGS gives rustc other flags: `-O`, before none",
        ),
        (
            changed(config),
            ".cargo/config.toml gives rustc other flags: `-O`, before none",
        ),
        (scattered(Some("c.toml")), differ),
        (scattered(None), only_some),
    ] {
        assert_eq!(
            words(is_now(&[("rustflags", json!(["-O"]))]), &facts),
            expected
        );
    }
}

#[test]
fn variables_are_told_apart_and_only_those_of_pyo3_with_their_values() {
    let local = |name: &str, value: &str| {
        let declared = json!({"RerunIfEnvChanged": {"var": name, "val": value}});
        ("local", json!([declared]))
    };
    let variable = |name: &str| Change {
        was: Was::Same(explanation(&[local(name, "a")])),
        ..is_now(&[local(name, "b")])
    };
    assert_eq!(
        plainly(variable("PYO3_PYTHON")),
        "PYO3_PYTHON is b, and was a"
    );
    let declared = "the variable TOKEN has changed, which a build script declares";
    assert_eq!(plainly(variable("TOKEN")), declared);
    let read = Change {
        variables: set(&["TOKEN"]),
        ..library("libc")
    };
    let by_macro = "the variable TOKEN has changed, which a crate reads by `env!` or `option_env!`";
    assert_eq!(plainly(read), by_macro);
}

fn of_path_crate(change: Change) -> Change {
    Change {
        is_path_crate: true,
        ..change
    }
}

#[test]
fn files_are_named_by_what_they_are_to_the_crate() {
    let whole = |file: &str| {
        (
            "local",
            json!([{"Precalculated": format!("17.5s ({file})")}]),
        )
    };
    let undeclared = |file: &str| {
        of_path_crate(Change {
            was: Was::Same(explanation(&[whole("a.txt")])),
            ..is_now(&[whole(file)])
        })
    };
    let newer = || Change {
        newer: vec!["src/a.rs".to_owned()],
        ..library("libc")
    };
    let future = Change {
        future: vec!["src/a.rs".to_owned()],
        ..of_path_crate(newer())
    };
    let missing = Change {
        missing: vec!["gone".to_owned()],
        ..library("libc")
    };
    for (change, expected) in [
        (
            undeclared("data/b.txt"),
            "data/b.txt has changed, and the build script of libc declares no inputs",
        ),
        (undeclared("src/lib.rs"), "src/lib.rs has changed"),
        (of_path_crate(newer()), "src/a.rs has changed"),
        (
            newer(),
            "src/a.rs has changed, which the build script of libc names",
        ),
        (
            future,
            "src/a.rs has a time in the future, so cargo takes it for newer each time",
        ),
        (
            missing,
            "the build script of libc names gone, which is not there",
        ),
    ] {
        assert_eq!(plainly(change), expected);
    }
}

#[test]
fn what_stands_in_no_note_is_known_by_what_has_changed() {
    let other = || Change {
        was: Was::Like(plain()),
        ..library("libc")
    };
    let wrapper = changed("variable RUSTC_WORKSPACE_WRAPPER");
    let of_path = words(of_path_crate(other()), &wrapper);
    assert_eq!(of_path, "RUSTC_WORKSPACE_WRAPPER has changed");
    // It is not called for third-party crates.
    assert_eq!(
        words(other(), &wrapper),
        "for a cause that only cargo knows"
    );
    let foreign = Change {
        is_foreign: true,
        newer: vec!["src/a.rs".to_owned()],
        ..of_path_crate(library("libc"))
    };
    let shared = Facts {
        shared_dir: Some("/t".into()),
        ..Facts::default()
    };
    assert_eq!(
        words(foreign, &shared),
        "another checkout has built into /t since"
    );
}

#[test]
fn of_what_was_not_there_the_earlier_versions_tell_why() {
    let facts = |before: Option<&str>, now: &str| Facts {
        versions_before: before.map(versions),
        versions: versions(now),
        ..Facts::default()
    };
    let was = |was: Was| Change {
        was,
        ..library("libc")
    };
    let updated = "Cargo.lock has libc 0.3 (before, 0.2)";
    for (change, facts, expected) in [
        (
            was(Was::First),
            facts(Some("0.2"), "0.2"),
            "not built here before",
        ),
        (
            was(Was::Nothing),
            facts(None, "0.2"),
            "not built here before",
        ),
        (
            was(Was::Nothing),
            facts(Some("0.2"), "0.2"),
            "what was built of it is gone, as after `cargo clean -p`",
        ),
        (was(Was::Nothing), facts(Some("0.2"), "0.3"), updated),
        (
            was(Was::Like(explanation(&[("path", json!(2))]))),
            facts(Some("0.2"), "0.3"),
            updated,
        ),
    ] {
        assert_eq!(words(change, &facts), expected);
    }
    let new = Change {
        was: Was::Nothing,
        ..library("new")
    };
    assert_eq!(
        words(new, &facts(Some("0.2"), "0.2")),
        "not built here before"
    );
}

#[test]
fn settings_are_named_where_those_of_the_last_build_are_known() {
    let settings = |rustc: &str, debug: &str| Settings {
        rustc: Some(rustc.to_owned()),
        profiles: [("profile.dev.debug".to_owned(), debug.to_owned())].into(),
        ..Settings::default()
    };
    let facts = Facts {
        extension: "top".to_owned(),
        settings_before: Some(settings("rustc 1", "1")),
        settings: settings("rustc 2", "0"),
        ..Facts::default()
    };
    let toolchain = words(is_now(&[("rustc", json!(2))]), &facts);
    assert_eq!(toolchain, "another toolchain: rustc 2, before rustc 1");
    let profile = words(is_now(&[("profile", json!(2))]), &facts);
    assert_eq!(profile, "profile.dev.debug is 0, and was 1");
    // The extension alone may be given arguments.
    let extension = Change {
        package: "top".to_owned(),
        ..is_now(&[("profile", json!(2))])
    };
    let linked = "the extension is linked with other arguments";
    assert_eq!(words(extension, &changed("")), linked);
}

/// Two libraries, each made with the one before: only what differs by itself is a root.
#[test]
fn what_is_made_of_a_cause_is_no_cause() {
    let made_with = |package: &str, name: &str, fingerprint: u64| {
        let deps = ("deps", json!([[1, name, false, fingerprint]]));
        Change {
            now: explanation(&[deps]),
            ..library(package)
        }
    };
    let declared = |value: &str| {
        (
            "local",
            json!([{"RerunIfEnvChanged": {"var": "KEY", "val": value}}]),
        )
    };
    let run = Change {
        was: Was::Same(explanation(&[declared("a")])),
        now: explanation(&[declared("b")]),
        ..of_script("leaf", "run-")
    };
    let other = Change {
        fingerprint: Some(7),
        ..is_now(&[("features", json!("[\"x\"]"))])
    };
    let changes = [
        made_with("top", "leaf", 8),
        made_with("leaf", "build_script_build", 9),
        run,
        made_with("second", "leaf", 7),
        other,
    ];
    let found = causes(&changes, &Facts::default());
    let roots: Vec<_> = found.iter().map(|it| it.roots.len()).collect();
    // `top` knows `leaf` by its name, and `second` another library of that name by its fingerprint.
    assert_eq!(roots, [0, 0, 1, 0, 1]);
    let (run, other) = (&found[2].all, &found[4].all);
    assert_ne!(run, other);
    let all: Vec<_> = found.iter().map(|it| &it.all).collect();
    assert_eq!(all, [run, run, run, other, other]);
}

#[test]
fn an_unedited_manifest_has_not_changed() {
    let change = |is_path_crate| Change {
        is_path_crate,
        ..is_now(&[("target", json!(2))])
    };
    let said = |is_path_crate, is_unedited| {
        let facts = Facts {
            is_unedited,
            ..Facts::default()
        };
        words(change(is_path_crate), &facts)
    };
    let crate_types = "it was made as other kinds of library, by `--crate-type`";
    assert_eq!(said(true, true), crate_types);
    assert_eq!(said(true, false), "Cargo.toml has changed");
    let third_party = "Cargo.toml says something else of its library";
    assert_eq!(said(false, true), third_party);
}

#[test]
fn what_was_built_once_more_is_no_removal() {
    let remade = Change {
        remade: set(&["libc"]),
        ..library("top")
    };
    assert_eq!(plainly(remade), "made with libc, built once more since");
    assert_eq!(
        plainly(library("top")),
        "what was built of it is gone, as after `cargo clean -p`"
    );
}

#[test]
fn each_way_to_name_another_python_has_a_cure_of_its_own() {
    let cure = |changes: &[&str]| {
        let are_shared = true;
        let changes = set(changes);
        Cause::Python {
            changes,
            are_shared,
        }
        .cure()
        .unwrap()
    };
    let path = "PYO3_PYTHON is /venv/bin/python, and was /usr/bin/python3";
    assert!(cure(&[path]).contains("`use-base-python = true`"));
    let other = "PYO3_ENVIRONMENT_SIGNATURE is cpython-3.13-64bit, and was cpython-3.12-64bit";
    assert!(cure(&[path, other]).starts_with("build for one Python"));
    let missing = "PYO3_PYTHON is /a, and was not set";
    assert!(cure(&[missing]).contains(".cargo/config.local.toml: run it before"));
}
