//! Bars with intervals, one group for each scenario. Plain HTML: its text keeps its size on a phone, where that of a
//! scaled picture would not.

use super::html::escaped;
use super::words;
use crate::results::{Cell, LaneRecord, Results, ScenarioRecord};

/// A group of bars for each scenario.
pub(super) fn bars(results: &Results) -> String {
    let groups = results.method.scenarios.iter();
    groups.map(|scenario| group(results, scenario)).collect()
}

fn group(results: &Results, scenario: &ScenarioRecord) -> String {
    let lanes = results.method.lanes.iter().enumerate();
    let cells: Vec<_> = lanes
        .filter_map(|(number, lane)| {
            let cell = results.cell_of(&scenario.id, &lane.strategy, &lane.setting)?;
            Some((number, lane, cell))
        })
        .collect();
    // The upper end of the longest bar, with its interval, is the width of the group.
    let ends = cells.iter().filter_map(|(_, _, cell)| {
        let wall = cell.wall_s.as_ref()?;
        Some(wall.interval.map_or(wall.median, |it| it.high))
    });
    let widest_s = ends.fold(0.0, f64::max);
    if widest_s <= 0.0 {
        return format!(
            "<section class=group><h3>{}</h3><p class=note>{}</p></section>\n",
            escaped(&scenario.title),
            escaped(
                cells
                    .first()
                    .and_then(|(_, _, cell)| cell.note.as_deref())
                    .unwrap_or("not measured")
            )
        );
    }
    let bars: String = cells
        .iter()
        .map(|(number, lane, cell)| bar(*number, lane, cell, widest_s))
        .collect();
    format!(
        "<section class=group><h3>{}</h3>\n{bars}</section>\n",
        escaped(&scenario.title)
    )
}

fn bar(number: usize, lane: &LaneRecord, cell: &Cell, widest_s: f64) -> String {
    let command = words::command(lane, &cell.scenario);
    let name = format!(
        "<span class=name><code>{}</code> {}</span>",
        escaped(command),
        escaped(&lane.setting_title)
    );
    let wall = cell.wall_s.as_ref().filter(|_| !cell.is_stale());
    let Some(wall) = wall else {
        let reason = if cell.is_stale() {
            "builds nothing: the old library stays"
        } else {
            cell.note.as_deref().unwrap_or("not measured")
        };
        return format!(
            "<div class=bar>{name}<span class=note>{}</span></div>\n",
            escaped(reason)
        );
    };
    let percent = |time_s: f64| (time_s / widest_s * 100.0).clamp(0.0, 100.0);
    let whisker = wall.interval.map_or(String::new(), |it| {
        format!(
            "<i class=whisker style=\"left:{:.2}%;width:{:.2}%\"></i>",
            percent(it.low),
            percent(it.high) - percent(it.low)
        )
    });
    let range = wall.interval.map_or(String::new(), |it| {
        format!(" <small>{}</small>", words::range(it))
    });
    let ratio = cell.ratio.as_ref().filter(|_| number > 0);
    let ratio = ratio.map_or(String::new(), |it| {
        format!(" <small>×{}</small>", words::factor(it.median))
    });
    format!(
        "<div class=bar>{name}<span class=value>{}{ratio}{range}</span>\
         <div class=track><i class=\"fill lane{}\" style=\"width:{:.2}%\"></i>{whisker}</div></div>\n",
        words::seconds(wall.median),
        number % 6,
        percent(wall.median)
    )
}
