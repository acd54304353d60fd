//! The reports of results that are known, and the documentation of their form.

use super::known;

use crate::machine::Machine;
use crate::report::html::html;
use crate::report::markdown::markdown;
use crate::report::table::table;
use crate::results::{Bumped, EditRecord, MeasuredProject, Results, Run};
use crate::scenario::{Role, SCENARIOS};
use crate::setting::SETTINGS;
use crate::store;
use crate::strategy::STRATEGIES;
use crate::timeline::{Kind, PARTS, Span};
use camino::Utf8Path;

const LANES: [&str; 3] = [
    "maturin-develop/incremental",
    "maturin-develop/sccache-incremental",
    "maturin-develop/sccache",
];

/// Each cell of a lane takes as many seconds as the lane's number, from 1, times the round's.
fn results() -> Results {
    let mut results = known::results(&LANES, |scenario, lane| {
        let number = LANES
            .iter()
            .zip(1..)
            .find(|(it, _)| **it == lane.to_string());
        let number = number.expect("it is one of them").1;
        match scenario.id {
            "lock" => Vec::new(),
            id => (1..=7).map(|round| run(id, number, round)).collect(),
        }
    });
    for cell in results.cells.iter_mut().filter(|it| it.scenario == "lock") {
        cell.note = Some("not measured: no reason".to_owned());
    }
    results.subject = MeasuredProject {
        name: "thing <x>".to_owned(),
        commit: Some("0123456789ab+".to_owned()),
        edits: vec![EditRecord {
            role: Role::Core,
            crate_name: "io".to_owned(),
            place: "io/src/lib.rs:3".to_owned(),
        }],
        bumped: Some(Bumped {
            name: "bytes".to_owned(),
            versions: vec!["1.2.3".to_owned(), "1.2.2".to_owned()],
        }),
        locked_packages: 9,
    };
    results.machine = Machine {
        cores: 2,
        ..Machine::default()
    };
    results
}

fn run(scenario: &str, number: u32, round: u32) -> Run {
    Run {
        round,
        wall_s: f64::from(number) * f64::from(round),
        cpu_s: Some(1.0),
        peak_bytes: Some(1 << 30),
        is_another_library: Some(scenario != "leaf"),
        timeline: vec![Span {
            kind: Kind::Link,
            label: "<lib>".to_owned(),
            start_s: 0.0,
            end_s: 0.5,
        }],
        ..Run::default()
    }
}

#[test]
fn the_table_has_a_column_for_each_lane() {
    let text = table(&results());
    let line = text.lines().find(|line| line.starts_with("unchanged"));
    let words = line
        .unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert_eq!(
        words,
        "unchanged 4.00 s ±75 % 8.00 s ±75 % ×2.00 12.0 s ±75 % ×3.00"
    );
    let letter =
        "b: maturin develop --uv, sccache with incremental (maturin-develop/sccache-incremental)";
    assert!(text.contains(letter), "{text}");
    assert!(text.contains("builds nothing"), "{text}");
    assert!(text.contains("lock: not measured: no reason"), "{text}");
    assert!(
        text.contains("\n±: 95 % interval; ×: against a, run by run\n"),
        "{text}"
    );
}

#[test]
fn signs_are_explained_where_they_are_used() {
    let mut results = known::results(&["maturin-develop/incremental"], |scenario, _| {
        let runs = if scenario.id == "unchanged" { 3 } else { 1 };
        (1..=runs).map(|round| run(scenario.id, 1, round)).collect()
    });
    assert!(!table(&results).contains("=:"));
    let clean = results.cells.iter_mut().find(|it| it.scenario == "clean");
    clean.expect("it is measured").same_as = Some("target".to_owned());
    results.summarise();
    let text = table(&results);
    assert!(
        text.contains("=: comes to the same") && !text.contains("×: against"),
        "{text}"
    );
    // Two degrees of freedom are too few for intervals.
    assert!(!text.contains('~') && !text.contains("±:"), "{text}");
}

#[test]
fn markdown_has_every_figure_and_what_it_cost() {
    let text = markdown(&results());
    for part in [
        "| target/ gone | `maturin develop --uv` | sccache with incremental | 8.00 s (2.00 to 14.0) | 2.00 (2.00 to 2.00) | 7 |",
        "| core | maturin-develop/sccache | 1.00 s | 1.1 GB | 0 | - | - |",
        "* In the lock file bytes changes: 1.2.3, 1.2.2.",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // Each table has as many columns in each line as in its first.
    for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
        let columns: Vec<_> = block
            .lines()
            .map(|line| line.matches('|').count())
            .collect();
        assert!(columns.iter().all(|count| *count == columns[0]), "{block}");
    }
}

