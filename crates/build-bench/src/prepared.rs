//! What there is before the first run: the copies, what can be told of project and machine, and which cells
//! there will be.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use camino::Utf8Path;
use environment::cargo_env;
use processes::Invocation;
use trial::files::{read, refuse_small_disk, remove};
use trial::statistics::{CONFIDENCE, Noises};
use trial::timed::{Limits, deadline};

use crate::bump::{LockFile, VersionSearch};
use crate::checkout::{Checkout, NO_PYTHON, python_module};
use crate::error::BenchError;
use crate::lane::{Lane, LanePlan};
use crate::lane_builder::LaneBuilder;
use crate::machine::Machine;
use crate::marks::Marks;
use crate::request::BenchRequest;
use crate::results::{
    Bumped, Cell, LaneRecord, MeasuredProject, MethodRecord, Results, SCHEMA, ScenarioRecord, State,
};
use crate::roles::{missing as missing_role, roles};
use crate::scenario::{Action, Cost, SCENARIOS, Scenario};
use crate::scratch::{ScratchDir, Source};
use crate::server::Server;
use crate::setting::Setting;
use crate::store;
use crate::strategy::Placeholders;
use crate::target::Target;
use crate::tuned::Tuned;

/// What a checkout takes on disk at least, with what is built in it.
const LANE_BYTES: u64 = 1 << 30;

pub(crate) struct Prepared<'a> {
    pub(crate) request: &'a BenchRequest<'a>,
    pub(crate) source: &'a Source<'a>,
    pub(crate) scratch: &'a ScratchDir,
    pub(crate) tuned: Tuned,
}

impl<'a> Prepared<'a> {
    /// The results so far, or new ones, with the copies made.
    pub(crate) fn results(&self) -> Result<Results, BenchError> {
        let path = self.scratch.results();
        let earlier = path.is_file().then(|| store::load(&path));
        if self.request.resumes {
            return self.resumed(earlier.transpose()?);
        }
        if earlier.is_some_and(|it| it.is_ok_and(|it| it.state != State::Complete)) {
            (self.request.warn)(
                "an earlier measurement that was not finished is discarded\n  help: `--resume` would have gone on with it",
            );
        }
        remove(&self.scratch.root, &path)?;
        let needed_bytes = LANE_BYTES * self.rows().len() as u64;
        refuse_small_disk(&self.scratch.root, needed_bytes)?;
        (self.request.say)("Copying", &format!("the project to {}", self.scratch.root));
        // Before anything is built.
        let machine = self.machine();
        let filled = self.scratch.fill(self.source, self.request.warn);
        let filled = filled.and_then(|()| self.subject());
        if (self.request.is_over)() {
            self.scratch.clear()?;
            return Err(BenchError::Interrupted);
        }
        let results = self.new_results(machine, filled?);
        store::save(&results, &path)?;
        Ok(results)
    }

    /// Those of the measurement to go on with.
    fn resumed(&self, earlier: Option<Results>) -> Result<Results, BenchError> {
        let earlier = earlier.filter(|it| it.state != State::Complete);
        let results = earlier.ok_or(BenchError::NothingToResume)?;
        let now = &self.source.tools.python.version;
        if let Some(then) = results.machine.version("Python").filter(|then| then != now) {
            return Err(BenchError::OtherPython {
                then: then.to_owned(),
                now: now.clone(),
            });
        }
        let expected = self.new_results(results.machine.clone(), results.subject.clone());
        let names = |results: &Results| {
            let cells = results.cells.iter();
            let names = cells.map(|it| (it.scenario.clone(), it.lane_id()));
            names.collect::<Vec<_>>()
        };
        let is_other = names(&results) != names(&expected)
            // The same column, measured in another way.
            || results.method.lanes != expected.method.lanes;
        if is_other || results.method.runs != expected.method.runs {
            return Err(BenchError::OtherPlan);
        }
        Ok(results)
    }

