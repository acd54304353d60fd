//! One chart for a document, as a picture of its own: how the other columns compare with the first, in the
//! situations that decide most. Readable on light and dark ground, since it brings its own.

use trial::statistics::Summary;

use super::words::{self, escaped};
use crate::results::{LaneRecord, Results, ScenarioRecord};

/// The situations that are shown, as far as they were measured.
const SHOWN: [&str; 6] = [
    "unchanged",
    "cdylib",
    "core",
    "venv",
    "target",
    "wheel-warm",
];

const WIDTH: f64 = 800.0;
/// Where bars begin, and where that of the longest interval ends.
const BARS: (f64, f64) = (335.0, 570.0);
/// The height of a bar with its space, of a heading, and of what stands above all of it.
const ROW: f64 = 22.0;
const HEADING: f64 = 30.0;
const TOP: f64 = 52.0;

const STYLE: &str = "svg{--ground:#fff;--text:#1c2024;--soft:#5b6570;--bar:#2f66cf;--line:#8a95a1}\
@media(prefers-color-scheme:dark){svg{--ground:#15181c;--text:#e4e8ec;--soft:#9aa5b1;--bar:#5d87dd;--line:#77828e}}\
text{font:13px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:var(--text)}\
.soft{fill:var(--soft);font-size:12px}.head{font-weight:600}.value{font-weight:600}\
.ground{fill:var(--ground)}.bar{fill:var(--bar)}.one{stroke:var(--line);stroke-dasharray:3 3}\
.whisker{stroke:var(--text);stroke-width:1.5;fill:none}";

pub(crate) fn chart(results: &Results) -> String {
    let groups = groups(results);
    let ratios = groups.iter().flat_map(|(_, rows)| rows);
    let longest = ratios
        .map(|(_, ratio)| ratio.upper_end())
        .fold(1.0, f64::max);
    let scale = (BARS.1 - BARS.0) / longest;
    let mut y = TOP;
    let mut drawn = String::new();
    for (scenario, rows) in &groups {
        y += HEADING;
        drawn.push_str(&text(16.0, y - 8.0, "head", &scenario.title));
        for (lane, ratio) in rows {
            let (command, title) = (lane.command_of(&scenario.id), &lane.setting_title);
            drawn.push_str(&row(&format!("{command}, {title}"), ratio, y, scale));
            y += ROW;
        }
    }
    let height = y + 14.0;
    let one = BARS.0 + scale;
    let line = format!(
        "<path class=\"one\" d=\"M{one:.1} {TOP:.0}V{:.0}\"/>\n",
        height - 10.0
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" width=\"{WIDTH:.0}\" height=\"{height:.0}\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH:.0}\" height=\"{height:.0}\" rx=\"8\"/>\n{}{}{line}{drawn}</svg>\n",
        escaped(&words::result(results).replace('`', "")),
        text(16.0, 26.0, "", &against(results)),
        text(
            16.0,
            44.0,
            "soft",
            "Shorter is better; the thin line is the interval."
        ),
    )
}

/// A situation, and the columns that have a ratio in it.
type Group<'a> = (&'a ScenarioRecord, Vec<(&'a LaneRecord, &'a Summary)>);

fn groups(results: &Results) -> Vec<Group<'_>> {
    let scenarios = results.method.scenarios.iter();
    let shown = scenarios.filter(|it| SHOWN.contains(&it.id.as_str()));
    let groups = shown.map(|scenario| {
        let others = results
            .lane_cells(&scenario.id)
            .filter(|(number, ..)| *number > 0);
        let rows = others.filter_map(|(_, lane, cell)| Some((lane, cell.told_ratio()?)));
        (scenario, rows.collect::<Vec<_>>())
    });
    groups.filter(|(_, rows)| !rows.is_empty()).collect()
}

fn against(results: &Results) -> String {
    let first = results.method.lanes.first();
    first.map_or(String::new(), |lane| {
        let (command, title) = (&lane.command, &lane.setting_title);
        format!("The dashed line is the time of {command}, {title}.")
    })
}

fn row(label: &str, ratio: &Summary, y: f64, scale: f64) -> String {
    let at = |ratio: f64| BARS.0 + ratio * scale;
    let middle = y + 7.0;
    let whisker = ratio.interval.map(|it| {
        let (low, high, top) = (at(it.low), at(it.high), middle - 4.0);
        format!("<path class=\"whisker\" d=\"M{low:.1} {top:.0}v8m0 -4H{high:.1}m0 -4v8\"/>\n")
    });
    let (times, interval) = words::ratio_parts(ratio);
    let value = format!("{times}{interval}");
    format!(
        "{}<rect class=\"bar\" x=\"{:.0}\" y=\"{y:.0}\" width=\"{:.1}\" height=\"14\" rx=\"2\"/>\n{}{}",
        text(16.0, middle + 4.0, "soft", label),
        BARS.0,
        (ratio.median * scale).max(1.0),
        whisker.unwrap_or_default(),
        text(BARS.1 + 12.0, middle + 4.0, "value", &value),
    )
}

fn text(x: f64, y: f64, class: &str, text: &str) -> String {
    format!(
        "<text x=\"{x:.0}\" y=\"{y:.0}\" class=\"{class}\">{}</text>\n",
        escaped(text)
    )
}
