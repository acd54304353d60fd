//! The checkout of one lane, and what happens to it.

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use processes::Invocation;
use project_model::{Layout, Project};
use trial::edit::{self, fresh_number};
use trial::files::{at, copy_file, copy_tree, link_file, read, remove, write};
use walkdir::WalkDir;

use crate::error::BenchError;
use crate::goal::Goal;
use crate::lane::Lane;
use crate::marks::Marks;
use crate::scenario::Action;
use crate::scratch::{BRANCH, ScratchDir, TRUNK};
use crate::strategy::Placeholders;
use crate::target::Target;
use crate::tuned::Tuned;

/// Why a situation cannot be brought about.
#[derive(Debug)]
pub(crate) enum Cannot {
    /// The project has nothing of the kind.
    Missing(String),
    /// Something failed.
    Error(BenchError),
}

impl<E: Into<BenchError>> From<E> for Cannot {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// A checkout.
#[derive(Debug)]
pub(crate) struct Checkout<'a> {
    pub(crate) scratch: &'a ScratchDir,
    pub(crate) lane: Lane,
    /// The directory with all that belongs to the lane.
    pub(crate) dir: Utf8PathBuf,
    /// Where the project lies in the sources.
    pub(crate) below: Utf8PathBuf,
    /// Where in it cargo puts what it builds.
    pub(crate) target: Target,
    /// The fastest settings, as far as they are known.
    pub(crate) tuned: Tuned,
    /// What commands are made of.
    pub(crate) tools: Placeholders,
}

/// Why no line of Python can be changed.
pub(crate) const NO_PYTHON: &str = "the project has no Python sources";

/// A line of Python that is changed.
const PYTHON_MARK: &str = "# bench-build";

impl Checkout<'_> {
    /// The sources.
    pub(crate) fn tree(&self) -> Utf8PathBuf {
        self.dir.join("tree")
    }

    /// The directory of the project.
    pub(crate) fn project_dir(&self) -> Utf8PathBuf {
        self.tree().join(&self.below)
    }

    /// The project.
    pub(crate) fn project(&self) -> Result<Project, BenchError> {
        Ok(Project::load(&self.project_dir())?)
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
            tree: project.root.clone(),
            manifest: project.extension.manifest.clone(),
            out: self.dir.join("wheels"),
            features: features.collect(),
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
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target(&self) -> Utf8PathBuf {
        self.target.dir(&self.tree())
    }

    /// Clones the sources anew.
    pub(crate) fn clone_anew(&self) -> Result<(), BenchError> {
        let (tree, origin) = (self.tree(), self.scratch.origin());
        remove(&tree)?;
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
        remove(&cache)?;
        fs_err::create_dir_all(&cache).map_err(at(&cache))?;
        Ok(copy_tree(&self.scratch.root.join("uv"), &cache, link_file)?)
    }

    /// Has a strategy build that would otherwise install what it has built before, as `uv sync` does where it
    /// does not know what the library is made of.
    pub(crate) fn forget_builds(&self) -> Result<(), BenchError> {
        if !self.lane.strategy.uv_keeps_builds {
            return Ok(());
        }
        remove(&self.project_dir().join(".venv"))?;
        self.empty_uv()
    }

    /// The branch where one works, as the copy has it now; edits are gone.
    pub(crate) fn trunk(&self) -> Result<(), BenchError> {
        self.scratch.switch(&self.tree(), TRUNK)
    }

    /// Brings about what `action` says. `round` that of the run.
    pub(crate) fn act(
        &self,
        action: Action,
        marks: &Marks,
        round: u32,
        target: &Utf8Path,
    ) -> Result<(), Cannot> {
        match action {
            Action::Edit(role) => {
                let file = marks.file(role).map_err(Cannot::Missing)?;
                edit::change(&self.tree().join(file))?;
            }
            Action::EditPython => self.edit_python()?,
            Action::RemoveTarget => remove(target)?,
            Action::RemoveRelease => self.remove_release(target)?,
            Action::RemoveEnvironment => remove(&self.project_dir().join(".venv"))?,
            Action::CargoClean => self.cargo_clean()?,
            Action::FreshClone => self.clone_anew()?,
            Action::EmptyCaches => {
                remove(&self.store(Goal::Develop))?;
                self.empty_uv()?;
            }
            Action::Branch => {
                marks.require_any().map_err(Cannot::Missing)?;
                self.scratch.switch(&self.tree(), BRANCH)?;
            }
            Action::Trunk => self.trunk()?,
            Action::NextLock => self.next_lock(round, target)?,
            Action::FirstLock => self.first_lock(target)?,
        }
        Ok(())
    }

    /// Changes the last line of the first module of the package.
    fn edit_python(&self) -> Result<(), Cannot> {
        let project = self.project()?;
        let module =
            python_module(&project).ok_or_else(|| Cannot::Missing(NO_PYTHON.to_owned()))?;
        let text = read(&module)?;
        let before = text
            .rfind(PYTHON_MARK)
            .map_or(text.as_str(), |at| &text[..at]);
        let gap = if before.ends_with('\n') || before.is_empty() {
            ""
        } else {
            "\n"
        };
        write(
            &module,
            &format!("{before}{gap}{PYTHON_MARK} {}\n", fresh_number()),
        )?;
        Ok(())
    }

    fn remove_release(&self, target: &Utf8Path) -> Result<(), BenchError> {
        remove(&self.dir.join("wheels"))?;
        let dirs = WalkDir::new(target)
            .min_depth(1)
            .max_depth(2)
            .into_iter()
            .flatten();
        let release = dirs.filter(|it| it.file_type().is_dir() && it.file_name() == "release");
        let paths = release.filter_map(|it| Utf8PathBuf::from_path_buf(it.into_path()).ok());
        Ok(paths.into_iter().try_for_each(|path| remove(&path))?)
    }

    fn cargo_clean(&self) -> Result<(), BenchError> {
        let place = self.place()?;
        let clean = Invocation::new(place.cargo.clone())
            .args([
                "clean",
                "--quiet",
                "--manifest-path",
                place.manifest.as_str(),
            ])
            .cwd(&place.tree);
        let done = self.settled(clean, None).read();
        done.map(drop).map_err(BenchError::Prepare)
    }

    fn next_lock(&self, round: u32, target: &Utf8Path) -> Result<(), Cannot> {
        let number = usize::try_from(round).unwrap_or(1).max(1);
        let other = self.scratch.lock_file(number);
        if !other.is_file() {
            return Err(Cannot::Missing(match number {
                1 => "no dependency with an earlier version was found in the registry".to_owned(),
                _ => format!("the dependency has {} other versions", number - 1),
            }));
        }
        let text = read(&other)?;
        Ok(write(&lock_of(target), &text)?)
    }

    fn first_lock(&self, target: &Utf8Path) -> Result<(), BenchError> {
        let lock = lock_of(target);
        self.scratch
            .git(&self.tree(), &["checkout", "--quiet", "--", lock.as_str()])
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

/// The lock file of the workspace whose target directory this is.
fn lock_of(target: &Utf8Path) -> Utf8PathBuf {
    target.with_file_name("Cargo.lock")
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
    let mut modules: Vec<_> = files.map(camino::Utf8DirEntry::into_path).collect();
    modules.retain(|path| path.extension() == Some("py"));
    modules.sort();
    modules.into_iter().next()
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
