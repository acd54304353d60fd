//! What is compared: a strategy with a setting. Each has a checkout and caches of its own.

use std::fmt;

use crate::scenario::{Action, Cost, SCENARIOS, Scenario, Step};
use crate::setting::{SETTINGS, Setting};
use crate::strategy::{STRATEGIES, Strategy};

/// A strategy with a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane {
    pub(crate) strategy: &'static Strategy,
    pub(crate) setting: &'static Setting,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.strategy.id, self.setting.id)
    }
}

/// A lane, and what is measured on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanePlan {
    pub(crate) lane: Lane,
    pub(crate) scenarios: Vec<&'static Scenario>,
}

/// A name on the command line that stands for no lane.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no strategy `{0}`\n  help: `all`, or one of {strategies}, with one of {settings} behind it, as in `maturin-develop/sccache`",
    strategies = strategies(),
    settings = settings(", ")
)]
pub struct UnknownLane(String);

/// A name that stands for at least one lane, as it was given.
pub fn strategy_name(name: &str) -> Result<String, UnknownLane> {
    lanes(name).map(|_| name.to_owned())
}

/// What `--strategy` takes, for its help.
#[must_use]
pub fn strategy_help() -> String {
    format!(
        "Measure this way to build, as `maturin-develop`, `cargo/sccache` or `all`; may be given several times. The first one is \
         what the others are compared with [default: a choice for the questions of most projects] [possible values: all, {}; \
         each alone or with one of /{}]",
        strategies(),
        settings(", /")
    )
}

fn strategies() -> String {
    STRATEGIES.each_ref().map(|it| it.id).join(", ")
}

fn settings(separator: &str) -> String {
    SETTINGS.each_ref().map(|it| it.id).join(separator)
}

/// The strategy that can link third-party crates once, and keeps what it has linked.
const PRELINKS: &str = "xtask-dev";

/// What is measured where nobody has said what: the questions of most projects, in 20 minutes on a small
/// machine. What stands first is measured first, where time is short. The first lane is what the others are
/// compared with.
const DEFAULT: [(&str, &[&str]); 5] = [
    ("maturin-develop/incremental", &[]),
    // As it does it by itself, with the same settings of cargo.
    (
        "xtask-dev/stored",
        &[
            "cold",
            "unchanged",
            "cdylib",
            "leaf",
            "core",
            "python",
            "venv",
            "branch",
            "target",
            "clone",
            "clean",
        ],
    ),
    ("maturin-develop/sccache-incremental", &[]),
    // What people type who know uv and not maturin.
    ("uv-sync/incremental", &["unchanged", "cdylib", "venv"]),
    // That incremental compilation has to be given up for sccache is a common belief.
    (
        "maturin-develop/sccache",
        &["cold", "cdylib", "core", "target"],
    ),
];

/// The rows for the names that were given; without any, those of the default. Of `scenarios`, if any are
/// named.
pub fn rows(strategies: &[String], scenarios: &[String]) -> Result<Vec<LanePlan>, UnknownLane> {
    let given = strategies.iter().map(|name| (name.as_str(), &[][..]));
    let named: Vec<_> = match strategies {
        [] => DEFAULT.to_vec(),
        _ => given.collect(),
    };
    let mut rows: Vec<LanePlan> = Vec::new();
    for (name, ids) in named {
        let is_wanted = |it: &&Scenario| {
            (ids.is_empty() || ids.contains(&it.id))
                && (scenarios.is_empty() || scenarios.iter().any(|id| id == it.id))
        };
        for lane in lanes(name)? {
            let scenarios: Vec<_> = SCENARIOS.iter().filter(is_wanted).collect();
            if !scenarios.is_empty() && rows.iter().all(|row| row.lane != lane) {
                rows.push(LanePlan { lane, scenarios });
            }
        }
    }
    Ok(rows)
}

/// `all`; a strategy, with the settings of the default; `strategy/setting`; or `all/setting`.
fn lanes(name: &str) -> Result<Vec<Lane>, UnknownLane> {
    let (strategy, setting) = match name.split_once('/') {
        Some((strategy, setting)) => (strategy, Some(setting)),
        None => (name, None),
    };
    let is_measured = |it: &&Setting| match setting {
        Some(id) => it.id == id,
        None => strategy == "all" || ["incremental", "sccache-incremental"].contains(&it.id),
    };
    let knows = |strategy: &Strategy, setting: &Setting| {
        !setting.prelinks || setting.is_tuned || strategy.id == PRELINKS
    };
    let is_named = |it: &&Strategy| strategy == "all" || it.id == strategy;
    let lanes = STRATEGIES.iter().filter(is_named).flat_map(|strategy| {
        let settings = SETTINGS.iter().filter(is_measured);
        let settings = settings.filter(move |setting| knows(strategy, setting));
        settings.map(move |setting| Lane { strategy, setting })
    });
    let lanes: Vec<_> = lanes.collect();
    if lanes.is_empty() {
        return Err(UnknownLane(name.to_owned()));
    }
    Ok(lanes)
}

impl Lane {
    /// The lane of these two, if both are still known.
    pub(crate) fn find(strategy: &str, setting: &str) -> Option<Self> {
        Some(Self {
            strategy: Strategy::find(strategy)?,
            setting: Setting::find(setting)?,
        })
    }

