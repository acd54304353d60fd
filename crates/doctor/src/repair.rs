//! What is safe to repair, as changes to files.

use config_edit::{Change, EditError};

use crate::checks::CHECKS;
use crate::drafts::Drafts;
use crate::facts::Facts;
use crate::finding::Finding;

/// The changes that repair what can be repaired of the problems in `facts`. Nothing is written.
///
/// # Errors
/// If a file cannot be read or edited.
pub fn repairs(facts: &Facts) -> Result<Vec<Change>, EditError> {
    let mut drafts = Drafts::read(facts)?;
    for check in &CHECKS {
        let findings = Finding::of(check.name, (check.judge)(facts));
        let is_due = findings.iter().any(|finding| finding.fixable);
        if let Some(repair) = check.repair.filter(|_| is_due) {
            repair(facts, &mut drafts)?;
        }
    }
    drafts.into_changes()
}
