//! What is measured: the situations in which somebody waits for a build. A new one is another entry in
//! [`SCENARIOS`].

use serde::{Deserialize, Serialize};

use crate::goal::Goal;
use crate::strategy::Strategy;

/// A situation.
#[derive(Debug, PartialEq, Eq)]
pub struct Scenario {
    /// As on the command line and in the results.
    pub id: &'static str,
    /// In words.
    pub title: &'static str,
    pub(crate) cost: Cost,
    /// What is done, in this order. Afterwards everything is built again.
    pub(crate) steps: &'static [Step],
}

/// How long a run takes, roughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cost {
    /// What an edit takes: one run in each round.
    Quick,
    /// Several edits: a third of the runs.
    Medium,
    /// A build of everything: a seventh of the runs.
    Dear,
}

impl Cost {
    /// How many runs there are to be, where a quick scenario has `runs`.
    pub(crate) fn runs(self, runs: u32) -> u32 {
        match self {
            Self::Quick => runs,
            Self::Medium => runs.div_ceil(3),
            Self::Dear => runs.div_ceil(7),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Brings about the situation.
    Do(Action),
    /// Builds without being measured.
    Build(Goal),
    /// Builds and is measured. Where a scenario has several, their sum counts.
    Measure(Goal),
}

impl Step {
    /// What it leaves behind, where that is what another one leaves: `cargo clean` removes the target
    /// directory, and all that is built is in it.
    pub(crate) fn effect(self) -> Self {
        match self {
            Self::Do(Action::CargoClean) => Self::Do(Action::RemoveTarget),
            other => other,
        }
    }
}

/// Something that happens to a checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// One line of Rust is changed.
    Edit(Role),
    /// One line of Python is changed.
    EditPython,
    RemoveTarget,
    /// What the release profile has built is removed, and the wheels.
    RemoveRelease,
    /// `.venv` is removed; making it anew is part of what is measured.
    RemoveEnvironment,
    CargoClean,
    FreshClone,
    /// Compiler cache and uv's builds are emptied. What was downloaded stays.
    EmptyCaches,
    /// Another branch is checked out: one line of each crate is different there.
    Branch,
    /// Back on the branch where one works; edits are gone.
    Trunk,
    /// The lock file names another version of one dependency, one that was never built before.
    NextLock,
    /// The lock file is as it was.
    FirstLock,
}

/// A crate, by where it stands among the crates of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The extension itself.
    Extension,
    /// The one on which the fewest others depend.
    Leaf,
    /// The one on which the most others depend.
    Core,
}

use Action::{
    Branch, CargoClean, Edit, EditPython, EmptyCaches, FirstLock, FreshClone, NextLock,
    RemoveEnvironment, RemoveRelease, RemoveTarget, Trunk,
};
use Cost::{Dear, Medium, Quick};
use Goal::{Develop, Wheel};
use Step::{Build, Do, Measure};

const BUILT: Step = Measure(Develop);
const PREPARED: Step = Build(Develop);

/// All scenarios, in the order in which they are first measured and reported.
pub const SCENARIOS: [Scenario; 15] = [
    scenario(
        "cold",
        "a fresh clone and empty caches",
        Dear,
        &[Do(FreshClone), Do(EmptyCaches), BUILT],
    ),
    scenario("unchanged", "nothing changed", Quick, &[BUILT]),
    scenario(
        "cdylib",
        "one line changed in the extension crate",
        Quick,
        &[Do(Edit(Role::Extension)), BUILT],
    ),
    scenario(
        "leaf",
        "one line changed in a leaf crate",
        Quick,
        &[Do(Edit(Role::Leaf)), BUILT],
    ),
    scenario(
        "core",
        "one line changed in the core crate",
        Quick,
        &[Do(Edit(Role::Core)), BUILT],
    ),
    scenario(
        "python",
        "one line changed in Python only",
        Quick,
        &[Do(EditPython), BUILT],
    ),
    scenario(
        "venv",
        ".venv made anew",
        Medium,
        &[Do(RemoveEnvironment), BUILT],
    ),
    scenario(
        "branch",
        "to another branch and back, a build on each",
        Medium,
        &[Do(Trunk), PREPARED, Do(Branch), BUILT, Do(Trunk), BUILT],
    ),
    scenario(
        "lock",
        "another version of one dependency in the lock file",
        Medium,
        &[Do(NextLock), BUILT, Do(FirstLock), PREPARED],
    ),
    scenario("target", "target/ gone", Dear, &[Do(RemoveTarget), BUILT]),
    scenario(
        "wheel-cold",
        "release wheel, nothing built and empty caches",
        Dear,
        &[Do(RemoveRelease), Do(EmptyCaches), Measure(Wheel)],
    ),
    scenario(
        "wheel-warm",
        "release wheel, nothing built and kept caches",
        Dear,
        &[Do(RemoveRelease), Measure(Wheel)],
    ),
    scenario(
        "wheel-edit",
        "release wheel after one line in the extension crate, all else built",
        Dear,
        &[
            Build(Wheel),
            Do(Edit(Role::Extension)),
            Measure(Wheel),
            PREPARED,
        ],
    ),
    scenario(
        "clone",
        "a fresh clone and kept caches",
        Dear,
        &[Do(FreshClone), BUILT],
    ),
    scenario("clean", "after cargo clean", Dear, &[Do(CargoClean), BUILT]),
];

