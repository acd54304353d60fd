//! A check: a name, a plain function, and perhaps a repair.

use crate::drafts::Drafts;
use crate::facts::Facts;
use crate::finding::Judged;
use config_edit::EditError;

/// One check.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// By which it is known; never changed.
    pub name: &'static str,
    /// What is a problem, in a few words.
    pub about: &'static str,
    pub(crate) judge: fn(&Facts) -> Judged,
    /// Repairs it in files that are being edited. Called only where a problem can be repaired.
    pub(crate) repair: Option<Repair>,
}

/// Edits what a check has found.
pub(crate) type Repair = fn(&Facts, &mut Drafts) -> Result<(), EditError>;
