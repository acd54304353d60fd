//! All figures in Markdown.

use super::remarks::{remarks, warnings};
use super::words;
use crate::results::{Cell, LaneRecord, Results};

pub(crate) fn markdown(results: &Results) -> String {
    let method = words::method(results).into_iter().chain(remarks(results));
    let method: String = method.map(|it| format!("* {it}\n")).collect();
    let head = [
        format!("# Build times of {}\n", results.subject.name),
        format!("{}.\n", words::result(results)),
        format!("{}\n", words::facts(results).join("\n\n")),
    ];
    let body = [
        format!("## All figures\n\n{}", figures(results)),
        format!(
            "## What else it takes\n\n{}\n\n{}",
            words::COSTS_TOLD,
            table(&words::costs_by_cell(results))
        ),
        format!("## How it was measured\n\n{method}"),
    ];
    let warnings = warnings(results).map(|it| format!("**{it}**\n"));
    let parts = head.into_iter().chain(warnings).chain(body);
    parts.collect::<Vec<_>>().join("\n")
}

/// A line for each scenario and lane. Why one is missing stands among the remarks.
fn figures(results: &Results) -> String {
    let first = results.method.lanes.first().map(LaneRecord::id);
    let against = format!("against {}", first.unwrap_or_default());
    let heads = [
        "situation",
        "command",
        "settings",
        "median (interval)",
        &against,
        "runs",
    ];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for scenario in &results.method.scenarios {
        let cells = results.lane_cells(&scenario.id);
        for (_, lane, cell) in cells.filter(|(_, _, cell)| cell.wall_s.is_some()) {
            rows.push(vec![
                scenario.title.clone(),
                format!("`{}`", lane.command_of(&scenario.id)),
                lane.setting_title.clone(),
                figure(cell),
                ratio(cell),
                runs(results, cell),
            ]);
        }
    }
    table(&rows)
}

/// `0.684 s (0.670 to 0.701)`.
fn figure(cell: &Cell) -> String {
    cell.told("-", |wall| {
        let range = wall.interval.map(|it| format!(" ({})", words::range(it)));
        format!(
            "{}{}",
            words::seconds(wall.median),
            range.unwrap_or_default()
        )
    })
}

fn ratio(cell: &Cell) -> String {
    let ratio = cell.told_ratio().map(|ratio| {
        let range = ratio
            .interval
            .map(|it| format!(" ({})", words::ratio_range(it)));
        format!(
            "{}{}",
            words::factor(ratio.median),
            range.unwrap_or_default()
        )
    });
    ratio.unwrap_or_else(|| "-".to_owned())
}

fn runs(results: &Results, cell: &Cell) -> String {
    let count = results.measured(cell).counted().count();
    let same = cell.same_as.as_ref();
    let same = same.map(|id| format!(", those of `{id}`, which does the same"));
    let outliers = match cell.wall_s.as_ref().map_or(0, |wall| wall.outliers.len()) {
        0 => String::new(),
        count => format!(", {count} far off"),
    };
    format!("{count}{outliers}{}", same.unwrap_or_default())
}

/// A table whose heads are the first row.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let line = |row: &Vec<String>| {
        let cells: Vec<_> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut lines: Vec<_> = rows.iter().map(line).collect();
    let columns = rows.first().map_or(0, Vec::len);
    lines.insert(1.min(lines.len()), format!("|{}\n", "---|".repeat(columns)));
    lines.concat()
}
