//! The executor that really builds.

use std::time::{Instant, SystemTime};

use camino::Utf8Path;
use processes::Invocation;
use processes::Say;
use project_model::{Closure, Sources};
use trial::files::at;
use trial::timed::{Limits, NoTime, timed};

use crate::checkout::Checkout;
use crate::goal::Goal;
use crate::library;
use crate::marks::Marks;
use crate::results::Run;
use crate::scenario::{Action, Step};
use crate::schedule::Job;
use crate::scratch::ScratchDir;
use crate::server::{RunningServer, Server, with_variables};
use crate::session::{Executor, Stop};
use crate::timeline;
use crate::typed::typed;

pub(crate) struct LaneBuilder<'a> {
    /// In the order of the plan's rows.
    pub(crate) checkouts: Vec<Checkout<'a>>,
    pub(crate) scratch: &'a ScratchDir,
    /// The crates of the user's project, and the root of what was copied.
    pub(crate) closure: &'a Closure,
    pub(crate) sources: &'a Sources,
    /// The workspace in which `cargo xtask` is typed; none: the program itself is run.
    pub(crate) xtask_root: Option<&'a Utf8Path>,
    pub(crate) limits: Limits<'a>,
    pub(crate) say: Say<'a>,
    pub(crate) marks: Option<Marks>,
    pub(crate) start: Instant,
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
        let checkout = &mut self.checkouts[job.row];
        match &done {
            Ok(_) => checkout.has_built = true,
            // Whatever it has left is put in order before the next run.
            Err(_) => checkout.built_from = None,
        }
        done.map_err(|stop| match stop {
            Stop::Failed(reason) if !checkout.has_built => Stop::LaneFailed(reason),
            other => other,
        })
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
                Step::Measure(goal) => {
                    // What was written before is not to be paid for by what is measured.
                    rustix::fs::sync();
                    self.run_commands(job.row, goal, &mut run)?;
                }
            }
        }
        if job.scenario.does(Action::FreshClone) {
            let checkout = &mut self.checkouts[job.row];
            checkout.built_from = self.scratch.head(&checkout.tree());
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
        let checkout = &self.checkouts[row];
        if checkout.built_from.is_some() && checkout.built_from == head {
            return Ok(());
        }
        if checkout.tree().is_dir() {
            checkout.trunk()?;
        } else {
            checkout.clone_anew()?;
        }
        self.say_unmeasured(&checkout.lane.to_string());
        self.build(row, Goal::Develop)?;
        let checkout = &mut self.checkouts[row];
        (checkout.built_from, checkout.has_built) = (head, true);
        Ok(())
    }

    fn say_unmeasured(&self, what: &str) {
        (self.say)("Building", &format!("{what}, which is not measured"));
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
        self.say_unmeasured(&format!("a wheel on {}", job.lane));
        self.build(job.row, Goal::Wheel)
    }

    fn act(&mut self, job: &Job, action: Action) -> Result<(), Stop> {
        let checkout = &self.checkouts[job.row];
        if action == Action::EmptyCaches && job.scenario.goal() == Goal::Wheel {
            return Ok(checkout.remove(&checkout.store(Goal::Wheel))?);
        }
        let none = Marks::default();
        checkout.act(action, self.marks.as_ref().unwrap_or(&none), job.round)
    }

    /// The installed library, or, for those who install nothing, the one that was built.
    pub(crate) fn digest(&self, row: usize) -> Result<Option<String>, Stop> {
        let checkout = &self.checkouts[row];
        if !checkout.project_dir().is_dir() {
            return Ok(None);
        }
        let venv = checkout.lane.strategy.installs.then(|| checkout.venv());
        let library = self.closure.crates.first();
        let library = library.and_then(|one| one.library.as_deref());
        Ok(library::digest(
            &checkout.project()?,
            venv.as_deref(),
            &checkout.target(),
            library.unwrap_or_default(),
        ))
    }

    /// Builds without measuring.
    pub(crate) fn build(&mut self, row: usize, goal: Goal) -> Result<(), Stop> {
        self.run_commands(row, goal, &mut Run::default())
    }

    /// Builds, and adds what it costs to `run`.
    fn run_commands(&mut self, row: usize, goal: Goal, run: &mut Run) -> Result<(), Stop> {
        let checkout = &self.checkouts[row];
        let place = checkout.place()?;
        let strategy = checkout.lane.strategy;
        let commands = strategy.commands(goal, &place, place.venv().is_dir());
        let server = checkout.server.as_ref();
        let running = server.map(|server| self.start_server(row, goal, server));
        let running = running.transpose()?;
        let program = server.map(|server| server.program.as_path());
        let started = SystemTime::now();
        let outcome = commands.into_iter().try_for_each(|command| {
            let command = checkout.settled(command, program);
            self.run_command(checkout, command, running.as_ref(), run)
        });
        if let Some(running) = running {
            let hits = running.hits();
            run.cache_hits = hits.map(|hits| hits + run.cache_hits.unwrap_or(0));
            running.stop();
        }
        run.compilations += library::compilations_since(&checkout.target(), started);
        outcome
    }

    fn run_command(
        &self,
        checkout: &Checkout<'_>,
        command: Invocation,
        server: Option<&RunningServer>,
        run: &mut Run,
    ) -> Result<(), Stop> {
        let variables = server.map_or(&[][..], |it| &it.variables);
        let processes = server.map_or(&[][..], |it| &it.processes);
        let command = with_variables(command, variables);
        let is_xtask = command.program == checkout.tools.xtask;
        let root = self.xtask_root.filter(|_| is_xtask);
        let asked = root.map(|root| typed(&command, root));
        let asked = asked.as_ref().unwrap_or(&command);
        let usage = timed(asked, &checkout.dir.join("log"), processes, self.limits);
        let usage = usage.map_err(|why| match why {
            NoTime::Failed(said) => Stop::Failed(format!("`{}` failed: {said}", shown(&command))),
            other => other.into(),
        })?;
        let spans = timeline::spans(&usage.processes, run.wall_s);
        run.timeline.extend(spans);
        run.wall_s += usage.wall_s;
        // What the system does not tell of one command is not known of all.
        let sum = |one: Option<f64>, other: Option<f64>| Some(one.unwrap_or(0.0) + other?);
        run.cpu_s = sum(run.cpu_s, usage.cpu_s);
        run.others_cpu_s = sum(run.others_cpu_s, usage.others_cpu_s);
        run.peak_bytes = run.peak_bytes.max(usage.peak_bytes);
        let written = usage.written_bytes;
        run.written_bytes = written.map(|bytes| bytes + run.written_bytes.unwrap_or(0));
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
    let program = &command.program;
    let name = program.file_name().unwrap_or(program.as_str());
    let mut words = command.args.iter();
    let word = words.find(|it| !it.starts_with('-') && !it.contains('/'));
    word.map_or_else(|| name.to_owned(), |word| format!("{name} {word}"))
}
