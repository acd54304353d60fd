//! The search on machines whose times are known.

use std::cell::Cell;

use super::*;
use crate::candidates::tests::facts;
use crate::choices::Setting::{CodegenUnits, DependencyDebug, Incremental, Linker, OwnDebug};

/// A machine on which each setting has a known effect.
#[derive(Default)]
struct Known {
    /// By the last part of a key and its value, or by the linker: by what a build takes longer or shorter.
    factors: Vec<(&'static str, f64)>,
    /// Which settings do not build.
    broken: Vec<&'static str>,
    /// How long compiling all dependencies takes.
    dependencies_s: f64,
    /// What was built with, so that what is compiled already takes no time.
    built: Vec<Choices>,
    elapsed_s: f64,
    builds: usize,
    ended_after: Option<usize>,
}

/// Two percent of noise, the same on each machine.
const NOISE: [f64; 5] = [1.0, 1.02, 0.98, 1.01, 0.99];

fn words(choices: &Choices) -> Vec<String> {
    let keys = choices.profile.iter();
    let keys = keys.map(|(path, value)| format!("{}={value}", path.join(".")));
    keys.chain(choices.linker.clone()).collect()
}

impl Known {
    fn factor(&self, choices: &Choices) -> f64 {
        let known = |word: &String| {
            let found = self.factors.iter().find(|(name, _)| word.ends_with(name));
            found.map_or(1.0, |(_, factor)| *factor)
        };
        words(choices).iter().map(known).product()
    }

    fn fails(&self, choices: &Choices) -> bool {
        words(choices)
            .iter()
            .any(|word| self.broken.iter().any(|it| word.ends_with(it)))
    }

    fn noise(&mut self) -> f64 {
        self.builds += 1;
        NOISE[self.builds % NOISE.len()]
    }
}

impl Builds for Known {
    fn prepare(&mut self, choices: &Choices, allowed_s: f64) -> Result<u64, Stop> {
        let is_known = self.built.contains(choices);
        let of_dependencies = choices.get(&["package", "*", "debug"]) == Some("false");
        if !is_known && of_dependencies && self.dependencies_s > 0.0 {
            if self.dependencies_s > allowed_s {
                self.elapsed_s += allowed_s;
                return Err(Stop::OutOfTime);
            }
            self.elapsed_s += std::mem::take(&mut self.dependencies_s);
        }
        self.built.push(choices.clone());
        if self.fails(choices) {
            return Err(Stop::Fails("error: out of cheese".to_owned()));
        }
        Ok(1000)
    }

    fn time_s(&mut self, choices: &Choices) -> Result<f64, Stop> {
        assert!(self.built.contains(choices), "not prepared: {choices:?}");
        if self.ended_after.is_some_and(|builds| self.builds >= builds) {
            return Err(TuneError::Interrupted.into());
        }
        let time_s = 4.0 * self.factor(choices) * self.noise();
        self.elapsed_s += time_s;
        Ok(time_s)
    }

    fn elapsed_s(&self) -> f64 {
        self.elapsed_s
    }

    fn tell(&self, _: &str) {}
}

fn found(known: &mut Known, manifest: &str, budget_s: f64) -> Measurement {
    search(&facts(manifest, &["a"]), known, budget_s).unwrap()
}

fn verdicts(found: &Measurement) -> Vec<(Setting, &str, &CandidateVerdict)> {
    let rows = found.rows.iter();
    rows.map(|row| (row.setting, row.candidate.as_str(), &row.verdict))
        .collect()
}

fn verdict<'f>(found: &'f Measurement, setting: Setting, candidate: &str) -> &'f CandidateVerdict {
    let all = verdicts(found);
    let row = all
        .iter()
        .find(|(s, c, _)| (*s, *c) == (setting, candidate));
    row.unwrap_or_else(|| panic!("{setting:?} {candidate}: {all:?}"))
        .2
}

const LOTS_OF_TIME_S: f64 = 1e6;

