//! Where the measuring happens: a directory in the user's cache, with everything of its own. The sources are
//! a copy in a git repository; cargo's home directory, uv's cache and the compiler caches are others than the
//! user's. What was downloaded before is taken over; all that is missing is downloaded before anything is
//! measured.

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand};
use environment::{cargo_env, vars};
use files::lock::Lock;
use files::owned;
use processes::Invocation;
use project_model::{Closure, Project, Sources};
use python_tools::tools::{cannot_keep, private_dir};
use trial::copy;
use trial::files::{at, remove};

use crate::bench_tools::BenchTools;
use crate::error::BenchError;
use crate::marks;

/// The branch where one works.
pub(crate) const TRUNK: &str = "trunk";
/// The other one.
pub(crate) const BRANCH: &str = "branch";

/// What can be made again; it takes gigabytes.
const COPIES: [&str; 9] = [
    "origin",
    "lanes",
    "locks",
    "cargo",
    "uv",
    "cache",
    "seed",
    "uv.lock",
    marks::FILE,
];

/// The directory. It is locked for as long as this value lives.
#[derive(Debug)]
pub(crate) struct ScratchDir {
    pub(crate) root: Utf8PathBuf,
    /// For sockets, whose names must be short.
    sockets: Utf8PathBuf,
    /// The directory above that, which nobody else can write to.
    private: Utf8PathBuf,
    _lock: Lock,
}

/// What the copy is made of.
pub(crate) struct Source<'a> {
    pub(crate) project: &'a Project,
    pub(crate) closure: &'a Closure,
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
        let above = root.parent().unwrap_or(root);
        owned::make_dir(above, root).map_err(cannot_keep(root))?;
        // As cargo tells it, should a directory above be a link.
        let root = root.canonicalize_utf8().map_err(at(root))?;
        let path = root.join("lock");
        let lock = Lock::try_take(&path).map_err(at(&path))?;
        let lock = lock.ok_or(BenchError::Busy)?;
        let private = private_dir().map_err(BenchError::NoSockets)?;
        let name = root.file_name().unwrap_or_default();
        Ok(Self {
            sockets: private.join(name),
            private,
            root,
            _lock: lock,
        })
    }

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
        Ok(owned::make_dir(&self.private, &dir).map_err(at(&dir))?)
    }

    /// Removes everything but the results.
    pub(crate) fn clear(&self) -> Result<(), BenchError> {
        for name in COPIES {
            remove(&self.root, &self.root.join(name))?;
        }
        Ok(remove(&self.private, &self.sockets)?)
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
        let lock = project.root.join("uv.lock");
        let had_lock = lock.is_file();
        self.fetch_wheels(&project.root, source, warn);
        if !had_lock && lock.is_file() {
            // Not for all: it would decide what other strategies install.
            fs_err::rename(&lock, self.uv_lock()).map_err(at(&lock))?;
        }
        let init = ["init", "--quiet", "--initial-branch", TRUNK];
        self.git(&self.origin(), &init)?;
        self.commit("the project as it is")
    }

    /// The project in the copy.
    pub(crate) fn project(&self, source: &Source<'_>) -> Result<Project, BenchError> {
        let root = source.moved(&source.project.root, &self.origin());
        Ok(Project::load(&root)?)
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
            self.isolated(command).read()?;
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
        self.isolated(copy::git(tree, args)).read()?;
        Ok(())
    }

    /// What cargo says of the copy `project` and where it would build it.
    pub(crate) fn metadata(&self, project: &Project) -> Result<Metadata, BenchError> {
        let options = ["--no-deps", "--offline", "--format-version=1"];
        let ask = cargo("metadata", project).args(options);
        let answer = self.isolated(ask).read()?;
        Ok(MetadataCommand::parse(answer)?)
    }

    /// `command` with directories of our own in place of the user's. The network is allowed.
    pub(crate) fn isolated(&self, command: Invocation) -> Invocation {
        let cache = self.root.join("cache");
        let own = [
            vars::CARGO_TARGET_DIR,
            vars::CONDA_PREFIX,
            vars::UV_PROJECT_ENVIRONMENT,
            vars::VIRTUAL_ENV,
        ];
        let foreign = own
            .iter()
            .chain(&vars::OTHER_TARGET_DIRS)
            .chain(&vars::PYO3);
        foreign
            .fold(command, |command, name| command.env_remove(*name))
            .env(vars::CARGO_HOME, self.root.join("cargo").as_str())
            .env(vars::UV_CACHE_DIR, self.root.join("uv").as_str())
            .env("XDG_CACHE_HOME", cache.as_str())
            .env(vars::XTASK_CACHE_DIR, cache.join("xtask-build").as_str())
    }
}

/// `cargo SUBCOMMAND` for the extension of `project`.
pub(crate) fn cargo(subcommand: &str, project: &Project) -> Invocation {
    let manifest = project.extension.manifest.as_str();
    Invocation::new(cargo_env::cargo())
        .args([subcommand, "--quiet", "--manifest-path", manifest])
        .cwd(&project.root)
}
