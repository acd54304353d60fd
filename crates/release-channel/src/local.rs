//! What lies in the directory that `cargo xtask wheel` has written.

use camino::{Utf8Path, Utf8PathBuf};
use packaging::checked::{Name, Tag, VersionText};
use project_model::Repository;
use wheel_build::Manifest;

use crate::error::ReleaseError;
use crate::published::{Published, SourceCommit};
use files::digest::sha256;

/// The build that is to be released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// The manifest as it will be published.
    pub manifest: Published,
    /// Its wheels, in the same order.
    pub wheels: Vec<WheelFile>,
}

/// What a workflow is to publish, as its checkout and its runner say. Files that were handed from job to job
/// have to fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intended {
    /// The distribution.
    pub name: Name,
    /// The version, with the commit.
    pub version: VersionText,
    /// The commit that the workflow runs for.
    pub commit: SourceCommit,
    /// The tag of the release.
    pub release_tag: Tag,
}

/// A wheel on this machine; name, size and digest are in the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFile {
    /// Where it is.
    pub path: Utf8PathBuf,
}

impl Ours {
    /// Reads `manifest.json` and the wheels in `dir`, and checks one by the other. They are for the release
    /// that the manifest names, in `repository`.
    pub fn read(dir: &Utf8Path, repository: &Repository) -> Result<Self, ReleaseError> {
        let path = dir.join(crate::MANIFEST);
        let text = fs_err::read_to_string(&path).map_err(|source| ReleaseError::NoManifest {
            path: path.clone(),
            source,
        })?;
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|source| ReleaseError::BadManifest {
                path: path.clone(),
                source,
            })?;
        if manifest.wheels.is_empty() {
            return Err(ReleaseError::NoWheels { path });
        }
        let commit = committed(&manifest, path)?;
        let tag = manifest.release_tag.as_ref().ok_or(ReleaseError::NoTag)?;
        let published = Published::of(&manifest, commit, repository, tag);
        let wheels = published.wheels.iter().map(|wheel| {
            let path = dir.join(&*wheel.file);
            check(&path, &wheel.sha256)?;
            Ok(WheelFile { path })
        });
        let wheels = wheels.collect::<Result<_, ReleaseError>>()?;
        Ok(Self {
            manifest: published,
            wheels,
        })
    }
}

