//! What the store has saved since it was made.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::dir::{self, Store};

/// How often something was taken from the store. Two programs that write at once count as one: it is no more
/// than an account for people.
#[derive(Debug, Default, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// How many extensions were put in place without cargo.
    pub extensions: u64,
    /// How long cargo had taken for them when they were built, in seconds.
    pub extensions_s: f64,
    /// How many units of crates were given back.
    pub units: u64,
}

impl Store {
    fn saved_file(&self) -> Utf8PathBuf {
        self.dir().join("saved.json")
    }

    /// What it has saved.
    #[must_use]
    pub fn saved(&self) -> Saved {
        dir::read(&self.saved_file()).unwrap_or_default()
    }

    /// Adds `more` to it.
    pub fn note_saved(&self, more: Saved) {
        let saved = self.saved();
        let sum = Saved {
            extensions: saved.extensions + more.extensions,
            extensions_s: saved.extensions_s + more.extensions_s,
            units: saved.units + more.units,
        };
        // Where nothing can be written, nothing is counted.
        let _ = dir::write_json(&self.saved_file(), &sum);
    }
}
