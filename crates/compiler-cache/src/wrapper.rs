//! The compiler caches that can be switched on, and what differs between them beside the table of all that
//! are known.

use std::fmt;

use environment::compiler_caches::{self, CompilerCache};
use serde::{Deserialize, Serialize};

use files::size::Size;

/// A compiler cache that cargo calls as `rustc-wrapper`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wrapper {
    /// <https://github.com/mozilla/sccache>: caches libraries, on disk or on a server, and leaves crates that
    /// are compiled incrementally to cargo.
    Sccache,
    /// <https://github.com/kunobi-ninja/kache>: caches build scripts, proc-macros and final links too,
    /// restores by hard link or reflink, and turns incremental compilation off.
    Kache,
}

impl Wrapper {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sccache, Self::Kache];

    /// Each with its name, and what it means to a reader.
    pub const CHOICES: &'static [(&'static str, &'static str, Self)] = &[
        (
            "sccache",
            "Leaves crates of the workspace to cargo's incremental compilation",
            Self::Sccache,
        ),
        (
            "kache",
            "Caches links and build scripts too, and turns incremental compilation off",
            Self::Kache,
        ),
    ];

    /// Its row in the table of those that are known.
    #[must_use]
    pub const fn known(self) -> &'static CompilerCache {
        match self {
            Self::Sccache => &compiler_caches::SCCACHE,
            Self::Kache => &compiler_caches::KACHE,
        }
    }

    /// The program.
    #[must_use]
    pub const fn program(self) -> &'static str {
        self.known().program
    }

    /// Which one `program` is, going by its name.
    #[must_use]
    pub fn of_program(program: &str) -> Option<Self> {
        let known = compiler_caches::of_program(program)?;
        Self::ALL.into_iter().find(|it| it.known() == known)
    }

    /// The variable for the directory of a cache on disk.
    #[must_use]
    pub const fn dir_variable(self) -> &'static str {
        self.known().dir_variable
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

    /// The arguments by which it tells its statistics in JSON.
    #[must_use]
    pub const fn ask_stats(self) -> &'static [&'static str] {
        match self {
            Self::Sccache => &["--show-stats", "--stats-format", "json"],
            Self::Kache => &["stats", "--json"],
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
