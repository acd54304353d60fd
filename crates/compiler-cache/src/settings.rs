//! What a cache is told: where it keeps things, how much of them, and who shares them. Each setting is a variable
//! that the wrapper reads (sccache: its `docs/Configuration.md`; kache: its `docs/getting-started/configuration.mdx`).

use std::fmt;
use std::str::FromStr;

use camino::{Utf8Path, Utf8PathBuf};

use crate::{CacheError, Wrapper};

/// An amount of storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// In bytes.
    pub bytes: u64,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// The units that sccache reads, all of them powers of 1024.
const UNITS: [(&str, u64); 4] = [("T", TIB), ("G", GIB), ("M", MIB), ("K", KIB)];

/// A file system that is smaller than this is that of a small container: a Codespace of 2 cores has 32 GB.
const SMALL_DISK_BYTES: u64 = 64 * GIB;

/// How much a cache may take where nobody has said: as much as sccache itself would, and on a small disk less.
const LARGEST_BYTES: u64 = 10 * GIB;
const LARGEST_ON_SMALL_DISK_BYTES: u64 = 2 * GIB;

impl Size {
    /// The size for a file system with `free_bytes` left of `total_bytes`: at most a tenth of what is free, in
    /// whole GiB, and below 2 GiB in steps of 100 MiB.
    #[must_use]
    pub fn for_disk(free_bytes: u64, total_bytes: u64) -> Self {
        let largest = if total_bytes < SMALL_DISK_BYTES {
            LARGEST_ON_SMALL_DISK_BYTES
        } else {
            LARGEST_BYTES
        };
        if free_bytes / 10 >= largest {
            return Self { bytes: largest };
        }
        let tenth = free_bytes / 10;
        let step = if tenth < 2 * GIB { 100 * MIB } else { GIB };
        Self {
            bytes: tenth / step * step,
        }
    }

    /// The size for the file system that holds `dir`, or will. `None` if it cannot be asked.
    #[must_use]
    pub fn for_dir(dir: &Utf8Path) -> Option<Self> {
        let existing = dir.ancestors().find(|dir| dir.is_dir())?;
        let disk = rustix::fs::statvfs(existing.as_std_path()).ok()?;
        Some(Self::for_disk(
            disk.f_bavail.saturating_mul(disk.f_frsize),
            disk.f_blocks.saturating_mul(disk.f_frsize),
        ))
    }
}

impl fmt::Display for Size {
    /// In the largest unit that divides it, as sccache reads it: `2G`, `1500M`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS
            .iter()
            .find(|(_, unit)| self.bytes > 0 && self.bytes.is_multiple_of(*unit))
        {
            Some((name, unit)) => write!(f, "{}{name}", self.bytes / unit),
            None => write!(f, "{}", self.bytes),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a size such as 2G, 1500M or 1T");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = text[digits.len()..].to_ascii_uppercase();
        let unit = unit.trim_end_matches("IB").trim_end_matches('B');
        let factor = match UNITS.iter().find(|(name, _)| *name == unit) {
            Some((_, factor)) => *factor,
            None if unit.is_empty() => 1,
            None => return Err(wrong()),
        };
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        match count.checked_mul(factor) {
            Some(bytes) if bytes > 0 => Ok(Self { bytes }),
            _ => Err(wrong()),
        }
    }
}

/// Where a cache is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Backend {
    /// On this machine's disk.
    #[default]
    Disk,
    /// In a Redis server that a team shares.
    Redis {
        /// `redis://HOST:PORT`, or `rediss://` with TLS.
        endpoint: String,
        /// The number of the database.
        db: Option<u32>,
        /// Put in front of every key.
        key_prefix: Option<String>,
    },
    /// In a bucket of S3, or of a server that speaks its protocol.
    S3 {
        /// The bucket.
        bucket: String,
        /// The region; `auto` where an endpoint is given.
        region: Option<String>,
        /// The server, if not Amazon's.
        endpoint: Option<String>,
        /// Put in front of every key.
        key_prefix: Option<String>,
    },
    /// On a server that speaks `WebDAV`.
    Webdav {
        /// Its URL.
        endpoint: String,
        /// Put in front of every key.
        key_prefix: Option<String>,
    },
    /// In the cache of GitHub Actions, inside a workflow.
    Gha,
}

