//! Noticing that something a build depends on has changed.
//!
//! By looking, a few times a second, at what the file system says of each file: a few hundred calls of `stat`
//! take less than a millisecond, and unlike notifications they also see changes on the shared volumes of a
//! container. An editable install has Python sources as they are, so they are no reason to build; they are
//! one to run a command again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use environment::cargo_env::LOCAL_CONFIG;
use processes::Say;
use processes::{Invocation, RunError, Running};
use project_model::{Project, ProjectError};
use python_tools::{Toolbox, Venv};

use crate::dev::dev;
use crate::digest::Stamp;
use crate::error::DevError;
use crate::outcome::Outcome;
use crate::request::DevRequest;
use crate::situation::environment;
use crate::state::State;
use files::made::written_below;

/// How often to look.
const INTERVAL: Duration = Duration::from_millis(150);

/// How long all must have been quiet after a change: an editor that saves several files, or a checkout, is to
/// start one build and not ten.
const QUIET: Duration = Duration::from_millis(200);

/// What happened while watching, to be told to the user.
#[derive(Debug)]
pub enum Event<'a> {
    /// A build ended well.
    Built(&'a Project, &'a Outcome),
    /// A build failed. The last good one stays installed, and the command of the user running.
    Failed(WatchError),
    /// The command could not be started.
    NotStarted(WatchError),
}

/// What went wrong, and is no reason to stop watching.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The project cannot be read as it is now.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The build failed.
    #[error(transparent)]
    Dev(#[from] DevError),
    /// The command of the user cannot be started.
    #[error("the command was not run\n  help: programs are looked for in {bin}, then on PATH")]
    Command {
        /// The programs of the environment.
        bin: Utf8PathBuf,
        /// Why.
        source: RunError,
    },
}

/// A project that is built whenever it has changed.
#[derive(Debug)]
pub struct Watch<'a> {
    /// The directory of the project.
    pub root: &'a Utf8Path,
    /// The build.
    pub request: &'a DevRequest<'a>,
    /// A command to run after each good build: program and arguments, or nothing.
    pub command: &'a [String],
}

impl Watch<'_> {
    /// Builds whenever something has changed, until it `is_over`.
    pub fn run(
        &self,
        toolbox: &Toolbox,
        say: Say<'_>,
        tell: &dyn Fn(Event<'_>),
        is_over: &dyn Fn() -> bool,
    ) {
        let mut running: Option<Running> = None;
        while !is_over() {
            let (watched_before, before) = self.look_before_build();
            match self.build(toolbox, say, tell) {
                Ok(venv) => {
                    stop(running.take());
                    running = self.start(&venv, say, tell);
                }
                // cargo was interrupted too, and that is what failed.
                Err(_) if is_over() => break,
                Err(error) => tell(Event::Failed(error)),
            }
            // Only after the build is known what it is made of. A change during the build is a reason for the
            // next one.
            let watched = Watched::new(self.root, self.request, self.reason_for());
            let mut looked_at = watched.look();
            looked_at.retain(|path, _| !watched_before.covers(path));
            looked_at.extend(before);
            say("Watching", "for changes; Ctrl-C ends it");
            for path in watched.wait_for_change(&looked_at, is_over) {
                say(
                    "Changed",
                    path.strip_prefix(self.root).unwrap_or(&path).as_str(),
                );
            }
        }
        stop(running);
    }

    fn reason_for(&self) -> ReasonFor {
        match self.command {
            [] => ReasonFor::Building,
            _ => ReasonFor::BuildingAndRunning,
        }
    }

    fn build(
        &self,
        toolbox: &Toolbox,
        say: Say<'_>,
        tell: &dyn Fn(Event<'_>),
    ) -> Result<Venv, WatchError> {
        let project = Project::load(self.root)?;
        let outcome = dev(&project, toolbox, self.request, say)?;
        tell(Event::Built(&project, &outcome));
        Ok(outcome.venv)
    }

    /// The files as they are before a build. Witnesses are made first, since making one changes the time of
    /// its file, which would look like a change.
    fn look_before_build(&self) -> (Watched, Snapshot) {
        if let Ok(project) = Project::load(self.root) {
            // The build will try again, and tell.
            let _ = cache_keys::witness::keep(&project);
        }
        let watched = Watched::new(self.root, self.request, self.reason_for());
        let snapshot = watched.look();
        (watched, snapshot)
    }

    /// Starts the command of the user, if any, with the programs of the environment. One that cannot be
    /// started is no reason to stop watching: it may be installed, or written, meanwhile.
    fn start(&self, venv: &Venv, say: Say<'_>, tell: &dyn Fn(Event<'_>)) -> Option<Running> {
        let (program, args) = self.command.split_first()?;
        let command = Invocation::new(program.as_str()).args(args).cwd(self.root);
        let command = venv.activated(command);
        say("Running", &command.to_string());
        let bin = venv.root.join("bin");
        let started = command
            .spawn()
            .map_err(|source| WatchError::Command { bin, source });
        started.map_err(|error| tell(Event::NotStarted(error))).ok()
    }
}

