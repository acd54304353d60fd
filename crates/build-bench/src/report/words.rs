//! Figures and facts in words, as all reports have them.

use environment::{calendar, program};
use trial::statistics::{Interval, Summary};

use crate::results::{Cell, LaneRecord, Results};

/// Seconds with three significant digits.
pub(crate) fn seconds(time_s: f64) -> String {
    format!("{} s", digits(time_s))
}

fn digits(time_s: f64) -> String {
    let digits = match time_s {
        time if time < 1.0 => 3,
        time if time < 10.0 => 2,
        time if time < 100.0 => 1,
        _ => 0,
    };
    format!("{time_s:.digits$}")
}

/// Seconds as exactly as somebody who waits wants to know.
pub(crate) fn rough_seconds(time_s: f64) -> String {
    let digits = if time_s < 10.0 { 2 } else { 0 };
    format!("{time_s:.digits$} s")
}

/// A whole time in the units that people use: `90 s`, `3 min 25 s`, `20 min`.
pub(crate) fn duration(time_s: f64) -> String {
    let whole_s = time_s.round().max(0.0);
    let (minutes, seconds) = ((whole_s / 60.0).floor(), whole_s % 60.0);
    match (whole_s, seconds) {
        (whole_s, _) if whole_s < 120.0 => format!("{whole_s:.0} s"),
        (_, 0.0) => format!("{minutes:.0} min"),
        _ => format!("{minutes:.0} min {seconds:.0} s"),
    }
}

/// From where to where, in seconds; with `~` where it comes from other cells.
pub(crate) fn range(interval: Interval) -> String {
    from_to(interval, digits)
}

/// The same as [`range`] for a ratio.
pub(crate) fn ratio_range(interval: Interval) -> String {
    from_to(interval, factor)
}

fn from_to(interval: Interval, shown: fn(f64) -> String) -> String {
    let [low, high] = [interval.low, interval.high].map(shown);
    format!("{}{low} to {high}", interval.method.mark())
}

/// A ratio with at least two significant digits, down to a thousandth: `0.008`, `0.65`, `38.4`.
pub(crate) fn factor(ratio: f64) -> String {
    let digits = match ratio {
        ratio if ratio < 0.0995 => 3,
        ratio if ratio < 9.995 => 2,
        _ => 1,
    };
    format!("{ratio:.digits$}")
}

/// `×0.67 [0.61 to 0.74]`, the two parts by themselves; the second is empty where there is no interval.
pub(crate) fn ratio_parts(ratio: &Summary) -> (String, String) {
    let interval = ratio.interval.map(|it| format!(" [{}]", ratio_range(it)));
    let times = format!("×{}", factor(ratio.median));
    (times, interval.unwrap_or_default())
}

/// Bytes in the unit that fits.
fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let count = count as f64;
    match count {
        count if count < 1e6 => format!("{:.0} kB", count / 1e3),
        count if count < 1e9 => format!("{:.0} MB", count / 1e6),
        count => format!("{:.1} GB", count / 1e9),
    }
}

/// Project, machine and tools, a line for each.
pub(crate) fn facts(results: &Results) -> [String; 3] {
    let (subject, machine) = (&results.subject, &results.machine);
    let commit = subject.commit.as_ref().map(|it| format!(" at {it}"));
    let container = if machine.is_container {
        " (container)"
    } else {
        ""
    };
    let memory = machine.memory_bytes.map(bytes);
    let memory = memory.map(|it| format!(", {it} of memory{container}"));
    let file_system = machine.file_system.as_ref().map(|it| format!(", {it}"));
    let versions = machine.versions.iter();
    let versions = versions.map(|(name, version)| format!("{name} {version}"));
    [
        format!(
            "{}{}, {} locked packages",
            subject.name,
            commit.unwrap_or_default(),
            subject.locked_packages
        ),
        format!(
            "{}, {} processors{}{}, {}",
            machine.cpu,
            machine.cores,
            memory.unwrap_or_default(),
            file_system.unwrap_or_default(),
            machine.system
        ),
        versions.collect::<Vec<_>>().join(", "),
    ]
}

/// `25 November 2026`, in UTC.
fn date(results: &Results) -> Option<String> {
    const MONTHS: &str =
        "January February March April May June July August September October November December";
    let (year, month, day) = calendar::date(results.measured_at_s? / 86_400);
    let number = usize::try_from(month).ok()?.checked_sub(1)?;
    let month = MONTHS.split(' ').nth(number)?;
    Some(format!("{day} {month} {year}"))
}

/// The result in one sentence: how the second column compares with the first after an edit, if that was
/// measured; of what, and when.
pub(crate) fn result(results: &Results) -> String {
    let subject = &results.subject;
    let commit = subject.commit.as_ref().map(|it| format!(" at {it}"));
    let date = date(results).map(|it| format!(", {it}"));
    let of = [commit, date].map(Option::unwrap_or_default).concat();
    let finding = finding(results).unwrap_or_else(|| "There is no figure yet".to_owned());
    format!("{finding} ({}{of})", subject.name)
}

/// The situation that the sentence is about, if it was measured.
const TOLD: &str = "cdylib";

fn finding(results: &Results) -> Option<String> {
    let mut scenarios: Vec<_> = results.method.scenarios.iter().collect();
    scenarios.sort_by_key(|it| it.id != TOLD);
    scenarios.iter().find_map(|scenario| {
        let id = &scenario.id;
        let told = compared(results, id).or_else(|| alone(results, id))?;
        let mut title = scenario.title.chars();
        let first = title.next().map(|it| it.to_ascii_uppercase());
        let title: String = first.into_iter().chain(title).collect();
        Some(format!("{title}: {told}"))
    })
}

