//! The release of sccache on GitHub: which file is for which platform, and what it must be.

use crate::CacheError;

/// A release of sccache on GitHub, as it is pinned here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// Its version.
    pub version: &'static str,
    /// A target triple, and the SHA-256 of the archive for it.
    pub archives: &'static [(&'static str, &'static str)],
}

/// As published beside the archives. The version is that of `requirements/tools.txt`.
pub const SCCACHE: Release = Release {
    version: "0.16.0",
    archives: &[
        (
            "x86_64-unknown-linux-musl",
            "aec995a83ad3dff3d14b6314e08858b7b73d35ca85a5bcf3d3a9ec07dee35588",
        ),
        (
            "aarch64-unknown-linux-musl",
            "f73a5c39f96bb6ebb89cc7915cf182260d4cbf30765322c5e793d0fe8bd80784",
        ),
        (
            "x86_64-apple-darwin",
            "f7dbd055db75a938ab1539f5316c5d08e73a1b94c40ab170ddcc617f5bf18343",
        ),
        (
            "aarch64-apple-darwin",
            "ded590cae2c72042c61178632906bef62d635fa20d45f8b22110a2241f430960",
        ),
    ],
};

/// Where releases are downloaded from, unless a mirror is named.
pub const GITHUB: &str = "https://github.com/mozilla/sccache/releases/download";

/// The archive of a release for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Its name without the ending, which is also the directory in it.
    pub stem: String,
    /// Where it is.
    pub url: String,
    /// What it must be: the SHA-256 in hexadecimal digits.
    pub sha256: &'static str,
}

impl Release {
    /// The archive for `platform`, below `base`. Asks nobody.
    pub fn archive(&self, platform: &str, base: &str) -> Result<Archive, CacheError> {
        let found = self.archives.iter().find(|(name, _)| *name == platform);
        let (_, sha256) = found.ok_or_else(|| CacheError::NoRelease(platform.to_owned()))?;
        let version = self.version;
        let stem = format!("sccache-v{version}-{platform}");
        Ok(Archive {
            url: format!("{}/v{version}/{stem}.tar.gz", base.trim_end_matches('/')),
            stem,
            sha256,
        })
    }
}

/// The target triple that this machine's archive is built for.
#[must_use]
pub fn platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "apple-darwin",
        "linux" => "unknown-linux-musl",
        other => other,
    };
    format!("{}-{system}", std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_known_by_platform_and_checksum() {
        let archive = SCCACHE
            .archive("x86_64-unknown-linux-musl", GITHUB)
            .unwrap();
        assert_eq!(
            archive.url,
            "https://github.com/mozilla/sccache/releases/download/v0.16.0/sccache-v0.16.0-x86_64-unknown-linux-musl.tar.gz"
        );
        for (_, sha256) in SCCACHE.archives {
            assert!(sha256.len() == 64 && sha256.chars().all(|c| c.is_ascii_hexdigit()));
        }
        let error = SCCACHE
            .archive("s390x-unknown-linux-gnu", GITHUB)
            .unwrap_err();
        assert!(
            error.to_string().contains("nothing was downloaded"),
            "{error}"
        );
    }
}
