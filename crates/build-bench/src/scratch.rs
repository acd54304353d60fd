//! Where the measuring happens: a directory in the user's cache, with everything of its own. The sources are
//! a copy in a git repository; cargo's home directory, uv's cache and the compiler caches are others than the
//! user's. What was downloaded before is taken over; all that is missing is downloaded before anything is
//! measured.

use std::fs::TryLockError;

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use processes::Invocation;
use project_model::{Closure, Project, Sources};
use trial::copy;
use trial::files::{at, remove};

use crate::bench_tools::BenchTools;
use crate::error::BenchError;
use crate::marks;

/// The branch where one works.
pub(crate) const TRUNK: &str = "trunk";
/// The other one.
pub(crate) const BRANCH: &str = "branch";

/// The directory. It is locked for as long as this value lives.
#[derive(Debug)]
pub(crate) struct ScratchDir {
    /// Its path.
    pub(crate) root: Utf8PathBuf,
    /// For sockets, whose names must be short.
    sockets: Utf8PathBuf,
    /// The open file is the lock.
    _lock: fs_err::File,
}

/// What the copy is made of.
pub(crate) struct Source<'a> {
    /// The project.
    pub(crate) project: &'a Project,
    /// Its crates.
    pub(crate) closure: &'a Closure,
    /// Their files.
    pub(crate) sources: &'a Sources,
    /// What installs into environments, and what these are made from.
    pub(crate) tools: &'a BenchTools,
    /// Requirements files of the project's policy, relative to the project.
    pub(crate) requirements: &'a [Utf8PathBuf],
    /// Where tools that were fetched are kept.
    pub(crate) fetched: &'a Utf8Path,
}

impl Source<'_> {
    /// The same place below `to` as `path` has below the root of the sources.
    pub(crate) fn moved(&self, path: &Utf8Path, to: &Utf8Path) -> Utf8PathBuf {
        let below = path.strip_prefix(&self.sources.root);
        to.join(below.unwrap_or(Utf8Path::new("")))
    }
}

/// Where the results are kept below `root`.
pub(crate) fn results(root: &Utf8Path) -> Utf8PathBuf {
    root.join("results.json")
}

