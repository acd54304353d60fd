//! What was measured, as it is kept, resumed and given out as JSON (docs/bench-build.md describes it).

use serde::{Deserialize, Serialize};
use trial::statistics::{Noises, Summary, median, ratio};

use crate::goal::Goal;
use crate::lane::Lane;
use crate::machine::Machine;
use crate::scenario::{Role, Scenario};
use crate::timeline::Span;

/// The version of the form. Another one is not read.
pub const SCHEMA: u32 = 1;

/// A measurement, as far as it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When it was begun, in seconds since 1970. `None`: before `cargo xtask` was measured as it is typed.
    #[serde(default)]
    pub measured_at_s: Option<u64>,
    /// How far it has come.
    pub state: State,
    /// What was built.
    pub subject: Subject,
    /// On what.
    pub machine: Machine,
    /// How it was measured.
    pub method: MethodRecord,
    /// How long it took so far, in seconds, with everything that is not measured.
    pub spent_s: f64,
    /// The figures: one for each scenario and lane.
    pub cells: Vec<Cell>,
    /// The noise of all cells together.
    pub noise: Noises,
    /// That of the ratios of two runs of one round.
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
    /// All there is to be.
    Complete,
}

/// What was built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The name of the distribution.
    pub name: String,
    /// The commit, where it is in git, with `+` behind it if files differ from it.
    pub commit: Option<String>,
    /// The crates in which a line is changed.
    pub edits: Vec<EditRecord>,
    /// The dependency that gets other versions, and which, the project's own first.
    pub bumped: Option<Bumped>,
    /// How many packages Cargo.lock names.
    pub locked_packages: usize,
}

/// Where a line is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditRecord {
    /// Where the crate stands.
    pub role: Role,
    /// Its name.
    pub crate_name: String,
    /// The file and the line in it, relative to what was copied.
    pub place: String,
}

/// A dependency with other versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bumped {
    /// Its name.
    pub name: String,
    /// The versions.
    pub versions: Vec<String>,
}

/// How it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodRecord {
    /// How many runs quick scenarios were to have.
    pub runs: u32,
    /// How long it was allowed to take, in seconds.
    pub time_budget_s: f64,
    /// How certain intervals are.
    pub confidence: f64,
    /// The lanes, the one that others are compared with first.
    pub lanes: Vec<LaneRecord>,
    /// The scenarios.
    pub scenarios: Vec<ScenarioRecord>,
}

/// A lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneRecord {
    /// The strategy.
    pub strategy: String,
    /// The setting.
    pub setting: String,
    /// The command, as one would type it.
    pub command: String,
    /// That for a wheel; empty if there is none.
    pub wheel_command: String,
    /// The setting in words.
    pub setting_title: String,
}

/// A scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioRecord {
    /// Its name.
    pub id: String,
    /// In words.
    pub title: String,
}

/// The figures of one scenario on one lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The scenario.
    pub scenario: String,
    /// The strategy.
    pub strategy: String,
    /// The setting.
    pub setting: String,
    /// The runs, in the order of time; warm-ups too.
    pub runs: Vec<Run>,
    /// Why there is no figure, or why there are fewer runs than there should be.
    pub note: Option<String>,
    /// The scenario that does the same on this lane, and whose figure is this one's too.
    pub same_as: Option<String>,
    /// Whether there will be no more runs: it failed, or it makes no sense.
    pub is_closed: bool,
    /// The time in seconds, warm-ups left out.
    pub wall_s: Option<Summary>,
    /// The time against that of the first lane, run by run.
    pub ratio: Option<Summary>,
}

/// One run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// In which round; 0 is the warm-up.
    pub round: u32,
    /// When it began, in seconds since the measurement did.
    pub at_s: f64,
    /// How long bringing about the situation took, in seconds.
    pub prepare_s: f64,
    /// The time, in seconds.
    pub wall_s: f64,
    /// Processor time, in seconds.
    pub cpu_s: Option<f64>,
    /// What everybody else on the machine took of the processors meanwhile, in seconds.
    pub others_cpu_s: Option<f64>,
    /// The most memory at once, in bytes.
    pub peak_bytes: Option<u64>,
    /// What was sent to storage, in bytes.
    pub written_bytes: Option<u64>,
    /// How often cargo called rustc, or a wrapper in front of it.
    pub compilations: u64,
    /// How many of these a compiler cache answered, where it tells.
    pub cache_hits: Option<u64>,
    /// Whether the installed library was another one afterwards.
    pub is_another_library: Option<bool>,
    /// What happened when.
    pub timeline: Vec<Span>,
}

impl Results {
    /// The cell of `scenario` on `lane`.
    #[must_use]
    pub fn cell(&self, scenario: &str, lane: &Lane) -> Option<&Cell> {
        self.cell_of(scenario, lane.strategy.id, lane.setting.id)
    }

    /// The same by names.
    #[must_use]
    pub fn cell_of(&self, scenario: &str, strategy: &str, setting: &str) -> Option<&Cell> {
        let mut cells = self.cells.iter();
        cells.find(|cell| {
            cell.scenario == scenario && cell.strategy == strategy && cell.setting == setting
        })
    }

    /// The cell of `scenario` on the lane of that record.
    #[must_use]
    pub fn cell_on(&self, scenario: &str, lane: &LaneRecord) -> Option<&Cell> {
        self.cell_of(scenario, &lane.strategy, &lane.setting)
    }

