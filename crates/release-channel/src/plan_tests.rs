//! Plans as data, and what comes of them on a release in memory: alone, broken off anywhere, and two at a time.

use super::*;
use crate::local::Wheel;
use crate::published::{PublishedWheel, SourceCommit, download_url};

fn repository() -> Repository {
    Repository::parse("o/r", "github.com").unwrap()
}

fn hash(number: u64) -> String {
    format!("{number:07x}{}", "0".repeat(33))
}

fn bytes(number: u64) -> String {
    format!("wheel {number}")
}

/// The build of the commit `number` in a row of commits.
pub(crate) fn build(number: u64) -> Published {
    let version = format!("1.0+g{}", &hash(number)[..7]);
    let file = format!("thing-{version}-cp311-abi3-manylinux_2_28_x86_64.whl");
    let wheel = PublishedWheel {
        url: download_url(&repository(), "latest", &file),
        file,
        sha256: sha256(bytes(number).as_bytes()),
        size_bytes: bytes(number).len() as u64,
        python: vec!["cp311".to_owned()],
        abi: vec!["abi3".to_owned()],
        platforms: vec!["manylinux_2_28_x86_64".to_owned()],
        glibc: Some("2.28".to_owned()),
    };
    Published {
        name: "thing".to_owned(),
        version,
        commit: SourceCommit {
            hash: hash(number),
            time_s: number,
        },
        requires_python: Some(">=3.11".to_owned()),
        release_tag: "latest".to_owned(),
        wheels: vec![wheel],
    }
}

fn ours(number: u64) -> Ours {
    let manifest = build(number);
    let path = manifest.wheels[0].file.clone().into();
    Ours {
        manifest,
        wheels: vec![Wheel { path }],
    }
}

/// A release in memory, with the rules of GitHub that matter here.
#[derive(Debug, Clone, Default)]
struct Store {
    release: Option<Release>,
    tag: Option<String>,
    assets: Vec<(Asset, String)>,
    last_id: u64,
}

/// Refused: somebody else was faster.
#[derive(Debug)]
struct Conflict;

impl Store {
    fn put(&mut self, name: &str, text: &str) -> Result<(), Conflict> {
        self.free(name)?;
        self.last_id += 1;
        let asset = Asset {
            id: self.last_id,
            name: name.to_owned(),
            state: "uploaded".to_owned(),
            size: text.len() as u64,
            digest: Some(format!("sha256:{}", sha256(text.as_bytes()))),
            created_at: "2026-01-01T00:00:00Z".to_owned(),
        };
        self.assets.push((asset, text.to_owned()));
        Ok(())
    }

    fn free(&self, name: &str) -> Result<(), Conflict> {
        let taken = self.assets.iter().any(|(asset, _)| asset.name == name);
        if taken { Err(Conflict) } else { Ok(()) }
    }

    fn text(&self, name: &str) -> Option<&str> {
        let found = self.assets.iter().find(|(asset, _)| asset.name == name);
        found.map(|(_, text)| text.as_str())
    }

    fn manifest(&self, name: &str) -> Option<Published> {
        self.text(name)
            .map(|text| serde_json::from_str(text).unwrap())
    }

    fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self
            .assets
            .iter()
            .map(|(asset, _)| asset.name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    /// Commits are in the order of their numbers.
    fn snapshot(&self, ours: &Published) -> Snapshot {
        let (current, previous) = (self.manifest(MANIFEST), self.manifest(PREVIOUS));
        let history = current.as_ref().or(previous.as_ref()).map(|newest| {
            match ours.commit.time_s.cmp(&newest.commit.time_s) {
                std::cmp::Ordering::Less => History::Behind,
                std::cmp::Ordering::Equal => History::Same,
                std::cmp::Ordering::Greater => History::Ahead,
            }
        });
        Snapshot {
            release: self.release.clone(),
            assets: self.assets.iter().map(|(asset, _)| asset.clone()).collect(),
            tag: self.tag.clone(),
            current,
            previous,
            history,
        }
    }

    fn plan(&self, ours: &Ours) -> Plan {
        let aim = Aim {
            ours,
            repository: &repository(),
            keep: 3,
        };
        Plan::new(&self.snapshot(&ours.manifest), &aim).unwrap()
    }

    fn apply(&mut self, step: &Step, ours: &Ours) -> Result<(), Conflict> {
        let position = |id: u64| self.assets.iter().position(|(asset, _)| asset.id == id);
        match step {
            Step::Create { commit } => {
                if self.release.is_some() {
                    return Err(Conflict);
                }
                self.release = Some(release());
                self.tag.get_or_insert_with(|| commit.clone());
            }
            Step::UploadWheel { name, .. } => {
                self.put(name, &bytes(ours.manifest.commit.time_s))?;
            }
            Step::UploadManifest { name } => self.put(name, &ours.manifest.json())?,
            Step::Delete { id, .. } => {
                if let Some(position) = position(*id) {
                    self.assets.remove(position);
                }
            }
            Step::Rename { id, to, .. } => {
                let position = position(*id).ok_or(Conflict)?;
                if self.assets[position].0.name != *to {
                    self.free(to)?;
                    self.assets[position].0.name.clone_from(to);
                }
            }
            Step::MoveTag { commit, .. } => self.tag = Some(commit.clone()),
            Step::Describe { title, body, .. } => {
                let release = self.release.as_mut().unwrap();
                (release.name, release.body) = (Some(title.clone()), Some(body.clone()));
            }
        }
        Ok(())
    }

    /// Publishes without any disturbance.
    fn publish(&mut self, number: u64) {
        let ours = ours(number);
        for _ in 0..10 {
            let plan = self.plan(&ours);
            if plan.steps.is_empty() {
                return;
            }
            for step in plan.steps {
                self.apply(&step, &ours).unwrap();
            }
        }
        panic!("it does not come to rest");
    }

    /// What a client needs at every moment: a manifest, and each wheel that a manifest names.
    fn require_served(&self) {
        let manifests = [MANIFEST, PREVIOUS].map(|name| self.manifest(name));
        assert!(
            manifests.iter().any(Option::is_some),
            "no manifest: {:?}",
            self.names()
        );
        for wheel in manifests.iter().flatten().flat_map(|it| &it.wheels) {
            let digest = self.text(&wheel.file).map(|text| sha256(text.as_bytes()));
            assert_eq!(digest.as_ref(), Some(&wheel.sha256), "{}", wheel.file);
        }
    }

    fn require_published(&self, number: u64) {
        let expected = build(number);
        assert_eq!(self.manifest(MANIFEST).as_ref(), Some(&expected));
        assert_eq!(self.tag.as_ref(), Some(&expected.commit.hash));
        let release = self.release.as_ref().unwrap();
        assert!(notes::are_in(
            release.body.as_deref().unwrap(),
            &expected,
            &repository()
        ));
        assert_eq!(release.name.as_deref(), Some(&*notes::title(&expected)));
        assert_eq!(self.text(&expected.waiting_name()), None);
        self.require_served();
    }
}

fn release() -> Release {
    Release {
        id: 1,
        tag_name: "latest".to_owned(),
        name: None,
        body: None,
        draft: false,
        immutable: false,
        upload_url: String::new(),
        html_url: String::new(),
    }
}

/// A release with the builds 1, 2 and 3.
fn store() -> Store {
    let mut store = Store::default();
    for number in 1..=3 {
        store.publish(number);
    }
    store
}

fn said(plan: &Plan) -> Vec<String> {
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
        .retain(|(asset, _)| asset.name != older.manifest.wheels[0].file);
    // Kept, since the previous manifest names it; here it is as if it had been cleared away and uploaded again.
    store
        .put(&older.manifest.wheels[0].file, &bytes(2))
        .unwrap();
    let plan = store.plan(&older);
    assert_eq!(
        (plan.verdict, plan.steps),
        (Verdict::Superseded, Vec::new())
    );

    // Of a build that no manifest names, nothing is left.
    let oldest = ours(1);
    store
        .put(&oldest.manifest.waiting_name(), &oldest.manifest.json())
        .unwrap();
    let plan = store.plan(&oldest);
    assert_eq!(plan.verdict, Verdict::Superseded);
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
    assert_eq!(verdict(4), Verdict::OursIsLater);
    assert_eq!(verdict(2), Verdict::SupersededByLater);
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
    assert_eq!(between(&one, &other), Verdict::SupersededByLater);
    assert_eq!(between(&other, &one), Verdict::OursIsLater);
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
    let error = Plan::new(&store.snapshot(&ours.manifest), &aim)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&wheel.sha256) && error.contains(&sha256(b"something else")),
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
    for name in [&ours.manifest.wheels[0].file, &ours.manifest.waiting_name()] {
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
            broken.manifest.wheels[0].file.clone(),
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

/// After each step of a publish, broken off there: the next run of the same build, and that of a newer one.
#[test]
fn wherever_it_is_broken_off_the_next_run_repairs_it() {
    let ours = ours(4);
    for again in [4, 5] {
        for allowed in 0..9 {
            let mut store = store();
            let mut done = 0;
            'broken: loop {
                let plan = store.plan(&ours);
                assert!(
                    !plan.steps.is_empty() || allowed == 8,
                    "{allowed} steps are all"
                );
                if plan.steps.is_empty() {
                    break;
                }
                for step in plan.steps {
                    if done == allowed {
                        break 'broken;
                    }
                    store.apply(&step, &ours).unwrap();
                    store.require_served();
                    done += 1;
                }
            }
            store.publish(again);
            store.require_published(again);
        }
    }
}

/// A small generator of numbers, the same ones every time (Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// One of several runs at once: it looks, and then applies what it has planned, however stale that is by then.
struct Run {
    ours: Ours,
    steps: std::collections::VecDeque<Step>,
    ended: bool,
}

impl Run {
    fn new(number: u64) -> Self {
        Self {
            ours: ours(number),
            steps: [].into(),
            ended: false,
        }
    }