#[test]
fn what_gains_is_taken_and_what_is_within_the_noise_is_left() {
    let mut known = Known {
        factors: vec![
            ("package.*.debug=false", 0.5),
            ("wild", 0.9),
            ("mold", 0.8),
            ("codegen-units=64", 1.4),
        ],
        ..Known::default()
    };
    let found = found(&mut known, "", LOTS_OF_TIME_S);
    assert_eq!(
        verdict(&found, DependencyDebug, "false"),
        &CandidateVerdict::Taken
    );
    assert_eq!(verdict(&found, Linker, "mold"), &CandidateVerdict::Taken);
    assert_eq!(
        verdict(&found, Linker, "wild"),
        &CandidateVerdict::Surpassed
    );
    assert_eq!(
        verdict(&found, OwnDebug, "false"),
        &CandidateVerdict::WithinNoise
    );
    assert_eq!(
        verdict(&found, CodegenUnits, "64"),
        &CandidateVerdict::Slower
    );
    assert_eq!(
        verdict(&found, Incremental, "false"),
        &CandidateVerdict::WithinNoise
    );
    let won: Vec<_> = found.winners.iter().map(|winner| winner.setting).collect();
    assert_eq!(won, [DependencyDebug, Linker]);
    // What comes later is measured on top of what was taken before: less debug information, and the other
    // linker.
    let note = "0.90 [0.85, 0.92] of 1.80 s after an edit";
    assert_eq!(found.winners[1].note, note);
    let together = found.together.unwrap();
    assert!((together.ratio.median - 0.4).abs() < 0.02, "{together:?}");
    assert!(together.is_worth_it);
}

#[test]
fn nothing_that_gains_is_nothing_to_write() {
    let found = found(&mut Known::default(), "", LOTS_OF_TIME_S);
    assert_eq!((found.winners.len(), found.together), (0, None));
    let measured = found.rows.iter().filter(|row| row.ratio.is_some());
    assert!(measured.count() >= 6);
}

#[test]
fn less_is_taken_in_place_of_little_only_if_it_gains_again() {
    let lines = ("profile.debug=\"line-tables-only\"", 1.0);
    let of = |lines_factor: f64, none_factor: f64| {
        let mut known = Known {
            factors: vec![
                ("*.debug=true", 1.0),
                ("debug=\"line-tables-only\"", lines_factor),
                ("debug=false", none_factor),
                lines,
            ],
            ..Known::default()
        };
        // Dependencies have none already, so only the own crates' level is tried.
        found(
            &mut known,
            "[profile.dev.package.\"*\"]\ndebug = false\n",
            LOTS_OF_TIME_S,
        )
    };
    let both = of(0.8, 0.5);
    assert_eq!(
        verdict(&both, Setting::OwnDebug, "\"line-tables-only\""),
        &CandidateVerdict::Surpassed
    );
    assert_eq!(
        verdict(&both, Setting::OwnDebug, "false"),
        &CandidateVerdict::Taken
    );
    assert_eq!(both.winners.len(), 1);
    assert_eq!(both.winners[0].choices.get(&["debug"]), Some("false"));
    let one = of(0.8, 0.79);
    assert_eq!(
        verdict(&one, Setting::OwnDebug, "\"line-tables-only\""),
        &CandidateVerdict::Taken
    );
    assert_eq!(
        verdict(&one, Setting::OwnDebug, "false"),
        &CandidateVerdict::WithinNoise
    );
}

#[test]
fn what_the_user_has_set_is_told_and_nothing_stands_on_it() {
    let mut known = Known {
        factors: vec![("debug=false", 0.5)],
        ..Known::default()
    };
    let found = found(
        &mut known,
        "[profile.dev]\ndebug = 1\n[profile.dev.package.\"*\"]\ndebug = 1\n",
        LOTS_OF_TIME_S,
    );
    let yours = CandidateVerdict::Yours("Cargo.toml".to_owned());
    assert_eq!(verdict(&found, Setting::DependencyDebug, "false"), &yours);
    assert_eq!(verdict(&found, Setting::OwnDebug, "false"), &yours);
    assert_eq!((found.winners.len(), found.together), (0, None));
    // So it is the project as it is that the others are compared with.
    let row = found
        .rows
        .iter()
        .find(|row| row.setting == Setting::Incremental)
        .unwrap();
    assert!(row.build_s.unwrap() > 3.5, "{row:?}");
}

