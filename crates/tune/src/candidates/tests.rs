//! What is tried, for several manifests.

use super::*;
use testkit::Fixture;

/// What is known of a project with this Cargo.toml.
pub(crate) fn facts(manifest: &str, own_crates: &[&str]) -> Facts {
    let fixture = Fixture::new();
    fixture.write("Cargo.toml", manifest);
    let root = fixture.root();
    let present = Present::read("dev", &root, &root.join("Cargo.toml"), "none").unwrap();
    Facts {
        present,
        own_crates: own_crates.iter().map(|&it| it.to_owned()).collect(),
        linkers: Linkers {
            target: "none".to_owned(),
            own: "rust-lld",
            others: vec!["wild", "mold"],
        },
        splits_debuginfo: true,
    }
}

fn names(step: &Step) -> Vec<&str> {
    step.candidates.iter().map(|it| it.name.as_str()).collect()
}

#[test]
fn cargos_defaults_leave_something_to_try_everywhere() {
    let facts = facts("", &["a", "b"]);
    let best = Choices::default();
    let tried = crate::choices::SETTINGS.map(|setting| {
        let step = facts.step(setting, &best);
        assert_eq!(step.set_by, None);
        (step.now.clone(), names(&step).join(" "))
    });
    let expected = [
        ("true", "false"),
        ("rust-lld", "wild mold"),
        ("true", "\"line-tables-only\" false"),
        ("\"off\"", "\"unpacked\""),
        ("256", "64 16"),
        ("true", "false"),
    ];
    assert_eq!(tried, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    let units = facts.step(Setting::CodegenUnits, &best);
    let keys: Vec<_> = units.candidates[0]
        .choices
        .profile
        .iter()
        .map(|(path, _)| path.join("."))
        .collect();
    assert_eq!(keys, ["package.a.codegen-units", "package.b.codegen-units"]);
}

#[test]
fn the_level_of_own_crates_leaves_that_of_dependencies() {
    let first = |manifest: &str, best: &Choices| {
        let step = facts(manifest, &["a"]).step(Setting::OwnDebug, best);
        step.candidates[0]
            .choices
            .get(&DEPENDENCIES)
            .map(str::to_owned)
    };
    let none = Choices::default();
    assert_eq!(first("", &none).as_deref(), Some("true"));
    assert_eq!(first("", &Choices::key(&DEPENDENCIES, "false")), None);
    assert_eq!(
        first("[profile.dev.package.\"*\"]\ndebug = 1\n", &none),
        None
    );
}

#[test]
fn what_is_set_is_named_and_what_cannot_gain_is_not_tried() {
    let manifest = "[profile.dev]\ndebug = \"line-tables-only\"\ncodegen-units = 16\n\
                        [profile.dev.package.\"*\"]\ndebug = false\n";
    let facts = facts(manifest, &["a"]);
    let best = Choices::default();
    let dependencies = facts.step(Setting::DependencyDebug, &best);
    assert_eq!(dependencies.set_by.as_deref(), Some("Cargo.toml"));
    assert_eq!(
        (dependencies.candidates.len(), dependencies.skipped.len()),
        (0, 1)
    );
    let own = facts.step(Setting::OwnDebug, &best);
    assert_eq!(names(&own), ["false"]);
    assert!(own.set_by.is_some());
    let units = facts.step(Setting::CodegenUnits, &best);
    assert_eq!((units.now.as_str(), names(&units)), ("16", vec!["64"]));
    // There is nothing to be split where own crates have nothing.
    let split = facts.step(Setting::SplitDebuginfo, &Choices::key(&["debug"], "false"));
    assert_eq!((names(&split).len(), split.skipped.len()), (0, 1));
}

#[test]
fn what_wheels_are_built_with_is_not_touched() {
    let mut facts = facts("[profile.quick]\ninherits = \"release\"\n", &["a"]);
    let tried = |facts: &Facts| {
        let all = crate::choices::SETTINGS.into_iter();
        let due = all.filter(|it| !facts.step(*it, &Choices::default()).candidates.is_empty());
        due.collect::<Vec<_>>()
    };
    "release".clone_into(&mut facts.present.profile);
    assert_eq!(tried(&facts), [Setting::Linker]);
    "quick".clone_into(&mut facts.present.profile);
    assert_eq!(tried(&facts), [Setting::Linker, Setting::Incremental]);
}

#[test]
fn levels_are_in_order() {
    let levels = ["false", "\"line-directives-only\"", LINES, "1", "true"].map(level);
    assert!(levels.is_sorted_by(|a, b| a < b), "{levels:?}");
    assert_eq!(level("\"full\""), level("2"));
    assert_eq!(
        (level("0"), level("\"none\""), level("\"limited\"")),
        (0, 0, level("1"))
    );
}