    fn rows(&self) -> &'a [LanePlan] {
        &self.request.plan.rows
    }

    fn machine(&self) -> Machine {
        let tools = self.source.tools;
        let mut programs = vec![
            ("rustc", Invocation::new("rustc")),
            ("cargo", Invocation::new(cargo_env::cargo())),
            ("maturin", Invocation::new(&tools.maturin.path)),
            ("uv", Invocation::new(&tools.uv.path)),
            ("Python", Invocation::new(&tools.python.executable)),
            ("cc", Invocation::new("cc")),
            ("ld", Invocation::new("ld")),
        ];
        let rows = self.rows().iter();
        let servers = rows.filter_map(|row| self.server(row.lane.setting));
        for Server { cache, program } in servers {
            if !programs.iter().any(|(name, _)| *name == cache.program) {
                // Some write even when they are only asked for their version.
                let dir = self.scratch.root.join("cache").join(cache.program);
                let program = Invocation::new(program).env(cache.dir_variable, dir.as_str());
                programs.push((cache.program, program));
            }
        }
        Machine::this(&self.scratch.root, &self.request.project.root, programs)
    }

    fn subject(&self) -> Result<MeasuredProject, BenchError> {
        let workspace = &self.source.closure.workspace_root;
        let workspace = self.source.moved(workspace, &self.scratch.origin());
        let lock = workspace.join("Cargo.lock");
        Ok(MeasuredProject {
            name: self.request.project.name().to_owned(),
            commit: commit(&self.request.project.root),
            edits: Vec::new(),
            bumped: self.bumped(&lock)?,
            locked_packages: LockFile::parse(&read(&lock)?).package.len(),
        })
    }

    /// The dependency that gets other versions, where a scenario wants that.
    fn bumped(&self, lock: &Utf8Path) -> Result<Option<Bumped>, BenchError> {
        let mut scenarios = self.rows().iter().flat_map(|row| &row.scenarios);
        if !scenarios.any(|it| it.does(Action::NextLock)) {
            return Ok(None);
        }
        (self.request.say)("Looking", "for other versions of a dependency");
        let search = VersionSearch {
            scratch: self.scratch,
            project: &self.scratch.project(self.source)?,
            lock,
            closure: self.source.closure,
            wanted: Cost::Medium.runs(self.request.plan.runs) as usize,
        };
        search.find()
    }

    fn new_results(&self, machine: Machine, subject: MeasuredProject) -> Results {
        let rows = self.rows();
        let lanes = rows.iter().map(|row| {
            let typed = LaneRecord::of(&row.lane);
            match self.source.tools.xtask_root {
                Some(_) => typed,
                None => typed.without_launcher(),
            }
        });
        let is_measured = |it: &&Scenario| rows.iter().any(|row| row.scenarios.contains(it));
        let scenarios = SCENARIOS.iter().filter(is_measured);
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Results {
            schema: SCHEMA,
            measured_at_s: Some(since.unwrap_or_default().as_secs()),
            state: State::Running,
            subject,
            machine,
            method: MethodRecord {
                runs: self.request.plan.runs,
                time_budget_s: self.request.plan.time_budget_s,
                confidence: CONFIDENCE,
                lanes: lanes.collect(),
                scenarios: scenarios.map(ScenarioRecord::of).collect(),
            },
            spent_s: 0.0,
            cells: rows.iter().flat_map(|row| self.cells(row)).collect(),
            noise: Noises::default(),
            ratio_noise: Noises::default(),
        }
    }

    /// The cells of a row, with what is known before anything is measured.
    fn cells(&self, row: &LanePlan) -> Vec<Cell> {
        let unavailable = self.unavailable(row.lane.setting);
        let cells = row.scenarios.iter().map(|scenario| {
            let missing = self.missing(row.lane, scenario).map(str::to_owned);
            let reason = unavailable.clone().or(missing);
            let same = row.lane.same_as(scenario, &row.scenarios);
            Cell {
                is_closed: reason.is_some(),
                note: reason.map(|reason| format!("not measured: {reason}")),
                same_as: same.map(|it| it.id.to_owned()),
                ..Cell::new(scenario, &row.lane)
            }
        });
        cells.collect()
    }

    /// Why the scenario makes no sense on the lane, or with the project.
    fn missing(&self, lane: Lane, scenario: &Scenario) -> Option<&'static str> {
        let roles = roles(self.source.closure);
        let missing_crate = scenario.edits().find(|role| !roles.contains_key(role));
        let lacks_python =
            scenario.does(Action::EditPython) && python_module(self.request.project).is_none();
        scenario
            .not_for(lane.strategy)
            .or_else(|| missing_crate.map(missing_role))
            .or_else(|| lacks_python.then_some(NO_PYTHON))
    }

    /// Why nothing can be built with `setting` here, if that is so.
    fn unavailable(&self, setting: &'static Setting) -> Option<String> {
        if setting.is_tuned && self.tuned.is_none() {
            return Some("no tuned settings are known; `cargo xtask tune` finds them".to_owned());
        }
        let cache = setting.cache?;
        let missing = self.server(setting).is_none();
        missing.then(|| format!("{} is not installed", cache.program))
    }

    fn server(&self, setting: &'static Setting) -> Option<Server> {
        let cache = setting.cache?;
        // The path alone: asked for their version, some write to the home directory.
        let found = python_tools::tools::find(cache.program);
        let fetched = || Some(self.request.toolbox.find(cache.program)?.path);
        let program = found.or_else(fetched)?;
        Some(Server { cache, program })
    }

    /// What builds, from `start` on.
    pub(crate) fn builder(&'a self, start: Instant) -> Result<LaneBuilder<'a>, BenchError> {
        let request = self.request;
        Ok(LaneBuilder {
            checkouts: self.checkouts()?,
            scratch: self.scratch,
            closure: self.source.closure,
            sources: self.source.sources,
            xtask_root: self.source.tools.xtask_root.as_deref(),
            limits: Limits {
                is_over: request.is_over,
                deadline: deadline(start, request.plan.time_budget_s),
            },
            say: request.say,
            marks: Marks::load(&self.scratch.root),
            start,
        })
    }

    fn checkouts(&self) -> Result<Vec<Checkout<'a>>, BenchError> {
        let source = self.source;
        let target = Target::find(self.scratch, source)?;
        let tools = Placeholders {
            uv: source.tools.uv.path.clone(),
            maturin: source.tools.maturin.path.clone(),
            cargo: cargo_env::cargo().into(),
            xtask: source.tools.xtask.clone(),
            python: source.tools.python.executable.clone(),
            ..Placeholders::default()
        };
        let rows = self.rows().iter().enumerate();
        let checkouts = rows.map(|(number, row)| Checkout {
            scratch: self.scratch,
            lane: row.lane,
            dir: self.scratch.lane(number),
            below: source.moved(&self.request.project.root, "".into()),
            target: target.clone(),
            tuned: self.tuned.clone(),
            server: self.server(row.lane.setting),
            built_from: None,
            has_built: false,
            tools: tools.clone(),
        });
        Ok(checkouts.collect())
    }
}

/// The commit of the user's checkout, with `+` behind it if files differ from it.
fn commit(root: &Utf8Path) -> Option<String> {
    let git = |args: &[&str]| {
        let command = Invocation::new("git").args(args.iter().copied()).cwd(root);
        command.read().ok().map(|text| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    // Without the locks, git does not write to its index.
    let status = git(&["--no-optional-locks", "status", "--porcelain"]);
    let differs = status.is_some_and(|text| !text.is_empty());
    Some(format!("{commit}{}", if differs { "+" } else { "" }))
}
