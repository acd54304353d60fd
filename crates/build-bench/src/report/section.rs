//! The part of a document that shows a measurement: a chart and one table of situations by ways to build,
//! between two markers. Everything in it follows from the results, so it can be compared with them.

use super::markdown;
use super::words;
use crate::lane::Lane;
use crate::results::{Cell, LaneRecord, Results};
use crate::scenario::Scenario;

/// Where the part begins in the document, on a line of its own.
pub(crate) const BEGIN: &str = "<!-- bench-build -->";
pub(crate) const END: &str = "<!-- bench-build: end -->";
/// Where the chart is, seen from the document.
pub(crate) const CHART: &str = "images/build-times.svg";

/// `document` with what `results` say between the markers. `None` if these are not there once each, in this
/// order.
pub(crate) fn with_section(document: &str, results: &Results) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (old, after) = rest.split_once(END)?;
    if old.contains(BEGIN) || after.contains(BEGIN) || after.contains(END) {
        return None;
    }
    Some(format!("{before}{BEGIN}\n{}{END}{after}", section(results)))
}

/// The names in `results` that this program no longer knows, or under which it now does something else.
pub(crate) fn drift(results: &Results) -> Vec<String> {
    let told = |it: &LaneRecord| {
        let (command, title) = (&it.command, &it.setting_title);
        format!("{command}, {}, {title}", it.wheel_command)
    };
    let lanes = results.method.lanes.iter().map(|then| {
        let now = Lane::find(&then.strategy, &then.setting).map(|it| told(&LaneRecord::of(&it)));
        ("", then.id(), told(then), now)
    });
    let scenarios = results.method.scenarios.iter().map(|then| {
        let now = Scenario::find(&then.id).map(|it| it.title.to_owned());
        ("situation ", then.id.clone(), then.title.clone(), now)
    });
    let names = lanes.chain(scenarios);
    let drifted = names.filter_map(|(what, id, then, now)| match now {
        None => Some(format!("there is no {what}`{id}` any more")),
        Some(now) if now != then => Some(format!("`{id}` was: {then}; it is: {now}")),
        Some(_) => None,
    });
    drifted.collect()
}

fn section(results: &Results) -> String {
    let result = words::result(results);
    format!(
        "![{}]({CHART})\n\n{result}.\n\n{}\n{}\n\n{}.\n",
        result.replace(['`', '[', ']'], ""),
        table(results),
        legend(results),
        words::facts(results).join("; ")
    )
}

const NONE: &str = "–";

/// A row for each situation; what nobody has measured tells nothing.
fn table(results: &Results) -> String {
    let lanes = &results.method.lanes;
    let heads = lanes
        .iter()
        .map(|it| format!("`{}`<br>{}", it.command, it.setting_title));
    let mut rows = vec![["situation".to_owned()].into_iter().chain(heads).collect()];
    for scenario in &results.method.scenarios {
        let mut row = vec![NONE.to_owned(); lanes.len() + 1];
        for (number, _, cell) in results.lane_cells(&scenario.id) {
            row[number + 1] = figure(cell);
        }
        if row.iter().any(|it| it != NONE) {
            row[0] = format!("`{}`: {}", scenario.id, scenario.title);
            rows.push(row);
        }
    }
    markdown::table(&rows)
}

/// `=1.21 s<br>**×0.67** [0.61 to 0.74]`.
fn figure(cell: &Cell) -> String {
    cell.told(NONE, |wall| {
        let mark = if cell.same_as.is_some() { "=" } else { "" };
        let ratio = cell.ratio.as_ref().map(words::ratio_parts);
        let ratio = ratio.map(|(times, interval)| format!("<br>**{times}**{interval}"));
        let time = words::seconds(wall.median);
        format!("{mark}{time}{}", ratio.unwrap_or_default())
    })
}

fn legend(results: &Results) -> String {
    let lanes = results.method.lanes.iter();
    let wheels = lanes.filter(|it| !it.wheel_command.is_empty());
    let mut told: Vec<_> = Vec::new();
    for lane in wheels {
        let wheel = format!("`{}` for `{}`", lane.wheel_command, lane.command);
        if !told.contains(&wheel) {
            told.push(wheel);
        }
    }
    format!(
        "Medians. × is the ratio to the first column, run by run, with the interval that holds the true one with {:.0} % \
         probability; ~ marks one that rests on the noise of all figures, = what comes to the same as another situation and \
         was measured there, {NONE} what was not measured. Wheels are built by {}.",
        results.method.confidence * 100.0,
        told.join(", ")
    )
}
