//! What a row asks: a command of `bench-build`, and the answer to it in a few words.

use crate::lane::{Lane, Row, rows};
use crate::report::words;
use crate::results::{Cell, Results};
use crate::scenario::Scenario;

/// What every command begins with.
const PROGRAM: [&str; 3] = ["cargo", "xtask", "bench-build"];

/// What stands for the time of a build that is none.
const STALE: &str = "builds nothing";

/// Situations and ways to build.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    rows: Vec<Row>,
    /// In the order of the command.
    scenarios: Vec<&'static Scenario>,
}

/// The answer for one situation and one way to build.
struct Part {
    /// What distinguishes it from the other parts.
    label: String,
    scenario: &'static Scenario,
    lane: Lane,
    /// What its time is compared with.
    against: Option<(&'static Scenario, Lane)>,
}

impl Question {
    /// Reads a command in backquotes.
    pub(super) fn parse(cell: &str) -> Result<Self, String> {
        let command = cell.strip_prefix('`').and_then(|it| it.strip_suffix('`'));
        let words: Vec<_> = command.unwrap_or_default().split_whitespace().collect();
        let example = "`cargo xtask bench-build --scenario target --strategy maturin-develop`";
        let Some(arguments) = words.strip_prefix(&PROGRAM) else {
            return Err(format!("its command must be one such as {example}"));
        };
        let (mut scenarios, mut strategies) = (Vec::new(), Vec::new());
        for pair in arguments.chunks(2) {
            match pair {
                ["--scenario", name] => scenarios.push((*name).to_owned()),
                ["--strategy", name] => strategies.push((*name).to_owned()),
                other => {
                    let other = other.join(" ");
                    return Err(format!(
                        "`{other}` is neither `--scenario NAME` nor `--strategy NAME`"
                    ));
                }
            }
        }
        if scenarios.is_empty() || strategies.is_empty() {
            return Err(format!(
                "its command must name situations and ways to build, such as {example}"
            ));
        }
        let rows = rows(&strategies, &scenarios).map_err(|error| first_line(&error.to_string()))?;
        let scenarios = scenarios.iter().filter_map(|id| Scenario::find(id));
        Ok(Self {
            rows,
            scenarios: scenarios.collect(),
        })
    }

    /// What has to be measured.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The answer, or none if a figure is missing.
    pub(super) fn answer(&self, results: &Results) -> Option<String> {
        let lines = self.lines().into_iter().map(|parts| {
            let told = parts.iter().map(|part| part.told(results));
            Some(told.collect::<Option<Vec<_>>>()?.join(", "))
        });
        let lines = lines.collect::<Option<Vec<_>>>()?.join("<br>");
        Some(format!("{lines} {}", self.mark()))
    }

    /// What was asked, for `--check`; readers do not see it. There is no `--` in it, which would end a comment in some
    /// dialects of Markdown.
    fn mark(&self) -> String {
        let scenarios: Vec<_> = self.scenarios.iter().map(|it| it.id).collect();
        let lanes: Vec<_> = self.rows.iter().map(|row| row.lane.to_string()).collect();
        format!("<!-- {}: {} -->", scenarios.join(" "), lanes.join(" "))
    }

    /// Why `figure`, whatever its numbers are, is no answer.
    pub(super) fn is_not_answered_by(&self, figure: &str) -> Option<String> {
        if figure.is_empty() {
            return Some("it has no figure yet".to_owned());
        }
        let answers_another = || Some("its figure answers another command".to_owned());
        let Some(figure) = figure.strip_suffix(&self.mark()) else {
            return answers_another();
        };
        let told = figure
            .trim_end()
            .split("<br>")
            .flat_map(|line| line.split(", "));
        let told: Vec<_> = told.collect();
        let parts: Vec<_> = self.lines().into_iter().flatten().collect();
        let answers = |(text, part): (&&str, &Part)| {
            let rest = text.strip_prefix(part.label.as_str()).unwrap_or_default();
            rest.starts_with(|first: char| first.is_ascii_digit()) || rest == STALE
        };
        let fits = told.len() == parts.len() && told.iter().zip(&parts).all(answers);
        if fits { None } else { answers_another() }
    }

    /// A line for each situation.
    fn lines(&self) -> Vec<Vec<Part>> {
        let lanes: Vec<Lane> = self.rows.iter().map(|row| row.lane).collect();
        let first = self.scenarios.first().copied();
        let has_several = self.scenarios.len() > 1;
        let told = self.scenarios.iter().copied().map(|scenario| {
            let line = lanes.iter().enumerate().map(|(number, &lane)| Part {
                label: label(scenario, number == 0 && has_several, lane, &lanes),
                scenario,
                lane,
                against: match (lanes.len(), number) {
                    (1, _) => first.filter(|it| *it != scenario).map(|it| (it, lane)),
                    (_, 0) => None,
                    _ => Some((scenario, lanes[0])),
                },
            });
            line.collect()
        });
        told.collect()
    }
}

/// The situation, where it begins a line of several, and what of the lane the others do not have.
fn label(scenario: &Scenario, begins_line: bool, lane: Lane, lanes: &[Lane]) -> String {
    let mut label = String::new();
    if begins_line {
        label += &format!("`{}`: ", scenario.id);
    }
    let differs = |of: fn(&Lane) -> &'static str| lanes.iter().any(|it| of(it) != of(&lane));
    let strategy = differs(|it| it.strategy.id);
    let setting = differs(|it| it.setting.id);
    match (strategy, setting) {
        (true, true) => label += &format!("{lane} "),
        (true, false) => label += &format!("{} ", lane.strategy.id),
        (false, true) => label += &format!("{} ", lane.setting.id),
        (false, false) => {}
    }
    label
}

impl Part {
    fn told(&self, results: &Results) -> Option<String> {
        let cell = results.cell(self.scenario.id, &self.lane)?;
        let label = &self.label;
        if cell.is_stale() {
            return Some(format!("{label}{STALE}"));
        }
        let wall = cell.wall_s.as_ref()?;
        let time = words::seconds(wall.median);
        let behind = match self.against {
            Some((scenario, lane)) => {
                let other = results.cell(scenario.id, &lane)?;
                against(results, cell, other)
            }
            None => wall.interval.map(|it| format!(" ({})", words::range(it))),
        };
        Some(format!("{label}{time}{}", behind.unwrap_or_default()))
    }
}

/// The ratio with its interval; none to a build that is none.
fn against(results: &Results, cell: &Cell, other: &Cell) -> Option<String> {
    let ratio = results
        .ratio_to(cell, other)
        .filter(|_| !other.is_stale())?;
    let range = ratio.interval;
    let range = range.map_or(String::new(), |it| format!(" ({})", words::ratio_range(it)));
    Some(format!(" **×{}**{range}", words::factor(ratio.median)))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
