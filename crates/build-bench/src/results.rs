//! What was measured, as it is kept, resumed and given out as JSON.
#![expect(
    missing_docs,
    reason = "docs/measuring-json.md says what each field is"
)]

use environment::program;
use serde::{Deserialize, Serialize};
use trial::statistics::{Noises, Summary, median, ratio};

use crate::goal::Goal;
use crate::lane::Lane;
use crate::machine::Machine;
use crate::scenario::{Role, Scenario};
use crate::timeline::Span;

/// The version of the form. Another one is not read.
pub const SCHEMA: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    pub schema: u32,
    /// In seconds since 1970. `None`: before `cargo xtask` was measured as it is typed.
    #[serde(default)]
    pub measured_at_s: Option<u64>,
    pub state: State,
    pub subject: MeasuredProject,
    pub machine: Machine,
    pub method: MethodRecord,
    pub spent_s: f64,
    pub cells: Vec<Cell>,
    pub noise: Noises,
    pub ratio_noise: Noises,
}

/// How far a measurement has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Going on, or ended without a word.
    Running,
    /// Ended by the user; it can go on.
    Interrupted,
    Complete,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredProject {
    pub name: String,
    pub commit: Option<String>,
    pub edits: Vec<EditRecord>,
    pub bumped: Option<Bumped>,
    pub locked_packages: usize,
}

/// Where a line is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditRecord {
    pub role: Role,
    pub crate_name: String,
    /// The file and the line in it, relative to what was copied.
    pub place: String,
}

