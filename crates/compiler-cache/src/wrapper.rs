//! The compiler caches that can stand in front of rustc, as data. Another one is another entry here.

use std::fmt;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use crate::settings::Size;

/// A compiler cache that cargo calls as `rustc-wrapper`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wrapper {
    /// <https://github.com/mozilla/sccache>: caches libraries, on disk or on a server, and leaves crates that are
    /// compiled incrementally to cargo.
    Sccache,
    /// <https://github.com/kunobi-ninja/kache>: caches build scripts, proc-macros and final links too, restores by
    /// hard link or reflink, and turns incremental compilation off.
    Kache,
}

impl Wrapper {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sccache, Self::Kache];

    /// The program.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Sccache => "sccache",
            Self::Kache => "kache",
        }
    }

    /// Which one `program` is, going by its name.
    #[must_use]
    pub fn of_program(program: &str) -> Option<Self> {
        let stem = Utf8Path::new(program).file_stem()?;
        Self::ALL.into_iter().find(|it| it.program() == stem)
    }

    /// What the names of all its variables begin with.
    #[must_use]
    pub const fn variable_prefix(self) -> &'static str {
        match self {
            Self::Sccache => "SCCACHE_",
            Self::Kache => "KACHE_",
        }
    }

    /// The variable for the directory of a cache on disk.
    #[must_use]
    pub const fn dir_variable(self) -> &'static str {
        match self {
            Self::Sccache => "SCCACHE_DIR",
            Self::Kache => "KACHE_CACHE_DIR",
        }
    }

    /// The variable for the largest size of a cache on disk.
    #[must_use]
    pub const fn size_variable(self) -> &'static str {
        match self {
            Self::Sccache => "SCCACHE_CACHE_SIZE",
            Self::Kache => "KACHE_MAX_SIZE",
        }
    }

    /// A size, as it reads it.
    #[must_use]
    pub fn size_text(self, size: Size) -> String {
        match self {
            Self::Sccache => size.to_string(),
            // kache wants the unit spelled out.
            Self::Kache => {
                let text = size.to_string();
                let has_no_unit = text.ends_with(|c: char| c.is_ascii_digit());
                format!("{text}{}", if has_no_unit { "B" } else { "iB" })
            }
        }
    }

    /// Its directory below that of the user's caches, where nothing else is set.
    #[must_use]
    pub const fn default_dir(self) -> &'static str {
        self.program()
    }

    /// The arguments by which it tells its statistics in JSON.
    #[must_use]
    pub const fn ask_stats(self) -> &'static [&'static str] {
        match self {
            Self::Sccache => &["--show-stats", "--stats-format", "json"],
            Self::Kache => &["stats", "--json"],
        }
    }

    /// The arguments by which its server ends.
    #[must_use]
    pub const fn stop_server(self) -> &'static [&'static str] {
        match self {
            Self::Sccache => &["--stop-server"],
            Self::Kache => &["daemon", "stop"],
        }
    }

    /// Variables with the value `1` by which it refuses to work (sccache: `src/commands.rs`, which also
    /// names `CARGO_BUILD_INCREMENTAL`; but cargo itself refuses that value of it).
    #[must_use]
    pub const fn refuses(self) -> &'static [&'static str] {
        match self {
            Self::Sccache => &["CARGO_INCREMENTAL"],
            Self::Kache => &[],
        }
    }

    /// What becomes of incremental compilation.
    #[must_use]
    pub const fn on_incremental(self) -> &'static str {
        match self {
            Self::Sccache => {
                "crates of the workspace stay incremental, and all others come from the cache once they are in it"
            }
            Self::Kache => "it turns incremental compilation off: an edit takes longer",
        }
    }
}

impl fmt::Display for Wrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapper_is_known_by_the_name_of_its_program() {
        assert_eq!(Wrapper::of_program("/a/b/sccache"), Some(Wrapper::Sccache));
        assert_eq!(Wrapper::of_program("kache"), Some(Wrapper::Kache));
        assert_eq!(Wrapper::of_program("sccache.exe"), Some(Wrapper::Sccache));
        assert_eq!(Wrapper::of_program("/sccache/ccache"), None);
    }
}
