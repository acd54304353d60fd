//! A compiler cache at work, for one checkout.

use camino::{Utf8Path, Utf8PathBuf};
use compiler_cache::Wrapper;
use compiler_cache::stats::Stats;
use environment::compiler_caches::CompilerCache;
use environment::vars;
use processes::{Invocation, RunError, proc};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) cache: &'static CompilerCache,
    pub(crate) program: Utf8PathBuf,
}

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
        let mut running = Self {
            server: server.clone(),
            store: store.to_string(),
            processes: Vec::new(),
            variables: variables(server.cache, store, socket_dir),
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

    /// How many compilations it has answered since it was started, where it tells.
    pub(crate) fn hits(&self) -> Option<u64> {
        let wrapper = Wrapper::of_program(self.server.cache.program)?;
        let stats = Stats::ask(wrapper, &self.server.program, &self.variables).ok()?;
        Some(match wrapper {
            // sccache tells them by language, others not.
            Wrapper::Sccache => stats.hits.get("Rust").copied().unwrap_or(0),
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

/// The variables that tell `cache` to keep its things in `store`, with a server of its own.
fn variables(
    cache: &CompilerCache,
    store: &Utf8Path,
    socket_dir: &Utf8Path,
) -> Vec<(String, String)> {
    let (server, pattern) = cache.server_variable;
    let short = socket_dir.file_name().unwrap_or_default();
    let address = pattern.replace("{dir}", socket_dir.as_str());
    let variables = [
        (cache.dir_variable, store.to_string()),
        (server, address.replace("{name}", short)),
        // A file of the user's that is not there: nothing of it counts.
        ("SCCACHE_CONF", store.join("none").to_string()),
        // Should we be killed, it ends by itself; in seconds.
        ("SCCACHE_IDLE_TIMEOUT", "600".to_owned()),
        (vars::XTASK_BENCH_STORE, store.to_string()),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

pub(crate) fn with_variables(command: Invocation, variables: &[(String, String)]) -> Invocation {
    let variables = variables.iter();
    variables.fold(command, |command, (name, value)| command.env(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::compiler_caches::ALL;

    #[test]
    fn each_checkout_has_a_server_of_its_own() {
        for cache in ALL {
            let (a, b) = (Utf8Path::new("/r/0"), Utf8Path::new("/r/1"));
            assert_ne!(variables(cache, a, a), variables(cache, a, b));
        }
    }
}
