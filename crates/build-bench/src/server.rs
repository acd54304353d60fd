//! A compiler cache at work.

use build_env::{Invocation, proc, vars};
use compiler_cache::Wrapper;
use compiler_cache::stats::Stats;

use crate::bench::{Bench, Outcome, broken};
use crate::error::at;
use crate::scenario::Goal;
use crate::session::Stop;
use crate::setting::Server;

impl Bench<'_> {
    /// Starts the lane's compiler cache, so that its start is not measured.
    pub(crate) fn start_server(
        &self,
        row: usize,
        goal: Goal,
        server: &Server,
    ) -> Outcome<RunningServer> {
        let checkout = &self.checkouts[row];
        let store = checkout.store(goal);
        fs_err::create_dir_all(&store)
            .map_err(at(&store))
            .map_err(broken)?;
        let socket_dir = self.workspace.socket_dir(row).map_err(broken)?;
        let mut variables = server.cache.variables(&store, &socket_dir);
        variables.push((vars::XTASK_BENCH_STORE.to_owned(), store.to_string()));
        let running = RunningServer {
            server: server.clone(),
            store: store.to_string(),
            processes: Vec::new(),
            variables,
        };
        if server.cache.start.is_empty() {
            return Ok(running);
        }
        let start = running.command(server.cache.start);
        start.read().map_err(|error| {
            Stop::Failed(format!("{} does not start: {error}", server.cache.program))
        })?;
        Ok(RunningServer {
            processes: proc::with_variable(vars::XTASK_BENCH_STORE, store.as_str()),
            ..running
        })
    }
}

pub(crate) fn with_variables(command: Invocation, variables: &[(String, String)]) -> Invocation {
    let mut command = command;
    for (name, value) in variables {
        command = command.env(name, value);
    }
    command
}

/// A compiler cache at work.
pub(crate) struct RunningServer {
    server: Server,
    /// Its directory, by which its processes are known.
    store: String,
    pub(crate) processes: Vec<u32>,
    pub(crate) variables: Vec<(String, String)>,
}

impl RunningServer {
    fn command(&self, args: &[&str]) -> Invocation {
        let command = Invocation::new(&self.server.program).args(args.iter().copied());
        // Some keep notes of each run in the home directory, whatever else they are told.
        with_variables(command, &self.variables).env("HOME", &self.store)
    }

    /// How many compilations it has answered since it was started.
    pub(crate) fn hits(&self) -> Option<u64> {
        let wrapper = self.server.cache.wrapper?;
        let stats = Stats::ask(wrapper, &self.server.program, &self.variables).ok()?;
        // sccache tells them by language, others not.
        let rust = stats.hits.get("Rust").copied();
        Some(match wrapper {
            Wrapper::Sccache => rust.unwrap_or(0),
            Wrapper::Kache => stats.hit_count(),
        })
    }

    /// Some start another server as soon as they are called, or several: all of them are ended.
    pub(crate) fn stop(self) {
        // Whatever it answers, what is still there is ended below.
        let _ = self.command(self.server.cache.stop).capture();
        proc::end(&proc::with_variable(vars::XTASK_BENCH_STORE, &self.store));
    }
}