impl ScratchDir {
    /// Takes the directory `root`.
    pub(crate) fn open(root: &Utf8Path) -> Result<Self, BenchError> {
        fs_err::create_dir_all(root).map_err(at(root))?;
        // As cargo tells it, should a directory above be a link.
        let root = &root.canonicalize_utf8().map_err(at(root))?;
        let path = root.join("lock");
        let lock = fs_err::File::create(&path).map_err(at(&path))?;
        match lock.file().try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BenchError::Busy),
            Err(TryLockError::Error(source)) => return Err(at(&path)(source).into()),
        }
        let temporary = Utf8PathBuf::try_from(std::env::temp_dir()).unwrap_or("/tmp".into());
        let name = root.file_name().unwrap_or_default();
        Ok(Self {
            root: root.to_owned(),
            sockets: temporary.join(format!("xtask-bench-{name}")),
            _lock: lock,
        })
    }

    /// Where the results are kept.
    pub(crate) fn results(&self) -> Utf8PathBuf {
        results(&self.root)
    }

    /// The repository with the copy.
    pub(crate) fn origin(&self) -> Utf8PathBuf {
        self.root.join("origin")
    }

    /// The directory of the lane with this number.
    pub(crate) fn lane(&self, row: usize) -> Utf8PathBuf {
        self.root.join("lanes").join(row.to_string())
    }

    /// The lock file with the `number`th other version, from 1.
    pub(crate) fn lock_file(&self, number: usize) -> Utf8PathBuf {
        self.root.join("locks").join(number.to_string())
    }

    /// A lock file of uv, where the project has none.
    pub(crate) fn uv_lock(&self) -> Utf8PathBuf {
        self.root.join("uv.lock")
    }

    /// A directory for the socket of a lane's server.
    pub(crate) fn socket_dir(&self, row: usize) -> Result<Utf8PathBuf, BenchError> {
        let dir = self.sockets.join(row.to_string());
        fs_err::create_dir_all(&dir).map_err(at(&dir))?;
        Ok(dir)
    }

    /// Removes everything but the results: the copies take gigabytes.
    pub(crate) fn clear(&self) -> Result<(), BenchError> {
        for name in [
            "origin",
            "lanes",
            "locks",
            "cargo",
            "uv",
            "cache",
            "seed",
            "uv.lock",
            marks::FILE,
        ] {
            remove(&self.root.join(name))?;
        }
        Ok(remove(&self.sockets)?)
    }

    /// Makes the copy and downloads what is missing. `warn` is told what could not be done: then what needs
    /// it fails later, and says so.
    pub(crate) fn fill(&self, source: &Source<'_>, warn: &dyn Fn(&str)) -> Result<(), BenchError> {
        self.clear()?;
        copy::copy_sources(source.sources, &self.origin())?;
        self.make_cargo_home(&source.closure.workspace_root)?;
        self.link_tools(source.fetched)?;
        let project = self.project(source)?;
        self.fetch_crates(&project, warn)?;
        let had_lock = project.root.join("uv.lock").is_file();
        self.fetch_wheels(&project.root, source, warn);
        let lock = project.root.join("uv.lock");
        if !had_lock && lock.is_file() {
            // Not for all: it would decide what other strategies install.
            fs_err::rename(&lock, self.uv_lock()).map_err(at(&lock))?;
        }
        self.git(
            &self.origin(),
            &["init", "--quiet", "--initial-branch", TRUNK],
        )?;
        self.commit("the project as it is")
    }

    /// The project in the copy.
    pub(crate) fn project(&self, source: &Source<'_>) -> Result<Project, BenchError> {
        Ok(Project::load(
            &source.moved(&source.project.root, &self.origin()),
        )?)
    }

    /// Checks out `branch` in the checkout `tree`, as the copy has it now; edits are gone.
    pub(crate) fn switch(&self, tree: &Utf8Path, branch: &str) -> Result<(), BenchError> {
        self.git(tree, &["fetch", "--quiet", "origin"])?;
        let upstream = format!("origin/{branch}");
        let switch = ["checkout", "--quiet", "--force", "-B", branch, &upstream];
        self.git(tree, &switch)
    }

    /// Commits all that there is in the copy.
    pub(crate) fn commit(&self, message: &str) -> Result<(), BenchError> {
        for command in copy::commit_all(&self.origin(), message) {
            self.run(command)?;
        }
        Ok(())
    }

    /// The commit that the copy is at.
    pub(crate) fn head(&self, tree: &Utf8Path) -> Option<String> {
        let command = copy::git(tree, &["rev-parse", TRUNK]);
        Some(self.isolated(command).read().ok()?.trim().to_owned())
    }

    /// Runs git in `tree`, without the user's hooks and signatures.
    pub(crate) fn git(&self, tree: &Utf8Path, args: &[&str]) -> Result<(), BenchError> {
        self.run(copy::git(tree, args))
    }

    fn run(&self, command: Invocation) -> Result<(), BenchError> {
        let done = self.isolated(command).read();
        done.map(drop).map_err(BenchError::Prepare)
    }

    /// `command` with directories of our own in place of the user's. The network is allowed.
    pub(crate) fn isolated(&self, command: Invocation) -> Invocation {
        let mut command = command
            .env(vars::CARGO_HOME, self.root.join("cargo").as_str())
            .env(vars::UV_CACHE_DIR, self.root.join("uv").as_str())
            .env("XDG_CACHE_HOME", self.root.join("cache").as_str())
            .env(
                vars::XTASK_CACHE_DIR,
                self.root.join("cache/xtask-build").as_str(),
            )
            .env_remove(vars::CARGO_TARGET_DIR)
            .env_remove(vars::UV_PROJECT_ENVIRONMENT)
            .env_remove(vars::VIRTUAL_ENV);
        for name in vars::OTHER_TARGET_DIRS.iter().chain(&vars::PYO3) {
            command = command.env_remove(*name);
        }
        command
    }
}
