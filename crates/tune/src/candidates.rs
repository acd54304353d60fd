//! What could be set instead of what is: for each setting, given the best choices so far.

use cargo_settings::linker::Linkers;

use crate::choices::{Choices, Setting};
use crate::present::{Found, Present};

/// A setting, what it is now, and what is to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) setting: Setting,
    /// As one would write it.
    pub(crate) now: String,
    /// Who has set it so on purpose: then what would gain something is told, and not written.
    pub(crate) set_by: Option<String>,
    /// The values to be tried, one after the other.
    pub(crate) candidates: Vec<Candidate>,
    /// Values that need not be tried, each with the reason.
    pub(crate) skipped: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// As one would write it.
    pub(crate) name: String,
    pub(crate) choices: Choices,
}

/// What is known of the project and the machine before anything is measured.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) present: Present,
    /// The crates of the workspace that the extension is made of, itself first.
    pub(crate) own_crates: Vec<String>,
    pub(crate) linkers: Linkers,
    /// Whether debug information can stand in files beside the objects: on Linux.
    pub(crate) splits_debuginfo: bool,
}

/// The key of the level for crates that are not of the workspace.
const DEPENDENCIES: [&str; 3] = ["package", "*", "debug"];

impl Facts {
    /// What is to be tried of `setting` on top of `best`.
    pub(crate) fn step(&self, setting: Setting, best: &Choices) -> Step {
        let (now, set_by) = self.now(setting);
        let mut step = Step {
            setting,
            candidates: self.candidates(setting, &now, best),
            now,
            set_by,
            skipped: Vec::new(),
        };
        match setting {
            Setting::Linker if step.candidates.is_empty() => {
                step.skip("any other", "none is installed");
            }
            Setting::DependencyDebug | Setting::OwnDebug if step.candidates.is_empty() => {
                step.skip("any other", "there is no less than none");
            }
            Setting::DependencyDebug if level(&step.now) > level(LINES) => {
                step.skip(LINES, "more than `false`, and as much to compile");
            }
            _ => {}
        }
        if let Some(reason) = self.futile(setting, best) {
            for candidate in std::mem::take(&mut step.candidates) {
                step.skip(&candidate.name, reason);
            }
        }
        step
    }

    /// What a setting is, and who has set it so.
    fn now(&self, setting: Setting) -> (String, Option<String>) {
        let or = |found: Option<Found>, default: &str| match found {
            Some(found) => (found.value, Some(found.origin)),
            None => (default.to_owned(), None),
        };
        let is_release = self.present.base() == "release";
        match setting {
            Setting::DependencyDebug => or(self.present.find(&DEPENDENCIES), &self.debug()),
            Setting::Linker => match self.present.flags.clone() {
                Some(by) => ("as in the flags".to_owned(), Some(by)),
                None => (self.linkers.own.to_owned(), None),
            },
            Setting::OwnDebug => (self.debug(), self.of_own("debug").map(|it| it.origin)),
            Setting::SplitDebuginfo => or(self.of_own("split-debuginfo"), "\"off\""),
            Setting::CodegenUnits => {
                let default = if is_release { "16" } else { "256" };
                or(self.of_own("codegen-units"), default)
            }
            Setting::Incremental => {
                let found = self.present.find(&["incremental"]);
                or(found, &(!is_release).to_string())
            }
        }
    }

    fn candidates(&self, setting: Setting, now: &str, best: &Choices) -> Vec<Candidate> {
        let less = |values: &[&'static str]| {
            let less = values.iter().copied();
            less.filter(|it| level(it) < level(now)).collect::<Vec<_>>()
        };
        let (values, choices): (_, &dyn Fn(&str) -> Choices) = match setting {
            Setting::DependencyDebug => (less(&["false"]), &|value| {
                Choices::key(&DEPENDENCIES, value)
            }),
            Setting::Linker => (self.linkers.others.clone(), &Choices::linker),
            Setting::OwnDebug => (less(&[LINES, "false"]), &|value| {
                self.pinned(best).with(&Choices::key(&["debug"], value))
            }),
            Setting::SplitDebuginfo => (vec!["\"unpacked\""], &|value| {
                self.for_own("split-debuginfo", value)
            }),
            Setting::CodegenUnits => (vec!["64", "16"], &|value| {
                self.for_own("codegen-units", value)
            }),
            Setting::Incremental => (vec!["true", "false"], &|value| {
                Choices::key(&["incremental"], value)
            }),
        };
        let others = values.into_iter().filter(|value| *value != now);
        let candidates = others.map(|value| Candidate {
            name: value.to_owned(),
            choices: choices(value),
        });
        candidates.collect()
    }

    /// Why nothing of `setting` need be tried, if that is so.
    fn futile(&self, setting: Setting, best: &Choices) -> Option<&'static str> {
        let is_release = self.present.base() == "release";
        let own = best.get(&["debug"]).map_or(self.debug(), str::to_owned);
        match setting {
            Setting::Linker => None,
            _ if self.present.profile == "release" => Some("wheels are built with this profile"),
            Setting::SplitDebuginfo if !self.splits_debuginfo => Some("only for Linux"),
            Setting::SplitDebuginfo if level(&own) == 0 => Some("own crates have none"),
            Setting::CodegenUnits if is_release => Some("the extension would be slower, or faster"),
            _ => None,
        }
    }

    /// The level of dependencies as it is, said expressly: where nothing is said, they have that of the
    /// profile, and would all be compiled again when it changes.
    fn pinned(&self, best: &Choices) -> Choices {
        if best.get(&DEPENDENCIES).is_some() || self.present.find(&DEPENDENCIES).is_some() {
            return Choices::default();
        }
        Choices::key(&DEPENDENCIES, &self.debug())
    }

    /// A key that is set for each own crate by itself. For the profile as a whole it would have all
    /// dependencies compiled again, and there is no way to say for these that it is to be as it was.
    fn for_own(&self, key: &str, value: &str) -> Choices {
        let crates = self.own_crates.iter();
        let keys = crates.map(|name| Choices::key(&["package", name, key], value));
        keys.fold(Choices::default(), |all, one| all.with(&one))
    }

    fn of_own(&self, key: &str) -> Option<Found> {
        let mut crates = self.own_crates.iter();
        let of_crate = crates.find_map(|name| self.present.find(&["package", name, key]));
        of_crate.or_else(|| self.present.find(&[key]))
    }

    fn debug(&self) -> String {
        let default = (self.present.base() != "release").to_string();
        self.present.find(&["debug"]).map_or(default, |it| it.value)
    }
}

impl Step {
    fn skip(&mut self, name: &str, reason: &str) {
        self.skipped.push((name.to_owned(), reason.to_owned()));
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

#[cfg(test)]
pub(crate) mod tests;
