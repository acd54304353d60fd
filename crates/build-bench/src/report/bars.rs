//! Bars with intervals, one group for each scenario. Plain HTML: its text keeps its size on a phone, where
//! that of a scaled picture would not.

use trial::statistics::Summary;

use super::words::{self, escaped};
use crate::results::{LaneCell, Results};

/// A group of bars for each scenario; those without a figure, which only say why there is none, come last.
pub(super) fn bars(results: &Results) -> String {
    let scenarios = results.method.scenarios.iter();
    let groups = scenarios.map(|it| {
        let cells: Vec<_> = results.lane_cells(&it.id).collect();
        (widest_s(&cells), &it.title, cells)
    });
    let (with, without): (Vec<_>, Vec<_>) = groups.partition(|(widest_s, ..)| *widest_s > 0.0);
    let with = with.iter().map(|(widest_s, title, cells)| {
        let bars: String = cells.iter().map(|it| bar(*it, *widest_s)).collect();
        group(title, &format!("\n<div class=bars>{bars}</div>"))
    });
    let without = without.iter().map(|(_, title, cells)| {
        let reason = cells
            .first()
            .map_or(String::new(), |(.., cell)| cell.missing());
        group(title, &format!("<p class=note>{}</p>", escaped(&reason)))
    });
    with.chain(without).collect()
}

/// The upper end of the longest bar, with its interval: the width of the group.
fn widest_s(cells: &[LaneCell<'_>]) -> f64 {
    let figures = cells.iter().filter_map(|(.., cell)| cell.figure());
    figures.map(Summary::upper_end).fold(0.0, f64::max)
}

fn group(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!("<section class=group><h3>{title}</h3>{body}</section>\n")
}

/// Name, bar and figures. The figures stand in columns that all bars of the group share.
fn bar((number, lane, cell): LaneCell<'_>, widest_s: f64) -> String {
    let name = format!(
        "<code>{}</code> {}",
        escaped(lane.command_of(&cell.scenario)),
        escaped(&lane.setting_title)
    );
    let Some(wall) = cell.figure() else {
        let reason = escaped(&cell.missing());
        return format!("<span class=name>{name}: <span class=note>{reason}</span></span>\n");
    };
    let ratio = cell.ratio.as_ref().filter(|_| number > 0);
    format!(
        "<span class=name>{name}</span>{}<b class=value>{}</b><span class=value>{}</span><span class=value>{}</span>\n",
        track(wall, if number == 0 { "first" } else { "other" }, widest_s),
        words::seconds(wall.median),
        ratio.map_or(String::new(), |it| format!("×{}", words::factor(it.median))),
        wall.interval.map_or(String::new(), words::range)
    )
}

fn track(wall: &Summary, class: &str, widest_s: f64) -> String {
    let percent = |time_s: f64| (time_s / widest_s * 100.0).clamp(0.0, 100.0);
    let whisker = wall.interval.map(|it| {
        let (left, right) = (percent(it.low), percent(it.high));
        let width = right - left;
        format!("<i class=whisker style=\"left:{left:.2}%;width:{width:.2}%\"></i>")
    });
    format!(
        "<div class=track><i class=\"fill {class}\" style=\"width:{:.2}%\"></i>{}</div>",
        percent(wall.median),
        whisker.unwrap_or_default()
    )
}