    /// Whether it keeps what it has built anywhere but in the checkout.
    pub(crate) fn has_caches(&self) -> bool {
        let prelinks = self.setting.prelinks && self.strategy.id == PRELINKS;
        self.setting.cache.is_some() || prelinks || self.strategy.uv_keeps_builds
    }

    /// Whether `scenario` starts with nothing on this lane: neither with a checkout nor with what was kept
    /// elsewhere. Else everything has to be built before.
    pub(crate) fn begins_with(&self, scenario: &Scenario) -> bool {
        let keeps_caches = self.has_caches() && !scenario.does(Action::EmptyCaches);
        scenario.does(Action::FreshClone) && !keeps_caches
    }

    /// The scenario that comes to the same on this lane, and is measured in its place: without caches, a
    /// fresh clone is the same with kept caches as with empty ones, and without `target/` it does not matter
    /// who has removed it.
    pub(crate) fn same_as(
        &self,
        scenario: &Scenario,
        among: &[&'static Scenario],
    ) -> Option<&'static Scenario> {
        let steps = |it: &Scenario| {
            let steps = it.steps_with(self.has_caches());
            steps.map(Step::effect).collect::<Vec<_>>()
        };
        let before = among.iter().take_while(|it| it.id != scenario.id);
        let mut before = before.filter(|it| it.cost == Cost::Dear);
        before.find(|it| steps(it) == steps(scenario)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(strategies: &[&str]) -> Vec<String> {
        let strategies: Vec<_> = strategies.iter().map(|&it| it.to_owned()).collect();
        let rows = rows(&strategies, &[]).unwrap();
        rows.iter().map(|row| row.lane.to_string()).collect()
    }

    #[test]
    fn a_strategy_is_measured_with_and_without_a_cache() {
        let expected = ["cargo/incremental", "cargo/sccache-incremental"];
        assert_eq!(names(&["cargo"]), expected);
        assert_eq!(names(&["cargo/kache", "cargo/kache"]), ["cargo/kache"]);
        // Only `dev` can link third-party crates once, and has a store.
        let all = STRATEGIES.len() * (SETTINGS.len() - 2) + 2;
        assert_eq!(names(&["all"]).len(), all);
        assert_eq!(names(&["all/tuned"]).len(), STRATEGIES.len());
        assert_eq!(names(&["all/prelinked"]), ["xtask-dev/prelinked"]);
        assert_eq!(names(&["all/stored"]), ["xtask-dev/stored"]);
    }

    #[test]
    fn the_help_names_all_that_may_be_named() {
        let help = strategy_help();
        let strategies = STRATEGIES.iter().map(|it| it.id);
        for name in strategies
            .chain(SETTINGS.iter().map(|it| it.id))
            .chain(["all"])
        {
            assert!(help.contains(name), "{name}");
        }
    }

    #[test]
    fn the_default_measures_every_scenario() {
        let rows = rows(&[], &[]).unwrap();
        for scenario in &SCENARIOS {
            let has = |row: &LanePlan| row.scenarios.contains(&scenario);
            assert!(rows.iter().any(has), "{}", scenario.id);
        }
        for (_, ids) in DEFAULT {
            assert!(ids.iter().all(|id| Scenario::find(id).is_some()), "{ids:?}");
        }
    }

    #[test]
    fn what_is_unknown_is_told_with_what_there_is() {
        let error = rows(&["ninja".to_owned()], &[]).unwrap_err().to_string();
        assert!(
            error.contains("uv-sync") && error.contains("zccache"),
            "{error}"
        );
    }

    #[test]
    fn kept_caches_have_to_be_filled_before() {
        let begins = |lane: &str, id: &str| {
            let lane = lanes(lane).unwrap()[0];
            lane.begins_with(Scenario::find(id).unwrap())
        };
        assert!(begins("cargo/incremental", "cold") && begins("cargo/incremental", "clone"));
        assert!(begins("cargo/sccache", "cold") && !begins("cargo/sccache", "clone"));
        assert!(!begins("uv-sync/incremental", "clone"));
        assert!(!begins("cargo/incremental", "target"));
    }

    #[test]
    fn equal_steps_are_measured_once() {
        let all: Vec<_> = SCENARIOS.iter().collect();
        let same = |lane: &str, id: &str| {
            let lane = lanes(lane).unwrap()[0];
            lane.same_as(Scenario::find(id).unwrap(), &all)
                .map(|it| it.id)
        };
        assert_eq!(same("maturin-develop/incremental", "clone"), Some("cold"));
        let wheel = same("maturin-develop/incremental", "wheel-warm");
        assert_eq!(wheel, Some("wheel-cold"));
        assert_eq!(same("maturin-develop/sccache", "clone"), None);
        // So does `dev` with what it has linked once.
        assert_eq!(same("xtask-dev/prelinked", "clone"), None);
        assert_eq!(same("xtask-dev/incremental", "clone"), Some("cold"));
        // uv keeps what it has built.
        assert_eq!(same("uv-sync/incremental", "clone"), None);
        assert_eq!(same("maturin-develop/incremental", "target"), None);
        assert_eq!(same("maturin-develop/sccache", "clean"), Some("target"));
    }
}
