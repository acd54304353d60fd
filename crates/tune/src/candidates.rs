//! What could be set instead of what is: for each setting, given the best choices so far.

use cargo_settings::linker::Linkers;

use crate::choices::{Choices, Setting};
use crate::present::{Found, Present};

/// A setting, what it is now, and what is to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// The setting.
    pub(crate) setting: Setting,
    /// Its value, as one would write it.
    pub(crate) now: String,
    /// Who has set it so on purpose: then what would gain something is told, and not written.
    pub(crate) set_by: Option<String>,
    /// The values to be tried, one after the other.
    pub(crate) candidates: Vec<Candidate>,
    /// Values that need not be tried, each with the reason.
    pub(crate) skipped: Vec<(String, String)>,
}

/// A value to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// As one would write it.
    pub(crate) name: String,
    /// What it takes to have it.
    pub(crate) choices: Choices,
    /// Whether all dependencies have to be compiled for it.
    pub(crate) compiles_dependencies: bool,
}

/// What is known of the project and the machine before anything is measured.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// What is set.
    pub(crate) present: Present,
    /// The crates of the workspace that the extension is made of, itself first.
    pub(crate) own_crates: Vec<String>,
    /// The linkers that are here.
    pub(crate) linkers: Linkers,
    /// Whether debug information can stand in files beside the objects: on Linux.
    pub(crate) splits_debuginfo: bool,
}

/// The key of the level for crates that are not of the workspace.
const DEPENDENCIES: [&str; 3] = ["package", "*", "debug"];

impl Facts {
    /// What is to be tried of `setting` on top of `best`.
    pub(crate) fn step(&self, setting: Setting, best: &Choices) -> Step {
        let mut step = self.all(setting, best);
        if self.present.profile == "release" && setting != Setting::Linker {
            step.skip_all("wheels are built with this profile");
        }
        step
    }

    fn all(&self, setting: Setting, best: &Choices) -> Step {
        match setting {
            Setting::DependencyDebug => self.dependency_debug(),
            Setting::Linker => self.linker(),
            Setting::OwnDebug => self.own_debug(best),
            Setting::SplitDebuginfo => self.split_debuginfo(best),
            Setting::CodegenUnits => self.codegen_units(),
            Setting::Incremental => self.incremental(),
        }
    }

    fn dependency_debug(&self) -> Step {
        let set = self.present.find(&DEPENDENCIES);
        let now = set
            .as_ref()
            .map_or_else(|| self.debug(), |it| it.value.clone());
        let mut step = Step {
            set_by: set.map(|it| it.origin),
            ..step(Setting::DependencyDebug, &now)
        };
        if level(&now) == 0 {
            step.skip("any other", "there is no less than none");
            return step;
        }
        step.candidates.push(Candidate {
            compiles_dependencies: true,
            ..candidate("false", Choices::key(&DEPENDENCIES, "false"))
        });
        if level(&now) > level(LINES) {
            step.skip(LINES, "more than `false`, and as much to compile");
        }
        step
    }

    fn linker(&self) -> Step {
        let others = self.linkers.others.iter();
        let candidates = others.map(|name| candidate(name, Choices::linker(name)));
        let mut step = Step {
            set_by: self.present.flags.clone(),
            candidates: candidates.collect(),
            ..step(Setting::Linker, self.linkers.own)
        };
        if step.set_by.is_some() {
            "as in the flags".clone_into(&mut step.now);
        }
        if step.candidates.is_empty() {
            step.skip("any other", "none is installed");
        }
        step
    }

    fn own_debug(&self, best: &Choices) -> Step {
        let now = self.debug();
        let of_packages = self.found_for_own("debug");
        let set = of_packages.or_else(|| self.present.find(&["debug"]));
        let mut step = Step {
            set_by: set.map(|it| it.origin),
            ..step(Setting::OwnDebug, &now)
        };
        for value in [LINES, "false"] {
            if level(value) < level(&now) {
                let choices = self.pinned(best).with(&Choices::key(&["debug"], value));
                step.candidates.push(candidate(value, choices));
            }
        }
        if step.candidates.is_empty() {
            step.skip("any other", "there is no less than none");
        }
        step
    }