/// A dependency with other versions, the project's own first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bumped {
    pub name: String,
    pub versions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodRecord {
    pub runs: u32,
    pub time_budget_s: f64,
    pub confidence: f64,
    /// The one that others are compared with first.
    pub lanes: Vec<LaneRecord>,
    pub scenarios: Vec<ScenarioRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneRecord {
    pub strategy: String,
    pub setting: String,
    pub command: String,
    pub wheel_command: String,
    pub setting_title: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioRecord {
    pub id: String,
    pub title: String,
}

/// The figures of one scenario on one lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    pub scenario: String,
    pub strategy: String,
    pub setting: String,
    /// In the order of time; warm-ups too.
    pub runs: Vec<Run>,
    pub note: Option<String>,
    pub same_as: Option<String>,
    pub is_closed: bool,
    /// Of the runs that count, or those of `same_as`.
    pub wall_s: Option<Summary>,
    pub ratio: Option<Summary>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub round: u32,
    pub at_s: f64,
    pub prepare_s: f64,
    pub wall_s: f64,
    pub cpu_s: Option<f64>,
    pub others_cpu_s: Option<f64>,
    pub peak_bytes: Option<u64>,
    pub written_bytes: Option<u64>,
    pub compilations: u64,
    pub cache_hits: Option<u64>,
    pub is_another_library: Option<bool>,
    pub timeline: Vec<Span>,
}

/// The scenarios of which a report shows where the time goes, process by process.
pub(crate) const TOLD_BY_PROCESS: [&str; 3] = ["cdylib", "target", "cold"];

/// A lane's number and record, and its cell of one scenario.
pub(crate) type LaneCell<'a> = (usize, &'a LaneRecord, &'a Cell);

impl Results {
    #[must_use]
    pub fn cell_of(&self, scenario: &str, strategy: &str, setting: &str) -> Option<&Cell> {
        let mut cells = self.cells.iter();
        cells.find(|it| it.scenario == scenario && it.strategy == strategy && it.setting == setting)
    }

    pub(crate) fn cell(&self, scenario: &str, lane: &Lane) -> Option<&Cell> {
        self.cells.iter().find(|it| it.is_of(scenario, lane))
    }

    pub(crate) fn cell_mut(&mut self, scenario: &str, lane: &Lane) -> Option<&mut Cell> {
        self.cells.iter_mut().find(|it| it.is_of(scenario, lane))
    }

    /// The cells of one scenario, in the order of the lanes.
    pub(crate) fn lane_cells(&self, scenario: &str) -> impl Iterator<Item = LaneCell<'_>> {
        let lanes = self.method.lanes.iter().enumerate();
        lanes.filter_map(move |(number, lane)| {
            let cell = self.cell_of(scenario, &lane.strategy, &lane.setting)?;
            Some((number, lane, cell))
        })
    }

    /// The cell whose runs are those of `cell`: itself, or the one that does the same.
    pub(crate) fn measured<'a>(&'a self, cell: &'a Cell) -> &'a Cell {
        let same = cell.same_as.as_deref();
        let found = same.and_then(|id| self.cell_of(id, &cell.strategy, &cell.setting));
        found.unwrap_or(cell)
    }

    /// Keeps these scenarios alone; all, if none is named.
    pub(crate) fn keep(&mut self, scenarios: &[String]) {
        let is_kept = |id: &String| scenarios.is_empty() || scenarios.contains(id);
        self.method.scenarios.retain(|it| is_kept(&it.id));
        self.cells.retain(|it| is_kept(&it.scenario));
    }

    /// Without the timelines that no report shows, which would be nine tenths of the file.
    pub(crate) fn with_shown_timelines(mut self) -> Self {
        for cell in &mut self.cells {
            let shown = cell.typical().map(|run| run.round);
            let shown = shown.filter(|_| TOLD_BY_PROCESS.contains(&cell.scenario.as_str()));
            let hidden = cell.runs.iter_mut().filter(|run| Some(run.round) != shown);
            hidden.for_each(|run| run.timeline.clear());
        }
        self
    }

    /// Computes what follows from the runs.
    pub fn summarise(&mut self) {
        // Cells look at one another.
        let snapshot = self.clone();
        let times: Vec<_> = snapshot.cells.iter().map(Cell::times).collect();
        let pairs: Vec<_> = snapshot.cells.iter().map(|it| snapshot.pairs(it)).collect();
        self.noise = Noises::of(&times);
        self.ratio_noise = Noises::of_pairs(&pairs);
        for ((cell, earlier), pairs) in self.cells.iter_mut().zip(&snapshot.cells).zip(&pairs) {
            let times = snapshot.measured(earlier).times();
            let at = |noises: Noises| median(&times).and_then(|median| noises.at(median));
            cell.wall_s = Summary::of(&times, at(self.noise));
            cell.ratio = ratio(pairs, at(self.ratio_noise));
        }
    }

    /// The times of `cell` and of the first lane's, in the rounds in which both were measured.
    fn pairs(&self, cell: &Cell) -> Vec<(f64, f64)> {
        let first = self.lane_cells(&cell.scenario).next();
        let Some((0, _, first)) = first.filter(|(_, lane, _)| lane.id() != cell.lane_id()) else {
            return Vec::new();
        };
        let theirs = self.measured(first);
        let pair = |run: &Run| {
            let other = theirs.counted().find(|it| it.round == run.round)?;
            Some((run.wall_s, other.wall_s))
        };
        self.measured(cell).counted().filter_map(pair).collect()
    }
}

impl Run {
    /// With times in whole microseconds: more digits would only fill the files.
    pub(crate) fn rounded(mut self) -> Self {
        let sure = [&mut self.prepare_s, &mut self.wall_s].map(Some);
        let told = [self.cpu_s.as_mut(), self.others_cpu_s.as_mut()];
        for seconds in sure.into_iter().chain(told).flatten() {
            *seconds = (*seconds * 1e6).round() / 1e6;
        }
        self
    }
}

impl Cell {
    pub(crate) fn new(scenario: &Scenario, lane: &Lane) -> Self {
        Self {
            scenario: scenario.id.to_owned(),
            strategy: lane.strategy.id.to_owned(),
            setting: lane.setting.id.to_owned(),
            runs: Vec::new(),
            note: None,
            same_as: None,
            is_closed: false,
            wall_s: None,
            ratio: None,
        }
    }

