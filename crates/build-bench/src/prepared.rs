//! What there is before the first run: the copies, what can be told of project and machine, and which cells
//! there will be.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use camino::Utf8Path;
use environment::cargo_env;
use processes::Invocation;
use trial::files::{read, refuse_small_disk, remove};
use trial::statistics::{CONFIDENCE, Noises};
use trial::timed::{Limits, deadline};

use crate::bump;
use crate::checkout::{Checkout, NO_PYTHON, python_module};
use crate::error::BenchError;
use crate::lane::{Lane, LanePlan};
use crate::lane_builder::LaneBuilder;
use crate::machine::{Machine, Program};
use crate::marks::Marks;
use crate::request::BenchRequest;
use crate::results::{
    Cell, LaneRecord, MethodRecord, Results, SCHEMA, ScenarioRecord, State, Subject,
};
use crate::roles::{missing as missing_role, roles};
use crate::scenario::{Action, Cost, SCENARIOS, Scenario};
use crate::scratch::{ScratchDir, Source};
use crate::setting::{Server, Setting};
use crate::store;
use crate::strategy::Placeholders;
use crate::target::Target;
use crate::tuned::Tuned;

/// What a checkout takes on disk at least, with what is built in it.
const LANE_BYTES: u64 = 1 << 30;

/// What a measurement is made of.
pub(crate) struct Prepared<'a> {
    pub(crate) request: &'a BenchRequest<'a>,
    pub(crate) source: &'a Source<'a>,
    pub(crate) scratch: &'a ScratchDir,
    pub(crate) tuned: Tuned,
}

impl<'a> Prepared<'a> {
    /// The results so far, or new ones, with the copies made.
    pub(crate) fn results(&self) -> Result<Results, BenchError> {
        if self.request.resumes {
            return self.earlier();
        }
        let path = self.scratch.results();
        if store::load(&path).is_ok_and(|it| it.state != State::Complete) {
            (self.request.warn)(
                "an earlier measurement that was not finished is discarded\n  help: `--resume` would have gone on with it",
            );
        }
        remove(&path)?;
        let needed_bytes = LANE_BYTES * self.request.plan.rows.len() as u64;
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
        let subject = filled?;
        let results = self.new_results(machine, subject);
        store::save(&results, &path)?;
        Ok(results)
    }

    /// Those of the measurement to go on with.
    fn earlier(&self) -> Result<Results, BenchError> {
        let path = self.scratch.results();
        if !path.is_file() {
            return Err(BenchError::NothingToResume);
        }
        let results = store::load(&path)?;
        if results.state == State::Complete {
            return Err(BenchError::NothingToResume);
        }
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
            let names =
                cells.map(|it| (it.scenario.clone(), it.strategy.clone(), it.setting.clone()));
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

    fn machine(&self) -> Machine {
        let program = |name, path: &Utf8Path| Program {
            name,
            path: path.to_owned(),
            dir: None,
        };
        let mut programs = vec![
            program("rustc", "rustc".into()),
            program("cargo", Utf8Path::new(&cargo_env::cargo())),
            program("maturin", &self.source.tools.maturin.path),
            program("uv", &self.source.tools.uv.path),
            program("Python", &self.source.tools.python.executable),
            program("cc", "cc".into()),
            program("ld", "ld".into()),
        ];
        let rows = &self.request.plan.rows;
        for server in rows.iter().filter_map(|row| self.server(row.lane.setting)) {
            if !programs.iter().any(|it| it.name == server.cache.program) {
                let dir = self.scratch.root.join("cache").join(server.cache.program);
                programs.push(Program {
                    name: server.cache.program,
                    path: server.program,
                    dir: Some((server.cache.dir_variable, dir)),
                });
            }
        }
        Machine::this(&self.scratch.root, &self.request.project.root, &programs)
    }

    fn subject(&self) -> Result<Subject, BenchError> {
        let project = self.scratch.project(self.source)?;
        let workspace = &self.source.closure.workspace_root;
        let workspace = self.source.moved(workspace, &self.scratch.origin());
        let lock = workspace.join("Cargo.lock");
        let rows = &self.request.plan.rows;
        let bumps = rows
            .iter()
            .flat_map(|row| &row.scenarios)
            .any(|it| it.does(Action::NextLock));
        let wanted = Cost::Medium.runs(self.request.plan.runs) as usize;
        let bumped = if bumps {
            (self.request.say)("Looking", "for other versions of a dependency");
            bump::find(
                self.scratch,
                &project.extension.manifest,
                &lock,
                self.source.closure,
                wanted,
            )?
        } else {
            None
        };
        Ok(Subject {
            name: self.request.project.name().to_owned(),
            commit: commit(&self.request.project.root),
            edits: Vec::new(),
            bumped,
            locked_packages: bump::packages(&read(&lock)?),
        })
    }

    fn new_results(&self, machine: Machine, subject: Subject) -> Results {
        let plan = &self.request.plan;
        let lanes = plan.rows.iter().map(|row| self.lane_record(&row.lane));
        let is_measured = |it: &&Scenario| plan.rows.iter().any(|row| row.scenarios.contains(it));
        let scenarios = SCENARIOS.iter().filter(is_measured);
        let scenarios = scenarios.map(|it| ScenarioRecord {
            id: it.id.to_owned(),
            title: it.title.to_owned(),
        });
        Results {
            schema: SCHEMA,
            measured_at_s: Some(now_s()),
            state: State::Running,
            subject,
            machine,
            method: MethodRecord {
                runs: plan.runs,
                time_budget_s: plan.time_budget_s,
                confidence: CONFIDENCE,
                lanes: lanes.collect(),
                scenarios: scenarios.collect(),
            },
            spent_s: 0.0,
            cells: plan.rows.iter().flat_map(|row| self.cells(row)).collect(),
            noise: Noises::default(),
            ratio_noise: Noises::default(),
        }
    }

    fn lane_record(&self, lane: &Lane) -> LaneRecord {
        let typed = LaneRecord::of(lane);
        if self.source.tools.xtask_root.is_some() {
            typed
        } else {
            typed.without_launcher()
        }
    }

    /// The cells of a row, with what is known before anything is measured.
    fn cells(&self, row: &LanePlan) -> Vec<Cell> {
        let unavailable = self.unavailable(row.lane.setting);
        let cells = row.scenarios.iter().map(|scenario| {
            let mut cell = Cell::new(scenario, &row.lane);
            let reason = unavailable
                .clone()
                .or_else(|| self.missing(row.lane, scenario).map(str::to_owned));
            cell.is_closed = reason.is_some();
            cell.note = reason.map(|reason| format!("not measured: {reason}"));
            let same = row.lane.same_as(scenario, &row.scenarios);
            cell.same_as = same.map(|it| it.id.to_owned());
            cell
        });
        cells.collect()
    }

    /// Why the scenario makes no sense on the lane, or with the project.
    fn missing(&self, lane: Lane, scenario: &Scenario) -> Option<&'static str> {
        let roles = roles(self.source.closure);
        let missing_crate = scenario.edits().find(|role| !roles.contains_key(role));
        let project = self.request.project;
        let edits_python = scenario.does(Action::EditPython);
        scenario
            .not_for(lane.strategy)
            .or_else(|| missing_crate.map(missing_role))
            .or_else(|| (edits_python && python_module(project).is_none()).then_some(NO_PYTHON))
    }

