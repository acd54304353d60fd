//! What has come out: for people, for programs, and for the later steps of a workflow.

use camino::{Utf8Path, Utf8PathBuf};
use packaging::Wheel;
use packaging::checked::{InterpreterVersion, Name, NotOne, Specifiers, Tag, TagPart, VersionText};
use pep440_rs::VersionSpecifiers;
use serde::{Deserialize, Serialize};
use wheel_audit::Report;

use crate::commit::Commit;
use crate::error::{WheelError, cannot_write};
use crate::pythons;

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The distribution.
    pub name: Name,
    /// The version, with the commit.
    pub version: VersionText,
    /// The commit, if the project is in git.
    pub commit: Option<Commit>,
    /// `requires-python`: the versions of Python that may install it.
    pub requires_python: Option<Specifiers>,
    /// The tag of the release that the wheels are for.
    pub release_tag: Option<Tag>,
    /// The wheels.
    pub wheels: Vec<BuiltWheel>,
}

/// One wheel, and how it was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltWheel {
    /// What it is.
    #[serde(flatten)]
    pub wheel: Wheel,
    /// The best platform tag that its code keeps; at least that in its name.
    pub keeps: Option<TagPart>,
    /// How long maturin took, in milliseconds.
    pub build_time_ms: u64,
    /// What the compiler cache did, if one was used.
    pub cache: Option<Counts>,
    /// The versions of Python with which it was installed and tried.
    pub tried_with: Vec<InterpreterVersion>,
}

/// What a compiler cache has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Compilations that it answered.
    pub hits: u64,
    /// Compilations that it had not seen before.
    pub misses: u64,
}

/// What it is can be asked of it directly.
impl std::ops::Deref for BuiltWheel {
    type Target = Wheel;

    fn deref(&self) -> &Wheel {
        &self.wheel
    }
}

impl BuiltWheel {
    /// What the audit says of a wheel of a project with `requires_python`.
    ///
    /// # Errors
    /// If the report has a text that is not what it should be: the wheel has not passed.
    pub fn of(
        report: &Report,
        requires_python: Option<&VersionSpecifiers>,
    ) -> Result<Self, NotOne> {
        let name = report.name.clone();
        let pythons = name.as_ref().map(|name| pythons::of(name, requires_python));
        let (python, abi, platforms) = name
            .map(|name| (name.python, name.abi, name.platforms))
            .unwrap_or_default();
        Ok(Self {
            wheel: Wheel {
                file: report.file_name.clone().try_into()?,
                sha256: report.sha256.clone().try_into()?,
                size_bytes: report.size_bytes,
                python: all(python)?,
                abi: all(abi)?,
                platforms: all(platforms)?,
                pythons: pythons.unwrap_or_default(),
                glibc: report.glibc.clone().map(TryInto::try_into).transpose()?,
            },
            keeps: report.platform.clone().map(TryInto::try_into).transpose()?,
            build_time_ms: 0,
            cache: None,
            tried_with: Vec::new(),
        })
    }
}

/// Each of `texts`, checked.
pub(crate) fn all<T: TryFrom<String>>(texts: Vec<String>) -> Result<Vec<T>, T::Error> {
    texts.into_iter().map(T::try_from).collect()
}

impl BuiltWheel {
    /// `thing-1.0-….whl, 1234 kB, glibc 2.28, in 12.3 s, 9 of 10 from the cache; works with 3.13.0`.
    #[must_use]
    pub fn described(&self) -> String {
        let tenths_s = self.build_time_ms / 100;
        let mut text = format!("{}, {} kB", self.file, self.size_bytes / 1000);
        if let Some(glibc) = &self.glibc {
            text.push_str(&format!(", glibc {glibc}"));
        }
        text.push_str(&format!(", in {}.{} s", tenths_s / 10, tenths_s % 10));
        if let Some(Counts { hits, misses }) = self.cache {
            text.push_str(&format!(", {hits} of {} from the cache", hits + misses));
        }
        if !self.tried_with.is_empty() {
            text.push_str(&format!("; works with {}", self.tried_with.join(", ")));
        }
        text
    }
}

