//! The checkout of one lane, and what happens to it.

use camino::{Utf8DirEntry, Utf8Path, Utf8PathBuf};
use environment::vars;
use processes::Invocation;
use project_model::{Layout, Project};
use trial::edit::{self, fresh_number};
use trial::files::{FileError, at, copy_file, copy_tree, link_file, read, remove, write};
use walkdir::WalkDir;

use crate::error::BenchError;
use crate::goal::Goal;
use crate::lane::Lane;
use crate::marks::Marks;
use crate::scenario::Action;
use crate::scratch::{BRANCH, ScratchDir, TRUNK, cargo};
use crate::server::Server;
use crate::session::Stop;
use crate::strategy::Placeholders;
use crate::target::Target;
use crate::tuned::Tuned;

#[derive(Debug)]
pub(crate) struct Checkout<'a> {
    pub(crate) scratch: &'a ScratchDir,
    pub(crate) lane: Lane,
    /// The directory with all that belongs to the lane.
    pub(crate) dir: Utf8PathBuf,
    /// Where the project lies in the sources.
    pub(crate) below: Utf8PathBuf,
    pub(crate) target: Target,
    pub(crate) tuned: Tuned,
    /// The lane's compiler cache.
    pub(crate) server: Option<Server>,
    /// The commit that all of it was built from, but for edits. `None`: it has to be built anew.
    pub(crate) built_from: Option<String>,
    pub(crate) has_built: bool,
    pub(crate) tools: Placeholders,
}

pub(crate) const NO_PYTHON: &str = "the project has no Python sources";

/// A line of Python that is changed.
const PYTHON_MARK: &str = "# bench-build";

