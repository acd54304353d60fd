//! What lies in the directory that `cargo xtask wheel` has written.

use camino::{Utf8Path, Utf8PathBuf};
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
