//! What is to be done, as data: from what is there and what is to be published.
//!
//! A plan goes only as far as can be seen from here. First comes what prepares: the release, the wheels, the
//! waiting manifest. Only when a later look has found all that as it should be, the manifests are exchanged.
//! That decides whose build the release holds; tag and notes follow from it, so that of two runs at once
//! neither fights for them, and old builds are removed. An empty plan says that everything is as it should
//! be.

mod step;

use std::collections::{BTreeMap, BTreeSet};

use project_model::Repository;

use crate::error::ReleaseError;
use crate::local::Ours;
use crate::notes;
use crate::published::{Build, Published, files_named_by};
use crate::snapshot::{Asset, History, Release, Snapshot};
use crate::{MANIFEST, PREVIOUS};
use files::digest::sha256;

pub use step::{Step, Why};
use step::{delete, rename};

/// Whose build the release is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseVerdict {
    /// Ours.
    Ours,
    /// Ours: of two histories that have diverged, it has the later commit.
    OursIsLater,
    /// The one that is published: it comes after ours.
    Superseded,
    /// The one that is published: of two histories that have diverged, it has the later commit.
    SupersededByLater,
}

/// What to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleasePlan {
    /// Whose build it is about.
    pub verdict: ReleaseVerdict,
    /// Nothing, if all is done.
    pub steps: Vec<Step>,
}

/// What a plan is made for.
#[derive(Debug)]
pub(crate) struct Aim<'a> {
    pub(crate) ours: &'a Ours,
    pub(crate) repository: &'a Repository,
    /// How many builds are kept.
    pub(crate) keep: usize,
}

impl ReleasePlan {
    /// What is still to be done. Fails where something is in the way that only a person can decide about.
    pub(crate) fn new(now: &Snapshot, aim: &Aim<'_>) -> Result<Self, ReleaseError> {
        let ours = &aim.ours.manifest;
        let verdict = verdict(now, ours);
        let steps = match (verdict, &now.release) {
            (ReleaseVerdict::Ours | ReleaseVerdict::OursIsLater, None) => vec![Step::Create {
                commit: ours.commit.hash.to_string(),
            }],
            (ReleaseVerdict::Ours | ReleaseVerdict::OursIsLater, Some(release)) => {
                publish(now, release, aim)?
            }
            (_, None) => Vec::new(),
            (_, Some(release)) => step_back(now, release, aim),
        };
        Ok(Self { verdict, steps })
    }
}

fn verdict(now: &Snapshot, ours: &Published) -> ReleaseVerdict {
    match (now.history, now.current.as_ref().or(now.previous.as_ref())) {
        (Some(History::Behind), _) => ReleaseVerdict::Superseded,
        // Of two builds each must come to the same answer, also where the times are equal.
        (Some(History::Diverged), Some(newest)) => {
            let rank = |it: &Published| (it.commit.time_s, it.commit.hash.clone());
            if rank(ours) > rank(newest) {
                ReleaseVerdict::OursIsLater
            } else {
                ReleaseVerdict::SupersededByLater
            }
        }
        _ => ReleaseVerdict::Ours,
    }
}

fn publish(now: &Snapshot, release: &Release, aim: &Aim<'_>) -> Result<Vec<Step>, ReleaseError> {
    let ours = &aim.ours.manifest;
    let is_current = now.current.as_ref() == Some(ours);
    let mut prepare = wheels(now, ours)?;
    if !is_current {
        prepare.extend(manifest(now, ours));
    }
    if !prepare.is_empty() {
        return Ok(prepare);
    }
    let mut steps = if is_current {
        Vec::new()
    } else {
        exchange(now, ours)
    };
    steps.extend(tag_and_notes(now, release, ours, aim.repository));
    steps.extend(tidy(now, aim, is_current));
    Ok(steps)
}

/// Our wheels: each is there as it is here, or is uploaded.
fn wheels(now: &Snapshot, ours: &Published) -> Result<Vec<Step>, ReleaseError> {
    let mut steps = Vec::new();
    for (index, wheel) in ours.wheels.iter().enumerate() {
        let found = now.asset(&wheel.file);
        steps.extend(
            found
                .filter(|it| !it.is_whole())
                .map(|it| delete(it, Why::Half)),
        );
        match found.filter(|it| it.is_whole()) {
            None => steps.push(Step::UploadWheel {
                index,
                name: wheel.file.to_string(),
            }),
            Some(asset) => {
                let digest = format!("sha256:{}", wheel.sha256);
                let same = asset.digest.as_ref().is_none_or(|it| *it == digest);
                if asset.size != wheel.size_bytes || !same {
                    return Err(ReleaseError::WrongAsset {
                        file: wheel.file.to_string(),
                        tag: ours.release_tag.to_string(),
                        found: described(
                            asset.digest.as_deref().unwrap_or("no digest"),
                            asset.size,
                        ),
                        expected: described(&digest, wheel.size_bytes),
                    });
                }
            }
        }
    }
    Ok(steps)
}

fn described(digest: &str, size_bytes: u64) -> String {
    format!("{digest} ({size_bytes} bytes)")
}

