//! What is installed, and whether it is what the sources say.

use build_env::tools::Say;
use camino::{Utf8Path, Utf8PathBuf};
use project_model::Project;
use serde::Serialize;

use crate::dev::{Request, environment};
use crate::inputs::Inputs;
use crate::install;
use crate::place;
use crate::state::{Provenance, State};

/// The answer of `dev --status`, also as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The module that Python imports.
    pub module: String,
    /// The environment that was looked into.
    pub venv: Utf8PathBuf,
    /// In one word.
    pub verdict: Verdict,
    /// For [`Verdict::Stale`], what has changed since: files relative to the project, and other inputs by name.
    pub changed: Vec<String>,
    /// For [`Verdict::Shadowed`], the file that is imported instead.
    pub shadowed_by: Option<Utf8PathBuf>,
    /// The library that was put in place.
    pub library: Option<Utf8PathBuf>,
    /// What it was made of.
    pub provenance: Option<Provenance>,
}

/// Whether the installed extension is that of the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is.
    Fresh,
    /// Something has changed since it was built.
    Stale,
    /// Another file for the same module is imported instead.
    Shadowed,
    /// Something else has installed it, so nothing is known of it.
    Foreign,
    /// It is not installed.
    Missing,
}

impl Verdict {
    /// The verdict in a sentence, with what to do about it; `build` is the command that builds.
    #[must_use]
    pub fn explanation(self, build: &str) -> String {
        match self {
            Self::Fresh => "what is installed is what the sources say".to_owned(),
            Self::Stale => format!("something has changed since it was built; `{build}` builds it"),
            Self::Shadowed => {
                format!("another file is imported instead; remove it, or run `{build}`")
            }
            Self::Foreign => format!(
                "something else has installed it, so nothing is known of it; `{build}` replaces it"
            ),
            Self::Missing => format!("it is not installed; `{build}` builds and installs it"),
        }
    }
}

/// Looks at what is installed in the environment that [`crate::dev()`] would install into. Builds nothing, writes
/// nothing, starts no process.
#[must_use]
pub fn status(project: &Project, request: &Request<'_>, say: Say<'_>) -> Status {
    let venv = environment(project, request).root();
    let mut status = Status {
        module: project.extension.module.clone(),
        verdict: Verdict::Missing,
        changed: Vec::new(),
        shadowed_by: None,
        library: None,
        provenance: None,
        venv,
    };
    if request
        .python
        .is_some_and(|python| !build_env::python::is_a_version(python))
    {
        say(
            "Note",
            "--python is not looked at here; name the environment with --venv",
        );
    }
    match State::find(&status.venv, project.name()) {
        Some((_, state)) => describe(&mut status, project, request, state),
        None if is_installed(&status.venv, project.name()) => status.verdict = Verdict::Foreign,
        None => {}
    }
    status
}

fn describe(status: &mut Status, project: &Project, request: &Request<'_>, state: State) {
    let library = &state.library.placed;
    let leftovers = place::leftovers(&state.python, library);
    status.shadowed_by = leftovers
        .into_iter()
        .find(|file| file.shadows)
        .map(|file| file.path);
    status.changed = changes(project, request, &state, &status.venv);
    status.verdict = if !library.is_file() {
        Verdict::Missing
    } else if status.shadowed_by.is_some() {
        Verdict::Shadowed
    } else if status.changed.is_empty() {
        Verdict::Fresh
    } else {
        Verdict::Stale
    };
    status.library = Some(state.library.placed);
    status.provenance = Some(state.provenance);
}

/// What differs from the time of the build.
fn changes(
    project: &Project,
    request: &Request<'_>,
    state: &State,
    venv: &Utf8Path,
) -> Vec<String> {
    let relative = |path: &Utf8Path| path.strip_prefix(&project.root).unwrap_or(path).to_string();
    let sources = state.sources.iter().filter(|source| source.has_changed());
    let mut changed: Vec<_> = sources.map(|source| relative(&source.path)).collect();
    let now = Inputs::read(project, &state.workspace, &request.build, venv);
    // Without options, the question is about the build that there is, whatever its own options were.
    let asked = request.build != crate::maturin::BuildOptions::default();
    let of_options =
        |name: &String| !asked && (name == "options of the command" || name == "features");
    changed.extend(
        now.changed_since(&state.inputs)
            .into_iter()
            .filter(|name| !of_options(name)),
    );
    if !state.library.placed_stamp.holds(&state.library.placed) {
        changed.push(format!(
            "{} (replaced since)",
            relative(&state.library.placed)
        ));
    }
    changed.sort();
    changed.dedup();
    changed
}

/// Whether any tool has installed `name` into `venv`.
fn is_installed(venv: &Utf8Path, name: &str) -> bool {
    let pythons = venv
        .join("lib")
        .read_dir_utf8()
        .into_iter()
        .flatten()
        .flatten();
    let mut site_packages = pythons.map(|python| python.path().join("site-packages"));
    site_packages.any(|dir| install::dist_info(&dir, name).is_some())
}