    /// The cell whose runs are those of `cell`: itself, or the one that does the same.
    #[must_use]
    pub fn measured<'a>(&'a self, cell: &'a Cell) -> &'a Cell {
        let same = cell.same_as.as_deref();
        let found = same.and_then(|id| self.cell_of(id, &cell.strategy, &cell.setting));
        found.unwrap_or(cell)
    }

    /// Keeps these scenarios alone; all, if none is named.
    pub fn keep(&mut self, scenarios: &[String]) {
        if !scenarios.is_empty() {
            self.method
                .scenarios
                .retain(|it| scenarios.contains(&it.id));
            self.cells.retain(|it| scenarios.contains(&it.scenario));
        }
    }

    /// Adds a run.
    pub fn add(&mut self, scenario: &Scenario, lane: &Lane, run: Run) {
        if let Some(cell) = self.cell_mut(scenario, lane) {
            cell.runs.push(run);
        }
    }

    /// The cell, to be changed.
    pub fn cell_mut(&mut self, scenario: &Scenario, lane: &Lane) -> Option<&mut Cell> {
        let mut cells = self.cells.iter_mut();
        cells.find(|cell| {
            let of_lane = cell.strategy == lane.strategy.id && cell.setting == lane.setting.id;
            cell.scenario == scenario.id && of_lane
        })
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

    /// The times of `cell` and of the one that it is compared with, in the rounds in which both were
    /// measured.
    fn pairs(&self, cell: &Cell) -> Vec<(f64, f64)> {
        let measured = self.measured(cell);
        let reference = self
            .reference(cell)
            .map(|reference| measured.pairs(reference));
        reference.unwrap_or_default()
    }

    /// The cell that `cell` is compared with: that of the first lane, unless it is that itself.
    fn reference(&self, cell: &Cell) -> Option<&Cell> {
        let first = self.method.lanes.first()?;
        if first.id() == cell.lane_id() {
            return None;
        }
        let reference = self.cell_on(&cell.scenario, first)?;
        Some(self.measured(reference))
    }
}

impl Run {
    /// With times in whole microseconds: more digits would only fill the files.
    #[must_use]
    pub fn rounded(mut self) -> Self {
        let round = |seconds: &mut f64| *seconds = (*seconds * 1e6).round() / 1e6;
        let optional = [&mut self.cpu_s, &mut self.others_cpu_s];
        optional.into_iter().flatten().for_each(round);
        [&mut self.prepare_s, &mut self.wall_s]
            .into_iter()
            .for_each(round);
        self
    }
}

impl Cell {
    /// Without runs.
    #[must_use]
    pub fn new(scenario: &Scenario, lane: &Lane) -> Self {
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

    /// `strategy/setting`.
    #[must_use]
    pub fn lane_id(&self) -> String {
        format!("{}/{}", self.strategy, self.setting)
    }

    /// The lane, if it is still known.
    #[must_use]
    pub fn lane(&self) -> Option<Lane> {
        Lane::find(&self.strategy, &self.setting)
    }

    /// The time, unless the builds were none.
    #[must_use]
    pub fn figure(&self) -> Option<&Summary> {
        self.wall_s.as_ref().filter(|_| !self.is_stale())
    }

    /// The ratio to the first lane, unless the builds were none.
    #[must_use]
    pub fn told_ratio(&self) -> Option<&Summary> {
        self.ratio.as_ref().filter(|_| !self.is_stale())
    }

    /// The runs that count.
    pub fn counted(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.round > 0)
    }

    /// Their times, in seconds.
    #[must_use]
    pub fn times(&self) -> Vec<f64> {
        self.counted().map(|run| run.wall_s).collect()
    }

    /// The times of both in the rounds in which both were measured.
    fn pairs(&self, reference: &Self) -> Vec<(f64, f64)> {
        let pair = |run: &Run| {
            let mut theirs = reference.counted();
            let theirs = theirs.find(|it| it.round == run.round)?;
            Some((run.wall_s, theirs.wall_s))
        };
        self.counted().filter_map(pair).collect()
    }

    /// The run whose time is nearest to the median.
    #[must_use]
    pub fn typical(&self) -> Option<&Run> {
        let median = median(&self.times())?;
        let distance = |run: &&Run| (run.wall_s - median).abs();
        self.counted()
            .min_by(|one, other| distance(one).total_cmp(&distance(other)))
    }

    /// Whether the last run left the library as it was, though it had to change.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let must_change = Scenario::find(&self.scenario).is_some_and(Scenario::must_change);
        let mut runs = self.runs.iter();
        must_change && runs.any(|run| run.is_another_library == Some(false))
    }
}

impl LaneRecord {
    /// What is told of `lane`.
    #[must_use]
    pub fn of(lane: &Lane) -> Self {
        Self {
            strategy: lane.strategy.id.to_owned(),
            setting: lane.setting.id.to_owned(),
            command: lane.strategy.shown(Goal::Develop),
            wheel_command: lane.strategy.shown(Goal::Wheel),
            setting_title: lane.setting.title.to_owned(),
        }
    }

    /// The same where this program is run as it lies in the target directory, which nobody types.
    #[must_use]
    pub fn without_launcher(mut self) -> Self {
        for command in [&mut self.command, &mut self.wheel_command] {
            if let Some(program) = command.strip_prefix("cargo xtask ") {
                *command = format!("xtask {program}, the program alone");
            }
        }
        self
    }

    /// The lane, if it is still known.
    #[must_use]
    pub fn lane(&self) -> Option<Lane> {
        Lane::find(&self.strategy, &self.setting)
    }

    /// `strategy/setting`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.strategy, self.setting)
    }
}
