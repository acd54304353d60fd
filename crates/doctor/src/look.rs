//! Looks at everything, once. The slow questions are asked at the same time.

use std::os::unix::fs::MetadataExt as _;
use std::thread::scope;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::linker::Linkers;
use cargo_settings::{Files, Layers, toolchain};
use compiler_cache::status::{missing_wrapper, status as cache_status};
use dev_build::DevRequest;
use dev_build::situation::environment;
use dev_build::state::State;
use dev_build::status::status;
use environment::cargo_env;
use files::access::keeps_from_writing;
use files::size::free_bytes;
use processes::{Invocation, memory};
use project_model::{Closure, Project, Workspace, mistakes, rust_version};
use python_tools::{Toolbox, tools};
use store::Store;
use wheel_build::bindings::Question;

use crate::facts::{Environment, Facts, Storage, Text, Told, Toolchain};
use crate::finding::Problem;

/// What is looked at.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The directory of the project; or why there is none.
    pub dir: Result<Utf8PathBuf, Problem>,
    /// The tools.
    pub toolbox: &'a Toolbox,
    /// What `cargo xtask dev` would be asked for without options.
    pub request: &'a DevRequest<'a>,
}

fn told<T, E: std::error::Error + 'static>(result: Result<T, E>) -> Told<T> {
    result.map_err(|error| Problem::of(&error))
}

/// What everything else is asked for.
struct Base {
    root: Utf8PathBuf,
    project: Told<Project>,
    config: Told<Layers>,
    workspace: Told<Workspace>,
    toolchain: Toolchain,
}

impl Base {
    fn look(subject: &Subject<'_>) -> Self {
        let project = subject.dir.clone();
        let project = project.and_then(|dir| told(Project::load(&dir)));
        let root = match (&project, &subject.dir) {
            (Ok(project), _) => project.root.clone(),
            (Err(_), Ok(dir)) => dir.canonicalize_utf8().unwrap_or_else(|_| dir.clone()),
            (Err(_), Err(_)) => Utf8Path::new(".").canonicalize_utf8().unwrap_or(".".into()),
        };
        let config = told(Layers::read(&root));
        if config
            .as_ref()
            .is_ok_and(|it| missing_wrapper(it, &root).is_some())
        {
            // With it, no question to cargo has an answer.
            cargo_env::do_without_wrapper();
        }
        let mut base = Self {
            toolchain: Toolchain {
                missing: toolchain::require(&root, true, &|_, _| ()).err(),
                ..Toolchain::default()
            },
            workspace: Err(Problem::of_message("the project cannot be read")),
            root,
            project,
            config,
        };
        base.workspace = base.ask_cargo(|project| told(Workspace::load(project)));
        base
    }

    /// What cargo says of the project, if there is one, and if its toolchain is there: rustup would download
    /// that otherwise.
    fn ask_cargo<T>(&self, ask: impl FnOnce(&Project) -> Told<T>) -> Told<T> {
        if let Some(missing) = &self.toolchain.missing {
            return Err(Problem::of(missing));
        }
        ask(self.project.as_ref().map_err(Problem::clone)?)
    }

    fn ask_workspace<T>(&self, ask: impl FnOnce(&Project, &Workspace) -> Told<T>) -> Told<T> {
        let workspace = self.workspace.as_ref().map_err(Problem::clone)?;
        self.ask_cargo(|project| ask(project, workspace))
    }

    fn rust(&self) -> Toolchain {
        let missing = self.toolchain.missing.clone();
        let cargo = || {
            let cargo = Invocation::new(cargo_env::cargo()).arg("--version");
            told(cargo.cwd(&self.root).read())
        };
        let manifest = self.project.as_ref().map(|it| &it.extension.manifest);
        let workspace = self.workspace.as_ref().map(|it| &it.root);
        let (manifest, workspace) = (manifest.ok(), workspace.ok());
        Toolchain {
            cargo: missing.is_none().then(cargo),
            host: missing.is_none().then(|| told(Linkers::host(&self.root))),
            rust_version: manifest
                .zip(workspace)
                .and_then(|(one, other)| rust_version(one, other)),
            has_c_compiler: tools::find("cc").is_some(),
            missing,
        }
    }

