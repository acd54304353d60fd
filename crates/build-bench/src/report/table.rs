//! The table on the terminal.

use trial::statistics::{Interval, Method};
use trial::table::aligned;

use super::remarks::{remarks, warnings};
use super::words::{factor, seconds};
use crate::results::{Cell, Results};

/// All figures, a column for each lane. Their names would make it too wide: letters stand for them.
#[must_use]
pub fn table(results: &Results) -> String {
    let lanes = results.method.lanes.iter().zip('a'..);
    let letters = lanes.clone().map(|(_, letter)| letter.to_string());
    let mut rows = vec![[String::new()].into_iter().chain(letters).collect()];
    for scenario in &results.method.scenarios {
        let mut row = vec![String::new(); results.method.lanes.len() + 1];
        row[0].clone_from(&scenario.id);
        for (number, _, cell) in results.lane_cells(&scenario.id) {
            row[number + 1] = short(cell);
        }
        rows.push(row);
    }
    let legend = lanes.map(|(lane, letter)| {
        let (title, id) = (&lane.setting_title, lane.id());
        format!("{letter}: {}, {title} ({id})\n", lane.command)
    });
    let notes = remarks(results).into_iter().chain(warnings(results));
    let notes: String = notes.map(|line| format!("{line}\n")).collect();
    format!(
        "{}\n{}{}\n{notes}",
        aligned(&rows),
        legend.collect::<String>(),
        signs(results)
    )
}

/// What the signs in the table mean, of those that it has.
fn signs(results: &Results) -> String {
    let cells = || results.cells.iter().filter(|it| it.wall_s.is_some());
    let intervals = || cells().filter_map(|cell| cell.wall_s.as_ref()?.interval);
    let interval = format!("±: {:.0} % interval", results.method.confidence * 100.0);
    let meanings = [
        (intervals().next().is_some(), interval.as_str()),
        (
            intervals().any(|it| it.method == Method::PooledNoise),
            "~: from the noise of all cells, not of this one's runs",
        ),
        (results.method.lanes.len() > 1, "×: against a, run by run"),
        (
            cells().any(|cell| cell.same_as.is_some()),
            "=: comes to the same as another situation, and was measured there",
        ),
    ];
    let told = meanings.into_iter().filter(|(is_there, _)| *is_there);
    let told: Vec<_> = told.map(|(_, meaning)| meaning).collect();
    let end = if told.is_empty() { "" } else { "\n" };
    told.join("; ") + end
}

/// The figure of a cell in a few characters: `0.68 s ±3 % ×0.14`.
fn short(cell: &Cell) -> String {
    cell.told("-", |wall| {
        let width = wall
            .interval
            .map(|it| format!(" {}", spread(it, wall.median)));
        // That of the first lane to itself tells nothing.
        let ratio = cell.ratio.as_ref();
        let ratio = ratio.filter(|it| (it.median - 1.0).abs() > 1e-12);
        let ratio = ratio.map(|it| format!(" ×{}", factor(it.median)));
        let mark = if cell.same_as.is_some() { "=" } else { "" };
        let parts = [width, ratio].map(Option::unwrap_or_default).concat();
        format!("{mark}{}{parts}", seconds(wall.median))
    })
}

/// How far an interval reaches from `middle`, on the wider side: `±3 %`; with `~` where it comes from other
/// cells.
fn spread(interval: Interval, middle: f64) -> String {
    let wider = (interval.high / middle - 1.0).max(1.0 - interval.low / middle);
    format!("{}±{:.0} %", interval.method.mark(), wider * 100.0)
}