    pub(crate) fn is_of(&self, scenario: &str, lane: &Lane) -> bool {
        self.scenario == scenario && self.is_on(lane)
    }

    pub(crate) fn is_on(&self, lane: &Lane) -> bool {
        self.strategy == lane.strategy.id && self.setting == lane.setting.id
    }

    /// `strategy/setting`.
    pub(crate) fn lane_id(&self) -> String {
        format!("{}/{}", self.strategy, self.setting)
    }

    /// The time, unless the builds were none.
    pub(crate) fn figure(&self) -> Option<&Summary> {
        self.wall_s.as_ref().filter(|_| !self.is_stale())
    }

    /// The time as `told` has it, `none` where there is none.
    pub(crate) fn told(&self, none: &str, told: impl FnOnce(&Summary) -> String) -> String {
        match &self.wall_s {
            _ if self.is_stale() => "builds nothing".to_owned(),
            Some(wall) => told(wall),
            None => none.to_owned(),
        }
    }

    /// Why there is no figure.
    pub(crate) fn missing(&self) -> String {
        match (&self.note, &self.same_as) {
            _ if self.is_stale() => "builds nothing: the old library stays".to_owned(),
            (Some(note), _) => note.clone(),
            (None, Some(other)) => format!("comes to the same as {other}, which was not measured"),
            (None, None) => "not measured".to_owned(),
        }
    }

    /// The ratio to the first lane, unless the builds were none.
    pub(crate) fn told_ratio(&self) -> Option<&Summary> {
        self.ratio.as_ref().filter(|_| !self.is_stale())
    }

    /// The runs that count.
    pub fn counted(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.round > 0)
    }

    fn times(&self) -> Vec<f64> {
        self.counted().map(|run| run.wall_s).collect()
    }

    /// The run whose time is nearest to the median.
    #[must_use]
    pub fn typical(&self) -> Option<&Run> {
        let median = median(&self.times())?;
        let distance = |run: &Run| (run.wall_s - median).abs();
        self.counted()
            .min_by(|one, other| distance(one).total_cmp(&distance(other)))
    }

    /// Whether a run left the library as it was, though it had to change.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let must_change = Scenario::find(&self.scenario).is_some_and(Scenario::must_change);
        let mut runs = self.runs.iter();
        must_change && runs.any(|run| run.is_another_library == Some(false))
    }
}

impl ScenarioRecord {
    pub(crate) fn of(scenario: &Scenario) -> Self {
        Self {
            id: scenario.id.to_owned(),
            title: scenario.title.to_owned(),
        }
    }
}

impl LaneRecord {
    pub(crate) fn of(lane: &Lane) -> Self {
        Self {
            strategy: lane.strategy.id.to_owned(),
            setting: lane.setting.id.to_owned(),
            command: lane.strategy.shown(Goal::Develop),
            wheel_command: lane.strategy.shown(Goal::Wheel),
            setting_title: lane.setting.title.to_owned(),
        }
    }

    /// The same where this program is run as it lies in the target directory, which nobody types.
    pub(crate) fn without_launcher(mut self) -> Self {
        for command in [&mut self.command, &mut self.wheel_command] {
            for (typed, program) in [
                (program::XTASK, "xtask"),
                (program::PYEXT, program::PYEXT_ALONE),
            ] {
                if let Some(args) = command.strip_prefix(typed) {
                    *command = format!("{program}{args}, the program alone");
                    break;
                }
            }
        }
        self
    }

    /// `strategy/setting`.
    pub(crate) fn id(&self) -> String {
        format!("{}/{}", self.strategy, self.setting)
    }

    /// What is typed in that scenario.
    pub(crate) fn command_of(&self, scenario: &str) -> &str {
        match Scenario::find(scenario).map(Scenario::goal) {
            Some(Goal::Wheel) => &self.wheel_command,
            _ => &self.command,
        }
    }
}
