//! Figures and facts in words, as all reports have them.

use environment::calendar;
use trial::statistics::{Interval, Method, Summary};

use crate::goal::Goal;
use crate::results::{Cell, LaneRecord, Results, ScenarioRecord};
use crate::scenario::Scenario;

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
#[must_use]
pub fn duration(time_s: f64) -> String {
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
    let mark = match interval.method {
        Method::OrderStatistics => "",
        Method::PooledNoise => "~",
    };
    format!("{mark}{} to {}", shown(interval.low), shown(interval.high))
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
    let interval = ratio
        .interval
        .map_or(String::new(), |it| format!(" [{}]", ratio_range(it)));
    (format!("×{}", factor(ratio.median)), interval)
}

/// Bytes in the unit that fits.
pub(crate) fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let count = count as f64;
    match count {
        count if count < 1e6 => format!("{:.0} kB", count / 1e3),
        count if count < 1e9 => format!("{:.0} MB", count / 1e6),
        count => format!("{:.1} GB", count / 1e9),
    }
}

/// The project, in one line.
pub(crate) fn subject(results: &Results) -> String {
    let subject = &results.subject;
    let commit = subject.commit.as_ref();
    let commit = commit.map_or(String::new(), |commit| format!(" at {commit}"));
    format!(
        "{}{commit}, {} locked packages",
        subject.name, subject.locked_packages
    )
}

/// `25 November 2026`, in UTC.
pub(crate) fn date(results: &Results) -> Option<String> {
    const MONTHS: &str =
        "January February March April May June July August September October November December";
    let (year, month, day) = calendar::date(results.measured_at_s? / 86_400);
    let month = MONTHS
        .split(' ')
        .nth(usize::try_from(month).ok()?.checked_sub(1)?)?;
    Some(format!("{day} {month} {year}"))
}

/// The result in one sentence: how the second column compares with the first after an edit, if that was
/// measured; of what, and when.
pub(crate) fn result(results: &Results) -> String {
    let subject = &results.subject;
    let commit = subject.commit.as_ref().map(|it| format!(" at {it}"));
    let date = date(results).map(|it| format!(", {it}"));
    format!(
        "{} ({}{}{})",
        finding(results).unwrap_or_else(|| "There is no figure yet".to_owned()),
        subject.name,
        commit.unwrap_or_default(),
        date.unwrap_or_default()
    )
}

/// The situation that the sentence is about, if it was measured.
const TOLD: &str = "cdylib";

fn finding(results: &Results) -> Option<String> {
    let mut scenarios: Vec<_> = results.method.scenarios.iter().collect();
    scenarios.sort_by_key(|it| it.id != TOLD);
    let found = |it: &&ScenarioRecord| compared(results, it).or_else(|| alone(results, it));
    scenarios.iter().find_map(found)
}

/// `One line changed: cargo xtask dev takes 0.54 [0.50, 0.58] of the time of maturin develop --uv`.
fn compared(results: &Results, scenario: &ScenarioRecord) -> Option<String> {
    let (first, others) = results.method.lanes.split_first()?;
    let (lane, ratio) = others.iter().find_map(|lane| {
        let cell = results.cell_on(&scenario.id, lane)?;
        let ratio = cell.told_ratio()?;
        Some((lane, ratio))
    })?;
    // What both have in common is left out.
    let is_same_command = lane.strategy == first.strategy;
    let name = |it: &LaneRecord| match lane.setting == first.setting {
        _ if is_same_command => it.setting_title.clone(),
        true => format!("`{}`", command(it, &scenario.id)),
        false => format!("`{}` ({})", command(it, &scenario.id), it.setting_title),
    };
    let interval = ratio.interval.map_or(String::new(), |it| {
        format!(" [{}, {}]", factor(it.low), factor(it.high))
    });
    Some(format!(
        "{}: {} takes {}{interval} of the time of {}",
        capitalised(&scenario.title),
        name(lane),
        factor(ratio.median),
        name(first)
    ))
}

