//! The manifest as it is published: what serves whoever installs, and nothing of the machine that built.

use std::collections::BTreeSet;

use packaging::checked::{CommitHash, Name, Specifiers, Tag, VersionText};
use packaging::{Wheel, WheelName, escaped, normalized};
use project_model::Repository;
use serde::{Deserialize, Serialize};
use wheel_build::Manifest;

/// `manifest.json` of the release. The fields are named as in `wheel_build::Manifest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The distribution.
    pub name: Name,
    /// The version, with the commit.
    pub version: VersionText,
    /// The commit that it was built from.
    pub commit: SourceCommit,
    /// `requires-python`: the versions of Python that may install it.
    pub requires_python: Option<Specifiers>,
    /// The tag of the release.
    pub release_tag: Tag,
    /// The wheels.
    pub wheels: Vec<PublishedWheel>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCommit {
    /// In full.
    pub hash: CommitHash,
    /// When it was made, in seconds since 1970.
    pub time_s: u64,
}

/// One wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedWheel {
    /// Where it is downloaded, its plus sign as `%2B`.
    pub url: String,
    /// What it is. The name of the file is that of the asset.
    #[serde(flatten)]
    pub wheel: Wheel,
}

/// What it is can be asked of it directly.
impl std::ops::Deref for PublishedWheel {
    type Target = Wheel;

    fn deref(&self) -> &Wheel {
        &self.wheel
    }
}

impl Published {
    /// What is published of `manifest`, in the release `tag` of `repository`.
    #[must_use]
    pub fn of(
        manifest: &Manifest,
        commit: SourceCommit,
        repository: &Repository,
        tag: &Tag,
    ) -> Self {
        let wheels = manifest.wheels.iter().map(|wheel| PublishedWheel {
            url: download_url(repository, tag, &wheel.file),
            wheel: wheel.wheel.clone(),
        });
        Self {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            commit,
            requires_python: manifest.requires_python.clone(),
            release_tag: tag.clone(),
            wheels: wheels.collect(),
        }
    }

    /// Its JSON text.
    #[must_use]
    pub fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{text}\n")
    }

    /// The name under which it waits until it becomes `manifest.json`.
    #[must_use]
    pub fn waiting_name(&self) -> String {
        format!("manifest-{}.json", self.version)
    }

    /// Whether a file is one of its wheels.
    #[must_use]
    pub fn names(&self, file: &str) -> bool {
        self.wheels.iter().any(|wheel| wheel.file == *file)
    }
}

impl SourceCommit {
    /// As many digits as stand in a version.
    #[must_use]
    pub fn short(&self) -> &str {
        self.hash.get(..7).unwrap_or(&self.hash)
    }
}

/// Where anybody downloads the asset `file` of the release `tag`.
pub(crate) fn download_url(repository: &Repository, tag: &str, file: &str) -> String {
    let (tag, file) = (escaped(tag), escaped(file));
    format!("{}/releases/download/{tag}/{file}", repository.url())
}

/// Which build an asset belongs to, going by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Build {
    /// A wheel of this version.
    Wheel(String),
    /// A manifest of this version, which waits to become `manifest.json`.
    Manifest(String),
}

impl Build {
    /// The build of the distribution `name` that wrote the asset `file`. `None` for anything else: only
    /// versions with a commit (`+g1a2b3c4`) are ours, so that what somebody adds by hand stays.
    #[must_use]
    pub fn of(file: &str, name: &str) -> Option<Self> {
        if let Some(version) = file
            .strip_prefix("manifest-")
            .and_then(|it| it.strip_suffix(".json"))
        {
            return has_commit(version).then(|| Self::Manifest(version.to_owned()));
        }
        let wheel = WheelName::parse(file).ok()?;
        let same = normalized(&wheel.distribution) == normalized(name);
        (same && has_commit(&wheel.version)).then_some(Self::Wheel(wheel.version))
    }
}

/// Whether a part of the local version is a commit, as `wheel_build::version` writes it.
fn has_commit(version: &str) -> bool {
    let Some(version) = packaging::version(version) else {
        return false;
    };
    version.local().iter().any(|segment| {
        let text = segment.to_string();
        let digits = text.strip_prefix('g').unwrap_or_default();
        digits.len() == 7 && digits.bytes().all(|it| it.is_ascii_hexdigit())
    })
}

/// The names of all wheels that `manifests` list.
pub(crate) fn files_named_by<'a>(
    manifests: impl IntoIterator<Item = &'a Published>,
) -> BTreeSet<&'a str> {
    let wheels = manifests.into_iter().flat_map(|it| &it.wheels);
    wheels.map(|wheel| &*wheel.file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_build_wrote_belongs_to_one() {
        let of = |file| Build::of(file, "My-Thing");
        let version = "1.0+g1a2b3c4".to_owned();
        assert_eq!(
            of("my_thing-1.0+g1a2b3c4-cp311-abi3-linux_x86_64.whl"),
            Some(Build::Wheel(version.clone()))
        );
        assert_eq!(
            of("manifest-1.0+g1a2b3c4.json"),
            Some(Build::Manifest(version))
        );
        for by_hand in [
            "my_thing-1.0-cp311-abi3-linux_x86_64.whl",
            "my_thing-1.0+cuda12-cp311-abi3-linux_x86_64.whl",
            "other-1.0+g1a2b3c4-cp311-abi3-linux_x86_64.whl",
            "manifest.json",
            "manifest-previous.json",
            "manifest-2.json",
            "manual.pdf",
        ] {
            assert_eq!(of(by_hand), None, "{by_hand}");
        }
    }

    #[test]
    fn nothing_of_the_machine_is_published() {
        let manifest: Manifest = serde_json::from_value(serde_json::json!({
            "name": "a", "version": "1+g1a2b3c4", "requires_python": ">=3.11", "release_tag": "latest",
            "commit": {"hash": "1a2b3c4d".repeat(5), "time_s": 5, "dirty": false},
            "wheels": [{
                "file": "a-1+g1a2b3c4-cp311-abi3-x.whl", "sha256": "ab".repeat(32), "size_bytes": 3, "python": ["cp311"],
                "abi": ["abi3"], "platforms": ["x"], "pythons": ["3.11"], "keeps": null, "glibc": "2.28", "build_time_ms": 1,
                "cache": {"hits": 1, "misses": 2}, "tried_with": ["3.13.0"],
            }],
        }))
        .unwrap();
        let repository = Repository::parse("o/r", "github.com").unwrap();
        let commit = SourceCommit {
            hash: "1a2b3c4d".repeat(5).try_into().unwrap(),
            time_s: 5,
        };
        let published = Published::of(&manifest, commit, &repository, &"latest".parse().unwrap());
        let expected = serde_json::json!({
            "name": "a", "version": "1+g1a2b3c4", "requires_python": ">=3.11", "release_tag": "latest",
            "commit": {"hash": "1a2b3c4d".repeat(5), "time_s": 5},
            "wheels": [{
                "file": "a-1+g1a2b3c4-cp311-abi3-x.whl",
                "url": "https://github.com/o/r/releases/download/latest/a-1%2Bg1a2b3c4-cp311-abi3-x.whl",
                "sha256": "ab".repeat(32), "size_bytes": 3, "python": ["cp311"], "abi": ["abi3"], "platforms": ["x"],
                "pythons": ["3.11"], "glibc": "2.28",
            }],
        });
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&published.json()).unwrap(),
            expected
        );
    }
}
