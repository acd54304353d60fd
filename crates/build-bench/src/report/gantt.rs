//! Where the time of one build goes: a bar of its parts, and every process that was seen.

use super::words::{self, escaped};
use crate::results::{LaneRecord, Results, Run};
use crate::timeline::{PARTS, Span, in_rows, part_of, parts};

/// The scenarios that are shown so.
const SHOWN: [&str; 3] = ["cdylib", "target", "cold"];

/// For each lane the run of each of these that is nearest to the median.
pub(super) fn timelines(results: &Results) -> String {
    let shown = results
        .method
        .scenarios
        .iter()
        .filter(|it| SHOWN.contains(&it.id.as_str()));
    let mut text = String::new();
    for scenario in shown {
        let lanes = results.method.lanes.iter().filter_map(|lane| {
            let cell = results.cell_on(&scenario.id, lane)?;
            Some(timeline(lane, results.measured(cell).typical()?))
        });
        let lanes: String = lanes.collect();
        if !lanes.is_empty() {
            text.push_str(&format!("<h3>{}</h3>\n{lanes}", escaped(&scenario.title)));
        }
    }
    text
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
    let parts = parts(&run.timeline, run.wall_s);
    let class = |name: &str| PARTS.iter().position(|it| *it == name).unwrap_or(0);
    let shown = || parts.iter().filter(|part| part.time_s >= 0.001);
    let pieces = shown().map(|part| {
        let width = part.time_s / run.wall_s * 100.0;
        format!(
            "<i class=part{} style=\"width:{width:.2}%\"></i>",
            class(part.name)
        )
    });
    let legend = shown().map(|part| {
        let time = words::seconds(part.time_s);
        format!(
            "<li><i class=part{}></i>{} {time}</li>",
            class(part.name),
            part.name
        )
    });
    format!(
        "<div class=shares>{}</div><ul class=legend>{}</ul>\n",
        pieces.collect::<String>(),
        legend.collect::<String>()
    )
}

/// Every process as a piece of its own, in rows; only counted, where there are too many at once.
fn processes(run: &Run) -> String {
    let rows = in_rows(&run.timeline);
    let (shown, hidden): (Vec<_>, Vec<_>) = rows.iter().partition(|(row, _)| *row < MOST_ROWS);
    let count = shown.iter().map(|(row, _)| row + 1).max().unwrap_or(0);
    let pieces: String = shown
        .iter()
        .map(|(row, span)| piece(*row, span, run))
        .collect();
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

/// More would fill the screen and tell no more.
const MOST_ROWS: usize = 12;

/// The height of a row.
const ROW_EM: f32 = 1.5;

fn piece(row: usize, span: &Span, run: &Run) -> String {
    let percent = |time_s: f64| (time_s / run.wall_s * 100.0).clamp(0.0, 100.0);
    let (left, right) = (percent(span.start_s), percent(span.end_s));
    let label = escaped(&span.label);
    format!(
        "<i class={} style=\"top:calc({ROW_EM}em*{row});left:{left:.2}%;width:{:.2}%\" title=\"{label}, {}\">{label}</i>",
        class(span, &run.timeline),
        (right - left).max(0.1),
        words::seconds(span.end_s - span.start_s)
    )
}

/// The colour of the part that the process counts for.
fn class(span: &Span, spans: &[Span]) -> String {
    let part = part_of(span, spans);
    let number = part.and_then(|name| PARTS.iter().position(|it| *it == name));
    number.map_or_else(|| "command".to_owned(), |number| format!("part{number}"))
}