fn alone(results: &Results, scenario: &ScenarioRecord) -> Option<String> {
    results.method.lanes.iter().find_map(|lane| {
        let cell = results.cell_on(&scenario.id, lane)?;
        let wall = cell.figure()?;
        Some(format!(
            "{}: `{}` takes {}",
            capitalised(&scenario.title),
            command(lane, &scenario.id),
            seconds(wall.median)
        ))
    })
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// The machine, in one line.
pub(crate) fn machine(results: &Results) -> String {
    let machine = &results.machine;
    let memory = machine.memory_bytes.map_or(String::new(), |count| {
        let whose = if machine.is_container {
            " (container)"
        } else {
            ""
        };
        format!(", {} of memory{whose}", bytes(count))
    });
    let file_system = machine.file_system.as_ref();
    let file_system = file_system.map_or(String::new(), |it| format!(", {it}"));
    format!(
        "{}, {} processors{memory}{file_system}, {}",
        machine.cpu, machine.cores, machine.system
    )
}

/// The versions of the tools, in one line.
pub(crate) fn versions(results: &Results) -> String {
    let versions = results.machine.versions.iter();
    let versions = versions.map(|(name, version)| format!("{name} {version}"));
    versions.collect::<Vec<_>>().join(", ")
}

/// How it was measured, sentence by sentence.
pub(crate) fn method(results: &Results) -> Vec<String> {
    let method = &results.method;
    let mut told = vec![
        format!(
            "Medians, with intervals that hold the true median with {:.0} % probability: from the order of the runs where there are six or more; else, marked ~, from the noise of all cells together.",
            method.confidence * 100.0
        ),
        "Each column has a checkout and caches of its own. They are measured in turn, another one first in each round; ratios are medians of pairs of the same round.".to_owned(),
        "What was downloaded is there already, also for a cold build; nothing uses the network while it is measured.".to_owned(),
    ];
    let lanes = &results.method.lanes;
    if lanes
        .iter()
        .any(|it| it.command.starts_with("cargo xtask "))
    {
        told.push("`cargo xtask` is measured as it is typed, with what cargo takes to find it up to date; compiling it is not in the figures.".to_owned());
    }
    told.extend(edits(results));
    if let Some(bumped) = &results.subject.bumped {
        told.push(format!(
            "In the lock file {} changes: {}.",
            bumped.name,
            bumped.versions.join(", ")
        ));
    }
    told.extend(noise(results));
    told.extend(load(results));
    told
}

fn edits(results: &Results) -> Option<String> {
    let edits = results.subject.edits.iter();
    let edits = edits.map(|edit| format!("{} ({})", edit.crate_name, edit.place));
    let edits: Vec<_> = edits.collect();
    (!edits.is_empty()).then(|| format!("The lines that change: {}.", edits.join(", ")))
}

fn noise(results: &Results) -> Option<String> {
    let long = results.noise.long?;
    Some(format!(
        "The noise of runs of half a second and more: {:.1} %.",
        long.sigma * 100.0
    ))
}

fn load(results: &Results) -> Option<String> {
    let load = results.machine.load_at_start?;
    Some(format!(
        "Load when it began: {load:.2}; it took {}.",
        duration(results.spent_s)
    ))
}

/// What is typed on `lane` in that scenario.
pub(crate) fn command<'a>(lane: &'a LaneRecord, scenario: &str) -> &'a str {
    let goal = Scenario::find(scenario).map(Scenario::goal);
    if goal == Some(Goal::Wheel) {
        &lane.wheel_command
    } else {
        &lane.command
    }
}

/// What a run typically costs beside time: memory, calls of rustc, bytes written. `None` without runs.
pub(crate) fn costs(cell: &Cell) -> Option<[String; 5]> {
    let run = cell.typical()?;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    Some([
        or_dash(run.cpu_s.map(seconds)),
        or_dash(run.peak_bytes.map(bytes)),
        run.compilations.to_string(),
        or_dash(run.cache_hits.map(|it| it.to_string())),
        or_dash(run.written_bytes.map(bytes)),
    ])
}

/// `text` with what HTML would take for its own replaced.
pub(crate) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// What [`costs`] are, in a sentence.
pub(crate) const COSTS_TOLD: &str = "Of the run nearest to the median: processor time, the most memory at once, calls of rustc or a wrapper, how many of these the compiler cache answered, bytes sent to storage.";

/// What [`costs`] are of.
pub(crate) const COSTS: [&str; 5] = ["processor", "memory", "rustc", "from cache", "written"];

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
