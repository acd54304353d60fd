//! The executor that really builds.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use processes::Say;
use project_model::{Closure, Sources};
use trial::files::{at, remove};
use trial::timed::{Limits, NoTime, timed};

use crate::checkout::{Cannot, Checkout};
use crate::goal::Goal;
use crate::library;
use crate::marks::Marks;
use crate::results::Run;
use crate::scenario::{Action, Step};
use crate::schedule::Job;
use crate::scratch::ScratchDir;
use crate::server::RunningServer;
use crate::session::{Executor, Stop};
use crate::setting::{Server, with_variables};
use crate::timeline;
use crate::typed::typed;

/// Builds in checkouts below a workspace.
pub(crate) struct LaneBuilder<'a> {
    /// The checkouts, in the order of the plan's rows.
    pub(crate) checkouts: Vec<Checkout<'a>>,
    /// The compiler caches, in the same order.
    pub(crate) servers: Vec<Option<Server>>,
    pub(crate) scratch: &'a ScratchDir,
    /// The crates of the user's project, and the root of what was copied.
    pub(crate) closure: &'a Closure,
    pub(crate) sources: &'a Sources,
    /// The workspace in which `cargo xtask` is typed; none: the program itself is run.
    pub(crate) xtask_root: Option<&'a Utf8Path>,
    /// When what is running is to be ended.
    pub(crate) limits: Limits<'a>,
    pub(crate) say: Say<'a>,
    /// What is known of each checkout.
    pub(crate) known: BTreeMap<usize, Known>,
    pub(crate) marks: Option<Marks>,
    pub(crate) start: Instant,
}

/// What is known of a checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// The commit that all of it was built from, but for edits.
    pub(crate) head: Option<String>,
    /// Whether a build has ever succeeded.
    has_built: bool,
}

impl Executor for LaneBuilder<'_> {
    fn elapsed_s(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn run(&mut self, job: &Job) -> Result<Run, Stop> {
        let done = self.try_run(job);
        if (self.limits.is_over)() {
            return Err(Stop::Interrupted);
        }
        let known = self.known.entry(job.row).or_default();
        match done {
            Ok(run) => {
                known.has_built = true;
                Ok(run)
            }
            Err(stop) => {
                // Whatever it has left is put in order before the next run.
                known.head = None;
                Err(match stop {
                    Stop::Failed(reason) if !known.has_built => Stop::LaneFailed(reason),
                    other => other,
                })
            }
        }
    }
}

