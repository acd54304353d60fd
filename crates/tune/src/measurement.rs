//! What was measured, to be printed, kept and written from.
#![expect(
    missing_docs,
    reason = "the fields of the JSON are called what they are, with their units"
)]

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use trial::files::{read, replace};

use crate::TuneError;
use crate::choices::{Choices, Setting};
use crate::verdict::{CandidateVerdict, Ratio};

/// The form of [`Measurement`]; a later one that cannot be read as this gets another number.
pub const SCHEMA: u32 = 2;

/// All that was found out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    pub schema: u32,
    pub subject: TunedProject,
    pub spent_s: f64,
    /// As the project is.
    pub base: BaseBuild,
    /// In the order in which they were tried.
    pub rows: Vec<CandidateRow>,
    /// What gains something, in the order in which it was found.
    pub winners: Vec<Winner>,
    /// All of these together, against none.
    pub together: Option<WinnersTogether>,
}

/// What is measured, and on which machine: what has to be the same for the figures to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TunedProject {
    pub name: String,
    pub root: String,
    /// That `cargo xtask dev` builds with.
    pub profile: String,
    /// What `rustc -vV` says, in a line.
    pub toolchain: String,
    pub lock_sha256: String,
    /// The file in which a line was changed, relative to the sources.
    pub edited: String,
}

/// The project as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseBuild {
    /// From the start of cargo to its end after a line was changed: once, before anything else.
    pub build_s: f64,
    pub library_bytes: u64,
}

/// A candidate, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandidateRow {
    pub setting: Setting,
    /// What is in force.
    pub now: String,
    /// What was tried.
    pub candidate: String,
    /// From the start of cargo to its end after a line was changed: the median.
    pub build_s: Option<f64>,
    /// Against the best so far, in turn.
    pub ratio: Option<Ratio>,
    pub library_bytes: Option<u64>,
    pub verdict: CandidateVerdict,
}

/// A setting that is to be written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Winner {
    pub setting: Setting,
    /// What it was measured against: `0.52 [0.49, 0.55] of 4.6 s after an edit`.
    pub note: String,
    pub choices: Choices,
}

/// All winners at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WinnersTogether {
    /// The median.
    pub build_s: f64,
    pub without_s: f64,
    /// In turn.
    pub ratio: Ratio,
    pub library_bytes: u64,
    /// Whether the whole interval lies below what is worth it. Else nothing is written.
    pub is_worth_it: bool,
}

impl Measurement {
    /// Reads what [`Self::save`] or `--json` has written.
    pub fn load(path: &Utf8Path) -> Result<Self, TuneError> {
        let text = read(path)?;
        let unreadable = |source| TuneError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let measurement: Self = serde_json::from_str(&text).map_err(unreadable)?;
        if measurement.schema == SCHEMA {
            return Ok(measurement);
        }
        let form = format!("it has the form {}, not {SCHEMA}", measurement.schema);
        Err(unreadable(serde::de::Error::custom(form)))
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Writes it to `path`, whole or not at all.
    pub fn save(&self, path: &Utf8Path) -> Result<(), TuneError> {
        Ok(replace(path, &self.json())?)
    }

    /// What `--apply` writes, as cargo's configuration for what is compiled for `target`. `None`: nothing.
    #[must_use]
    pub fn config(&self, target: &str) -> Option<String> {
        let winners = self.to_write().iter();
        let all = winners.fold(Choices::default(), |all, it| all.with(&it.choices));
        let text = all.config(&self.subject.profile, target);
        (!text.is_empty()).then_some(text)
    }

    /// What `--apply` writes.
    #[must_use]
    pub fn to_write(&self) -> &[Winner] {
        match &self.together {
            Some(together) if together.is_worth_it => &self.winners,
            _ => &[],
        }
    }
}
