//! The platforms that wheels are built for.

use std::fmt;
use std::str::FromStr;

use environment::vars;
use serde::{Deserialize, Serialize};

use crate::error::WheelError;

/// A Linux with at least this version of glibc, on this processor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `manylinux_2_28`.
    pub policy: String,
    /// `x86_64`, as platform tags call it.
    pub architecture: String,
}

/// The policy that is taken where the project names none: what Debian 10, Ubuntu 18.10 and everything newer
/// keep.
pub const DEFAULT_POLICY: &str = "manylinux_2_28";

impl Platform {
    /// [`DEFAULT_POLICY`] on this machine.
    #[must_use]
    pub fn default_here() -> Self {
        Self {
            policy: DEFAULT_POLICY.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
        }
    }

    /// What rustc calls it.
    #[must_use]
    pub fn triple(&self) -> String {
        let abi = if self.architecture == "armv7l" {
            "gnueabihf"
        } else {
            "gnu"
        };
        let architecture = match self.architecture.as_str() {
            "armv7l" => "armv7",
            "ppc64le" => "powerpc64le",
            other => other,
        };
        format!("{architecture}-unknown-linux-{abi}")
    }

    /// Whether this process runs in the container of the policy.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.is_this_container(vars::var(vars::AUDITWHEEL_PLAT).as_deref())
    }

    /// Whether a process runs in the container of the policy, whose compiler keeps it without help. The
    /// images of PEP 600 say so by `AUDITWHEEL_PLAT`.
    #[must_use]
    pub fn is_this_container(&self, auditwheel_plat: Option<&str>) -> bool {
        auditwheel_plat == Some(&self.to_string())
    }
}

impl FromStr for Platform {
    type Err = WheelError;

    fn from_str(tag: &str) -> Result<Self, WheelError> {
        let wrong = || WheelError::Platform {
            tag: tag.to_owned(),
        };
        let rest = tag.strip_prefix("manylinux_").ok_or_else(wrong)?;
        let mut parts = rest.splitn(3, '_');
        let mut number = || parts.next().and_then(|part| part.parse::<u32>().ok());
        let (major, minor) = number().zip(number()).ok_or_else(wrong)?;
        let known = ["x86_64", "aarch64", "i686", "armv7l", "ppc64le", "s390x"];
        let architecture = parts.next().filter(|it| known.contains(it));
        Ok(Self {
            policy: format!("manylinux_{major}_{minor}"),
            architecture: architecture.ok_or_else(wrong)?.to_owned(),
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.policy, self.architecture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_policy_and_a_machine() {
        let platform: Platform = "manylinux_2_28_aarch64".parse().unwrap();
        assert_eq!(platform.triple(), "aarch64-unknown-linux-gnu");
        assert_eq!(platform.to_string(), "manylinux_2_28_aarch64");
        let arm: Platform = "manylinux_2_31_armv7l".parse().unwrap();
        assert_eq!(arm.triple(), "armv7-unknown-linux-gnueabihf");
    }

    #[test]
    fn other_tags_are_refused_with_an_example() {
        for tag in [
            "manylinux2014_x86_64",
            "macosx_11_0_arm64",
            "manylinux_2_28",
            "manylinux_2_28_z80",
        ] {
            let error = tag.parse::<Platform>().unwrap_err().to_string();
            assert!(error.contains(tag) && error.contains("help: "), "{error}");
        }
    }

    #[test]
    fn the_container_of_the_policy_needs_no_help() {
        let platform: Platform = "manylinux_2_28_x86_64".parse().unwrap();
        assert!(platform.is_this_container(Some("manylinux_2_28_x86_64")));
        assert!(!platform.is_this_container(Some("manylinux2014_x86_64")));
        assert!(!platform.is_this_container(None));
    }
}