/// `cargo xtask dev takes 0.54 [0.50, 0.58] of the time of maturin develop --uv`.
fn compared(results: &Results, scenario: &str) -> Option<String> {
    let first = results.method.lanes.first()?;
    let mut others = results
        .lane_cells(scenario)
        .filter(|(number, ..)| *number > 0);
    let (lane, ratio) = others.find_map(|(_, lane, cell)| Some((lane, cell.told_ratio()?)))?;
    // What both have in common is left out.
    let name = |it: &LaneRecord| match (
        lane.strategy == first.strategy,
        lane.setting == first.setting,
    ) {
        (true, _) => it.setting_title.clone(),
        (_, true) => format!("`{}`", it.command_of(scenario)),
        _ => format!("`{}` ({})", it.command_of(scenario), it.setting_title),
    };
    let interval = ratio.interval.map(|it| [it.low, it.high].map(factor));
    let interval = interval.map(|[low, high]| format!(" [{low}, {high}]"));
    Some(format!(
        "{} takes {}{} of the time of {}",
        name(lane),
        factor(ratio.median),
        interval.unwrap_or_default(),
        name(first)
    ))
}

fn alone(results: &Results, scenario: &str) -> Option<String> {
    let (lane, wall) = results
        .lane_cells(scenario)
        .find_map(|(_, lane, cell)| Some((lane, cell.figure()?)))?;
    let command = lane.command_of(scenario);
    Some(format!("`{command}` takes {}", seconds(wall.median)))
}

/// How it was measured, sentence by sentence.
pub(crate) fn method(results: &Results) -> Vec<String> {
    let (method, subject) = (&results.method, &results.subject);
    let mut lanes = method.lanes.iter();
    let has_xtask = lanes.any(|it| it.command.starts_with(program::XTASK));
    let edits = subject.edits.iter();
    let edits = edits.map(|edit| format!("{} ({})", edit.crate_name, edit.place));
    let edits = edits.collect::<Vec<_>>().join(", ");
    let told = [
        Some(format!(
            "Medians, with intervals that hold the true median with {:.0} % probability: from the order of the runs where there are six or more; else, marked ~, from the noise of all cells together.",
            method.confidence * 100.0
        )),
        Some("Each column has a checkout and caches of its own. They are measured in turn, another one first in each round; ratios are medians of pairs of the same round.".to_owned()),
        Some("What was downloaded is there already, also for a cold build; nothing uses the network while it is measured.".to_owned()),
        has_xtask.then(|| "`cargo xtask` is measured as it is typed, with what cargo takes to find it up to date; compiling it is not in the figures.".to_owned()),
        (!edits.is_empty()).then(|| format!("The lines that change: {edits}.")),
        subject.bumped.as_ref().map(|it| {
            format!("In the lock file {} changes: {}.", it.name, it.versions.join(", "))
        }),
        results.noise.long.map(|it| {
            let percent = it.sigma * 100.0;
            format!("The noise of runs of half a second and more: {percent:.1} %.")
        }),
        results.machine.load_at_start.map(|it| {
            let spent = duration(results.spent_s);
            format!("Load when it began: {it:.2}; it took {spent}.")
        }),
    ];
    told.into_iter().flatten().collect()
}

/// What [`costs_by_cell`] tells, in a sentence.
pub(crate) const COSTS_TOLD: &str = "Of the run nearest to the median: processor time, the most memory at once, calls of rustc or a wrapper, how many of these the compiler cache answered, bytes sent to storage.";

/// What a run typically costs beside time: the heads, and a row for each cell with runs.
pub(crate) fn costs_by_cell(results: &Results) -> Vec<Vec<String>> {
    let heads = "situation,lane,processor,memory,rustc,from cache,written";
    let heads = heads.split(',').map(str::to_owned).collect();
    let rows = results.cells.iter().filter_map(costs);
    [heads].into_iter().chain(rows).collect()
}

fn costs(cell: &Cell) -> Option<Vec<String>> {
    let run = cell.typical()?;
    let figures = [
        run.cpu_s.map(seconds),
        run.peak_bytes.map(bytes),
        Some(run.compilations.to_string()),
        run.cache_hits.map(|it| it.to_string()),
        run.written_bytes.map(bytes),
    ];
    let figures = figures.map(|it| it.unwrap_or_else(|| "-".to_owned()));
    Some([&[cell.scenario.clone(), cell.lane_id()][..], &figures].concat())
}

/// `text` with what HTML would take for its own replaced.
pub(crate) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_told_as_another() {
        let told = [1.0, 59.6, 90.0, 120.0, 205.0, 1200.0, 5400.0].map(duration);
        let expected = [
            "1 s",
            "60 s",
            "90 s",
            "2 min",
            "3 min 25 s",
            "20 min",
            "90 min",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn three_digits_are_enough() {
        let told = [0.0061, 0.73, 6.01, 18.44, 198.2].map(seconds);
        assert_eq!(told, ["0.006 s", "0.730 s", "6.01 s", "18.4 s", "198 s"]);
        assert_eq!(
            [0.0082, 0.12, 0.65, 9.5, 38.4].map(factor),
            ["0.008", "0.12", "0.65", "9.50", "38.4"]
        );
        assert_eq!(
            [12_000, 12_345_678, 1_500_000_000].map(bytes),
            ["12 kB", "12 MB", "1.5 GB"]
        );
    }
}
