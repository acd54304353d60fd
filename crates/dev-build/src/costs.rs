//! What a setting of the project costs at each edit.

/// An edit that takes no longer is nothing to be improved, in seconds.
const QUICK_S: f64 = 1.0;

/// An edit that was built: nothing but crates of the project's own was compiled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Edit {
    /// Whether rustc could go by what it had kept of the last time.
    pub(crate) incremental: bool,
    /// Whether the profile is one for edits, rather than for releases.
    pub(crate) is_for_edits: bool,
    /// How long cargo took, in seconds.
    pub(crate) cargo_s: f64,
    /// How long all of it took, in seconds.
    pub(crate) total_s: f64,
}

impl Edit {
    /// That crates are compiled from the ground at each edit, where that may well be more than a tenth of
    /// what the edit takes.
    pub(crate) fn note(self) -> Option<String> {
        let is_felt = self.cargo_s >= QUICK_S && self.cargo_s > self.total_s / 10.0;
        (is_felt && !self.incremental && self.is_for_edits).then(|| {
            format!(
                "incremental compilation is off: your own crates were compiled from the ground, {:.1} s of the {:.1} s that this edit took. `cargo xtask tune` measures what that costs, and what else does",
                self.cargo_s, self.total_s
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_felt_and_can_be_changed_is_said() {
        let edit = |incremental, is_for_edits, cargo_s, total_s| Edit {
            incremental,
            is_for_edits,
            cargo_s,
            total_s,
        };
        let note = edit(false, true, 4.21, 5.0).note().unwrap();
        assert!(
            note.contains("4.2 s of the 5.0 s") && note.contains("cargo xtask tune"),
            "{note}"
        );
        assert_eq!(edit(true, true, 4.2, 5.0).note(), None);
        assert_eq!(edit(false, false, 4.2, 5.0).note(), None, "a release");
        assert_eq!(edit(false, true, 0.4, 0.5).note(), None, "quick");
        assert_eq!(
            edit(false, true, 1.5, 60.0).note(),
            None,
            "less than a tenth"
        );
    }
}
