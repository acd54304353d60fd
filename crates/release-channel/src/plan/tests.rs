//! Plans as data.

mod races;
mod store;

pub(crate) use store::build;

use super::*;
use store::{Store, bytes, ours, repository, store};

fn said(plan: &ReleasePlan) -> Vec<String> {
    plan.steps.iter().map(ToString::to_string).collect()
}

#[test]
fn the_steps_of_a_publish() {
    let (mut store, ours) = (store(), ours(4));
    let mut rounds = Vec::new();
    loop {
        let plan = store.plan(&ours);
        rounds.push(said(&plan));
        if plan.steps.is_empty() {
            break;
        }
        for step in &plan.steps {
            store.apply(step, &ours).unwrap();
        }
    }
    let expected: [&[&str]; 3] = [
        &[
            "upload thing-1.0+g0000004-cp311-abi3-manylinux_2_28_x86_64.whl",
            "upload manifest-1.0+g0000004.json",
        ],
        &[
            "delete manifest-previous.json (another one follows)",
            "rename manifest.json to manifest-previous.json",
            "rename manifest-1.0+g0000004.json to manifest.json",
            "move the tag to commit 0000004",
            "write the release notes of thing 1.0+g0000004",
            "delete thing-1.0+g0000001-cp311-abi3-manylinux_2_28_x86_64.whl (of an old build)",
        ],
        &[],
    ];
    assert_eq!(rounds, expected);
    store.require_published(4);
}

#[test]
fn the_first_publish_makes_the_release() {
    let mut store = Store::default();
    assert_eq!(
        said(&store.plan(&ours(1))),
        ["create the release on commit 0000001"]
    );
    store.publish(1);
    store.require_published(1);
    assert_eq!(store.manifest(PREVIOUS), None);
}

#[test]
fn a_newer_build_is_not_overtaken() {
    let mut store = store();
    let older = ours(2);
    store
        .assets
        .retain(|(asset, _)| *asset.name != *older.manifest.wheels[0].file);
    // Kept, since the previous manifest names it; here it is as if it had been cleared away and uploaded
    // again.
    store
        .put(&older.manifest.wheels[0].file, &bytes(2))
        .unwrap();
    let plan = store.plan(&older);
    assert_eq!(
        (plan.verdict, plan.steps),
        (ReleaseVerdict::Superseded, Vec::new())
    );

    // Of a build that no manifest names, nothing is left.
    let oldest = ours(1);
    store
        .put(&oldest.manifest.waiting_name(), &oldest.manifest.json())
        .unwrap();
    let plan = store.plan(&oldest);
    assert_eq!(plan.verdict, ReleaseVerdict::Superseded);
    let superseded = "of a build that comes before the published one";
    assert_eq!(
        said(&plan),
        [
            format!("delete {} ({superseded})", oldest.manifest.wheels[0].file),
            format!("delete manifest-1.0+g0000001.json ({superseded})"),
        ]
    );
}

#[test]
fn of_diverged_histories_the_later_commit_is_published() {
    let store = store();
    let verdict = |number| {
        let ours = build(number);
        let snapshot = Snapshot {
            history: Some(History::Diverged),
            ..store.snapshot(&ours)
        };
        super::verdict(&snapshot, &ours)
    };
    assert_eq!(verdict(4), ReleaseVerdict::OursIsLater);
    assert_eq!(verdict(2), ReleaseVerdict::SupersededByLater);
    // At the same time: one of the two, whichever asks.
    let (mut one, mut other) = (build(3), build(4));
    (one.commit.time_s, other.commit.time_s) = (7, 7);
    let between = |ours: &Published, published: &Published| {
        let snapshot = Snapshot {
            history: Some(History::Diverged),
            current: Some(published.clone()),
            ..store.snapshot(ours)
        };
        super::verdict(&snapshot, ours)
    };
    assert_eq!(between(&one, &other), ReleaseVerdict::SupersededByLater);
    assert_eq!(between(&other, &one), ReleaseVerdict::OursIsLater);
}

#[test]
fn another_wheel_under_the_same_name_is_an_error_with_both_digests() {
    let (mut store, ours) = (store(), ours(4));
    let wheel = &ours.manifest.wheels[0];
    store.put(&wheel.file, "something else").unwrap();
    let aim = Aim {
        ours: &ours,
        repository: &repository(),
        keep: 3,
    };
    let error = ReleasePlan::new(&store.snapshot(&ours.manifest), &aim)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&*wheel.sha256) && error.contains(&sha256(b"something else")),
        "{error}"
    );
    assert!(
        error.contains("gh release delete-asset latest thing-"),
        "{error}"
    );
}

#[test]
fn half_an_upload_is_removed_and_done_again() {
    let (mut store, ours) = (store(), ours(4));
    for name in [
        &*ours.manifest.wheels[0].file,
        &*ours.manifest.waiting_name(),
    ] {
        store.put(name, "half").unwrap();
        let (asset, _) = store.assets.last_mut().unwrap();
        (asset.state, asset.digest, asset.size) = ("starter".to_owned(), None, 0);
    }
    let steps = said(&store.plan(&ours));
    assert_eq!(
        steps
            .iter()
            .filter(|it| it.ends_with("(its upload broke off)"))
            .count(),
        2,
        "{steps:?}"
    );
    store.publish(4);
    store.require_published(4);
}

#[test]
fn what_is_added_by_hand_stays() {
    let mut store = store();
    let by_hand = [
        "manual.pdf",
        "thing-1.0-cp311-abi3-manylinux_2_28_x86_64.whl",
        "manifest-9.json",
    ];
    for name in by_hand {
        store.put(name, "by hand").unwrap();
    }
    for number in 4..10 {
        store.publish(number);
    }
    assert!(
        by_hand.iter().all(|name| store.text(name).is_some()),
        "{:?}",
        store.names()
    );
    let wheels = store.names().into_iter().filter(|name| name.contains("+g"));
    assert_eq!(wheels.count(), 3);
}

#[test]
fn what_a_broken_off_run_of_another_build_has_left_is_cleared() {
    let mut store = store();
    let broken = ours(4);
    for step in store.plan(&broken).steps {
        store.apply(&step, &broken).unwrap();
    }
    for number in 5..=7 {
        let names = [
            broken.manifest.waiting_name(),
            broken.manifest.wheels[0].file.to_string(),
        ];
        assert!(
            names.iter().all(|name| store.text(name).is_some()),
            "{:?}",
            store.names()
        );
        store.publish(number);
        store.require_published(number);
    }
    assert_eq!(store.names().len(), 2 + 3, "{:?}", store.names());
}
