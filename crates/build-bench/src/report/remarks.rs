//! What has to be said beside the figures.

use crate::results::{Cell, Results, State};

/// What a reader has to know before the figures.
pub(super) fn warnings(results: &Results) -> impl Iterator<Item = String> {
    let is_whole = results.state == State::Complete;
    let unfinished = (!is_whole).then(|| "This measurement is not finished.".to_owned());
    unfinished.into_iter().chain(disturbance(results))
}

/// Whether others took more than a tenth of the processors while it was measured.
fn disturbance(results: &Results) -> Option<String> {
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

/// What a cell is grouped by.
type NameOf = fn(&Cell) -> String;

/// Why figures are missing or rest on fewer runs; what holds for all of a lane, or of a scenario, is said
/// once.
pub(super) fn remarks(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    let cells = results.cells.iter();
    let mut rest: Vec<_> = cells.filter(|it| it.note.is_some()).collect();
    let of_lane: NameOf = Cell::lane_id;
    let of_scenario: NameOf = |cell| cell.scenario.clone();
    let method = &results.method;
    let columns = method.lanes.iter().map(|it| (it.id(), of_lane));
    let lines_of_table = method
        .scenarios
        .iter()
        .map(|it| (it.id.clone(), of_scenario));
    for (name, name_of) in columns.chain(lines_of_table) {
        let mut all = results.cells.iter().filter(|cell| name_of(cell) == name);
        let first = all.next().and_then(|cell| cell.note.as_ref());
        if let Some(note) = first.filter(|note| all.all(|cell| cell.note.as_ref() == Some(note))) {
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
