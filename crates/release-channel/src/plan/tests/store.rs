//! A release in memory.

use super::super::*;
use crate::local::WheelFile;
use crate::published::{PublishedWheel, SourceCommit, download_url};
use files::digest::sha256;

pub(super) fn repository() -> Repository {
    Repository::parse("o/r", "github.com").unwrap()
}

pub(super) fn hash(number: u64) -> String {
    format!("{number:07x}{}", "0".repeat(33))
}

pub(super) fn bytes(number: u64) -> String {
    format!("wheel {number}")
}

/// The build of the commit `number` in a row of commits.
pub(crate) fn build(number: u64) -> Published {
    let version = format!("1.0+g{}", &hash(number)[..7]);
    let file = format!("thing-{version}-cp311-abi3-manylinux_2_28_x86_64.whl");
    let wheel = PublishedWheel {
        url: download_url(&repository(), "latest", &file),
        wheel: packaging::Wheel {
            file: file.try_into().unwrap(),
            sha256: sha256(bytes(number).as_bytes()).try_into().unwrap(),
            size_bytes: bytes(number).len() as u64,
            python: vec!["cp311".parse().unwrap()],
            abi: vec!["abi3".parse().unwrap()],
            platforms: vec!["manylinux_2_28_x86_64".parse().unwrap()],
            pythons: vec!["3.11".parse().unwrap(), "3.12".parse().unwrap()],
            glibc: Some("2.28".parse().unwrap()),
        },
    };
    Published {
        name: "thing".parse().unwrap(),
        version: version.try_into().unwrap(),
        commit: SourceCommit {
            hash: hash(number).try_into().unwrap(),
            time_s: number,
        },
        requires_python: Some(">=3.11".parse().unwrap()),
        release_tag: "latest".parse().unwrap(),
        wheels: vec![wheel],
    }
}

pub(super) fn ours(number: u64) -> Ours {
    let manifest = build(number);
    let path = manifest.wheels[0].file.to_string().into();
    Ours {
        manifest,
        wheels: vec![WheelFile { path }],
    }
}

/// A release in memory, with the rules of GitHub that matter here.
#[derive(Debug, Clone, Default)]
pub(super) struct Store {
    release: Option<Release>,
    tag: Option<String>,
    pub(super) assets: Vec<(Asset, String)>,
    last_id: u64,
}

/// Refused: somebody else was faster.
#[derive(Debug)]
pub(super) struct Conflict;

impl Store {
    pub(super) fn put(&mut self, name: &str, text: &str) -> Result<(), Conflict> {
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

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.assets.iter().find(|(asset, _)| asset.name == name);
        found.map(|(_, text)| text.as_str())
    }

    pub(super) fn manifest(&self, name: &str) -> Option<Published> {
        self.text(name)
            .map(|text| serde_json::from_str(text).unwrap())
    }

    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self
            .assets
            .iter()
            .map(|(asset, _)| asset.name.as_str())
            .collect();
        names.sort_unstable();
        names
    }

    /// Commits are in the order of their numbers.
    pub(super) fn snapshot(&self, ours: &Published) -> Snapshot {
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

    pub(super) fn plan(&self, ours: &Ours) -> ReleasePlan {
        let aim = Aim {
            ours,
            repository: &repository(),
            keep: 3,
        };
        ReleasePlan::new(&self.snapshot(&ours.manifest), &aim).unwrap()
    }

    pub(super) fn apply(&mut self, step: &Step, ours: &Ours) -> Result<(), Conflict> {
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
    pub(super) fn publish(&mut self, number: u64) {
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
    pub(super) fn require_served(&self) {
        let manifests = [MANIFEST, PREVIOUS].map(|name| self.manifest(name));
        assert!(
            manifests.iter().any(Option::is_some),
            "no manifest: {:?}",
            self.names()
        );
        for wheel in manifests.iter().flatten().flat_map(|it| &it.wheels) {
            let digest = self.text(&wheel.file).map(|text| sha256(text.as_bytes()));
            assert_eq!(digest.as_deref(), Some(&*wheel.sha256), "{}", wheel.file);
        }
    }

    pub(super) fn require_published(&self, number: u64) {
        let expected = build(number);
        assert_eq!(self.manifest(MANIFEST).as_ref(), Some(&expected));
        assert_eq!(self.tag.as_deref(), Some(&*expected.commit.hash));
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
pub(super) fn store() -> Store {
    let mut store = Store::default();
    for number in 1..=3 {
        store.publish(number);
    }
    store
}
