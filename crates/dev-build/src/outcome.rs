//! What a development build has done, and how it is told.

use std::time::Duration;

use camino::Utf8PathBuf;
use processes::memory;
use project_model::Project;
use python_tools::Venv;

use crate::compile::Compiled;
use crate::import::Imported;

/// How many names of the module are shown: enough to recognise it by.
const SHOWN_NAMES: usize = 8;

/// What was done.
#[derive(Debug)]
pub struct Outcome {
    /// The environment that was installed into.
    pub venv: Venv,
    /// What cargo did.
    pub compiled: Compiled,
    /// What became of the library.
    pub install: Installed,
    /// What can now be imported.
    pub imported: Imported,
    /// Paths that build scripts name and where nothing is, each with the crate that it lies in, where that is
    /// known.
    pub missing: Vec<(Utf8PathBuf, Option<String>)>,
    /// That processes still run the library of before, if any do.
    pub still_running: Option<String>,
    /// From start to end, without what it [waited](Self::waited).
    pub elapsed: Duration,
    /// How long another build into the same directory took to end.
    pub waited: Duration,
}

/// What became of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// The package was installed, with its metadata and entry points.
    Anew,
    /// The library alone was replaced.
    Placed,
    /// The right one was in place.
    Unchanged,
}

impl Outcome {
    /// What was done with `project`, line by line: a verb, and what it was done to.
    #[must_use]
    pub fn lines(&self, project: &Project) -> Vec<(&'static str, String)> {
        let mut lines = vec![self.summary()];
        if let Some(bytes) = self.compiled.peak_bytes {
            let of = memory::limit().map_or_else(String::new, |limit| format!("; {limit}"));
            lines.push(("Peak", format!("{} MiB of memory at once{of}", bytes >> 20)));
        }
        lines.extend(self.missing.iter().map(|(path, package)| {
            let path = path.strip_prefix(&project.root).unwrap_or(path);
            let of = package.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
            let text = format!(
                "the build script{of} names {path}, which is not there: cargo alone compiles the crate anew each time"
            );
            ("Note", text)
        }));
        lines.push(("Importable", self.importable(project)));
        let still_running = self.still_running.iter();
        lines.extend(still_running.map(|text| ("Note", text.clone())));
        lines
    }

    /// What was done, in one line.
    #[must_use]
    pub fn summary(&self) -> (&'static str, String) {
        let all = seconds(self.elapsed);
        if self.compiled.is_from_store {
            let text = format!("the extension as it was built from these sources, in {all}");
            return ("Restored", text);
        }
        if self.compiled.started.is_none() {
            return ("Fresh", format!("nothing has changed ({all})"));
        }
        let (cargo, what) = (self.compiled.elapsed, self.compiled.summary());
        let rest = seconds(self.elapsed.saturating_sub(cargo));
        let cargo = seconds(cargo);
        (
            "Rebuilt",
            format!("{what} in {all} (cargo {cargo}, the rest {rest})"),
        )
    }

    /// `thing._thing (answer, name) with CPython 3.13.0 in .venv`.
    fn importable(&self, project: &Project) -> String {
        let names = &self.imported.names;
        let shown: Vec<_> = names.iter().take(SHOWN_NAMES).map(String::as_str).collect();
        let more = if names.len() > shown.len() {
            ", …"
        } else {
            ""
        };
        let venv = &self.venv.root;
        format!(
            "{} ({}{more}) with {} in {}",
            project.extension.module,
            shown.join(", "),
            self.venv.python,
            venv.strip_prefix(&project.root).unwrap_or(venv)
        )
    }
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.2} s", elapsed.as_secs_f64())
}
