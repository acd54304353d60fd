//! How large a cache may grow.

use std::fmt;
use std::str::FromStr;

use camino::Utf8Path;

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

/// How much a cache may take where nobody has said: as much as sccache itself would, and on a small disk
/// less.
const LARGEST_BYTES: u64 = 10 * GIB;
const LARGEST_ON_SMALL_DISK_BYTES: u64 = 2 * GIB;

impl Size {
    /// The size for a file system with `free_bytes` left of `total_bytes`: at most a tenth of what is free,
    /// in whole GiB, and below 2 GiB in steps of 100 MiB.
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
        let (free_bytes, total_bytes) = disk_of(dir)?;
        Some(Self::for_disk(free_bytes, total_bytes))
    }
}

/// What is free on the file system that holds `dir`, or will. `None` if it cannot be asked.
#[must_use]
pub fn free_bytes(dir: &Utf8Path) -> Option<u64> {
    disk_of(dir).map(|(free_bytes, _)| free_bytes)
}

/// How many bytes of the file system that holds `dir`, or will, are free, and how many there are.
fn disk_of(dir: &Utf8Path) -> Option<(u64, u64)> {
    let existing = dir.ancestors().find(|dir| dir.is_dir())?;
    let disk = rustix::fs::statvfs(existing.as_std_path()).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Some((bytes(disk.f_bavail), bytes(disk.f_blocks)))
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
}