    fn bindings(&self) -> Told<wheel_build::bindings::Bindings> {
        let host = || Linkers::host(&self.root);
        self.ask_workspace(|project, workspace| {
            let question = Question {
                project,
                features: &workspace.policy.wheel.features,
                triple: &told(host())?,
                offline: true,
                locked: true,
            };
            told(question.abi())
        })
    }

    fn crates(&self) -> (Told<Closure>, Told<config_edit::Change>) {
        let closure = self.ask_cargo(|project| told(Closure::load(project)));
        let keys = self.ask_cargo(|project| {
            let closure = closure.as_ref().map_err(Problem::clone)?;
            told(cache_keys::plan(project, closure)).map(|plan| plan.change)
        });
        (closure, keys)
    }

    fn environment(&self, subject: &Subject<'_>) -> (Option<Environment>, Option<State>) {
        let Ok(project) = &self.project else {
            return (None, None);
        };
        let request = environment(project, subject.request);
        let place = request.found_because();
        let root = place.as_ref().ok().map(|(found, _)| found.root.as_path());
        let state = root.and_then(|root| State::find(root, project.name()));
        let looked_at = Environment {
            plan: request.plan(),
            unused: root.and_then(|root| request.places.unused(root)),
            place,
        };
        let state = state.map(|(_, state)| state);
        // Another checkout may share the environment.
        let is_ours = |state: &State| state.project == project.root;
        (Some(looked_at), state.filter(is_ours))
    }

    fn storage(&self, toolbox: &Toolbox) -> Told<Storage> {
        let dir = told(toolbox.store())?;
        let store = Store::at(&dir);
        let target = self.workspace.as_ref().ok().map(|it| it.target_dir.clone());
        let dirs = target.iter().chain([&dir]);
        let free_bytes = dirs.filter_map(|dir| Some((dir.clone(), free_bytes(dir)?)));
        Ok(Storage {
            held: store.held(),
            limit_bytes: store.limit().bytes,
            refuses: keeps_from_writing(&dir),
            is_elsewhere: target.as_ref().is_some_and(|it| device(it) != device(&dir)),
            free_bytes: free_bytes.collect(),
            store: dir,
        })
    }

    /// Files with settings of the project, as far as git tracks them.
    fn tracked(&self) -> Option<Vec<Text>> {
        let manifest = self
            .project
            .as_ref()
            .ok()
            .map(|it| it.extension.manifest.clone());
        let crate_dir = manifest.as_deref().and_then(Utf8Path::parent);
        let workspace = self.workspace.as_ref().ok().map(|it| it.root.as_path());
        let mut dirs: Vec<_> = [Some(self.root.as_path()), workspace, crate_dir]
            .into_iter()
            .flatten()
            .collect();
        dirs.sort_unstable();
        dirs.dedup();
        let names = [
            ".cargo/config",
            ".cargo/config.toml",
            "Cargo.toml",
            "pyproject.toml",
        ];
        let paths = dirs.iter().flat_map(|dir| names.map(|name| dir.join(name)));
        let paths = paths.filter(|path| path.is_file()).collect();
        Some(texts(tracked_of(&self.root, paths)?.into_iter()))
    }

    /// The mistake for which no build is begun.
    fn mistake(&self) -> Option<Problem> {
        let project = self.project.as_ref().ok()?;
        let found = mistakes::refuse(project).and_then(|()| mistakes::refuse_other_name(project));
        told(found).err()
    }

    /// The workflows of the repository around the project.
    fn workflows(&self) -> Vec<Text> {
        let mut around = self.root.ancestors();
        let checkout = around.find(|dir| dir.join(".git").exists());
        let dir = checkout.unwrap_or(&self.root).join(".github/workflows");
        let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
        let paths = entries.map(camino::Utf8DirEntry::into_path);
        let mut paths: Vec<_> = paths
            .filter(|path| matches!(path.extension(), Some("yml" | "yaml")))
            .collect();
        paths.sort();
        texts(paths.into_iter())
    }

    fn not_ignored(&self) -> Option<String> {
        let (project, workspace) = (self.project.as_ref().ok()?, self.workspace.as_ref().ok()?);
        let files = Files::of(project, workspace);
        files.local.is_file().then(|| files.not_ignored())?
    }
}

