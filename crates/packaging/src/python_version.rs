//! A version of CPython, as wheels are for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `3.12`; `3.14t` without the GIL (PEP 703).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PythonVersion {
    /// The minor version: all have the major version 3.
    pub minor: u32,
    /// Built without the GIL.
    pub free_threaded: bool,
}

/// A text is no version of CPython.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAPython(String);

impl fmt::Display for NotAPython {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = crate::shown(&self.0, 100);
        write!(f, "`{text}` is no version of CPython such as 3.12 or 3.14t")
    }
}

impl std::error::Error for NotAPython {}

impl PythonVersion {
    /// With the GIL.
    #[must_use]
    pub fn new(minor: u32) -> Self {
        Self {
            minor,
            free_threaded: false,
        }
    }

    /// `cp314`: the tag of the interpreter (PEP 425).
    #[must_use]
    pub fn tag(&self) -> String {
        format!("cp3{}", self.minor)
    }

    /// `cp314t`: the tag of its ABI.
    #[must_use]
    pub fn abi(&self) -> String {
        let threads = if self.free_threaded { "t" } else { "" };
        format!("cp3{}{threads}", self.minor)
    }
}

impl FromStr for PythonVersion {
    type Err = NotAPython;

    fn from_str(text: &str) -> Result<Self, NotAPython> {
        let wrong = || NotAPython(text.to_owned());
        let minor = text.strip_prefix("3.").ok_or_else(wrong)?;
        let (minor, free_threaded) = minor
            .strip_suffix('t')
            .map_or((minor, false), |it| (it, true));
        let is_number = !minor.is_empty() && minor.len() < 4;
        let is_number = is_number && minor.bytes().all(|byte| byte.is_ascii_digit());
        let minor = Some(minor)
            .filter(|_| is_number)
            .and_then(|it| it.parse().ok());
        Ok(Self {
            minor: minor.ok_or_else(wrong)?,
            free_threaded,
        })
    }
}

impl TryFrom<String> for PythonVersion {
    type Error = NotAPython;

    fn try_from(text: String) -> Result<Self, NotAPython> {
        text.parse()
    }
}

impl From<PythonVersion> for String {
    fn from(version: PythonVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = if self.free_threaded { "t" } else { "" };
        write!(f, "3.{}{threads}", self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_minor_and_may_be_free_threaded() {
        let version: PythonVersion = "3.14t".parse().unwrap();
        assert_eq!(
            (version.tag(), version.abi()),
            ("cp314".into(), "cp314t".into())
        );
        assert_eq!(version.to_string(), "3.14t");
        let version: PythonVersion = "3.9".parse().unwrap();
        assert_eq!(
            (version.tag(), version.abi()),
            ("cp39".into(), "cp39".into())
        );
        for wrong in [
            "3",
            "3.",
            "3.t",
            "3.12.1",
            "3.x",
            "2.7",
            "4.0",
            "/usr/bin/python3",
            "3.1234",
            "3.14tt",
        ] {
            let error = wrong.parse::<PythonVersion>().unwrap_err().to_string();
            assert!(error.contains("3.14t"), "{error}");
        }
    }
}
