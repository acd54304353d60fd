//! `cargo xtask release verify`.

use processes::Captured;
use serde_json::{Value, json};

use crate::{REPOSITORY, TAG, World, hash, version, wheel_name};

/// With a token that may only read.
fn verify(world: &World, args: &[&str]) -> Captured {
    world
        .github
        .order("token", json!({"token": "may-only-read", "rights": "read"}));
    let command = world.command(&[&["verify", "--tag", TAG], args].concat());
    command
        .env("GH_ENTERPRISE_TOKEN", "may-only-read")
        .capture()
        .unwrap()
}

/// What is found, and that the exit code says so.
fn found(world: &World, args: &[&str]) -> String {
    let done = verify(world, args);
    let expected = if done.stdout.is_empty() { 0 } else { 3 };
    assert_eq!(done.status.code(), Some(expected), "{}", done.stderr);
    done.stdout
}

#[test]
fn what_is_published_is_verified_from_outside() {
    let Some(world) = World::new() else { return };
    for number in 1..=3 {
        world.finish_ok(number);
    }
    world.github.forget_requests();
    assert_eq!(found(&world, &[]), "");
    assert_eq!(found(&world, &["--download"]), "");
    let requests = world.github.requests();
    assert!(requests.iter().all(|it| it.method == "GET"), "{requests:?}");
    let done = verify(&world, &["--json"]);
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(report["version"], version(3));
    assert_eq!(report["wheels"], json!([wheel_name(3), wheel_name(2)]));
    assert_eq!(report["findings"], json!([]));
}

#[test]
fn each_thing_that_is_wrong_is_found_with_its_repair() {
    let Some(world) = World::new() else { return };
    assert!(
        found(&world, &[]).starts_with(
            "release: there is none with this tag; repair: cargo xtask release finish"
        )
    );
    for number in 1..=3 {
        world.finish_ok(number);
    }
    let order = |order, mut arguments: Value| {
        arguments["repository"] = REPOSITORY.into();
        world.github.order(order, arguments);
    };
    // A byte of a wheel: only who downloads it sees that.
    order("corrupt", json!({"name": wheel_name(2)}));
    assert_eq!(found(&world, &[]), "");
    let text = found(&world, &["--download"]);
    assert!(
        text.starts_with(&wheel_name(2)) && text.contains("SHA-256"),
        "{text}"
    );
    assert!(
        text.contains(&format!(
            "git checkout {} && cargo xtask wheel --release --out dist",
            hash(2)
        )) && text.contains(" --clobber\n"),
        "{text}"
    );

    order(
        "ref",
        json!({"name": format!("tags/{TAG}"), "hash": hash(1)}),
    );
    let text = found(&world, &[]);
    assert!(
        text.starts_with(&format!("tag: it points to {}", hash(1))),
        "{text}"
    );
    assert!(
        text.contains(&format!("-f sha={} -F force=true", hash(3))),
        "{text}"
    );

    order("release", json!({"tag": TAG, "body": "nothing"}));
    let text = found(&world, &[]);
    assert!(
        text.contains("\nnotes: they are not those of the newest build"),
        "{text}"
    );

    // Both are repaired by publishing again.
    let done = world.finish_ok(3);
    assert!(done.stderr.contains("move the tag"), "{}", done.stderr);
    assert_eq!(found(&world, &[]), "");

    world.github.remove(REPOSITORY, &wheel_name(2));
    let text = found(&world, &[]);
    assert!(
        text.starts_with(&format!(
            "{}: it is not there; repair: git checkout",
            wheel_name(2)
        )),
        "{text}"
    );
    world.project("a b");
    let text = found(&world, &["--project", "a b"]);
    assert!(
        text.contains("repair: git -C 'a b' checkout")
            && text.contains("&& cargo xtask --project 'a b' wheel --release --out dist &&"),
        "{text}"
    );
    world.github.remove(REPOSITORY, "manifest.json");
    let text = found(&world, &[]);
    assert!(
        text.contains("manifest.json: it cannot be downloaded"),
        "{text}"
    );
    let done = verify(&world, &["--json"]);
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(report["findings"][0]["subject"], "manifest.json");
}

#[test]
fn a_draft_is_found_by_who_may_see_it() {
    let Some(world) = World::new() else { return };
    world.finish_ok(1);
    world
        .github
        .release(REPOSITORY, TAG, json!({"draft": true}));
    assert!(found(&world, &[]).starts_with("release: there is none"));
    let done = world.command(&["verify", "--tag", TAG]).capture().unwrap();
    assert_eq!(done.status.code(), Some(3), "{}", done.stderr);
    assert!(
        done.stdout.contains("gh release edit latest --draft=false"),
        "{}",
        done.stdout
    );
}
