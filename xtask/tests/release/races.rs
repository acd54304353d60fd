//! Builds that come late, and runs at the same time.

use serde_json::json;

use crate::downloads::Installer;
use crate::{REPOSITORY, TAG, World, hash, version, wheel_name};

#[test]
fn an_older_build_never_overtakes() {
    let Some(world) = World::new() else { return };
    for number in [1, 5] {
        world.finish_ok(number);
    }
    // Its workflow was slower: the upload comes after the newer build was published.
    world.action_uploads(3);
    assert!(world.asset_names().contains(&wheel_name(3)));
    let done = world.finish_ok(3);
    assert!(
        done.stderr.contains("Superseded") && done.stderr.contains(&version(5)),
        "{}",
        done.stderr
    );
    world.require_published(5, 2);
    assert!(!world.asset_names().contains(&wheel_name(3)));
    // What a manifest names stays, also when its own build comes again.
    world.finish_ok(1);
    world.require_published(5, 2);
    assert!(world.asset_names().contains(&wheel_name(1)));
}

/// As after a force push: two commits on the same parent.
#[test]
fn of_diverged_histories_the_later_commit_is_published() {
    let Some(world) = World::new() else { return };
    world.finish_ok(2);
    let finish = |commit: &str, time_s| {
        world.github.commit(REPOSITORY, commit, &[&hash(1)]);
        let dist = world.dist_of(commit, time_s);
        world
            .command(&["finish", "--dist", dist.as_str()])
            .capture()
            .unwrap()
    };
    let earlier = finish(&"e".repeat(40), 1);
    assert!(
        earlier.status.success() && earlier.stderr.contains("Superseded"),
        "{}",
        earlier.stderr
    );
    assert!(earlier.stderr.contains("force push"), "{}", earlier.stderr);
    world.require_published(2, 1);
    let later = finish(&"f".repeat(40), 9);
    assert!(
        later.status.success() && later.stderr.contains("Published"),
        "{}",
        later.stderr
    );
    assert_eq!(world.tag(), "f".repeat(40));
    // GitHub has forgotten the commit that is published.
    world.github.order(
        "forget_commit",
        json!({"repository": REPOSITORY, "hash": "f".repeat(40)}),
    );
    let done = world.finish(3);
    assert!(done.stderr.contains("Superseded"), "{}", done.stderr);
    world.finish_ok(12);
    world.require_published(12, 3);
}

#[test]
fn runs_at_the_same_time_end_with_the_newest() {
    let Some(world) = World::new() else { return };
    for number in 1..=3 {
        world.finish_ok(number);
    }
    let installer = Installer::start(&world);
    let mut superseded = 0;
    for round in 0..4 {
        let newest = 5 + 2 * round;
        for number in [newest - 1, newest] {
            world.action_uploads(number);
        }
        let (older, newer) = std::thread::scope(|scope| {
            let older = scope.spawn(|| world.finish_ok(newest - 1));
            let newer = scope.spawn(|| world.finish_ok(newest));
            (older.join().unwrap(), newer.join().unwrap())
        });
        assert!(newer.stderr.contains("Published"), "{}", newer.stderr);
        superseded += usize::from(older.stderr.contains("Superseded"));
        world.require_published(newest, 4);
    }
    println!("superseded {superseded} of 4");
    installer.require_no_failure(5);
    let names = world.asset_names();
    let waiting = names.iter().filter(|name| name.starts_with("manifest-1.0"));
    assert_eq!(waiting.count(), 0, "{names:?}");
    assert_eq!(
        world.github.state(REPOSITORY)["releases"][0]["tag_name"],
        TAG
    );
}