impl LaneBuilder<'_> {
    fn try_run(&mut self, job: &Job) -> Result<Run, Stop> {
        let preparing = Instant::now();
        self.find_marks_for(job)?;
        if !job.lane.begins_with(job.scenario) {
            self.settle(job.row)?;
        }
        self.fill_release_store(job)?;
        let before = self.digest(job.row)?;
        let mut run = Run {
            round: job.round,
            ..Run::default()
        };
        for step in job.scenario.steps_with(job.lane.has_caches()) {
            match step {
                Step::Do(action) => self.act(job, action)?,
                Step::Build(goal) => self.build(job.row, goal)?,
                Step::Measure(goal) => self.measure(job, goal, &mut run)?,
            }
        }
        if job.scenario.does(Action::FreshClone) {
            let head = self.scratch.head(&self.checkouts[job.row].tree());
            self.known.entry(job.row).or_default().head = head;
        }
        if job.scenario.goal() == Goal::Develop {
            run.is_another_library = Some(self.digest(job.row)? != before);
        }
        run.prepare_s = preparing.elapsed().as_secs_f64() - run.wall_s;
        Ok(run.rounded())
    }

    /// Has the checkout built from the newest commit.
    pub(crate) fn settle(&mut self, row: usize) -> Result<(), Stop> {
        let head = self.scratch.head(&self.scratch.origin());
        let known = self.known.entry(row).or_default();
        if known.head.is_some() && known.head == head {
            return Ok(());
        }
        let checkout = &self.checkouts[row];
        if checkout.tree().is_dir() {
            checkout.trunk()?;
        } else {
            checkout.clone_anew()?;
        }
        (self.say)(
            "Building",
            &format!("{}, which is not measured", checkout.lane),
        );
        self.build(row, Goal::Develop)?;
        let known = self.known.entry(row).or_default();
        known.head = head;
        known.has_built = true;
        Ok(())
    }

    /// Release builds have a store of their own. What is to come from there has to be there, also where no
    /// wheel was built before.
    fn fill_release_store(&mut self, job: &Job) -> Result<(), Stop> {
        let fills_it = job.scenario.steps.contains(&Step::Build(Goal::Wheel))
            || job.scenario.does(Action::EmptyCaches);
        let is_used =
            job.scenario.goal() == Goal::Wheel && job.lane.setting.cache.is_some() && !fills_it;
        if !is_used || self.checkouts[job.row].store(Goal::Wheel).is_dir() {
            return Ok(());
        }
        (self.say)(
            "Building",
            &format!("a wheel on {}, which is not measured", job.lane),
        );
        self.build(job.row, Goal::Wheel)
    }

    fn act(&mut self, job: &Job, action: Action) -> Result<(), Stop> {
        let target = self.target(job.row);
        let checkout = &self.checkouts[job.row];
        if action == Action::EmptyCaches && job.scenario.goal() == Goal::Wheel {
            return Ok(remove(&checkout.store(Goal::Wheel))?);
        }
        let none = Marks::default();
        let marks = self.marks.as_ref().unwrap_or(&none);
        checkout
            .act(action, marks, job.round, &target)
            .map_err(|cannot| match cannot {
                Cannot::Missing(reason) => Stop::Failed(reason),
                Cannot::Error(error) => Stop::Broken(error),
            })
    }

    pub(crate) fn target(&self, row: usize) -> Utf8PathBuf {
        self.checkouts[row].target()
    }

    /// The installed library, or, for those who install nothing, the one that was built.
    pub(crate) fn digest(&self, row: usize) -> Result<Option<String>, Stop> {
        let checkout = &self.checkouts[row];
        if !checkout.project_dir().is_dir() {
            return Ok(None);
        }
        let project = checkout.project()?;
        let venv = project.root.join(".venv");
        let venv = checkout.lane.strategy.installs.then_some(venv.as_path());
        let library = self
            .closure
            .crates
            .first()
            .and_then(|one| one.library.clone());
        let name = library.unwrap_or_default();
        Ok(library::digest(&project, venv, &self.target(row), &name))
    }

    /// Builds without measuring.
    pub(crate) fn build(&mut self, row: usize, goal: Goal) -> Result<(), Stop> {
        let mut ignored = Run::default();
        self.run_commands(row, goal, &mut ignored)
    }

    /// Builds, after all that was written before has reached the disk, and adds what it costs to `run`.
    fn measure(&mut self, job: &Job, goal: Goal, run: &mut Run) -> Result<(), Stop> {
        rustix::fs::sync();
        self.run_commands(job.row, goal, run)
    }

    fn run_commands(&mut self, row: usize, goal: Goal, run: &mut Run) -> Result<(), Stop> {
        let checkout = &self.checkouts[row];
        let place = checkout.place()?;
        let commands = checkout
            .lane
            .strategy
            .commands(goal, &place, place.venv().is_dir());
        let server = self.servers[row].as_ref();
        let running = server
            .map(|server| self.start_server(row, goal, server))
            .transpose()?;
        let program = server.map(|server| server.program.as_path());
        let variables = running.as_ref().map_or(&[][..], |it| &it.variables);
        let started = SystemTime::now();
        let mut outcome = Ok(());
        for command in commands {
            let command = checkout.settled(command, program);
            let command = with_variables(command, variables);
            let ids = running.as_ref().map_or(&[][..], |it| &it.processes);
            outcome = self.run_command(row, &command, ids, run);
            if outcome.is_err() {
                break;
            }
        }
        if let Some(running) = running {
            let hits = running.hits();
            run.cache_hits = hits.map(|hits| hits + run.cache_hits.unwrap_or(0));
            running.stop();
        }
        run.compilations += library::compilations_since(&self.target(row), started);
        outcome
    }

    fn run_command(
        &self,
        row: usize,
        command: &Invocation,
        servers: &[u32],
        run: &mut Run,
    ) -> Result<(), Stop> {
        let checkout = &self.checkouts[row];
        let is_xtask = command.program == checkout.tools.xtask;
        let root = self.xtask_root.filter(|_| is_xtask);
        let typed = root.map(|root| typed(command, root));
        let asked = typed.as_ref().unwrap_or(command);
        let usage = timed(asked, &checkout.dir.join("log"), servers, self.limits);
        let usage = usage.map_err(|why| match why {
            NoTime::Failed(said) => Stop::Failed(format!("`{}` failed: {said}", shown(command))),
            other => other.into(),
        })?;
        run.timeline
            .extend(timeline::spans(&usage.processes, run.wall_s));
        run.wall_s += usage.wall_s;
        let sum = |one: Option<f64>, other: Option<f64>| Some(one.unwrap_or(0.0) + other?);
        run.cpu_s = sum(run.cpu_s, usage.cpu_s);
        run.others_cpu_s = sum(run.others_cpu_s, usage.others_cpu_s);
        run.peak_bytes = run.peak_bytes.max(usage.peak_bytes);
        run.written_bytes = usage
            .written_bytes
            .map(|bytes| bytes + run.written_bytes.unwrap_or(0));
        Ok(())
    }

    /// Starts the lane's compiler cache, so that its start is not measured.
    fn start_server(&self, row: usize, goal: Goal, server: &Server) -> Result<RunningServer, Stop> {
        let store = self.checkouts[row].store(goal);
        fs_err::create_dir_all(&store).map_err(at(&store))?;
        let socket_dir = self.scratch.socket_dir(row)?;
        RunningServer::start(server, &store, &socket_dir).map_err(|error| {
            Stop::Failed(format!("{} does not start: {error}", server.cache.program))
        })
    }
}

/// The program and its first argument: enough to know what it was.
fn shown(command: &Invocation) -> String {
    let name = command
        .program
        .file_name()
        .unwrap_or(command.program.as_str());
    let mut words = command.args.iter();
    let word = words.find(|it| !it.starts_with('-') && !it.contains('/'));
    word.map_or_else(|| name.to_owned(), |word| format!("{name} {word}"))
}