#[test]
fn the_page_is_whole_and_needs_nothing_else() {
    let page = html(&results());
    for tag in [
        "main", "section", "div", "details", "ul", "li", "table", "h2", "h3", "p", "code", "i",
        "span",
    ] {
        let open =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(open, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    for part in [
        "http:", "https:", "<script", "<img", "<lib>", "<x>", "NaN", "inf%",
    ] {
        assert!(!page.contains(part), "{part}");
    }
    for scenario in &SCENARIOS {
        assert!(page.contains(scenario.title), "{}", scenario.id);
    }
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn the_result_stands_first_with_its_date() {
    let mut results = results();
    let said = "One line changed in the extension crate: sccache with incremental takes 2.00 [2.00, 2.00] of the time of \
                cargo incremental only (thing &lt;x&gt; at 0123456789ab+, 25 November 2026)";
    let page = html(&results);
    assert!(
        page.find(said) < page.find("<h2>") && page.contains(said),
        "{page}"
    );
    assert!(markdown(&results).contains("takes 2.00 [2.00, 2.00]"));
    let between = |one: &str, other: &str| {
        let mut results = known::results(&[one, other], |_, lane| {
            let time_s = if lane.strategy.id == "xtask-dev" {
                1.0
            } else {
                2.0
            };
            known::runs(&[time_s; 6])
        });
        results.subject.name = "thing".to_owned();
        results
    };
    for (one, other, expected) in [
        (
            "maturin-develop/incremental",
            "xtask-dev/incremental",
            "`cargo xtask dev` takes 0.50 [0.50, 0.50] of the time of `maturin develop --uv` (thing, 25",
        ),
        (
            "maturin-develop/incremental",
            "xtask-dev/sccache",
            "`cargo xtask dev` (sccache without incremental) takes 0.50 [0.50, 0.50] of the time of `maturin develop --uv` (cargo incremental only) (thing",
        ),
    ] {
        let text = markdown(&between(one, other));
        assert!(text.contains(expected), "{text}");
    }
    // Where the edit was not measured, something else is told.
    results.keep(&["venv".to_owned()]);
    assert!(
        html(&results)
            .contains("<p class=result>.venv made anew: sccache with incremental takes 2.00")
    );
    results.keep(&["none".to_owned()]);
    assert!(html(&results).contains("There is no figure yet"));
}

#[test]
fn groups_without_a_figure_come_last() {
    let page = html(&results());
    let groups: Vec<_> = page.split("<section class=group>").skip(1).collect();
    assert_eq!(groups.len(), SCENARIOS.len());
    let (with, without) = groups.split_at(groups.len() - 2);
    assert!(with.iter().all(|it| it.contains("class=track")));
    // What builds nothing has no figure either.
    assert!(without[0].contains("builds nothing") && without[1].contains("no reason"));
}

#[test]
fn each_colour_means_one_thing() {
    let text = include_str!("../report/style.css");
    let (light, dark) = text.split_once("prefers-color-scheme: dark").unwrap();
    let dark = dark.split_once("* {").unwrap().0;
    for palette in [light, dark] {
        let names = ["--other:", "--first:", "--command:"].map(str::to_owned);
        let parts = (0..PARTS.len()).map(|number| format!("--part{number}:"));
        let colours: Vec<_> = names
            .into_iter()
            .chain(parts)
            .map(|name| {
                let at = palette.find(&name).unwrap_or_else(|| panic!("no {name}")) + name.len();
                palette[at..].split(';').next().unwrap().trim()
            })
            .collect();
        let distinct: std::collections::BTreeSet<_> = colours.iter().collect();
        assert_eq!(distinct.len(), colours.len(), "{colours:?}");
    }
}

#[test]
fn figures_stand_in_columns_and_the_wide_table_says_that_it_scrolls() {
    let page = html(&results());
    // A bar, its time, its ratio and its interval: the first column has no ratio, and its place is kept.
    let bars = page.matches("<div class=track>").count();
    assert_eq!(page.matches("<b class=value>").count(), bars);
    assert_eq!(page.matches("<span class=value>").count(), 2 * bars);
    let hint = page.find("<p class=hint>").unwrap();
    assert!(page[hint..].find("<div class=scroll").unwrap() < 150);
}

#[test]
fn everything_that_has_a_name_is_documented() {
    let docs = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let read = |page: &str| fs_err::read_to_string(docs.join(page)).unwrap();
    let text = ["measuring.md", "measuring-json.md"].map(read).concat();
    let mut names: Vec<String> = SCENARIOS.iter().map(|it| it.id.to_owned()).collect();
    names.extend(STRATEGIES.iter().map(|it| it.id.to_owned()));
    names.extend(SETTINGS.iter().map(|it| it.id.to_owned()));
    keys(&serde_json::to_value(results()).unwrap(), &mut names);
    for name in names {
        assert!(text.contains(&format!("`{name}`")), "{name}");
    }
}

/// The keys of all objects in `value`.
fn keys(value: &serde_json::Value, names: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                names.push(name.clone());
                keys(value, names);
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| keys(value, names)),
        _ => {}
    }
}

#[test]
fn the_json_has_the_timelines_that_are_shown_and_no_others() {
    let results = results();
    let read: Results = serde_json::from_str(&store::json(&results)).unwrap();
    assert_eq!(html(&read), html(&results));
    for cell in &read.cells {
        let with = cell.runs.iter().filter(|run| !run.timeline.is_empty());
        let is_shown = ["cdylib", "target", "cold"].contains(&cell.scenario.as_str());
        assert_eq!(with.count(), usize::from(is_shown), "{}", cell.scenario);
    }
}
