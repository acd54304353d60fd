//! A compiler cache at work.

use camino::Utf8Path;
use compiler_cache::Wrapper;
use compiler_cache::stats::Stats;
use environment::vars;
use processes::{Invocation, RunError, proc};

use crate::setting::{Server, with_variables};

/// A compiler cache at work.
pub(crate) struct RunningServer {
    server: Server,
    /// Its directory, by which its processes are known.
    store: String,
    pub(crate) processes: Vec<u32>,
    pub(crate) variables: Vec<(String, String)>,
}

impl RunningServer {
    /// Starts `server` with its things in `store`, so that its start is not measured.
    pub(crate) fn start(
        server: &Server,
        store: &Utf8Path,
        socket_dir: &Utf8Path,
    ) -> Result<Self, RunError> {
        let mut variables = server.cache.variables(store, socket_dir);
        variables.push((vars::XTASK_BENCH_STORE.to_owned(), store.to_string()));
        let mut running = Self {
            server: server.clone(),
            store: store.to_string(),
            processes: Vec::new(),
            variables,
        };
        if !server.cache.start.is_empty() {
            running.command(server.cache.start).read()?;
            running.processes = proc::with_variable(vars::XTASK_BENCH_STORE, store.as_str());
        }
        Ok(running)
    }

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
