//! Where the time of one build goes: a bar of its parts, and every process that was seen.

use super::words::{self, escaped};
use crate::results::{LaneRecord, Results, Run, TOLD_BY_PROCESS};
use crate::timeline::{PARTS, Span, in_rows, part_of, parts};

/// More would fill the screen and tell no more.
const MOST_ROWS: usize = 12;

const ROW_EM: f32 = 1.5;

/// For each lane the run of each scenario that is nearest to the median.
pub(super) fn timelines(results: &Results) -> String {
    let scenarios = results.method.scenarios.iter();
    let shown = scenarios.filter(|it| TOLD_BY_PROCESS.contains(&it.id.as_str()));
    let sections = shown.map(|scenario| {
        let cells = results.lane_cells(&scenario.id);
        let runs = cells
            .filter_map(|(_, lane, cell)| Some(timeline(lane, results.measured(cell).typical()?)));
        let runs: String = runs.collect();
        if runs.is_empty() {
            return runs;
        }
        format!("<h3>{}</h3>\n{runs}", escaped(&scenario.title))
    });
    sections.collect()
}

fn timeline(lane: &LaneRecord, run: &Run) -> String {
    format!(
        "<div class=timeline><p class=name><code>{}</code> {} <b>{}</b></p>\n{}<details><summary>every process</summary>\n{}</details></div>\n",
        escaped(&lane.command),
        escaped(&lane.setting_title),
        words::seconds(run.wall_s),
        shares(run),
        processes(run)
    )
}

/// One bar, divided, with what each part is and how long it takes.
fn shares(run: &Run) -> String {
    let parts = parts(&run.timeline, run.wall_s).into_iter().enumerate();
    let (mut pieces, mut legend) = (String::new(), String::new());
    for (part, time_s) in parts.filter(|(_, time_s)| *time_s >= 0.001) {
        let width = time_s / run.wall_s * 100.0;
        let (name, time) = (PARTS[part], words::seconds(time_s));
        pieces += &format!("<i class=part{part} style=\"width:{width:.2}%\"></i>");
        legend += &format!("<li><i class=part{part}></i>{name} {time}</li>");
    }
    format!("<div class=shares>{pieces}</div><ul class=legend>{legend}</ul>\n")
}

/// Every process as a piece of its own, in rows; only counted, where there are too many at once.
fn processes(run: &Run) -> String {
    let rows = in_rows(&run.timeline).into_iter();
    let (shown, hidden): (Vec<_>, Vec<_>) = rows.partition(|(row, _)| *row < MOST_ROWS);
    let count = shown.iter().map(|(row, _)| row + 1).max().unwrap_or(0);
    let pieces = shown.iter().map(|(row, span)| piece(*row, span, run));
    let pieces: String = pieces.collect();
    let more = match hidden.len() {
        0 => String::new(),
        more => format!("<p class=axis>and {more} more at once</p>\n"),
    };
    format!(
        "<div class=processes style=\"height:calc({ROW_EM}em*{count})\">{pieces}</div>\
         <p class=axis><span>0 s</span><span>{}</span></p>\n{more}",
        words::seconds(run.wall_s)
    )
}

/// In the colour of the part that the process counts for.
fn piece(row: usize, span: &Span, run: &Run) -> String {
    let percent = |time_s: f64| (time_s / run.wall_s * 100.0).clamp(0.0, 100.0);
    let (left, right) = (percent(span.start_s), percent(span.end_s));
    let label = escaped(&span.label);
    let class = match part_of(span, &run.timeline) {
        Some(part) => format!("part{part}"),
        None => "command".to_owned(),
    };
    format!(
        "<i class={class} style=\"top:calc({ROW_EM}em*{row});left:{left:.2}%;width:{:.2}%\" title=\"{label}, {}\">{label}</i>",
        (right - left).max(0.1),
        words::seconds(span.end_s - span.start_s)
    )
}
