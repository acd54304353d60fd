//! The table.

use std::collections::BTreeSet;

use trial::table::aligned;

use crate::measurement::{CandidateRow, Measurement};
use crate::verdict::CandidateVerdict;

/// No line is longer: a terminal that is half a screen wide shows it whole.
const WIDTH: usize = 120;

/// What was measured, for people.
#[must_use]
pub fn table(measurement: &Measurement) -> String {
    let subject = &measurement.subject;
    let head = format!(
        "{}: one line changed in {}, profile {}: {}, a library of {}",
        subject.name,
        subject.edited,
        subject.profile,
        seconds(measurement.base.build_s),
        size(measurement.base.library_bytes)
    );
    format!(
        "{}\n{}\n{}Measured in {:.0} s.\n",
        wrapped(&head, 0),
        rows(&measurement.rows),
        wrapped(&in_all(measurement), 0),
        measurement.spent_s
    )
}

/// The settings, each with what it is now, and below it what was tried.
fn rows(rows: &[CandidateRow]) -> String {
    let heading = ["tried", "build", "against", "library"].map(str::to_owned);
    let figures: Vec<_> = [heading.to_vec()]
        .into_iter()
        .chain(rows.iter().map(figures))
        .collect();
    let figures = aligned(&figures);
    let width = figures.lines().map(|it| it.chars().count()).max();
    let line = |figures: &str, verdict: &str| line(figures, width.unwrap_or_default(), verdict);
    let mut figures = figures.lines();
    let mut text = line(figures.next().unwrap_or_default(), "verdict");
    let mut before = None;
    for (row, figures) in rows.iter().zip(figures) {
        if before != Some((row.setting, &row.now)) {
            let setting = format!("{}, now {}", row.setting.title(), row.now);
            text.push_str(&wrapped(&setting, 0));
        }
        text.push_str(&line(figures, &verdict(row)));
        before = Some((row.setting, &row.now));
    }
    text
}

fn figures(row: &CandidateRow) -> Vec<String> {
    let figures = [
        Some(row.candidate.clone()),
        row.build_s.map(seconds),
        row.ratio.map(|it| it.to_string()),
        row.library_bytes.map(size),
    ];
    let figures = figures.into_iter();
    figures
        .map(|it| it.unwrap_or_else(|| "-".to_owned()))
        .collect()
}

/// The verdict in words, with the reason where it has one.
fn verdict(row: &CandidateRow) -> String {
    match &row.verdict {
        CandidateVerdict::Taken => "TAKEN".to_owned(),
        CandidateVerdict::WithinNoise => "within the noise: left alone".to_owned(),
        CandidateVerdict::Slower => "slower".to_owned(),
        CandidateVerdict::Surpassed => "faster, but another more so".to_owned(),
        CandidateVerdict::Yours(by) => format!("faster, but set by you in {by}: left alone"),
        CandidateVerdict::NotMeasured(reason) => format!("not measured: {reason}"),
        CandidateVerdict::Fails(reason) => format!("does not work: {reason}"),
    }
}

fn in_all(measurement: &Measurement) -> String {
    if measurement.winners.is_empty() {
        return without_winners(measurement);
    }
    let Some(together) = &measurement.together else {
        return "What gains something could not be measured together: nothing is to be written."
            .to_owned();
    };
    let end = if together.is_worth_it {
        "."
    } else {
        ", which is within the noise: nothing is to be written."
    };
    format!(
        "All that is taken, together: {} against {}, {}, a library of {}{end}",
        seconds(together.build_s),
        seconds(together.without_s),
        together.ratio,
        size(together.library_bytes)
    )
}

/// What was not measured for want of time may gain something.
fn without_winners(measurement: &Measurement) -> String {
    let rows = measurement.rows.iter();
    let measured = rows.clone().filter(|row| row.build_s.is_some()).count();
    let unknown: BTreeSet<_> = rows
        .filter(|row| row.verdict.is_for_want_of_time())
        .map(|row| row.setting.title())
        .collect();
    if unknown.is_empty() {
        return "Nothing gains anything here: the settings stay as they are.".to_owned();
    }
    let unknown: Vec<_> = unknown.into_iter().collect();
    format!(
        "Of what was measured ({measured} candidates) nothing gains anything. Not measured for want of time: {}. A longer `--time-budget` tells.",
        unknown.join(", ")
    )
}

fn seconds(time_s: f64) -> String {
    format!("{time_s:.2} s")
}

fn size(bytes: u64) -> String {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a megabyte more or less is not shown"
    )]
    let megabytes = bytes as f64 / 1e6;
    let digits = usize::from(megabytes < 100.0);
    format!("{megabytes:.digits$} MB")
}

/// The figures of a row and its verdict, which comes below them where it is long.
fn line(figures: &str, width: usize, verdict: &str) -> String {
    let line = format!("  {figures:<width$}  {verdict}");
    if line.chars().count() <= WIDTH {
        return line + "\n";
    }
    format!("  {figures}\n{}", wrapped(verdict, 6))
}

