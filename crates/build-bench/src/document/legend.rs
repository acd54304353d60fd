//! What the names in the commands of a document mean, and where its figures come from.

use crate::lane::Lane;
use crate::report::words;
use crate::results::Results;
use crate::scenario::Goal;

/// The legend for `lanes`. The lines of `before` that tell where figures come from stay beside the new one.
pub(super) fn legend(lanes: &[Lane], results: &Results, before: &str, line_end: &str) -> String {
    let mut origins: Vec<_> = before
        .lines()
        .filter(|line| line.starts_with("* "))
        .map(str::to_owned)
        .collect();
    let origin = format!(
        "* {}: {}; {}",
        words::subject(results),
        words::machine(results),
        words::versions(results)
    );
    if !origins.contains(&origin) {
        origins.push(origin);
    }
    let legend = format!("{}\n\n{}", names(lanes), origins.join("\n"));
    legend.replace('\n', line_end)
}

/// Whether `legend` tells of the names what holds now.
pub(super) fn names_are_current(legend: &str, lanes: &[Lane]) -> bool {
    let legend = legend.replace("\r\n", "\n");
    let rest = legend.strip_prefix(&names(lanes));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("\n\n"))
}

fn names(lanes: &[Lane]) -> String {
    let mut rows = vec!["\n| name | means |".to_owned(), "|---|---|".to_owned()];
    let strategies = lanes.iter().map(|lane| {
        let strategy = lane.strategy;
        let develop = strategy.shown(Goal::Develop);
        let wheel = match strategy.shown(Goal::Wheel) {
            command if command.is_empty() => String::new(),
            command => format!("; for wheels `{command}`"),
        };
        format!("| `{}` | `{develop}`{wheel} |", strategy.id)
    });
    let settings = lanes
        .iter()
        .map(|lane| format!("| `{}` | {} |", lane.setting.id, lane.setting.title));
    for row in strategies.chain(settings) {
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows.join("\n")
}