fn stop(running: Option<Running>) {
    if let Some(running) = running {
        running.stop();
    }
}

/// What a change is a reason for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReasonFor {
    /// Another build: what the extension is made of counts.
    Building,
    /// Another build, and running a command after it, such as tests: Python counts as well.
    BuildingAndRunning,
}

/// What is looked at.
#[derive(Debug)]
struct Watched {
    reason_for: ReasonFor,
    roots: BTreeSet<Utf8PathBuf>,
    /// Files that are no Rust source, or lie elsewhere: what build scripts and `include!` name.
    sources: BTreeSet<Utf8PathBuf>,
}

/// The files at one time.
type Snapshot = BTreeMap<Utf8PathBuf, Option<Stamp>>;

impl Watched {
    /// Rust sources, manifests and configuration in the project in `root` and its workspace, and what else
    /// the last build was made of. A project that cannot be read right now is looked at all the same.
    fn new(root: &Utf8Path, request: &DevRequest<'_>, reason_for: ReasonFor) -> Self {
        let project = Project::load(root).ok();
        let state = project.as_ref().and_then(|project| {
            let venv = environment(project, request).found().ok()?.root;
            State::find(&venv, project.name()).map(|(_, state)| state)
        });
        let workspace = state.as_ref().map(|state| state.workspace.root.clone());
        let manifest = project.as_ref().map(|project| &project.extension.manifest);
        let crate_dir = manifest
            .and_then(|path| path.parent())
            .map(Utf8Path::to_owned);
        let siblings = state.iter().flat_map(|state| &state.siblings);
        let siblings: Vec<_> = siblings.map(|sibling| sibling.root.clone()).collect();
        let roots = [Some(root.to_owned()), workspace, crate_dir];
        // What cargo makes changes with every build.
        let sources = state.into_iter().flat_map(|state| {
            let build_dir = state.workspace.build_dir;
            let sources = state.sources.into_iter();
            sources.filter(move |source| !source.path.starts_with(&build_dir))
        });
        Self {
            reason_for,
            roots: roots.into_iter().flatten().chain(siblings).collect(),
            sources: sources.map(|source| source.path).collect(),
        }
    }

    /// Whether a file at `path` would have been looked at, had it been there. What a build itself writes is
    /// taken as it is afterwards.
    fn covers(&self, path: &Utf8Path) -> bool {
        let name = path.file_name().unwrap_or_default();
        let is_written_by_builds = ["Cargo.lock", LOCAL_CONFIG].contains(&name);
        let mut roots = self.roots.iter();
        !is_written_by_builds
            && self.reason_for.is_input(path)
            && roots.any(|root| path.starts_with(root))
    }

    /// The files as they are now.
    fn look(&self) -> Snapshot {
        let is_input = |path: &Utf8PathBuf| self.reason_for.is_input(path);
        let found = self
            .roots
            .iter()
            .flat_map(|root| written_below(root).filter(is_input));
        let paths = found.chain(self.sources.iter().cloned());
        paths
            .map(|path| (path.clone(), Stamp::of(&path).ok()))
            .collect()
    }

    /// Waits until the files differ from `before` and have been quiet for a while. Gives the names of those
    /// that differ; none, if it `is_over` before that.
    fn wait_for_change(&self, before: &Snapshot, is_over: impl Fn() -> bool) -> Vec<Utf8PathBuf> {
        loop {
            if is_over() {
                return Vec::new();
            }
            std::thread::sleep(INTERVAL);
            let mut now = self.look();
            if differing(before, &now).is_empty() {
                continue;
            }
            loop {
                std::thread::sleep(QUIET);
                let later = self.look();
                if later == now {
                    break;
                }
                now = later;
            }
            let changed = differing(before, &now);
            // Changed, and changed back.
            if !changed.is_empty() {
                return changed;
            }
        }
    }
}

/// The files that are not in both, or not the same.
fn differing(before: &Snapshot, now: &Snapshot) -> Vec<Utf8PathBuf> {
    let names: BTreeSet<_> = before.keys().chain(now.keys()).collect();
    let changed = names
        .into_iter()
        .filter(|name| before.get(*name) != now.get(*name));
    changed.cloned().collect()
}

