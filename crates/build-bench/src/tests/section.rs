//! The chart and the table that a document shows, and what is noticed when names no longer mean what was
//! measured.

use super::known;

use crate::report::chart::chart;
use crate::report::section::{drift, with_section};
use crate::results::Results;
use crate::scenario::SCENARIOS;

const LANES: [&str; 3] = [
    "maturin-develop/incremental",
    "xtask-dev/incremental",
    "maturin-develop/sccache",
];

/// Everything takes a second by `cargo xtask dev` and two by `maturin develop`; `leaf` builds nothing and
/// `lock` was not measured by the last, and `venv` by none.
fn results() -> Results {
    let mut results = known::results(&LANES, |scenario, lane| {
        let time_s = if lane.strategy.id == "xtask-dev" {
            1.0
        } else {
            2.0
        };
        let is_last = lane.setting.id == "sccache";
        match scenario.id {
            "venv" => Vec::new(),
            "lock" if is_last => Vec::new(),
            id => {
                let mut runs = known::runs(&[time_s; 6]);
                runs[0].is_another_library = Some(!(is_last && id == "leaf"));
                runs
            }
        }
    });
    "thing".clone_into(&mut results.subject.name);
    results
}

const DOCUMENT: &str =
    "# Mine\n\n<!-- bench-build -->\nold\n<!-- bench-build: end -->\n\nMine too.\n";

#[test]
fn the_table_has_a_row_for_each_situation_with_a_figure_and_all_else_stays() {
    let text = with_section(DOCUMENT, &results()).unwrap();
    assert!(
        text.starts_with("# Mine\n\n<!-- bench-build -->\n![One line changed"),
        "{text}"
    );
    assert!(
        text.ends_with("\n<!-- bench-build: end -->\n\nMine too.\n"),
        "{text}"
    );
    for line in [
        "| situation | `maturin develop --uv`<br>cargo incremental only | `cargo xtask dev`<br>cargo incremental only | `maturin develop --uv`<br>sccache without incremental |",
        "| `cdylib`: one line changed in the extension crate | 2.00 s | 1.00 s<br>**×0.50** [0.50 to 0.50] | 2.00 s<br>**×1.00** [1.00 to 1.00] |",
        "| `leaf`: one line changed in a leaf crate | 2.00 s | 1.00 s<br>**×0.50** [0.50 to 0.50] | builds nothing |",
        "| `lock`: another version of one dependency in the lock file | 2.00 s | 1.00 s<br>**×0.50** [0.50 to 0.50] | – |",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}\n{text}");
    }
    assert_eq!(text.matches("\n| `").count(), SCENARIOS.len() - 1, "{text}");
    assert!(!text.contains("`venv`"));
    assert!(text.contains("`cargo xtask wheel --release` for `cargo xtask dev`"));
    assert_eq!(with_section(&text, &results()).as_ref(), Some(&text));
}

#[test]
fn what_has_no_place_for_it_is_left_alone() {
    let swapped = "<!-- bench-build: end -->\n<!-- bench-build -->\n";
    for document in ["", "<!-- bench-build -->\n", swapped, &DOCUMENT.repeat(2)] {
        assert_eq!(with_section(document, &results()), None, "{document}");
    }
}

/// A change of the results, and what is told of it.
type Drift = (fn(&mut Results), &'static str);

#[test]
fn names_that_no_longer_mean_what_was_measured_are_told() {
    assert_eq!(drift(&results()), Vec::<String>::new());
    let cases: [Drift; 5] = [
        (
            |it| it.method.lanes[0].command = "maturin develop".to_owned(),
            "`maturin-develop/incremental` was: maturin develop, maturin build --release, cargo incremental only; it is: maturin develop --uv,",
        ),
        (
            |it| it.method.lanes[1] = it.method.lanes[1].clone().without_launcher(),
            "was: xtask dev, the program alone",
        ),
        (
            |it| it.method.lanes[2].setting = "gone".to_owned(),
            "there is no `maturin-develop/gone` any more",
        ),
        (
            |it| it.method.scenarios[0].title = "cold".to_owned(),
            "`cold` was: cold; it is: a fresh clone",
        ),
        (
            |it| it.method.scenarios[1].id = "gone".to_owned(),
            "there is no situation `gone` any more",
        ),
    ];
    for (change, expected) in cases {
        let mut results = results();
        change(&mut results);
        let told = drift(&results);
        assert!(told.len() == 1 && told[0].contains(expected), "{told:?}");
    }
}

#[test]
fn the_chart_shows_what_was_measured_and_brings_its_own_ground() {
    let picture = chart(&results());
    // Two bars for each situation but `venv`, which nobody has measured.
    let shown = SCENARIOS.len() - 1;
    for of_each in [">2.00 s<", ">1.00 s  ×0.50<"] {
        assert_eq!(picture.matches(of_each).count(), shown, "{of_each}");
    }
    for part in [
        "One line changed in the extension crate: cargo xtask dev takes 0.50",
        ">maturin develop --uv, cargo incremental only<",
        ">cargo xtask dev, cargo incremental only<",
        ">another version of one dependency in the lock file<",
        "prefers-color-scheme:dark",
        "class=\"ground\"",
    ] {
        assert!(picture.contains(part), "{part}\n{picture}");
    }
    assert_eq!(
        picture.matches("<text").count(),
        picture.matches("</text>").count()
    );
    // One column alone is compared with nothing.
    let alone = known::results(&LANES[..1], |_, _| known::runs(&[1.0]));
    assert!(!chart(&alone).contains("class=\"value\""));
    // What comes to the same in both columns is shown once.
    let mut same = results();
    for cell in &mut same.cells {
        if cell.scenario == "clean" {
            cell.same_as = Some("target".to_owned());
        }
    }
    assert!(!chart(&same).contains(">after cargo clean<"));
}