impl Manifest {
    /// Its JSON text.
    #[must_use]
    pub fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        format!("{text}\n")
    }

    /// `SHA256SUMS`, as `sha256sum --check` reads it.
    #[must_use]
    pub fn checksums(&self) -> String {
        let lines = self
            .wheels
            .iter()
            .map(|wheel| format!("{}  {}\n", wheel.sha256, wheel.file));
        lines.collect()
    }

    /// Writes both beside the wheels.
    pub fn write(&self, dir: &Utf8Path) -> Result<(), WheelError> {
        for (name, text) in [
            ("SHA256SUMS", self.checksums()),
            ("manifest.json", self.json()),
        ] {
            let path = dir.join(name);
            files::write::atomically(&path, text).map_err(cannot_write(&path))?;
        }
        Ok(())
    }

    /// The outputs of a step on GitHub: `name=value` lines. None of the values has a line break.
    #[must_use]
    pub fn github_outputs(&self, dir: &Utf8Path) -> String {
        let wheels: Vec<Utf8PathBuf> = self
            .wheels
            .iter()
            .map(|wheel| dir.join(&*wheel.file))
            .collect();
        let lines = [
            ("version", self.version.to_string()),
            (
                "commit",
                self.commit
                    .as_ref()
                    .map(|commit| commit.hash.to_string())
                    .unwrap_or_default(),
            ),
            (
                "release-tag",
                self.release_tag
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            ),
            ("wheels", serde_json::to_string(&wheels).unwrap_or_default()),
            ("manifest", dir.join("manifest.json").into_string()),
            ("checksums", dir.join("SHA256SUMS").into_string()),
        ];
        lines
            .iter()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect()
    }

    /// The summary of a job on GitHub, in Markdown.
    #[must_use]
    pub fn github_summary(&self) -> String {
        let mut lines = vec![
            format!("### {} {}", self.name, self.version),
            String::new(),
            "| wheel | size | glibc | built in | cache | tried with | SHA-256 |".to_owned(),
            "|---|---|---|---|---|---|---|".to_owned(),
        ];
        lines.extend(self.wheels.iter().map(BuiltWheel::row));
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

impl BuiltWheel {
    fn row(&self) -> String {
        let cache = self
            .cache
            .map(|it| format!("{} of {}", it.hits, it.hits + it.misses));
        let tenths_s = self.build_time_ms / 100;
        format!(
            "| `{}` | {} kB | {} | {}.{} s | {} | {} | `{}` |",
            self.file,
            self.size_bytes / 1000,
            self.glibc.as_deref().unwrap_or("any"),
            tenths_s / 10,
            tenths_s % 10,
            cache.as_deref().unwrap_or("none"),
            self.tried_with.join(", "),
            self.sha256
        )
    }
}

/// Appends `text` to the file that the variable `name` names, as steps on GitHub's runners do.
pub fn append_for_github(name: &str, text: &str) -> Result<(), WheelError> {
    use std::io::Write as _;
    let Some(path) = environment::vars::var(name).map(Utf8PathBuf::from) else {
        return Ok(());
    };
    let file = fs_err::OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(cannot_write(&path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    fn manifest() -> Manifest {
        let wheel = Wheel {
            file: "a-1-cp311-abi3-x.whl".parse().unwrap(),
            sha256: "ab".repeat(32).try_into().unwrap(),
            size_bytes: 1_234_567,
            python: vec!["cp311".parse().unwrap()],
            abi: vec!["abi3".parse().unwrap()],
            platforms: vec!["x".parse().unwrap()],
            pythons: vec!["3.11".parse().unwrap()],
            glibc: Some("2.28".parse().unwrap()),
        };
        let wheel = BuiltWheel {
            wheel,
            keeps: None,
            build_time_ms: 12_345,
            cache: Some(Counts { hits: 9, misses: 1 }),
            tried_with: vec!["3.13.0".parse().unwrap(), "3.12.1".parse().unwrap()],
        };
        Manifest {
            name: "a".parse().unwrap(),
            version: "1+gabc".parse().unwrap(),
            commit: None,
            requires_python: Some(">=3.11".parse().unwrap()),
            release_tag: Some("latest".parse().unwrap()),
            wheels: vec![wheel],
        }
    }

    #[test]
    fn the_manifest_can_be_read_again() {
        let manifest = manifest();
        assert_eq!(
            serde_json::from_str::<Manifest>(&manifest.json()).unwrap(),
            manifest
        );
        assert_eq!(
            manifest.checksums(),
            format!("{}  a-1-cp311-abi3-x.whl\n", "ab".repeat(32))
        );
    }

    #[test]
    fn github_gets_a_table_and_one_line_for_each_output() {
        let manifest = manifest();
        let outputs = manifest.github_outputs("dist".into());
        assert!(outputs.lines().all(|line| line.contains('=')));
        let (summary, line) = (manifest.github_summary(), manifest.wheels[0].described());
        let text = format!("{outputs}\n{summary}\n{line}\n");
        expect_file!["snapshots/summary.txt"].assert_eq(&text);
    }
}
