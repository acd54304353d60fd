//! The part of a document that shows a measurement: a chart and one table of situations by ways to build,
//! between two markers. Everything in it follows from the results, so it can be compared with them.

use super::markdown::{row, rule_after_first};
use super::words;
use crate::results::{Cell, LaneRecord, Results, ScenarioRecord};
use crate::scenario::Scenario;

/// Where the part begins in the document, on a line of its own.
pub const BEGIN: &str = "<!-- bench-build -->";
/// Where it ends.
pub const END: &str = "<!-- bench-build: end -->";
/// Where the chart is, seen from the document.
pub const CHART: &str = "images/build-times.svg";

/// `document` with what `results` say between the markers. `None` if these are not there once each, in this
/// order.
#[must_use]
pub fn with_section(document: &str, results: &Results) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (old, after) = rest.split_once(END)?;
    if old.contains(BEGIN) || after.contains(BEGIN) || after.contains(END) {
        return None;
    }
    Some(format!("{before}{BEGIN}\n{}{END}{after}", section(results)))
}

/// The names in `results` that this program no longer knows, or under which it now does something else.
#[must_use]
pub fn drift(results: &Results) -> Vec<String> {
    let lanes = results.method.lanes.iter().filter_map(|then| {
        let Some(lane) = then.lane() else {
            return Some(format!("there is no `{}` any more", then.id()));
        };
        let now = LaneRecord::of(&lane);
        let told =
            |it: &LaneRecord| format!("{}, {}, {}", it.command, it.wheel_command, it.setting_title);
        let text = || format!("`{}` was: {}; it is: {}", then.id(), told(then), told(&now));
        (now != *then).then(text)
    });
    let scenarios =
        results
            .method
            .scenarios
            .iter()
            .filter_map(|then| match Scenario::find(&then.id) {
                None => Some(format!("there is no situation `{}` any more", then.id)),
                Some(now) if now.title != then.title => Some(format!(
                    "`{}` was: {}; it is: {}",
                    then.id, then.title, now.title
                )),
                Some(_) => None,
            });
    lanes.chain(scenarios).collect()
}

fn section(results: &Results) -> String {
    let result = words::result(results);
    format!(
        "![{}]({CHART})\n\n{result}.\n\n{}\n{}\n\n{}; {}; {}.\n",
        result.replace(['`', '[', ']'], ""),
        table(results),
        legend(results),
        words::subject(results),
        words::machine(results),
        words::versions(results)
    )
}

fn table(results: &Results) -> String {
    let lanes = &results.method.lanes;
    let heads = lanes
        .iter()
        .map(|it| format!("`{}`<br>{}", it.command, it.setting_title));
    let heads = std::iter::once("situation".to_owned()).chain(heads);
    let mut rows = vec![row(heads)];
    for scenario in &results.method.scenarios {
        let cells = lanes.iter().map(|it| figure(results, scenario, it));
        let cells: Vec<_> = cells.collect();
        // What nobody has measured tells nothing.
        if cells.iter().any(|it| it != NONE) {
            let name = format!("`{}`: {}", scenario.id, scenario.title);
            rows.push(row([vec![name], cells].concat()));
        }
    }
    rule_after_first(rows)
}

/// Stands where there is no figure.
const NONE: &str = "–";

fn figure(results: &Results, scenario: &ScenarioRecord, lane: &LaneRecord) -> String {
    let cell = results.cell_on(&scenario.id, lane);
    match cell {
        Some(cell) if cell.is_stale() => "builds nothing".to_owned(),
        Some(cell) => told(cell).unwrap_or_else(|| NONE.to_owned()),
        None => NONE.to_owned(),
    }
}

/// `=1.21 s<br>**×0.67** [0.61 to 0.74]`.
fn told(cell: &Cell) -> Option<String> {
    let wall = cell.wall_s.as_ref()?;
    let mark = if cell.same_as.is_some() { "=" } else { "" };
    let ratio = cell.ratio.as_ref().map(|ratio| {
        let (times, interval) = words::ratio_parts(ratio);
        format!("<br>**{times}**{interval}")
    });
    let time = words::seconds(wall.median);
    Some(format!("{mark}{time}{}", ratio.unwrap_or_default()))
}

fn legend(results: &Results) -> String {
    let mut wheels: Vec<String> = Vec::new();
    for lane in results
        .method
        .lanes
        .iter()
        .filter(|it| !it.wheel_command.is_empty())
    {
        let told = format!("`{}` for `{}`", lane.wheel_command, lane.command);
        if !wheels.contains(&told) {
            wheels.push(told);
        }
    }
    format!(
        "Medians. × is the ratio to the first column, run by run, with the interval that holds the true one with {:.0} % \
         probability; ~ marks one that rests on the noise of all figures, = what comes to the same as another situation and \
         was measured there, {NONE} what was not measured. Wheels are built by {}.",
        results.method.confidence * 100.0,
        wheels.join(", ")
    )
}
