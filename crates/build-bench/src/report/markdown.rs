//! The tables in Markdown: the two questions of most projects about sccache, and all figures.

use super::table::{disturbance, remarks};
use super::words;
use crate::results::{Cell, LaneRecord, Results, State};

/// All of it.
#[must_use]
pub fn markdown(results: &Results) -> String {
    let mut parts = vec![
        format!("# Build times of {}\n", results.subject.name),
        format!("{}.\n", words::result(results)),
        format!(
            "{}\n\n{}\n\n{}\n",
            words::subject(results),
            words::machine(results),
            words::versions(results)
        ),
    ];
    if results.state != State::Complete {
        parts.push("**This measurement is not finished.**\n".to_owned());
    }
    parts.extend(disturbance(results).map(|it| format!("**{it}**\n")));
    for strategy in strategies(results) {
        parts.extend(where_it_helps(results, &strategy));
        parts.extend(with_incremental(results, &strategy));
    }
    parts.push(everything(results));
    parts.push(costs(results));
    let list = words::method(results).into_iter().chain(remarks(results));
    let list: String = list.map(|it| format!("* {it}\n")).collect();
    parts.push(format!("## How it was measured\n\n{list}"));
    parts.join("\n")
}

fn strategies(results: &Results) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for lane in &results.method.lanes {
        if !names.contains(&lane.strategy) {
            names.push(lane.strategy.clone());
        }
    }
    names
}

/// The situations in which people expect something of a compiler cache.
const SITUATIONS: [&str; 8] = [
    "unchanged",
    "cdylib",
    "target",
    "venv",
    "branch",
    "clean",
    "clone",
    "cold",
];

/// The situations one by one, without and with sccache. `None` if one of the two was not measured.
fn where_it_helps(results: &Results, strategy: &str) -> Option<String> {
    let lane = |setting: &str| lane(results, strategy, setting);
    let lanes = [lane("incremental")?, lane("sccache-incremental")?];
    let mut rows = vec![row([
        "situation",
        "cargo incremental only",
        "sccache with incremental",
        "ratio",
    ])];
    for id in SITUATIONS {
        let [without, with] = lanes.map(|lane| results.cell_on(id, lane));
        let (Some(without), Some(with)) = (without, with) else {
            continue;
        };
        rows.push(row([
            title(results, id),
            figure(without),
            figure(with),
            against(results, with, without),
        ]));
    }
    let heading = format!("## Where sccache helps: `{}`\n", lanes[0].command);
    (rows.len() > 1).then(|| format!("{heading}\n{}", rule_after_first(rows)))
}

/// The settings one by one, for an incremental build and for a clean one.
fn with_incremental(results: &Results, strategy: &str) -> Option<String> {
    let settings = ["incremental", "sccache", "sccache-incremental"];
    let lanes: Vec<_> = settings
        .iter()
        .filter_map(|it| lane(results, strategy, it))
        .collect();
    if lanes.len() < settings.len() {
        return None;
    }
    let mut rows = vec![row([
        "settings",
        "one line in the extension",
        "one line in the core crate",
        "target/ gone",
    ])];
    for lane in &lanes {
        let figure_of = |id: &str| results.cell_on(id, lane).map_or("-".to_owned(), figure);
        rows.push(row([
            lane.setting_title.clone(),
            figure_of("cdylib"),
            figure_of("core"),
            figure_of("target"),
        ]));
    }
    let heading = format!(
        "## sccache and incremental builds: `{}`\n",
        lanes[0].command
    );
    Some(format!("{heading}\n{}", rule_after_first(rows)))
}

