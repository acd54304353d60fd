//! The table.

use crate::measurement::{CandidateRow, Measurement};
use crate::verdict::CandidateVerdict;

/// No line is longer: a terminal that is half a screen wide shows it whole.
const WIDTH: usize = 120;

/// The columns before the verdict.
const FIGURES: usize = 4;

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
    let lines = [
        wrapped(&head, 0),
        "\n".to_owned(),
        rows(&measurement.rows),
        "\n".to_owned(),
        in_all(measurement),
    ];
    lines.concat()
}

/// The settings, each with what it is now, and below it what was tried.
fn rows(rows: &[CandidateRow]) -> String {
    let heading = ["tried", "build", "against", "library"];
    let figures: Vec<_> = rows.iter().map(figures).collect();
    let heading = heading.map(str::to_owned);
    let widths = widths(figures.iter().chain([&heading]));
    let mut text = line(&heading, widths, "verdict");
    let mut before: Option<&CandidateRow> = None;
    for (row, figures) in rows.iter().zip(&figures) {
        if before.is_none_or(|it| (it.setting, &it.now) != (row.setting, &row.now)) {
            let setting = format!("{}, now {}", row.setting.title(), row.now);
            text.push_str(&wrapped(&setting, 0));
        }
        text.push_str(&line(figures, widths, &verdict(row)));
        before = Some(row);
    }
    text
}

fn figures(row: &CandidateRow) -> [String; FIGURES] {
    let figure = |figure: Option<String>| figure.unwrap_or_else(|| "-".to_owned());
    [
        row.candidate.clone(),
        figure(row.build_s.map(seconds)),
        figure(row.ratio.map(|it| it.to_string())),
        figure(row.library_bytes.map(size)),
    ]
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
    let spent = format!("Measured in {:.0} s.\n", measurement.spent_s);
    let found = match (&measurement.together, measurement.winners.len()) {
        (_, 0) => "Nothing gains anything here: the settings stay as they are.\n".to_owned(),
        (None, _) => {
            "What gains something could not be measured together: nothing is to be written.\n"
                .to_owned()
        }
        (Some(together), _) => {
            let end = if together.is_worth_it {
                ""
            } else {
                ", which is within the noise: nothing is to be written"
            };
            format!(
                "All that is taken, together: {} against {}, {}, a library of {}{end}.\n",
                seconds(together.build_s),
                seconds(together.without_s),
                together.ratio,
                size(together.library_bytes)
            )
        }
    };
    format!("{}{spent}", wrapped(&found, 0))
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
    if megabytes < 100.0 {
        format!("{megabytes:.1} MB")
    } else {
        format!("{megabytes:.0} MB")
    }
}

/// Each column is as wide as its widest cell.
fn widths<'a>(rows: impl Iterator<Item = &'a [String; FIGURES]>) -> [usize; FIGURES] {
    let mut widths = [0; FIGURES];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths
}

/// The figures of a row and its verdict, which comes below them where it is long.
fn line(figures: &[String; FIGURES], widths: [usize; FIGURES], verdict: &str) -> String {
    let cells = figures.iter().zip(widths);
    let padded: String = cells
        .map(|(cell, width)| format!("  {cell:<width$}"))
        .collect();
    if padded.chars().count() + 2 + verdict.chars().count() <= WIDTH {
        return format!("{padded}  {verdict}\n");
    }
    format!("{}\n{}", padded.trim_end(), wrapped(verdict, 6))
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
    use crate::measurement::{Base, SCHEMA, Subject, Together, Winner};
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
            subject: Subject {
                name: "framed".to_owned(),
                root: "/p".to_owned(),
                profile: "dev".to_owned(),
                toolchain: "rustc 1.95.0".to_owned(),
                lock_sha256: String::new(),
                edited: "src/lib.rs".to_owned(),
            },
            spent_s: 612.4,
            base: Base {
                build_s: 4.6,
                library_bytes: 1_276_867_328,
            },
            rows: vec![taken, linker, yours],
            winners: vec![Winner {
                setting: Setting::DependencyDebug,
                note: String::new(),
                choices: Choices::default(),
            }],
            together: Some(Together {
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