    /// Why nothing can be built with `setting` here, if that is so.
    fn unavailable(&self, setting: &'static Setting) -> Option<String> {
        if setting.is_tuned && self.tuned.is_none() {
            return Some("no tuned settings are known; `cargo xtask tune` finds them".to_owned());
        }
        let cache = setting.cache.as_ref()?;
        let missing = self.server(setting).is_none();
        missing.then(|| format!("{} is not installed", cache.program))
    }

    fn server(&self, setting: &'static Setting) -> Option<Server> {
        let cache = setting.cache.as_ref()?;
        // The path alone: asked for their version, some write to the home directory.
        let found = python_tools::tools::find(cache.program);
        let fetched = || Some(self.request.toolbox.find(cache.program)?.path);
        Some(Server {
            cache,
            program: found.or_else(fetched)?,
        })
    }

    /// What builds, from `start` on.
    pub(crate) fn builder(&'a self, start: Instant) -> Result<LaneBuilder<'a>, BenchError> {
        let request = self.request;
        let rows = request.plan.rows.iter();
        let servers = rows.map(|row| self.server(row.lane.setting));
        Ok(LaneBuilder {
            checkouts: self.checkouts()?,
            servers: servers.collect(),
            scratch: self.scratch,
            closure: self.source.closure,
            sources: self.source.sources,
            xtask_root: self.source.tools.xtask_root.as_deref(),
            limits: Limits {
                is_over: request.is_over,
                deadline: deadline(start, request.plan.time_budget_s),
            },
            say: request.say,
            known: BTreeMap::new(),
            marks: Marks::load(&self.scratch.root),
            start,
        })
    }

    /// One for each row.
    fn checkouts(&self) -> Result<Vec<Checkout<'a>>, BenchError> {
        let source = self.source;
        let copy = self.scratch.project(source)?;
        let target = Target::find(self.scratch, &copy, source.closure, &source.sources.root)?;
        let tools = Placeholders {
            uv: source.tools.uv.path.clone(),
            maturin: source.tools.maturin.path.clone(),
            cargo: cargo_env::cargo().into(),
            xtask: source.tools.xtask.clone(),
            python: source.tools.python.executable.clone(),
            ..Placeholders::default()
        };
        let rows = self.request.plan.rows.iter().enumerate();
        let checkouts = rows.map(|(number, row)| Checkout {
            scratch: self.scratch,
            lane: row.lane,
            dir: self.scratch.lane(number),
            below: source.moved(&self.request.project.root, "".into()),
            target: target.clone(),
            tuned: self.tuned.clone(),
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
    let differs =
        git(&["--no-optional-locks", "status", "--porcelain"]).is_some_and(|text| !text.is_empty());
    Some(format!("{commit}{}", if differs { "+" } else { "" }))
}

/// Seconds since 1970.
fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