impl Checkout<'_> {
    pub(crate) fn tree(&self) -> Utf8PathBuf {
        self.dir.join("tree")
    }

    pub(crate) fn project_dir(&self) -> Utf8PathBuf {
        self.tree().join(&self.below)
    }

    pub(crate) fn project(&self) -> Result<Project, BenchError> {
        Ok(Project::load(&self.project_dir())?)
    }

    pub(crate) fn venv(&self) -> Utf8PathBuf {
        self.project_dir().join(".venv")
    }

    pub(crate) fn target(&self) -> Utf8PathBuf {
        self.target.dir(&self.tree())
    }

    fn lock(&self) -> Utf8PathBuf {
        self.target().with_file_name("Cargo.lock")
    }

    /// Where the compiler cache keeps its things: that of release builds is another one, so that emptying it
    /// leaves the other as it is.
    pub(crate) fn store(&self, goal: Goal) -> Utf8PathBuf {
        self.dir.join(match goal {
            Goal::Develop => "store",
            Goal::Wheel => "store-release",
        })
    }

    /// What the words in commands stand for.
    pub(crate) fn place(&self) -> Result<Placeholders, BenchError> {
        let project = self.project()?;
        let features = project.pyproject.maturin().features.iter();
        let features = features.filter_map(|it| it.as_str());
        let features = features.flat_map(|it| ["--features".to_owned(), it.to_owned()]);
        Ok(Placeholders {
            features: features.collect(),
            out: self.dir.join("wheels"),
            manifest: project.extension.manifest,
            tree: project.root,
            ..self.tools.clone()
        })
    }

    /// `command` as it is run in this checkout: without network, with the directories and settings of the
    /// lane.
    pub(crate) fn settled(&self, command: Invocation, program: Option<&Utf8Path>) -> Invocation {
        let isolated = self.scratch.isolated(command);
        let settled = self.lane.setting.apply(isolated, program);
        let settled = self.target.told_to(settled, &self.tree());
        // maturin calls uv by its name, also where it was fetched and is on nobody's path.
        let path = with_dir_of(&self.tools.uv, &vars::var(vars::PATH).unwrap_or_default());
        settled
            .env("PATH", path)
            .env(vars::CARGO_NET_OFFLINE, "true")
            .env(vars::UV_OFFLINE, "1")
            .env(vars::UV_CACHE_DIR, self.dir.join("uv").as_str())
            .env(vars::XTASK_PRELINKED_DIR, self.prelinked().as_str())
            .env(vars::XTASK_STORE_DIR, self.built_once().as_str())
    }

    /// Where libraries of third-party crates are kept.
    fn prelinked(&self) -> Utf8PathBuf {
        self.dir.join("prelinked")
    }

    /// Where is kept what was built once.
    fn built_once(&self) -> Utf8PathBuf {
        self.dir.join("built-once")
    }

    /// Removes something of the lane's.
    pub(crate) fn remove(&self, path: &Utf8Path) -> Result<(), FileError> {
        remove(&self.scratch.root, path)
    }

    pub(crate) fn clone_anew(&self) -> Result<(), BenchError> {
        let (tree, origin) = (self.tree(), self.scratch.origin());
        self.remove(&tree)?;
        fs_err::create_dir_all(&self.dir).map_err(at(&self.dir))?;
        let clone = ["clone", "--quiet", origin.as_str(), tree.as_str()];
        self.scratch.git(&self.dir, &clone)?;
        let uv_lock = self.scratch.uv_lock();
        if self.lane.strategy.uv_keeps_builds && uv_lock.is_file() {
            copy_file(&uv_lock, &self.project_dir().join("uv.lock"))?;
        }
        if self.lane.setting.is_tuned {
            self.tuned.put_into(&tree)?;
        }
        if !self.dir.join("uv").is_dir() {
            self.empty_uv()?;
        }
        Ok(())
    }

    /// Leaves uv only what it has downloaded.
    fn empty_uv(&self) -> Result<(), BenchError> {
        let cache = self.dir.join("uv");
        self.remove(&cache)?;
        fs_err::create_dir_all(&cache).map_err(at(&cache))?;
        Ok(copy_tree(&self.scratch.root.join("uv"), &cache, link_file)?)
    }

    /// Has a strategy build that would otherwise install what it has built before, as `uv sync` does where it
    /// does not know what the library is made of.
    pub(crate) fn forget_builds(&self) -> Result<(), BenchError> {
        if !self.lane.strategy.uv_keeps_builds {
            return Ok(());
        }
        self.remove(&self.venv())?;
        self.empty_uv()
    }

    /// The branch where one works, as the copy has it now; edits are gone.
    pub(crate) fn trunk(&self) -> Result<(), BenchError> {
        self.scratch.switch(&self.tree(), TRUNK)
    }

    /// Brings about what `action` says, in this round.
    pub(crate) fn act(&self, action: Action, marks: &Marks, round: u32) -> Result<(), Stop> {
        match action {
            Action::Edit(role) => edit::change(&self.tree().join(marks.file(role)?))?,
            Action::EditPython => self.edit_python()?,
            Action::RemoveTarget => self.remove(&self.target())?,
            Action::RemoveRelease => self.remove_release()?,
            Action::RemoveEnvironment => self.remove(&self.venv())?,
            Action::CargoClean => {
                let clean = cargo("clean", &self.project()?);
                self.settled(clean, None).read()?;
            }
            Action::FreshClone => self.clone_anew()?,
            Action::EmptyCaches => {
                self.remove(&self.store(Goal::Develop))?;
                self.remove(&self.built_once())?;
                self.remove(&self.prelinked())?;
                self.empty_uv()?;
            }
            Action::Branch => {
                marks.require_any()?;
                self.scratch.switch(&self.tree(), BRANCH)?;
            }
            Action::Trunk => self.trunk()?,
            Action::NextLock => self.next_lock(round)?,
            Action::FirstLock => {
                let lock = self.lock();
                let restore = ["checkout", "--quiet", "--", lock.as_str()];
                self.scratch.git(&self.tree(), &restore)?;
            }
        }
        Ok(())
    }

    /// Changes the last line of the first module of the package.
    fn edit_python(&self) -> Result<(), Stop> {
        let module = python_module(&self.project()?);
        let module = module.ok_or_else(|| Stop::Failed(NO_PYTHON.to_owned()))?;
        let text = read(&module)?;
        let before = text.split(PYTHON_MARK).next().unwrap_or_default();
        let is_line = before.ends_with('\n') || before.is_empty();
        let gap = if is_line { "" } else { "\n" };
        let line = format!("{PYTHON_MARK} {}\n", fresh_number());
        Ok(write(&module, &format!("{before}{gap}{line}"))?)
    }

    fn remove_release(&self) -> Result<(), BenchError> {
        self.remove(&self.dir.join("wheels"))?;
        let dirs = WalkDir::new(self.target()).min_depth(1).max_depth(2);
        let dirs = dirs.into_iter().flatten();
        let release = dirs.filter(|it| it.file_type().is_dir() && it.file_name() == "release");
        let paths = release.filter_map(|it| Utf8PathBuf::from_path_buf(it.into_path()).ok());
        Ok(paths.into_iter().try_for_each(|path| self.remove(&path))?)
    }

    fn next_lock(&self, round: u32) -> Result<(), Stop> {
        let number = usize::try_from(round).unwrap_or(1).max(1);
        let other = self.scratch.lock_file(number);
        if other.is_file() {
            return Ok(write(&self.lock(), &read(&other)?)?);
        }
        Err(Stop::Failed(match number {
            1 => "no dependency with an earlier version was found in the registry".to_owned(),
            _ => format!("the dependency has {} other versions", number - 1),
        }))
    }
}

/// `path`, a list of directories, with that of `program` at its end if it is not there.
fn with_dir_of(program: &Utf8Path, path: &str) -> String {
    let dir = program.parent().unwrap_or(Utf8Path::new(""));
    if path.split(':').any(|it| it == dir) {
        return path.to_owned();
    }
    format!("{path}:{dir}")
}

/// A file of Python that an edit can be made in.
pub(crate) fn python_module(project: &Project) -> Option<Utf8PathBuf> {
    let Layout::Mixed { package } = &project.extension.layout else {
        return None;
    };
    let init = package.join("__init__.py");
    if init.is_file() {
        return Some(init);
    }
    let files = package.read_dir_utf8().ok()?.flatten();
    let modules = files.map(Utf8DirEntry::into_path);
    modules.filter(|it| it.extension() == Some("py")).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fetched_tool_is_found_and_hides_no_other() {
        assert_eq!(with_dir_of("/a/uv".into(), "/b:/a"), "/b:/a");
        assert_eq!(with_dir_of("/c/uv".into(), "/b:/a"), "/b:/a:/c");
    }
}