/// Our manifest, under the name under which it waits.
fn manifest(now: &Snapshot, ours: &Published) -> Vec<Step> {
    let name = ours.waiting_name();
    let found = now.asset(&name);
    let upload = Step::UploadManifest { name: name.clone() };
    let Some(asset) = found else {
        return vec![upload];
    };
    let text = ours.json();
    let digest = format!("sha256:{}", sha256(text.as_bytes()));
    let same = asset
        .digest
        .as_ref()
        .map_or(asset.size == text.len() as u64, |it| *it == digest);
    match (asset.is_whole(), same) {
        (true, true) => Vec::new(),
        (true, false) => vec![delete(asset, Why::Outdated), upload],
        (false, _) => vec![delete(asset, Why::Half), upload],
    }
}

fn tag_and_notes(
    now: &Snapshot,
    release: &Release,
    manifest: &Published,
    repository: &Repository,
) -> Vec<Step> {
    let mut steps = Vec::new();
    let commit = &manifest.commit.hash;
    if now.tag.as_deref() != Some(&**commit) {
        steps.push(Step::MoveTag {
            commit: commit.to_string(),
            exists: now.tag.is_some(),
        });
    }
    let body = release.body.as_deref().unwrap_or_default();
    let title = notes::title(manifest);
    // What the release says it was made from is not compared: GitHub need not keep it where the tag exists.
    if release.name.as_ref() != Some(&title) || !notes::are_in(body, manifest, repository) {
        steps.push(Step::Describe {
            title,
            body: notes::spliced(body, manifest, repository),
            commit: commit.to_string(),
        });
    }
    steps
}

/// `manifest.json` becomes `manifest-previous.json`, and the waiting one takes its place. At every moment
/// there is one of the two: the previous one is removed only while `manifest.json` is there.
fn exchange(now: &Snapshot, ours: &Published) -> Vec<Step> {
    let mut steps = Vec::new();
    let is_whole = |asset: &&Asset| asset.is_whole();
    if let Some(current) = now.asset(MANIFEST).filter(is_whole) {
        steps.extend(
            now.asset(PREVIOUS)
                .map(|previous| delete(previous, Why::Place)),
        );
        steps.push(rename(current, PREVIOUS));
    } else {
        steps.extend(now.asset(MANIFEST).map(|half| delete(half, Why::Half)));
    }
    let waiting = now.asset(&ours.waiting_name());
    steps.extend(waiting.map(|waiting| rename(waiting, MANIFEST)));
    steps
}

/// Removes what nobody needs any more once ours is published: all that belongs to no kept build. A manifest
/// that waits is kept as long as its wheels, for the run that it belongs to may be at work: by the time of
/// our request it may be called `manifest.json`.
fn tidy(now: &Snapshot, aim: &Aim<'_>, is_current: bool) -> Vec<Step> {
    let ours = &aim.ours.manifest;
    let named = files_named_by([&now.current, &now.previous].into_iter().flatten());
    let newest = newest_builds(now, &ours.name, aim.keep);
    let is_old = |asset: &&Asset| match Build::of(&asset.name, &ours.name) {
        Some(Build::Manifest(version)) if *version == *ours.version => is_current,
        Some(Build::Manifest(version)) => !newest.contains(&version),
        Some(Build::Wheel(version)) => {
            !newest.contains(&version)
                && *version != *ours.version
                && !named.contains(asset.name.as_str())
        }
        None => false,
    };
    let old = now.assets.iter().filter(is_old);
    old.map(|asset| delete(asset, Why::Old)).collect()
}

/// The versions of the `keep` builds that were uploaded last.
fn newest_builds(now: &Snapshot, name: &str, keep: usize) -> BTreeSet<String> {
    let mut uploaded: BTreeMap<String, (String, u64)> = BTreeMap::new();
    for asset in &now.assets {
        if let Some(Build::Wheel(version)) = Build::of(&asset.name, name) {
            // Of builds within one second, the larger number is the later one.
            let time = (asset.created_at.clone(), asset.id);
            let latest = uploaded.entry(version).or_default();
            *latest = time.max(latest.clone());
        }
    }
    let mut builds: Vec<_> = uploaded.into_iter().collect();
    builds.sort_by(|(_, one), (_, other)| other.cmp(one));
    builds
        .into_iter()
        .take(keep)
        .map(|(version, _)| version)
        .collect()
}

/// A newer build is published: ours leaves nothing behind, and what a run of ours beside it may have
/// overwritten is put right.
fn step_back(now: &Snapshot, release: &Release, aim: &Aim<'_>) -> Vec<Step> {
    let ours = &aim.ours.manifest;
    let named = files_named_by([&now.current, &now.previous].into_iter().flatten());
    let waiting = ours.waiting_name();
    let is_left = |asset: &&Asset| {
        asset.name == waiting || ours.names(&asset.name) && !named.contains(asset.name.as_str())
    };
    let left = now.assets.iter().filter(is_left);
    let mut steps: Vec<_> = left.map(|asset| delete(asset, Why::Superseded)).collect();
    // Without `manifest.json`, another run is about to put it there, with its tag and notes.
    if let Some(current) = &now.current {
        steps.extend(tag_and_notes(now, release, current, aim.repository));
    }
    steps
}

#[cfg(test)]
pub(crate) mod tests;
