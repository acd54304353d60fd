//! Why an extension is linked as rustc does.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a call is made as rustc says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It makes a program, or an object.
    NotAnExtension,
    /// The code is instrumented, or linked by other rules: the flag.
    Flag(String),
    /// rustc's call does not have the form that is known: what is missing.
    Unknown(String),
    /// An own crate uses this name, which a third-party crate keeps to itself.
    Hidden(String),
    /// What all crates put into this section is collected there when they are linked.
    Collected(String),
    /// An own crate and a third-party crate both have this name, and would each use their own.
    Twice(String),
    /// The linker refuses: what it says.
    Refused(String),
    /// Python refuses what was linked: what it says.
    NotImported(String),
    /// A build script links a shared library that only a run path leads to, which maturin adds.
    RunPath,
    /// The base library is not there any more.
    Gone,
}

impl Why {
    /// Whether the user may wonder. That the user has asked for something that does not go with it needs no
    /// words.
    #[must_use]
    pub fn is_news(&self) -> bool {
        !matches!(self, Self::NotAnExtension | Self::Flag(_))
    }

    /// Whether another try would end the same way.
    #[must_use]
    pub fn lasts(&self) -> bool {
        *self != Self::Gone
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnExtension => f.write_str("no shared library is linked"),
            Self::Flag(flag) => write!(f, "`{flag}` does not go with it"),
            Self::Unknown(what) => write!(f, "rustc links in a way that is not known here: {what}"),
            Self::Hidden(name) => {
                write!(
                    f,
                    "a crate of the project uses `{name}`, which a third-party crate keeps to itself"
                )
            }
            Self::Collected(section) => {
                write!(
                    f,
                    "the section `{section}` is collected from all crates at once, as `linkme` does"
                )
            }
            Self::Twice(name) => {
                write!(
                    f,
                    "a crate of the project and a third-party crate both have `{name}`"
                )
            }
            Self::Refused(says) => write!(f, "the linker refuses: {says}"),
            Self::NotImported(says) => write!(f, "Python refuses the library: {says}"),
            Self::RunPath => {
                f.write_str("a build script links a shared library that only a run path leads to")
            }
            Self::Gone => f.write_str("the library of its third-party crates has been removed"),
        }
    }
}