impl Intended {
    /// Sees that `ours` is what is to be published.
    pub fn require(&self, ours: &Ours) -> Result<(), ReleaseError> {
        let found = &ours.manifest;
        let (commit, time_s) = (&self.commit.hash, self.commit.time_s.to_string());
        let found_time_s = found.commit.time_s.to_string();
        let pairs: [(&'static str, &str, &str); 5] = [
            ("distribution", &self.name, &found.name),
            ("version", &self.version, &found.version),
            ("commit", commit, &found.commit.hash),
            ("time of the commit", &time_s, &found_time_s),
            ("release", &self.release_tag, &found.release_tag),
        ];
        match pairs
            .into_iter()
            .find(|(_, expected, found)| expected != found)
        {
            None => Ok(()),
            Some((what, expected, found)) => Err(ReleaseError::OtherBuild {
                what,
                expected: expected.to_owned(),
                found: found.to_owned(),
            }),
        }
    }
}

fn committed(manifest: &Manifest, path: Utf8PathBuf) -> Result<SourceCommit, ReleaseError> {
    let Some(commit) = &manifest.commit else {
        return Err(ReleaseError::NoCommit { path });
    };
    if commit.dirty {
        return Err(ReleaseError::Dirty {
            commit: commit.short().to_owned(),
        });
    }
    Ok(SourceCommit {
        hash: commit.hash.clone(),
        time_s: commit.time_s,
    })
}

fn check(path: &Utf8Path, expected: &str) -> Result<(), ReleaseError> {
    let bytes = fs_err::read(path).map_err(|source| ReleaseError::NoWheel {
        path: path.to_owned(),
        source,
    })?;
    let found = sha256(&bytes);
    if found == expected {
        return Ok(());
    }
    Err(ReleaseError::OtherWheel {
        path: path.to_owned(),
        found,
        expected: expected.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use testkit::TempDir;

    const FILE: &str = "a-1+g1a2b3c4-py3-none-any.whl";

    fn manifest() -> Value {
        json!({
            "name": "a", "version": "1+g1a2b3c4", "requires_python": null, "release_tag": "latest",
            "commit": {"hash": "1a2b3c4d5e".repeat(4), "time_s": 5, "dirty": false},
            "wheels": [{
                "file": FILE, "sha256": sha256(b"bytes"), "size_bytes": 5, "python": ["py3"], "abi": ["none"],
                "platforms": ["any"], "pythons": ["3.11"], "keeps": null, "glibc": null, "build_time_ms": 1, "cache": null, "tried_with": [],
            }],
        })
    }

    fn read(manifest: &Value, wheel: Option<&str>) -> Result<Ours, String> {
        let dir = TempDir::new();
        fs_err::write(dir.path().join("manifest.json"), manifest.to_string()).unwrap();
        if let Some(wheel) = wheel {
            fs_err::write(dir.path().join(FILE), wheel).unwrap();
        }
        let repository = Repository::parse("o/r", "github.com").unwrap();
        Ours::read(dir.path(), &repository).map_err(|error| error.to_string())
    }

    #[test]
    fn wheels_are_what_the_manifest_says() {
        let ours = read(&manifest(), Some("bytes")).unwrap();
        assert_eq!(ours.manifest.commit.hash, *"1a2b3c4d5e".repeat(4));
        assert_eq!(ours.wheels[0].path.file_name(), Some(FILE));
    }

    /// The manifests of a build and of a release: what is read and written again is the same, and the notes
    /// have the lines of any other with as many wheels.
    #[test]
    fn no_manifest_breaks_out_of_the_notes() {
        let repository = Repository::parse("o/r", "github.com").unwrap();
        let published = crate::plan::tests::build(1);
        let texts = [manifest().to_string(), published.json()];
        let words = [
            "\\n", "\\u001b", "\"", "null", "{", "}", "[", "]", ",", "../", "`", "|", "](x)",
            "<!--", "-->", "0", "true",
        ];
        let lines = crate::notes::spliced("", &published, &repository)
            .lines()
            .count();
        testkit::Corpus::texts(texts.iter().map(String::as_str), &words).fuzz(|bytes| {
            let built = serde_json::from_slice::<Manifest>(bytes);
            let read = serde_json::from_slice::<Published>(bytes);
            let (Ok(published), built) = (read, built.is_ok()) else {
                return "refused".to_owned();
            };
            assert_eq!(
                serde_json::from_str::<Published>(&published.json()).unwrap(),
                published
            );
            let notes = crate::notes::spliced("", &published, &repository);
            let more = 2 * published.wheels.len();
            assert_eq!(notes.lines().count(), lines - 2 + more, "{notes}");
            assert!(
                crate::notes::are_in(&notes, &published, &repository),
                "{notes}"
            );
            format!("{built} {}", published.wheels.len())
        });
    }

    #[test]
    fn what_was_handed_over_has_to_be_of_the_checkout() {
        type Change = fn(&mut Published);
        let ours = read(&manifest(), Some("bytes")).unwrap();
        let intended = Intended {
            name: ours.manifest.name.clone(),
            version: ours.manifest.version.clone(),
            commit: ours.manifest.commit.clone(),
            release_tag: ours.manifest.release_tag.clone(),
        };
        intended.require(&ours).unwrap();
        let changes: [(&str, Change); 5] = [
            ("distribution", |it| it.name = "b".parse().unwrap()),
            ("version", |it| it.version = "2".parse().unwrap()),
            ("commit", |it| {
                it.commit.hash = "0".repeat(40).try_into().unwrap();
            }),
            ("time of the commit", |it| it.commit.time_s += 1),
            ("release", |it| it.release_tag = "stable".parse().unwrap()),
        ];
        for (what, change) in changes {
            let mut other = ours.clone();
            change(&mut other.manifest);
            let error = intended.require(&other).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!("the {what} of what is to be published is")),
                "{error}"
            );
        }
    }

    /// A manifest is a file that others may have written.
    #[test]
    fn a_file_outside_of_the_directory_is_not_read() {
        let dir = TempDir::new();
        fs_err::write(dir.path().join("outside.txt"), "bytes").unwrap();
        let dist = dir.path().join("dist");
        fs_err::create_dir(&dist).unwrap();
        let repository = Repository::parse("o/r", "github.com").unwrap();
        for file in ["../outside.txt", "../a-1-py3-none-any.whl", "/etc/passwd"] {
            let mut manifest = manifest();
            manifest["wheels"][0]["file"] = json!(file);
            fs_err::write(dist.join("manifest.json"), manifest.to_string()).unwrap();
            let error = Ours::read(&dist, &repository).unwrap_err();
            let ReleaseError::BadManifest { source, .. } = error else {
                panic!("{error}");
            };
            let expected = format!("`file` is `{file}`, which is not the file name of a wheel");
            assert!(source.to_string().contains(&expected), "{source}");
        }
    }

    #[test]
    fn what_cannot_be_released_is_an_error_with_a_remedy() {
        let with = |name: &str, value: Value| {
            let mut manifest = manifest();
            manifest[name] = value;
            manifest
        };
        let dirty = json!({"hash": "1a2b3c4d5e".repeat(4), "time_s": 5, "dirty": true});
        for (manifest, wheel, expected) in [
            (
                manifest(),
                Some("other"),
                "is not the wheel that manifest.json describes",
            ),
            (manifest(), None, "cannot read the wheel"),
            (with("wheels", json!([])), None, "names no wheel"),
            (
                with("commit", json!(null)),
                Some("bytes"),
                "names no commit",
            ),
            (
                with("commit", dirty),
                Some("bytes"),
                "differ from commit 1a2b3c4",
            ),
            (
                with("release_tag", json!(null)),
                Some("bytes"),
                "no release tag",
            ),
            (json!({}), None, "cannot understand"),
            (
                with("version", json!("1\nx")),
                Some("bytes"),
                "cannot understand",
            ),
            (
                with("release_tag", json!("--all")),
                Some("bytes"),
                "cannot understand",
            ),
        ] {
            let error = read(&manifest, wheel).unwrap_err();
            assert!(
                error.contains(expected) && error.contains("\n  help: "),
                "{error}"
            );
        }
        let repository = Repository::parse("o/r", "github.com").unwrap();
        let error = Ours::read("/nowhere".into(), &repository)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/nowhere/manifest.json")
                && error.contains("`cargo xtask wheel --release --out /nowhere`"),
            "{error}"
        );
    }
}
