//! One chart for a document, as a picture of its own: seconds in the first two columns, in each situation
//! that both were measured in. Readable on light and dark ground, since it brings its own.

use trial::statistics::Summary;

use super::words::{self, escaped};
use crate::results::{Cell, LaneCell, LaneRecord, Results, ScenarioRecord};

const WIDTH: f64 = 800.0;
/// Where bars begin, and where the longest of a situation ends.
const BARS: (f64, f64) = (325.0, 640.0);
/// The height of a bar with its space, of the space between situations, and of the legend above them.
const ROW: f64 = 19.0;
const SPACE: f64 = 14.0;
const TOP: f64 = 88.0;

const STYLE: &str = "svg{--ground:#fff;--text:#1c2024;--soft:#5b6570;--first:#9aa5b1;--second:#2f66cf}\
@media(prefers-color-scheme:dark){svg{--ground:#15181c;--text:#e4e8ec;--soft:#9aa5b1;--first:#6a7580;--second:#5d87dd}}\
text{font:13px system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;fill:var(--text)}\
.soft{fill:var(--soft);font-size:12px}.value{font-weight:600}\
.ground{fill:var(--ground)}.first{fill:var(--first)}.second{fill:var(--second)}";

/// The classes of the bars of both columns.
const CLASSES: [&str; 2] = ["first", "second"];

pub(crate) fn chart(results: &Results) -> String {
    let mut y = TOP;
    let mut drawn = String::new();
    for group in groups(results) {
        drawn.push_str(&group.drawn(y));
        y += 2.0 * ROW + SPACE;
    }
    let height = y + 2.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" width=\"{WIDTH:.0}\" height=\"{height:.0}\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH:.0}\" height=\"{height:.0}\" rx=\"8\"/>\n{}{drawn}</svg>\n",
        escaped(&words::result(results).replace('`', "")),
        legend(results)
    )
}

/// A situation with the figures of both columns.
struct Group<'a> {
    scenario: &'a ScenarioRecord,
    cells: [(&'a Cell, &'a Summary); 2],
}

/// What comes to the same as another situation in both columns would be shown twice.
fn groups(results: &Results) -> impl Iterator<Item = Group<'_>> {
    let scenarios = results.method.scenarios.iter();
    let groups = scenarios.filter_map(|scenario| {
        let mut cells = results.lane_cells(&scenario.id);
        let mut next = |number| -> Option<(&Cell, &Summary)> {
            let (_, _, cell): LaneCell<'_> = cells.find(|(found, ..)| *found == number)?;
            Some((cell, cell.figure()?))
        };
        let cells = [next(0)?, next(1)?];
        Some(Group { scenario, cells })
    });
    groups.filter(|group| group.cells.iter().any(|(cell, _)| cell.same_as.is_none()))
}

/// Which colour is which column, and what the length of a bar means.
fn legend(results: &Results) -> String {
    let lanes = results.method.lanes.iter().zip(CLASSES).zip([12.0, 34.0]);
    let entries = lanes.map(|((lane, class), y)| {
        let LaneRecord {
            command,
            setting_title,
            ..
        } = lane;
        format!(
            "<rect class=\"{class}\" x=\"16\" y=\"{y:.0}\" width=\"14\" height=\"14\" rx=\"2\"/>\n{}",
            text(38.0, y + 12.0, "", &format!("{command}, {setting_title}"))
        )
    });
    let scale = "Seconds, medians: shorter is better. Each situation has a scale of its own.";
    entries.collect::<String>() + &text(16.0, 72.0, "soft", scale)
}

impl Group<'_> {
    fn drawn(&self, y: f64) -> String {
        let longest = self.cells.iter().map(|(_, wall)| wall.median);
        let scale = (BARS.1 - BARS.0) / longest.fold(f64::MIN_POSITIVE, f64::max);
        let title = text(16.0, y + ROW + 2.0, "", &self.scenario.title);
        let bars = self.cells.iter().zip(CLASSES).zip([y, y + ROW]);
        let bars = bars.map(|(((cell, wall), class), y)| bar(cell, wall, class, y, scale));
        title + &bars.collect::<String>()
    }
}

fn bar(cell: &Cell, wall: &Summary, class: &str, y: f64, scale: f64) -> String {
    let ratio = cell.told_ratio().filter(|_| class == CLASSES[1]);
    let ratio = ratio.map(|it| format!("  ×{}", words::factor(it.median)));
    let value = words::seconds(wall.median) + &ratio.unwrap_or_default();
    format!(
        "<rect class=\"{class}\" x=\"{:.0}\" y=\"{y:.0}\" width=\"{:.1}\" height=\"14\" rx=\"2\"/>\n{}",
        BARS.0,
        (wall.median * scale).max(1.0),
        text(BARS.1 + 14.0, y + 11.0, "value", &value),
    )
}

fn text(x: f64, y: f64, class: &str, text: &str) -> String {
    format!(
        "<text x=\"{x:.0}\" y=\"{y:.0}\" class=\"{class}\">{}</text>\n",
        escaped(text)
    )
}
