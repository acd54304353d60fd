//! What the steps have compiled, and what follows from it.

use std::collections::BTreeSet;

use dev_build::why::observed::{Again, CompiledUnit, Observed};
use dev_build::why::report::Root;
use serde::Serialize;
use trial::table::aligned;

use super::steps::Step;

/// All steps that were taken.
#[derive(Debug, Clone, Serialize)]
pub struct Proof {
    /// Whether no unit was rebuilt.
    pub passed: bool,
    /// How many units were rebuilt, in all steps together.
    pub rebuilt: usize,
    /// The steps, in turn.
    pub steps: Vec<ProofStep>,
}

/// One step.
#[derive(Debug, Clone, Serialize)]
pub struct ProofStep {
    /// What it is called in the table.
    pub name: String,
    /// As one types it.
    pub command: String,
    /// How many units were compiled, runs of build scripts included.
    pub compiled: usize,
    /// How many of them had been compiled before, so that what was there is overwritten.
    pub rebuilt: usize,
    /// How many of them had been compiled before in another way, and stay beside that.
    pub other_way: usize,
    /// How many of them are the extension, linked in another way than before.
    pub relinked: usize,
    /// How long it took, in seconds.
    pub elapsed_s: f64,
    /// What it said, if it failed.
    pub failed: Option<String>,
    /// Whether nothing is proved without it.
    pub is_needed: bool,
    /// The root causes for which units were rebuilt, with what cures them.
    pub causes: Vec<Root>,
    /// Those for which units were compiled in another way.
    pub causes_of_other_way: Vec<Root>,
    /// The units that were compiled.
    pub units: Vec<CompiledUnit>,
}

/// What is proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is compiled twice.
    Passed,
    /// Units were rebuilt.
    Rebuilt {
        /// How many.
        count: usize,
        /// What cures it.
        cures: Vec<String>,
    },
    /// A step failed that the others need.
    Failed {
        /// The step, as one types it.
        command: String,
        /// What it said.
        said: String,
    },
}

impl ProofStep {
    pub(super) fn new(step: &Step, seen: Observed, elapsed_s: f64, failed: Option<String>) -> Self {
        Self {
            name: step.name.to_owned(),
            command: step.typed(),
            compiled: seen.units.len(),
            rebuilt: seen.count(Again::Rebuilt),
            other_way: seen.count(Again::OtherWay),
            relinked: seen.count(Again::Relinked),
            elapsed_s,
            failed,
            is_needed: step.others_need_it,
            causes: seen.of_rebuilt,
            causes_of_other_way: seen.of_other_way,
            units: seen.units,
        }
    }

    /// In a line, while it goes on.
    pub(super) fn said(&self) -> String {
        let failed = if self.failed.is_some() {
            ", and failed"
        } else {
            ""
        };
        let Self {
            compiled,
            rebuilt,
            elapsed_s,
            ..
        } = self;
        format!("{compiled} units in {elapsed_s:.1} s, {rebuilt} of them again{failed}")
    }

    /// What is told beside the figures, line by line.
    fn notes(&self) -> Vec<String> {
        let failed = self.failed.iter().map(|said| format!("failed: {said}"));
        let causes = self.causes.iter().map(Root::line);
        let other = self.causes_of_other_way.iter();
        let other = other.map(|it| format!("otherwise: {}", it.line()));
        failed.chain(causes).chain(other).collect()
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let mut notes = self.notes().into_iter();
        let figures =
            [self.compiled, self.rebuilt, self.relinked, self.other_way].map(|it| it.to_string());
        let time = format!("{:.1} s", self.elapsed_s);
        let first = [self.name.clone()].into_iter().chain(figures).chain([time]);
        let first = first.chain(notes.next()).collect();
        let empty = || vec![String::new(); HEADING.len() - 1];
        let more = notes.map(|note| [empty(), vec![note]].concat());
        [first].into_iter().chain(more).collect()
    }
}

const HEADING: [&str; 7] = [
    "step",
    "compiled",
    "rebuilt",
    "relinked",
    "otherwise",
    "time",
    "root cause",
];

impl Proof {
    pub(super) fn of(steps: Vec<ProofStep>) -> Self {
        let rebuilt = steps.iter().map(|it| it.rebuilt).sum();
        let failed = |step: &ProofStep| step.is_needed && step.failed.is_some();
        Self {
            passed: rebuilt == 0 && !steps.iter().any(failed),
            rebuilt,
            steps,
        }
    }

    /// The table for people.
    #[must_use]
    pub fn text(&self) -> String {
        let heading = HEADING.map(str::to_owned).to_vec();
        let rows = self.steps.iter().flat_map(ProofStep::rows);
        aligned(&[heading].into_iter().chain(rows).collect::<Vec<_>>())
    }

    /// What is proved.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let needed = self.steps.iter().filter(|it| it.is_needed);
        let mut failed = needed.filter_map(|it| Some((it, it.failed.clone()?)));
        if let Some((step, said)) = failed.next() {
            return Verdict::Failed {
                command: step.command.clone(),
                said,
            };
        }
        if self.rebuilt == 0 {
            return Verdict::Passed;
        }
        let causes = self.steps.iter().flat_map(|it| &it.causes);
        let mut seen = BTreeSet::new();
        let cures = causes.filter_map(|it| it.cure.clone());
        Verdict::Rebuilt {
            count: self.rebuilt,
            cures: cures.filter(|cure| seen.insert(cure.clone())).collect(),
        }
    }
}