const fn scenario(
    id: &'static str,
    title: &'static str,
    cost: Cost,
    steps: &'static [Step],
) -> Scenario {
    Scenario {
        id,
        title,
        cost,
        steps,
    }
}

impl Scenario {
    pub(crate) fn find(id: &str) -> Option<&'static Self> {
        SCENARIOS.iter().find(|scenario| scenario.id == id)
    }

    pub(crate) fn goal(&self) -> Goal {
        if self.steps.contains(&Measure(Wheel)) {
            Wheel
        } else {
            Develop
        }
    }

    /// The crates that it changes a line in.
    pub(crate) fn edits(&self) -> impl Iterator<Item = Role> {
        self.steps.iter().filter_map(|step| match step {
            Do(Edit(role)) => Some(*role),
            _ => None,
        })
    }

    pub(crate) fn edits_rust(&self) -> bool {
        self.edits().next().is_some()
    }

    /// Whether the installed library must be another one afterwards: else the build was none, and its time
    /// means nothing.
    pub(crate) fn must_change(&self) -> bool {
        self.goal() == Develop && self.edits_rust()
    }

    pub(crate) fn does(&self, action: Action) -> bool {
        self.steps.contains(&Do(action))
    }

    /// The steps where there are caches to be emptied, or none.
    pub(crate) fn steps_with(&self, caches: bool) -> impl Iterator<Item = Step> {
        let steps = self.steps.iter().copied();
        steps.filter(move |step| caches || *step != Do(EmptyCaches))
    }

    /// Why it makes no sense for `strategy`, if it does not.
    pub(crate) fn not_for(&self, strategy: &Strategy) -> Option<&'static str> {
        if self.goal() == Wheel && strategy.wheel.is_empty() {
            return Some("it builds no wheels");
        }
        let of_python = self.does(EditPython) || self.does(RemoveEnvironment);
        (of_python && !strategy.installs).then_some("it installs nothing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_has_a_name_of_its_own_and_measures_something() {
        let ids: BTreeSet<_> = SCENARIOS.iter().map(|scenario| scenario.id).collect();
        assert_eq!(ids.len(), SCENARIOS.len());
        for scenario in &SCENARIOS {
            let measures = |step: &Step| matches!(step, Measure(_));
            assert!(scenario.steps.iter().any(measures), "{}", scenario.id);
            assert_eq!(Scenario::find(scenario.id), Some(scenario));
        }
    }

    #[test]
    fn each_leaves_everything_built() {
        for scenario in &SCENARIOS {
            let last = scenario.steps.last();
            let is_built = matches!(last, Some(Build(Develop) | Measure(_)));
            assert!(is_built, "{}", scenario.id);
            // What is only edited for a wheel is not built for development by that.
            let edits = scenario.steps.iter().any(|it| matches!(it, Do(Edit(_))));
            let ends_with_wheel = last == Some(&Measure(Wheel));
            assert!(!(edits && ends_with_wheel), "{}", scenario.id);
        }
    }

    #[test]
    fn without_caches_a_fresh_clone_is_a_cold_build() {
        let steps = |id: &str, caches| {
            let scenario = Scenario::find(id).unwrap();
            scenario.steps_with(caches).collect::<Vec<_>>()
        };
        assert_eq!(steps("cold", false), steps("clone", false));
        assert_ne!(steps("cold", true), steps("clone", true));
        assert_eq!(steps("wheel-cold", false), steps("wheel-warm", false));
    }
}
