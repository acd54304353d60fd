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

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, compiled: usize) -> ProofStep {
        ProofStep {
            name: name.to_owned(),
            command: format!("{name} --typed"),
            compiled,
            rebuilt: 0,
            other_way: 0,
            relinked: 0,
            elapsed_s: 1.26,
            failed: None,
            is_needed: true,
            causes: Vec::new(),
            causes_of_other_way: Vec::new(),
            units: Vec::new(),
        }
    }

    fn root(crates: &str, cause: &str, cure: &str) -> Root {
        Root {
            cause: cause.to_owned(),
            cure: Some(cure.to_owned()),
            is_expected: false,
            is_said: false,
            roots: [crates.to_owned()].into(),
            crates: [crates.to_owned()].into(),
            only_for_this: 1,
        }
    }

    /// A project without the stable ABI, as it was seen.
    fn seen() -> Vec<ProofStep> {
        let path = root("pyo3-ffi", "PYO3_PYTHON is /a, and was /b", "abi3");
        let link = root(
            "top",
            "the extension is linked with other arguments",
            "prelink",
        );
        let test = ProofStep {
            failed: Some("error: no cheese".to_owned()),
            is_needed: false,
            rebuilt: 2,
            causes: vec![path.clone()],
            ..step("cargo test", 3)
        };
        let develop = ProofStep {
            rebuilt: 5,
            relinked: 1,
            causes: vec![path, root("libc", "it is gone", "keep it")],
            causes_of_other_way: vec![link],
            ..step("maturin develop", 6)
        };
        vec![step("cargo check", 33), develop, step("uv run", 0), test]
    }

    #[test]
    fn the_table_names_each_cause_in_a_line() {
        expect_test::expect_file!["../snapshots/proof.txt"].assert_eq(&Proof::of(seen()).text());
    }

    #[test]
    fn nothing_twice_is_a_pass_and_each_cure_is_told_once() {
        let verdict = |steps: &[ProofStep]| {
            let proof = Proof::of(steps.to_vec());
            assert_eq!(proof.passed, proof.verdict() == Verdict::Passed);
            proof.verdict()
        };
        let [check, develop, run, test] = seen().try_into().unwrap();
        let rebuilt = |count, cures: &[&str]| Verdict::Rebuilt {
            count,
            cures: cures.iter().map(|cure| (*cure).to_owned()).collect(),
        };
        let relinked = ProofStep {
            relinked: 1,
            ..run.clone()
        };
        let other_way = ProofStep {
            other_way: 4,
            ..run.clone()
        };
        assert_eq!(
            verdict(&[check.clone(), relinked, other_way]),
            Verdict::Passed
        );
        let both = [check, develop.clone(), test.clone()];
        assert_eq!(verdict(&both), rebuilt(7, &["abi3", "keep it"]));
        // What nothing else needs may fail; what it has compiled counts.
        assert_eq!(verdict(std::slice::from_ref(&test)), rebuilt(2, &["abi3"]));
        assert_eq!(
            verdict(&[ProofStep { rebuilt: 0, ..test }]),
            Verdict::Passed
        );
        let failed = ProofStep {
            failed: Some("no".to_owned()),
            ..develop
        };
        let command = "maturin develop --typed".to_owned();
        let said = "no".to_owned();
        assert_eq!(verdict(&[run, failed]), Verdict::Failed { command, said });
    }
}