    fn advance(&mut self, store: &mut Store) {
        match self.steps.pop_front() {
            None => {
                self.steps = store.plan(&self.ours).steps.into();
                self.ended = self.steps.is_empty();
            }
            Some(step) => {
                if store.apply(&step, &self.ours).is_err() {
                    self.steps.clear();
                }
            }
        }
    }
}

#[test]
fn runs_beside_each_other_end_with_the_newest_in_any_order() {
    let mut numbers = Numbers(1);
    for schedule in 0..1000 {
        let mut store = store();
        let mut runs = [Run::new(4), Run::new(5), Run::new(6)];
        let count: usize = 2 + schedule % 2;
        let newest = 3 + u64::try_from(count).unwrap();
        for moves in 0.. {
            assert!(moves < 400, "schedule {schedule} does not end");
            let chosen = usize::try_from(numbers.below(newest - 3)).unwrap();
            if !runs[chosen].ended {
                runs[chosen].advance(&mut store);
                store.require_served();
            }
            if runs[..count].iter().all(|run| run.ended) {
                break;
            }
        }
        store.require_published(newest);
    }
}

/// As two machines of the same speed: no round of one falls between two rounds of the other.
#[test]
fn runs_in_lockstep_come_to_rest() {
    for stride in 1..12 {
        for offset in 0..12 {
            let mut store = store();
            let mut runs = [Run::new(4), Run::new(5)];
            for _ in 0..offset {
                runs[1].advance(&mut store);
            }
            for moves in 0.. {
                assert!(
                    moves < 60,
                    "stride {stride}, offset {offset}: it does not end"
                );
                let run = &mut runs[moves / stride % 2];
                if !run.ended {
                    run.advance(&mut store);
                    store.require_served();
                }
                if runs.iter().all(|run| run.ended) {
                    break;
                }
            }
            store.require_published(5);
        }
    }
}

#[test]
fn what_dies_beside_another_run_does_no_harm() {
    let mut numbers = Numbers(2);
    for schedule in 0..1000 {
        let mut store = store();
        let mut runs = [Run::new(4), Run::new(5)];
        let (dies, after) = (numbers.below(2), numbers.below(14));
        let mut moves = [0, 0];
        while !runs.iter().all(|run| run.ended) {
            assert!(
                moves[0] + moves[1] < 400,
                "schedule {schedule} does not end"
            );
            let chosen = numbers.below(2);
            let index = usize::try_from(chosen).unwrap();
            moves[index] += 1;
            if chosen == dies && moves[index] > after {
                runs[index].ended = true;
            }
            if !runs[index].ended {
                runs[index].advance(&mut store);
                store.require_served();
            }
        }
        store.publish(6);
        store.require_published(6);
    }
}
