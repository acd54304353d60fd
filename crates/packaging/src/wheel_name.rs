//! The name of a wheel (<https://packaging.python.org/specifications/binary-distribution-format/>).

use pep440_rs::Version;
use serde::Serialize;

/// As many tags as any wheel has, and some: three parts, compressed, multiply.
const MOST_TAGS: usize = 1000;

/// As long as versions get, and some.
const LONGEST_VERSION: usize = 200;

/// `text` as a version (PEP 440).
#[must_use]
pub fn version(text: &str) -> Option<Version> {
    (text.len() <= LONGEST_VERSION).then(|| text.parse().ok())?
}

/// The parts of the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WheelName {
    /// The distribution, as it is written there.
    pub distribution: String,
    /// The version, as it is written there.
    pub version: String,
    /// The build number, if there is one.
    pub build: Option<String>,
    /// `cp312`, `py3`; several where the tag is compressed.
    pub python: Vec<String>,
    /// `cp312`, `abi3`, `none`.
    pub abi: Vec<String>,
    /// `manylinux_2_28_x86_64`, `any`.
    pub platforms: Vec<String>,
}

impl WheelName {
    /// Reads `file_name`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(file_name: &str) -> Result<Self, String> {
        let stem = file_name
            .strip_suffix(".whl")
            .ok_or("the name does not end in `.whl`")?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-+!".contains(c);
        if let Some(strange) = stem.chars().find(|c| !allowed(*c)) {
            return Err(format!("the name contains {strange:?}"));
        }
        let parts: Vec<_> = stem.split('-').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err("a part of the name is empty".to_owned());
        }
        let (build, tags) = match parts.len() {
            5 => (None, &parts[2..]),
            6 => (Some(parts[2].to_owned()), &parts[3..]),
            count => return Err(format!("the name has {count} parts instead of 5 or 6")),
        };
        if build
            .as_ref()
            .is_some_and(|build| !build.starts_with(|c: char| c.is_ascii_digit()))
        {
            return Err("the build number does not begin with a digit".to_owned());
        }
        if version(&parts[1].replace('_', "-")).is_none() {
            return Err(format!("`{}` is not a version (PEP 440)", parts[1]));
        }
        let name = Self {
            distribution: parts[0].to_owned(),
            version: parts[1].to_owned(),
            build,
            python: split(tags[0])?,
            abi: split(tags[1])?,
            platforms: split(tags[2])?,
        };
        match name.tag_count() {
            0..=MOST_TAGS => Ok(name),
            count => Err(format!(
                "its compressed tags stand for {count}, and no more than {MOST_TAGS} are looked at"
            )),
        }
    }

    /// How many tags the compressed ones stand for.
    fn tag_count(&self) -> usize {
        let counts = [&self.python, &self.abi, &self.platforms].map(Vec::len);
        counts.into_iter().fold(1, usize::saturating_mul)
    }

    /// All tags that the compressed ones stand for, as `python-abi-platform`.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        let mut tags = Vec::new();
        for python in &self.python {
            for abi in &self.abi {
                tags.extend(
                    self.platforms
                        .iter()
                        .map(|it| format!("{python}-{abi}-{it}")),
                );
            }
        }
        tags.sort();
        tags
    }

    /// The tags as the name has them.
    #[must_use]
    pub fn tag(&self) -> String {
        [&self.python, &self.abi, &self.platforms]
            .map(|tags| tags.join("."))
            .join("-")
    }

    /// Whether it is for every platform.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.platforms == ["any"]
    }

    /// Whether `other` is the same version (PEP 440).
    #[must_use]
    pub fn is_version(&self, other: &str) -> bool {
        let parsed = |text: &str| version(&text.replace('_', "-"));
        parsed(&self.version) == parsed(other)
    }
}

fn split(tag: &str) -> Result<Vec<String>, String> {
    let tags: Vec<_> = tag.split('.').map(str::to_owned).collect();
    if tags.iter().any(String::is_empty) {
        return Err(format!("the tag `{tag}` is incomplete"));
    }
    let mut sorted = tags.clone();
    sorted.sort();
    sorted.dedup();
    if sorted.len() != tags.len() {
        return Err(format!("the tag `{tag}` says something twice"));
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_tags_are_taken_apart() {
        let name =
            WheelName::parse("a_b-1.0+g12-2x-cp38.cp39-abi3-manylinux1_x86_64.any.whl").unwrap();
        assert_eq!(name.build.as_deref(), Some("2x"));
        assert_eq!(name.tags().len(), 4);
        assert_eq!(name.tag(), "cp38.cp39-abi3-manylinux1_x86_64.any");
        assert!(name.is_version("1.0+G12") && !name.is_version("1.0"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let many = "a.b.c.d.e.f.g.h.i.j.k.l";
        for (name, part) in [
            ("a-1.0-py3-none-any.zip", "`.whl`"),
            ("a-1.0-py3-any.whl", "4 parts"),
            ("a-one-py3-none-any.whl", "`one`"),
            ("a-1.0-x-py3-none-any.whl", "build number"),
            ("a-1.0--none-any.whl", "empty"),
            ("a-1.0-py2..py3-none-any.whl", "incomplete"),
            ("a-1.0-py3.py3-none-any.whl", "twice"),
            ("a/b-1.0-py3-none-any.whl", "'/'"),
            (
                &format!("a-1.{}0-py3-none-any.whl", "0.".repeat(100)),
                "not a version",
            ),
            (&format!("a-1-{many}-{many}-{many}.whl"), "stand for 1728"),
        ] {
            let reason = WheelName::parse(name).unwrap_err();
            assert!(reason.contains(part), "{name}: {reason}");
        }
    }
}