/// A variable and its value.
pub type Variable = (&'static str, String);

impl Backend {
    /// Its name, as on the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Redis { .. } => "redis",
            Self::S3 { .. } => "s3",
            Self::Webdav { .. } => "webdav",
            Self::Gha => "gha",
        }
    }

    fn endpoint(&self) -> Option<&str> {
        match self {
            Self::Redis { endpoint, .. } | Self::Webdav { endpoint, .. } => Some(endpoint),
            Self::S3 { endpoint, .. } => endpoint.as_deref(),
            Self::Disk | Self::Gha => None,
        }
    }

    /// The variables that sccache takes the credentials from. They are never written anywhere.
    #[must_use]
    pub fn credentials(&self) -> &'static [&'static str] {
        match self {
            Self::Disk => &[],
            Self::Redis { .. } => &["SCCACHE_REDIS_USERNAME", "SCCACHE_REDIS_PASSWORD"],
            Self::S3 { .. } => &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
            Self::Webdav { .. } => &[
                "SCCACHE_WEBDAV_USERNAME",
                "SCCACHE_WEBDAV_PASSWORD",
                "SCCACHE_WEBDAV_TOKEN",
            ],
            Self::Gha => &["ACTIONS_RESULTS_URL", "ACTIONS_RUNTIME_TOKEN"],
        }
    }

    /// A password in an address would end up in a file.
    fn refuse_credentials(&self) -> Result<(), CacheError> {
        let Some(endpoint) = self.endpoint() else {
            return Ok(());
        };
        let after_scheme = endpoint
            .split_once("://")
            .map_or(endpoint, |(_, rest)| rest);
        let authority = after_scheme.split('/').next().unwrap_or_default();
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        // What stands behind a question mark is for a password as well.
        if user.is_empty() && !endpoint.contains('?') {
            return Ok(());
        }
        Err(CacheError::CredentialsInAddress {
            host: host.split('?').next().unwrap_or_default().to_owned(),
            variables: self.credentials().join(" and "),
        })
    }

    fn variables(&self) -> Vec<Variable> {
        let given = |pairs: Vec<(&'static str, Option<String>)>| {
            let pairs = pairs.into_iter();
            pairs
                .filter_map(|(name, value)| Some((name, value?)))
                .collect()
        };
        match self.clone() {
            Self::Disk => Vec::new(),
            Self::Redis {
                endpoint,
                db,
                key_prefix,
            } => given(vec![
                ("SCCACHE_REDIS_ENDPOINT", Some(endpoint)),
                ("SCCACHE_REDIS_DB", db.map(|db| db.to_string())),
                ("SCCACHE_REDIS_KEY_PREFIX", key_prefix),
            ]),
            Self::S3 {
                bucket,
                region,
                endpoint,
                key_prefix,
            } => given(vec![
                ("SCCACHE_BUCKET", Some(bucket)),
                // sccache asks for one, and a server of one's own has none.
                (
                    "SCCACHE_REGION",
                    region.or_else(|| endpoint.is_some().then(|| "auto".to_owned())),
                ),
                ("SCCACHE_ENDPOINT", endpoint),
                ("SCCACHE_S3_KEY_PREFIX", key_prefix),
            ]),
            Self::Webdav {
                endpoint,
                key_prefix,
            } => given(vec![
                ("SCCACHE_WEBDAV_ENDPOINT", Some(endpoint)),
                ("SCCACHE_WEBDAV_KEY_PREFIX", key_prefix),
            ]),
            Self::Gha => vec![("SCCACHE_GHA_ENABLED", "on".to_owned())],
        }
    }
}

/// What is to be written beside the wrapper itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The directory of a cache on disk. `None`: the wrapper's own choice.
    pub dir: Option<Utf8PathBuf>,
    /// How large a cache on disk may grow. `None`: the wrapper's own choice.
    pub size: Option<Size>,
    /// Where the cache is.
    pub backend: Backend,
}

impl Settings {
    /// The settings that `variables` tell `wrapper`: the inverse of [`Self::variables`].
    #[must_use]
    pub fn told_by(wrapper: Wrapper, variables: &[(String, String)]) -> Self {
        let value = |name: &str| {
            let mut pairs = variables.iter();
            Some(pairs.find(|(key, _)| key == name)?.1.clone())
        };
        let backend = if let Some(endpoint) = value("SCCACHE_REDIS_ENDPOINT") {
            Backend::Redis {
                endpoint,
                db: value("SCCACHE_REDIS_DB").and_then(|db| db.parse().ok()),
                key_prefix: value("SCCACHE_REDIS_KEY_PREFIX"),
            }
        } else if let Some(endpoint) = value("SCCACHE_WEBDAV_ENDPOINT") {
            Backend::Webdav {
                endpoint,
                key_prefix: value("SCCACHE_WEBDAV_KEY_PREFIX"),
            }
        } else if let Some(bucket) = value("SCCACHE_BUCKET") {
            Backend::S3 {
                bucket,
                region: value("SCCACHE_REGION"),
                endpoint: value("SCCACHE_ENDPOINT"),
                key_prefix: value("SCCACHE_S3_KEY_PREFIX"),
            }
        } else if value("SCCACHE_GHA_ENABLED").is_some() {
            Backend::Gha
        } else {
            Backend::Disk
        };
        Self {
            dir: value(wrapper.dir_variable()).map(Utf8PathBuf::from),
            size: value(wrapper.size_variable()).and_then(|text| text.parse().ok()),
            backend,
        }
    }

