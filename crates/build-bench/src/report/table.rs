//! The table on the terminal.

use trial::statistics::{Interval, Method};
use trial::table::aligned;

use super::words::{factor, seconds};
use crate::results::{Cell, LaneRecord, Results, State};

/// All figures, a column for each lane. Their names would make it too wide: letters stand for them.
#[must_use]
pub fn table(results: &Results) -> String {
    let lanes = results.method.lanes.iter().zip('a'..);
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(lanes.clone().map(|(_, letter)| letter.to_string()));
    for scenario in &results.method.scenarios {
        let mut row = vec![scenario.id.clone()];
        row.extend(lanes.clone().map(|(lane, _)| {
            let cell = results.cell_on(&scenario.id, lane);
            cell.map_or_else(String::new, short)
        }));
        rows.push(row);
    }
    let legend = lanes.map(|(lane, letter)| {
        format!(
            "{letter}: {}, {} ({})\n",
            lane.command,
            lane.setting_title,
            lane.id()
        )
    });
    format!(
        "{}\n{}{}\n{}",
        aligned(&rows),
        legend.collect::<String>(),
        signs(results),
        notes(results)
    )
}

/// What the signs in the table mean, of those that it has.
fn signs(results: &Results) -> String {
    let cells = || results.cells.iter().filter(|it| it.wall_s.is_some());
    let intervals = || cells().filter_map(|cell| cell.wall_s.as_ref()?.interval);
    let meanings = [
        (
            intervals().next().is_some(),
            format!("±: {:.0} % interval", results.method.confidence * 100.0),
        ),
        (
            intervals().any(|it| it.method == Method::PooledNoise),
            "~: from the noise of all cells, not of this one's runs".to_owned(),
        ),
        (
            results.method.lanes.len() > 1,
            "×: against a, run by run".to_owned(),
        ),
        (
            cells().any(|cell| cell.same_as.is_some()),
            "=: comes to the same as another situation, and was measured there".to_owned(),
        ),
    ];
    let told = meanings.into_iter().filter(|(is_there, _)| *is_there);
    let told: Vec<_> = told.map(|(_, meaning)| meaning).collect();
    if told.is_empty() {
        return String::new();
    }
    format!("{}\n", told.join("; "))
}

/// The figure of a cell in a few characters: `0.68 ±3 %  (0.14)`.
#[must_use]
pub fn short(cell: &Cell) -> String {
    if cell.is_stale() {
        return "builds nothing".to_owned();
    }
    let Some(wall) = &cell.wall_s else {
        return "-".to_owned();
    };
    let width = wall
        .interval
        .map_or(String::new(), |it| format!(" {}", spread(it, wall.median)));
    let ratio = cell
        .ratio
        .as_ref()
        .filter(|it| (it.median - 1.0).abs() > 1e-12);
    let ratio = ratio.map_or(String::new(), |it| format!(" ×{}", factor(it.median)));
    let mark = if cell.same_as.is_some() { "=" } else { "" };
    format!("{mark}{}{width}{ratio}", seconds(wall.median))
}

/// How far an interval reaches from `middle`, on the wider side: `±3 %`; with `~` where it comes from other
/// cells.
#[must_use]
pub fn spread(interval: Interval, middle: f64) -> String {
    let wider = (interval.high / middle - 1.0).max(1.0 - interval.low / middle);
    let sign = match interval.method {
        Method::OrderStatistics => "±",
        Method::PooledNoise => "~±",
    };
    format!("{sign}{:.0} %", wider * 100.0)
}

/// What has to be said beside the figures.
fn notes(results: &Results) -> String {
    let mut lines = Vec::new();
    if results.state != State::Complete {
        lines.push("This measurement is not finished.".to_owned());
    }
    lines.extend(remarks(results));
    lines.extend(disturbance(results));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// What a cell is grouped by.
type NameOf = fn(&Cell) -> String;

/// Why figures are missing or rest on fewer runs; what holds for all of a lane, or of a scenario, is said
/// once.
#[must_use]
pub fn remarks(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest: Vec<&Cell> = results
        .cells
        .iter()
        .filter(|it| it.note.is_some())
        .collect();
    let columns = results.method.lanes.iter().map(LaneRecord::id);
    let scenarios = results.method.scenarios.iter().map(|it| it.id.clone());
    let of_lane: NameOf = Cell::lane_id;
    let of_scenario: NameOf = |cell| cell.scenario.clone();
    let groups = columns
        .map(|it| (it, of_lane))
        .chain(scenarios.map(|it| (it, of_scenario)));
    for (name, name_of) in groups {
        let all = || results.cells.iter().filter(|cell| name_of(cell) == name);
        let first = all().next().and_then(|cell| cell.note.clone());
        if let Some(note) = first.filter(|note| all().all(|cell| cell.note.as_ref() == Some(note)))
        {
            lines.push(format!("{name}: {note}"));
            rest.retain(|cell| name_of(cell) != name);
        }
    }
    lines.extend(rest.into_iter().filter_map(|cell| {
        let note = cell.note.as_ref()?;
        Some(format!("{} on {}: {note}", cell.scenario, cell.lane_id()))
    }));
    lines
}

/// A warning where others took more than a tenth of the processors while it was measured.
#[must_use]
pub fn disturbance(results: &Results) -> Option<String> {
    let runs = || results.cells.iter().flat_map(Cell::counted);
    let others_s: f64 = runs().filter_map(|run| run.others_cpu_s).sum();
    let wall_s: f64 = runs().map(|run| run.wall_s).sum();
    let share = others_s / (wall_s * f64::from(results.machine.cores.max(1)));
    (share > 0.1).then(|| {
        format!(
            "Others took {:.0} % of the processors meanwhile: the figures are not those of an idle machine.",
            share * 100.0
        )
    })
}