/// Every figure, a table for each scenario being too many: one, with a line for each lane.
fn everything(results: &Results) -> String {
    let first = results.method.lanes.first().map(LaneRecord::id);
    let against = format!("against {}", first.unwrap_or_default());
    let mut rows = vec![row([
        "situation",
        "command",
        "settings",
        "median (interval)",
        &against,
        "runs",
    ])];
    for scenario in &results.method.scenarios {
        for lane in &results.method.lanes {
            // Why there is none stands among the remarks.
            let cell = results.cell_on(&scenario.id, lane);
            let Some(cell) = cell.filter(|cell| cell.wall_s.is_some()) else {
                continue;
            };
            let command = words::command(lane, &scenario.id);
            rows.push(row([
                scenario.title.clone(),
                format!("`{command}`"),
                lane.setting_title.clone(),
                figure(cell),
                ratio(cell),
                runs(results, cell),
            ]));
        }
    }
    format!("## All figures\n\n{}", rule_after_first(rows))
}

fn costs(results: &Results) -> String {
    let heads = ["situation", "lane"].into_iter().chain(words::COSTS);
    let mut rows = vec![row(heads)];
    for cell in &results.cells {
        if let Some(costs) = words::costs(cell) {
            let names = [title(results, &cell.scenario), cell.lane_id()];
            rows.push(row(names.into_iter().chain(costs)));
        }
    }
    format!(
        "## What else it takes\n\n{}\n\n{}",
        words::COSTS_TOLD,
        rule_after_first(rows)
    )
}

fn lane<'a>(results: &'a Results, strategy: &str, setting: &str) -> Option<&'a LaneRecord> {
    let mut lanes = results.method.lanes.iter();
    lanes.find(|lane| lane.strategy == strategy && lane.setting == setting)
}

fn title(results: &Results, id: &str) -> String {
    let mut scenarios = results.method.scenarios.iter();
    let found = scenarios.find(|it| it.id == id);
    found.map_or(id, |it| &it.title).to_owned()
}

/// `0.684 s (0.670 to 0.701)`.
fn figure(cell: &Cell) -> String {
    if cell.is_stale() {
        return "builds nothing: the old library stays".to_owned();
    }
    let Some(wall) = &cell.wall_s else {
        return "-".to_owned();
    };
    let range = wall
        .interval
        .map_or(String::new(), |it| format!(" ({})", words::range(it)));
    format!("{}{range}", words::seconds(wall.median))
}

fn ratio(cell: &Cell) -> String {
    let Some(ratio) = cell.told_ratio() else {
        return "-".to_owned();
    };
    let range = ratio
        .interval
        .map_or(String::new(), |it| format!(" ({})", words::ratio_range(it)));
    format!("{}{range}", words::factor(ratio.median))
}

/// The ratio of two cells: pair by pair, where the second is the one that all are compared with.
fn against(results: &Results, with: &Cell, without: &Cell) -> String {
    let first = results.method.lanes.first().map(LaneRecord::id);
    match (&with.wall_s, &without.wall_s) {
        _ if first == Some(without.lane_id()) => ratio(with),
        (Some(with), Some(without)) => words::factor(with.median / without.median),
        _ => "-".to_owned(),
    }
}

fn runs(results: &Results, cell: &Cell) -> String {
    let measured = results.measured(cell);
    let count = measured.counted().count();
    let same = cell.same_as.as_ref();
    let same = same.map_or(String::new(), |id| {
        format!(", those of `{id}`, which does the same")
    });
    let outliers = cell.wall_s.as_ref().map_or(0, |wall| wall.outliers.len());
    let outliers = match outliers {
        0 => String::new(),
        count => format!(", {count} far off"),
    };
    format!("{count}{outliers}{same}")
}

/// A row of a table.
pub(super) fn row<S: AsRef<str>>(cells: impl IntoIterator<Item = S>) -> String {
    let cells = cells
        .into_iter()
        .map(|cell| cell.as_ref().replace('|', "\\|"));
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// The rows as a table whose heads are the first.
pub(super) fn rule_after_first(mut rows: Vec<String>) -> String {
    let columns = rows.first().map_or(0, |row| row.matches(" |").count());
    rows.insert(1.min(rows.len()), format!("|{}\n", "---|".repeat(columns)));
    rows.concat()
}
