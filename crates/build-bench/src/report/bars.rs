//! Bars with intervals, one group for each scenario. Plain HTML: its text keeps its size on a phone, where
//! that of a scaled picture would not.

use trial::statistics::Summary;

use super::words::{self, escaped};
use crate::results::{Cell, LaneRecord, Results, ScenarioRecord};

/// A group of bars for each scenario; those without a figure, which only say why there is none, come last.
pub(super) fn bars(results: &Results) -> String {
    let (with, without): (Vec<_>, Vec<_>) = results
        .method
        .scenarios
        .iter()
        .map(|scenario| (scenario, cells(results, scenario)))
        .partition(|(_, cells)| widest_s(cells) > 0.0);
    let with = with.iter().map(|(scenario, cells)| group(scenario, cells));
    let without = without
        .iter()
        .map(|(scenario, cells)| empty(scenario, cells));
    with.chain(without).collect()
}

/// A lane with its number, and its cell of one scenario.
type LaneCell<'a> = (usize, &'a LaneRecord, &'a Cell);

fn cells<'a>(results: &'a Results, scenario: &ScenarioRecord) -> Vec<LaneCell<'a>> {
    let lanes = results.method.lanes.iter().enumerate();
    let cells = lanes.filter_map(|(number, lane)| {
        let cell = results.cell_on(&scenario.id, lane)?;
        Some((number, lane, cell))
    });
    cells.collect()
}

/// The upper end of the longest bar, with its interval: the width of the group.
fn widest_s(cells: &[LaneCell<'_>]) -> f64 {
    let ends = cells.iter().filter_map(|(_, _, cell)| {
        let wall = cell.figure()?;
        Some(wall.interval.map_or(wall.median, |it| it.high))
    });
    ends.fold(0.0, f64::max)
}

fn group(scenario: &ScenarioRecord, cells: &[LaneCell<'_>]) -> String {
    let widest_s = widest_s(cells);
    let bars = cells
        .iter()
        .map(|(number, lane, cell)| bar(*number, lane, cell, widest_s));
    format!(
        "<section class=group><h3>{}</h3>\n<div class=bars>{}</div></section>\n",
        escaped(&scenario.title),
        bars.collect::<String>()
    )
}

fn empty(scenario: &ScenarioRecord, cells: &[LaneCell<'_>]) -> String {
    format!(
        "<section class=group><h3>{}</h3><p class=note>{}</p></section>\n",
        escaped(&scenario.title),
        escaped(
            &cells
                .first()
                .map_or(String::new(), |(_, _, cell)| reason(cell))
        )
    )
}

/// Why there is no figure.
fn reason(cell: &Cell) -> String {
    match (&cell.note, &cell.same_as) {
        _ if cell.is_stale() => "builds nothing: the old library stays".to_owned(),
        (Some(note), _) => note.clone(),
        (None, Some(other)) => format!("comes to the same as {other}, which was not measured"),
        (None, None) => "not measured".to_owned(),
    }
}

/// Name, bar and figures. The figures stand in columns that all bars of the group share.
fn bar(number: usize, lane: &LaneRecord, cell: &Cell, widest_s: f64) -> String {
    let name = format!(
        "<code>{}</code> {}",
        escaped(words::command(lane, &cell.scenario)),
        escaped(&lane.setting_title)
    );
    let Some(wall) = cell.figure() else {
        return format!(
            "<span class=name>{name}: <span class=note>{}</span></span>\n",
            escaped(&reason(cell))
        );
    };
    let ratio = cell.ratio.as_ref().filter(|_| number > 0);
    let ratio = ratio.map_or(String::new(), |it| format!("×{}", words::factor(it.median)));
    let range = wall.interval.map_or(String::new(), words::range);
    format!(
        "<span class=name>{name}</span>{}<b class=value>{}</b><span class=value>{ratio}</span><span class=value>{range}</span>\n",
        track(wall, if number == 0 { "first" } else { "other" }, widest_s),
        words::seconds(wall.median),
    )
}

fn track(wall: &Summary, class: &str, widest_s: f64) -> String {
    let percent = |time_s: f64| (time_s / widest_s * 100.0).clamp(0.0, 100.0);
    let whisker = wall.interval.map_or(String::new(), |it| {
        format!(
            "<i class=whisker style=\"left:{:.2}%;width:{:.2}%\"></i>",
            percent(it.low),
            percent(it.high) - percent(it.low)
        )
    });
    format!(
        "<div class=track><i class=\"fill {class}\" style=\"width:{:.2}%\"></i>{whisker}</div>",
        percent(wall.median)
    )
}