    /// The level of dependencies as it is, said expressly: where nothing is said, they have that of the
    /// profile, and would all be compiled again when it changes.
    fn pinned(&self, best: &Choices) -> Choices {
        let is_said =
            best.get(&DEPENDENCIES).is_some() || self.present.find(&DEPENDENCIES).is_some();
        if is_said {
            Choices::default()
        } else {
            Choices::key(&DEPENDENCIES, &self.debug())
        }
    }

    fn split_debuginfo(&self, best: &Choices) -> Step {
        let mut step = self.for_own(
            Setting::SplitDebuginfo,
            "split-debuginfo",
            "\"off\"",
            &["\"unpacked\""],
        );
        let own = self.debug();
        let own = best.get(&["debug"]).unwrap_or(&own);
        if !self.splits_debuginfo {
            step.skip_all("only for Linux");
        } else if level(own) == 0 {
            step.skip_all("own crates have none");
        }
        step
    }

    fn codegen_units(&self) -> Step {
        let default = match self.present.base().as_str() {
            "release" => "16",
            _ => "256",
        };
        let mut step = self.for_own(
            Setting::CodegenUnits,
            "codegen-units",
            default,
            &["64", "16"],
        );
        if self.present.base() == "release" {
            step.skip_all("the extension would be slower, or faster");
        }
        step
    }

    fn incremental(&self) -> Step {
        let set = self.present.find(&["incremental"]);
        let default = (self.present.base() != "release").to_string();
        let now = set.as_ref().map_or(default, |it| it.value.clone());
        let other = if now == "true" { "false" } else { "true" };
        Step {
            set_by: set.map(|it| it.origin),
            candidates: vec![candidate(other, Choices::key(&["incremental"], other))],
            ..step(Setting::Incremental, &now)
        }
    }

    /// A key that is set for each own crate by itself. For the profile as a whole it would have all
    /// dependencies compiled again, and there is no way to say for these that it is to be as it was.
    fn for_own(&self, setting: Setting, key: &str, default: &str, values: &[&str]) -> Step {
        let set = self
            .found_for_own(key)
            .or_else(|| self.present.find(&[key]));
        let now = set
            .as_ref()
            .map_or(default.to_owned(), |it| it.value.clone());
        let others = values.iter().filter(|value| **value != now);
        let candidates = others.map(|value| {
            let crates = self.own_crates.iter();
            let keys = crates.map(|name| Choices::key(&["package", name, key], value));
            candidate(
                value,
                keys.fold(Choices::default(), |all, one| all.with(&one)),
            )
        });
        Step {
            set_by: set.map(|it| it.origin),
            candidates: candidates.collect(),
            ..step(setting, &now)
        }
    }

    fn found_for_own(&self, key: &str) -> Option<Found> {
        let mut crates = self.own_crates.iter();
        crates.find_map(|name| self.present.find(&["package", name, key]))
    }

    /// `debug` of the profile.
    fn debug(&self) -> String {
        let default = (self.present.base() != "release").to_string();
        self.present.find(&["debug"]).map_or(default, |it| it.value)
    }
}

/// File and line, and nothing of types and variables.
const LINES: &str = "\"line-tables-only\"";

/// How much a level of debug information is, for comparison
/// (<https://doc.rust-lang.org/cargo/reference/profiles.html#debug>).
fn level(value: &str) -> u8 {
    match value.trim_matches('"') {
        "false" | "0" | "none" => 0,
        "line-directives-only" => 1,
        "line-tables-only" => 2,
        "1" | "limited" => 3,
        _ => 4,
    }
}

fn step(setting: Setting, now: &str) -> Step {
    Step {
        setting,
        now: now.to_owned(),
        set_by: None,
        candidates: Vec::new(),
        skipped: Vec::new(),
    }
}

fn candidate(name: &str, choices: Choices) -> Candidate {
    Candidate {
        name: name.to_owned(),
        choices,
        compiles_dependencies: false,
    }
}

impl Step {
    fn skip(&mut self, name: &str, reason: &str) {
        self.skipped.push((name.to_owned(), reason.to_owned()));
    }

    fn skip_all(&mut self, reason: &str) {
        for candidate in std::mem::take(&mut self.candidates) {
            self.skip(&candidate.name, reason);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