/// `text` in lines that are not too long, each indented.
fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && indent + line + 1 + word.chars().count() > WIDTH {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            let space = if line.is_empty() { "" } else { " " };
            line.push_str(space);
            line.push_str(word);
        }
    }
    let lines = lines.iter().map(|line| format!("{:indent$}{line}\n", ""));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choices::{Choices, Setting};
    use crate::measurement::{BaseBuild, SCHEMA, TunedProject, Winner, WinnersTogether};
    use crate::verdict::NO_TIME;
    use crate::verdict::Ratio;

    fn ratio(median: f64) -> Ratio {
        Ratio {
            median,
            interval: Some((median - 0.02, median + 0.03)),
        }
    }

    fn row(setting: Setting, candidate: &str, verdict: CandidateVerdict) -> CandidateRow {
        CandidateRow {
            setting,
            now: "true".to_owned(),
            candidate: candidate.to_owned(),
            build_s: None,
            ratio: None,
            library_bytes: None,
            verdict,
        }
    }

    fn measurement() -> Measurement {
        let taken = CandidateRow {
            build_s: Some(2.4),
            ratio: Some(ratio(0.52)),
            library_bytes: Some(245_001_312),
            ..row(Setting::DependencyDebug, "false", CandidateVerdict::Taken)
        };
        let linker = CandidateRow {
            now: "rust-lld".to_owned(),
            build_s: Some(2.35),
            ratio: Some(ratio(0.97)),
            ..row(Setting::Linker, "mold", CandidateVerdict::WithinNoise)
        };
        let yours = row(
            Setting::OwnDebug,
            "false",
            CandidateVerdict::Yours("Cargo.toml".to_owned()),
        );
        Measurement {
            schema: SCHEMA,
            subject: TunedProject {
                name: "framed".to_owned(),
                root: "/p".to_owned(),
                profile: "dev".to_owned(),
                toolchain: "rustc 1.95.0".to_owned(),
                lock_sha256: String::new(),
                edited: "src/lib.rs".to_owned(),
            },
            spent_s: 612.4,
            base: BaseBuild {
                build_s: 4.6,
                library_bytes: 1_276_867_328,
            },
            rows: vec![taken, linker, yours],
            winners: vec![Winner {
                setting: Setting::DependencyDebug,
                note: String::new(),
                choices: Choices::default(),
            }],
            together: Some(WinnersTogether {
                build_s: 2.4,
                without_s: 4.61,
                ratio: ratio(0.52),
                library_bytes: 245_001_312,
                is_worth_it: true,
            }),
        }
    }

    #[test]
    fn the_table_has_every_figure_and_every_verdict() {
        let expected = "\
framed: one line changed in src/lib.rs, profile dev: 4.60 s, a library of 1277 MB

  tried  build   against            library  verdict
debug info of dependencies, now true
  false  2.40 s  0.52 [0.50, 0.55]  245 MB   TAKEN
linker, now rust-lld
  mold   2.35 s  0.97 [0.95, 1.00]  -        within the noise: left alone
debug info of own crates, now true
  false  -       -                  -        faster, but set by you in Cargo.toml: left alone

All that is taken, together: 2.40 s against 4.61 s, 0.52 [0.50, 0.55], a library of 245 MB.
Measured in 612 s.
";
        assert_eq!(table(&measurement()), expected);
    }

    #[test]
    fn no_line_is_too_long_and_nothing_is_left_out() {
        let mut measurement = measurement();
        let linker = measurement.rows[1].clone();
        let long = |verdict| CandidateRow {
            now: "\"line-tables-only\"".to_owned(),
            candidate: "\"line-tables-only\"".to_owned(),
            build_s: Some(123.4),
            ratio: Some(ratio(0.98)),
            library_bytes: Some(1_276_867_328),
            verdict,
            ..linker.clone()
        };
        let reason = "error: linking with `cc` failed: ".repeat(6);
        measurement.rows = vec![
            long(CandidateVerdict::Fails(reason.clone())),
            long(CandidateVerdict::Yours(
                "/home/somebody/with/a/long/name/.cargo/config.toml".to_owned(),
            )),
            long(CandidateVerdict::WithinNoise),
        ];
        measurement.together.as_mut().unwrap().is_worth_it = false;
        let table = table(&measurement);
        for line in table.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        let words = table.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.contains(&format!("does not work: {}", reason.trim())),
            "{table}"
        );
        assert!(words.contains("/.cargo/config.toml: left alone"), "{table}");
        // A setting is named once for all that was tried.
        assert_eq!(words.matches("linker, now").count(), 1, "{table}");
    }

    #[test]
    fn what_is_not_to_be_written_is_said() {
        let mut measurement = measurement();
        measurement.together.as_mut().unwrap().is_worth_it = false;
        assert!(table(&measurement).contains("nothing is to be written"));
        assert!(measurement.to_write().is_empty());
        measurement.winners.clear();
        measurement.together = None;
        assert!(table(&measurement).contains("Nothing gains anything"));
        // Nothing is said of what was not measured but that.
        let row = measurement.rows.last_mut().unwrap();
        row.verdict = CandidateVerdict::NotMeasured(NO_TIME.to_owned());
        let expected = format!("Not measured for want of time: {}.", row.setting.title());
        let table = table(&measurement);
        let words = table.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.contains(&expected) && !words.contains("Nothing gains"),
            "{table}"
        );
    }

    #[test]
    fn it_survives_a_file() {
        let json = serde_json::to_string(&measurement()).unwrap();
        assert_eq!(
            serde_json::from_str::<Measurement>(&json).unwrap(),
            measurement()
        );
    }
}