/// Those of `paths` that git tracks in the repository around `dir`. `None`: there is none.
fn tracked_of(dir: &Utf8Path, paths: Vec<Utf8PathBuf>) -> Option<Vec<Utf8PathBuf>> {
    let git = |args: &[&str]| Invocation::new("git").args(args.iter().copied());
    let top = git(&["rev-parse", "--show-toplevel"])
        .cwd(dir)
        .read()
        .ok()?;
    let top = Utf8Path::new(top.trim_end_matches('\n'));
    // git has the names without the links that lead to them.
    let name = |path: &Utf8Path| {
        let dir = path.parent()?.canonicalize_utf8().ok()?;
        Some(dir.strip_prefix(top).ok()?.join(path.file_name()?))
    };
    let inside = paths
        .into_iter()
        .filter_map(|path| Some((name(&path)?, path)));
    let inside: Vec<_> = inside.collect();
    if inside.is_empty() {
        return Some(Vec::new());
    }
    let list = git(&["--literal-pathspecs", "ls-files", "-z", "--"]);
    let names = inside.iter().map(|(name, _)| name.as_str());
    let listed = list.args(names).cwd(top).read().ok()?;
    let listed: Vec<_> = listed.split('\0').collect();
    let tracked = inside
        .into_iter()
        .filter(|(name, _)| listed.contains(&name.as_str()));
    Some(tracked.map(|(_, path)| path).collect())
}

fn texts(paths: impl Iterator<Item = Utf8PathBuf>) -> Vec<Text> {
    let read = |path: Utf8PathBuf| Some((path.clone(), fs_err::read_to_string(&path).ok()?));
    paths.filter_map(read).collect()
}

/// The file system that holds `dir`, or will.
fn device(dir: &Utf8Path) -> Option<u64> {
    let existing = dir.ancestors().find(|dir| dir.is_dir())?;
    Some(fs_err::metadata(existing).ok()?.dev())
}

impl Facts {
    /// Looks at everything. Starts programs that answer a question, and none that builds.
    #[must_use]
    pub fn look(subject: &Subject<'_>) -> Self {
        let base = Base::look(subject);
        let ask_status =
            |project: &Project| told(status(project, subject.toolbox, subject.request));
        let ask_cache = || told(cache_status(&base.root));
        scope(|scope| {
            let status = scope.spawn(|| base.ask_cargo(ask_status));
            let crates = scope.spawn(|| base.crates());
            let bindings = scope.spawn(|| base.bindings());
            let rust = scope.spawn(|| base.rust());
            let cache = scope.spawn(ask_cache);
            let mistake = scope.spawn(|| base.mistake());
            let (environment, state) = base.environment(subject);
            let storage = base.storage(subject.toolbox);
            let (tracked, not_ignored) = (base.tracked(), base.not_ignored());
            let (closure, keys) = joined(crates);
            Self {
                variables: cargo_env::environment(),
                memory: memory::limit(),
                cores: memory::cores(),
                workflows: base.workflows(),
                status: joined(status),
                bindings: joined(bindings),
                toolchain: joined(rust),
                cache: joined(cache),
                mistake: joined(mistake),
                root: base.root.clone(),
                project: base.project.clone(),
                config: base.config.clone(),
                workspace: base.workspace.clone(),
                closure,
                keys,
                environment,
                state,
                storage,
                tracked,
                not_ignored,
            }
        })
    }
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{Fixture, TempDir};

    #[test]
    fn git_tracks_a_file_by_its_whole_path_and_none_outside_the_repository() {
        let (fixture, outside) = (Fixture::new(), TempDir::new());
        let root = fixture.root();
        let git = |args: &[&str]| {
            let git = Invocation::new("git").args(args.iter().copied());
            git.cwd(&root).read().unwrap();
        };
        let tracked = root.join(".cargo/config.toml");
        let ignored = root.join("rust/.cargo/config.toml");
        let elsewhere = outside.path().join("Cargo.toml");
        for path in [&tracked, &ignored] {
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        }
        for path in [&tracked, &ignored, &elsewhere] {
            fs_err::write(path, "").unwrap();
        }
        let all = || vec![tracked.clone(), ignored.clone(), elsewhere.clone()];
        assert_eq!(tracked_of(&root, all()), None);
        git(&["init", "-q"]);
        git(&["add", ".cargo/config.toml"]);
        for dir in [root.clone(), root.join("rust")] {
            assert_eq!(tracked_of(&dir, all()), Some(vec![tracked.clone()]));
        }
        assert_eq!(tracked_of(&root, vec![elsewhere.clone()]), Some(Vec::new()));
    }
}