#[test]
fn what_does_not_build_or_load_is_no_choice() {
    let mut known = Known {
        factors: vec![("mold", 0.5), ("wild", 0.6)],
        broken: vec!["mold", "incremental=false"],
        ..Known::default()
    };
    let found = found(&mut known, "", LOTS_OF_TIME_S);
    assert!(matches!(
        verdict(&found, Setting::Linker, "mold"),
        CandidateVerdict::Fails(_)
    ));
    assert_eq!(
        verdict(&found, Setting::Linker, "wild"),
        &CandidateVerdict::Taken
    );
    assert!(matches!(
        verdict(&found, Setting::Incremental, "false"),
        CandidateVerdict::Fails(_)
    ));
}

#[test]
fn what_does_not_fit_into_the_budget_is_said() {
    let mut known = Known {
        factors: vec![("mold", 0.5)],
        dependencies_s: 500.0,
        ..Known::default()
    };
    let found = found(&mut known, "", 300.0);
    let verdict_of_dependencies = verdict(&found, Setting::DependencyDebug, "false");
    let text = format!("{verdict_of_dependencies:?}");
    assert!(text.contains("compiling all dependencies"), "{text}");
    // What is left of the time is used.
    assert_eq!(
        verdict(&found, Setting::Linker, "mold"),
        &CandidateVerdict::Taken
    );
    let late = verdict(&found, Setting::Incremental, "false");
    assert!(format!("{late:?}").contains("used up"), "{late:?}");
    assert!(found.together.is_some(), "time for that was kept");
    assert!(known.elapsed_s < 320.0, "{}", known.elapsed_s);
    assert!(
        known.elapsed_s > 200.0,
        "the time is used: {}",
        known.elapsed_s
    );
}

#[test]
fn a_project_that_does_not_build_is_an_error() {
    let mut slow = Known::default();
    // It ends while the project is built as it is, and while a candidate is measured.
    for builds in [0, 30] {
        slow.ended_after = Some(builds);
        slow.builds = 0;
        let error = search(&facts("", &["a"]), &mut slow, LOTS_OF_TIME_S).unwrap_err();
        assert!(matches!(error, TuneError::Interrupted), "{error}");
    }
}

#[test]
fn gains_that_do_not_add_up_to_one_are_not_written() {
    /// On which nothing gains anything once all are measured together.
    struct Fickle {
        known: Known,
        is_late: Cell<bool>,
    }
    impl Builds for Fickle {
        fn prepare(&mut self, choices: &Choices, allowed_s: f64) -> Result<u64, Stop> {
            self.known.prepare(choices, allowed_s)
        }
        fn time_s(&mut self, choices: &Choices) -> Result<f64, Stop> {
            let time_s = self.known.time_s(choices)?;
            let is_late = self.is_late.get();
            Ok(if is_late {
                4.0 * self.known.noise()
            } else {
                time_s
            })
        }
        fn elapsed_s(&self) -> f64 {
            self.known.elapsed_s
        }
        fn tell(&self, what: &str) {
            self.is_late.set(what.contains("together"));
        }
    }
    let mut bench = Fickle {
        known: Known {
            factors: vec![("package.*.debug=false", 0.5), ("mold", 0.8)],
            ..Known::default()
        },
        is_late: Cell::new(false),
    };
    let found = search(&facts("", &["a"]), &mut bench, LOTS_OF_TIME_S).unwrap();
    assert_eq!(found.winners.len(), 2);
    assert!(!found.together.unwrap().is_worth_it);
}

#[test]
fn with_little_time_what_is_cheap_comes_first() {
    let mut known = Known {
        dependencies_s: 100.0,
        ..Known::default()
    };
    let first = |found: &Measurement| found.rows[0].setting;
    let tight = found(&mut known, "", 240.0);
    assert_ne!(first(&tight), DependencyDebug);
    let measured = tight.rows.iter().filter(|row| row.build_s.is_some());
    assert!(measured.count() > 2);
    let plenty = found(&mut Known::default(), "", LOTS_OF_TIME_S);
    assert_eq!(first(&plenty), DependencyDebug);
}

#[test]
fn one_winner_was_measured_against_none_already() {
    let mut known = Known {
        factors: vec![("mold", 0.5)],
        ..Known::default()
    };
    let found = found(&mut known, "", LOTS_OF_TIME_S);
    assert_eq!(found.winners.len(), 1);
    let row = found
        .rows
        .iter()
        .find(|row| row.candidate == "mold")
        .unwrap();
    let together = found.together.unwrap();
    assert_eq!(
        (row.build_s, row.ratio),
        (Some(together.build_s), Some(together.ratio))
    );
    assert!(together.is_worth_it);
}