    /// The variables that tell `wrapper` these settings.
    ///
    /// # Errors
    /// If an address carries a password, or the wrapper does not know the backend.
    pub fn variables(&self, wrapper: Wrapper) -> Result<Vec<Variable>, CacheError> {
        self.backend.refuse_credentials()?;
        if wrapper == Wrapper::Kache && self.backend != Backend::Disk {
            return Err(CacheError::BackendOfAnother {
                wrapper,
                backend: self.backend.name(),
            });
        }
        let mut variables = Vec::new();
        if let Some(dir) = &self.dir {
            variables.push((wrapper.dir_variable(), dir.to_string()));
        }
        if let Some(size) = self.size {
            variables.push((wrapper.size_variable(), wrapper.size_text(size)));
        }
        variables.extend(self.backend.variables());
        Ok(variables)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_as_sccache_does() {
        for (text, bytes, written) in [
            ("2G", 2 * GIB, "2G"),
            ("1500M", 1500 * MIB, "1500M"),
            ("1024m", GIB, "1G"),
            ("2GiB", 2 * GIB, "2G"),
            ("10gb", 10 * GIB, "10G"),
            ("1T", TIB, "1T"),
            ("1000", 1000, "1000"),
        ] {
            let size: Size = text.parse().unwrap();
            assert_eq!((size.bytes, size.to_string().as_str()), (bytes, written));
        }
        for text in ["", "G", "2X", "-1G", "0", "0G", "99999999T", "1.5G"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_default_size_follows_the_disk() {
        let size = |free: u64, total: u64| Size::for_disk(free * GIB, total * GIB).to_string();
        assert_eq!(size(24, 32), "2G", "a small container");
        assert_eq!(size(15, 32), "1500M", "a tenth of what is free");
        assert_eq!(size(500, 1000), "10G");
        assert_eq!(size(55, 1000), "5G");
        assert_eq!(size(0, 32), "0");
    }

    #[test]
    fn a_size_never_exceeds_a_tenth_of_what_is_free() {
        for free_mib in (1000..200_000).step_by(777) {
            let size = Size::for_disk(free_mib * MIB, 1000 * GIB);
            assert!(size.bytes <= free_mib * MIB / 10);
        }
    }

    #[test]
    fn each_backend_is_told_by_its_own_variables() {
        let variables = |backend| {
            let settings = Settings {
                backend,
                ..Settings::default()
            };
            let variables = settings.variables(Wrapper::Sccache).unwrap();
            let lines = variables
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            lines.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(variables(Backend::Disk), "");
        assert_eq!(
            variables(Backend::Redis {
                endpoint: "redis://h:1".to_owned(),
                db: Some(3),
                key_prefix: None
            }),
            "SCCACHE_REDIS_ENDPOINT=redis://h:1 SCCACHE_REDIS_DB=3"
        );
        assert_eq!(
            variables(Backend::S3 {
                bucket: "b".to_owned(),
                region: None,
                endpoint: Some("http://h".to_owned()),
                key_prefix: Some("p".to_owned())
            }),
            "SCCACHE_BUCKET=b SCCACHE_REGION=auto SCCACHE_ENDPOINT=http://h SCCACHE_S3_KEY_PREFIX=p"
        );
        assert_eq!(
            variables(Backend::Webdav {
                endpoint: "http://h/d".to_owned(),
                key_prefix: None
            }),
            "SCCACHE_WEBDAV_ENDPOINT=http://h/d"
        );
        assert_eq!(variables(Backend::Gha), "SCCACHE_GHA_ENABLED=on");
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_repeated() {
        let redis = |endpoint: &str| Settings {
            backend: Backend::Redis {
                endpoint: endpoint.to_owned(),
                db: None,
                key_prefix: None,
            },
            ..Settings::default()
        };
        for endpoint in [
            "redis://me:secret@h:1",
            "redis://:secret@h",
            "me:secret@h:1",
            "redis://h?password=secret",
        ] {
            let error = redis(endpoint).variables(Wrapper::Sccache).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("SCCACHE_REDIS_PASSWORD"), "{text}");
            assert!(!text.contains("secret"), "{text}");
        }
        for endpoint in ["redis://h:1", "rediss://@h:1", "h:1", "unix:///tmp/a@b"] {
            let told = redis(endpoint).variables(Wrapper::Sccache).unwrap();
            let told = crate::stats::owned(&told);
            assert_eq!(Settings::told_by(Wrapper::Sccache, &told), redis(endpoint));
        }
    }

    #[test]
    fn kache_is_told_by_variables_of_its_own_and_keeps_to_the_disk() {
        let settings = Settings {
            dir: Some("/c".into()),
            size: Some(Size { bytes: 2 * GIB }),
            backend: Backend::Disk,
        };
        assert_eq!(
            settings.variables(Wrapper::Kache).unwrap(),
            [
                ("KACHE_CACHE_DIR", "/c".to_owned()),
                ("KACHE_MAX_SIZE", "2GiB".to_owned())
            ]
        );
        let gha = Settings {
            backend: Backend::Gha,
            ..settings
        };
        assert!(gha.variables(Wrapper::Kache).is_err());
    }
}