impl ReasonFor {
    /// Rust sources, manifests, lock files and configuration; and Python sources, where they count.
    fn is_input(self, path: &Utf8Path) -> bool {
        match path.extension() {
            Some("rs" | "toml") => true,
            Some("py" | "pyi") => self == Self::BuildingAndRunning,
            // By its whole name: in a target directory, rustc makes files that end in `.lock`.
            _ => path.file_name() == Some("Cargo.lock"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use testkit::Fixture;

    fn watched(fixture: &Fixture) -> Watched {
        Watched::new(&fixture.root(), &DevRequest::default(), ReasonFor::Building)
    }

    #[test]
    fn python_is_a_reason_to_run_a_command_again_and_not_to_build() {
        for (file, builds, runs) in [
            ("src/lib.rs", true, true),
            ("Cargo.lock", true, true),
            ("tests/test_it.py", false, true),
            ("thing/_native.pyi", false, true),
            ("thing/__pycache__/it.pyc", false, false),
            ("notes.md", false, false),
        ] {
            let path = Utf8Path::new(file);
            assert_eq!(ReasonFor::Building.is_input(path), builds, "{file}");
            assert_eq!(ReasonFor::BuildingAndRunning.is_input(path), runs, "{file}");
        }
    }

    #[test]
    fn sources_manifests_and_configuration_are_looked_at_and_nothing_else() {
        let fixture = Fixture::mixed("thing");
        fixture.write("target/CACHEDIR.TAG", "");
        fixture.write("target/debug/build/out.rs", "");
        fixture.write("other-target/.rustc_info.json", "");
        fixture.write("other-target/debug/build/out.rs", "");
        fixture.write("native/src/x.lock", "");
        fixture.write("env/pyvenv.cfg", "");
        fixture.write("env/lib/x.toml", "");
        fixture.write(".cargo/config.toml", "");
        fixture.write(".git/x.toml", "");
        let root = fixture.root();
        let seen = watched(&fixture).look();
        let names: Vec<_> = seen
            .keys()
            .map(|path| path.strip_prefix(&root).unwrap())
            .collect();
        let expected = [
            ".cargo/config.toml",
            "native/Cargo.toml",
            "native/src/lib.rs",
            "pyproject.toml",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_file_that_comes_during_a_build_is_a_change_and_what_builds_write_is_none() {
        let fixture = Fixture::mixed("thing");
        let watched = watched(&fixture);
        let covers = |name: &str| watched.covers(&fixture.root().join(name));
        assert!(covers("native/src/new.rs") && covers("deep/Cargo.toml"));
        assert!(!covers("native/Cargo.lock") && !covers(".cargo/config.local.toml"));
        assert!(!covers("data/words.txt") && !watched.covers("/elsewhere/lib.rs".into()));
    }

    #[test]
    fn edits_new_files_and_deletions_are_noticed_and_python_is_not() {
        let fixture = Fixture::mixed("thing");
        let watched = watched(&fixture);
        let mut before = watched.look();
        fixture.write("python/thing/other.py", "x = 1");
        assert!(differing(&before, &watched.look()).is_empty());
        for name in ["native/src/lib.rs", "native/src/new.rs"] {
            fixture.write(name, "// changed");
            let now = watched.look();
            assert_eq!(differing(&before, &now), [fixture.root().join(name)]);
            before = now;
        }
        fs_err::remove_file(fixture.root().join("native/src/new.rs")).unwrap();
        assert_eq!(
            differing(&before, &watched.look()),
            [fixture.root().join("native/src/new.rs")]
        );
    }

    #[test]
    fn waiting_ends_when_all_is_quiet() {
        let fixture = Fixture::mixed("thing");
        let watched = watched(&fixture);
        let before = watched.look();
        let mut longest_pause = Duration::ZERO;
        let changed = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| watched.wait_for_change(&before, || false));
            for number in 0..5 {
                let start = Instant::now();
                fixture.write(format!("native/src/m{number}.rs"), "");
                std::thread::sleep(Duration::from_millis(50));
                longest_pause = longest_pause.max(start.elapsed());
            }
            waiting.join().unwrap()
        });
        assert!(!changed.is_empty());
        // On a machine that is busy elsewhere, the pauses may have been as long as those that end the
        // waiting.
        if longest_pause < QUIET / 2 {
            assert_eq!(changed.len(), 5, "{changed:?}");
        }
    }
}
