//! What must be installed beside the project, exactly as the project pins it.

use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use project_model::{Project, Selection, Workspace};
use python_tools::{Tool, Venv};

use crate::siblings::Sibling;

/// Which dependencies are to be installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Those of the last choice, else of the project's policy.
    #[default]
    AsBefore,
    /// With these extras and groups, from now on.
    Chosen(Selection),
    /// None: what is there is left as it is.
    Leave,
}

/// Where the versions of the dependencies come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pins {
    /// Requirements files named in the project's policy: every version and hash is fixed.
    Requirements(Vec<Utf8PathBuf>),
    /// The `uv.lock` of the uv workspace.
    UvLock {
        /// Whether it is there. Else uv makes it, as `uv sync` does: only uv knows what goes together in a
        /// workspace, and where conflicts are declared.
        is_there: bool,
    },
    /// Nothing fixes them: the newest that pyproject.toml allows.
    Unpinned,
    /// There are none.
    None,
}

impl Pins {
    /// How `project` pins its dependencies, of which `selection` is wanted.
    #[must_use]
    pub fn of(project: &Project, workspace: &Workspace, selection: &Selection) -> Self {
        let files = &workspace.policy.dev_requirements;
        if !files.is_empty() {
            let absolute = files.iter().map(|file| workspace.root.join(file));
            return Self::Requirements(absolute.collect());
        }
        let pyproject = &project.pyproject;
        let is_there = project.uv_lock().is_file();
        if is_there && pyproject.is_managed_by_uv() {
            return Self::UvLock { is_there };
        }
        let optional = [extras(project, selection), groups(project, selection)];
        let none_is_chosen = optional.iter().all(Vec::is_empty);
        let is_left_to_uv = pyproject.needs_uv_to_resolve() || project.is_in_a_uv_workspace();
        if is_left_to_uv && pyproject.is_managed_by_uv() {
            return Self::UvLock { is_there };
        }
        if pyproject.dependencies().is_empty() && none_is_chosen {
            return Self::None;
        }
        Self::Unpinned
    }

    /// Whether there are any dependencies.
    #[must_use]
    pub fn has_any(&self) -> bool {
        *self != Self::None
    }

    /// Whether nothing fixes their versions.
    #[must_use]
    pub fn are_open(&self) -> bool {
        *self == Self::Unpinned
    }

    /// Whether they can be installed with extras and groups: requirements files hold what they hold.
    #[must_use]
    pub fn can_be_chosen_from(&self) -> bool {
        !matches!(self, Self::Requirements(_))
    }

    /// The files that fix them.
    #[must_use]
    pub fn files(&self, project: &Project) -> Vec<Utf8PathBuf> {
        match self {
            Self::Requirements(files) => files.clone(),
            Self::UvLock { .. } => vec![project.uv_lock()],
            Self::Unpinned => vec![project.root.join("pyproject.toml")],
            Self::None => Vec::new(),
        }
    }
}

/// The extras of `project` that are chosen.
fn extras(project: &Project, selection: &Selection) -> Vec<String> {
    selection.extras_among(&project.pyproject.extras())
}

/// The dependency groups of `project` that are chosen.
fn groups(project: &Project, selection: &Selection) -> Vec<String> {
    let pyproject = &project.pyproject;
    selection.groups_among(&pyproject.dependency_groups(), &pyproject.default_groups())
}

/// The commands that install dependencies.
#[derive(Debug)]
pub struct Installer<'a> {
    /// The project that needs them.
    pub project: &'a Project,
    /// uv.
    pub uv: &'a Tool,
    /// Where they are installed.
    pub venv: &'a Venv,
    /// The extras and groups that are chosen.
    pub selection: &'a Selection,
    /// Whether the network may not be used.
    pub offline: bool,
}

impl Installer<'_> {
    /// Has uv write the lock file.
    #[must_use]
    pub fn lock(&self) -> Invocation {
        let python = self.venv.python.executable.as_str();
        self.uv().args(["lock", "--quiet", "--python", python])
    }

    /// Installs what `pins` fix; nothing that is there without them is removed. The `siblings` are left out,
    /// since they are built by us.
    #[must_use]
    pub fn install(&self, pins: &Pins, siblings: &[Sibling]) -> Option<Invocation> {
        Some(match pins {
            Pins::None => return None,
            Pins::Requirements(files) => {
                let files = files.iter().flat_map(|file| ["-r", file.as_str()]);
                self.pip_install().arg("--require-hashes").args(files)
            }
            Pins::UvLock { .. } => {
                let left_out = siblings
                    .iter()
                    .map(|it| format!("--no-install-package={}", it.name));
                self.sync().arg("--quiet").args(left_out)
            }
            Pins::Unpinned => {
                let extras = extras(self.project, self.selection).into_iter();
                let groups = groups(self.project, self.selection).into_iter();
                self.pip_install()
                    .args(["-r", "pyproject.toml"])
                    .args(extras.map(|name| format!("--extra={name}")))
                    .args(groups.map(|name| format!("--group=pyproject.toml:{name}")))
            }
        })
    }

    /// Installs what build scripts need of Python, if there is any. In a build of uv's or pip's it lies in an
    /// environment of its own.
    #[must_use]
    pub fn install_for_build(&self) -> Option<Invocation> {
        let requirements = self.project.build_requirements();
        let command = self.pip_install().args(requirements.iter().cloned());
        (!requirements.is_empty()).then_some(command)
    }

    /// Asks uv for all that it would install, whether or not it is there: an answer in JSON.
    #[must_use]
    pub fn list(&self) -> Invocation {
        self.sync()
            .args(["--dry-run", "--reinstall", "--output-format=json"])
    }

    fn pip_install(&self) -> Invocation {
        let python = self.venv.python.executable.as_str();
        self.uv()
            .args(["pip", "install", "--quiet", "--python", python])
    }

    /// Named as it is, the Python of the environment is no reason for uv to make another one.
    fn sync(&self) -> Invocation {
        let python = self.venv.python.executable.as_str();
        self.uv()
            .args(["sync", "--frozen", "--inexact", "--no-install-project"])
            .args(["--python", python])
            .args(self.selection.args())
            .env(
                environment::vars::UV_PROJECT_ENVIRONMENT,
                self.venv.root.as_str(),
            )
            // Of an environment that is active beside it, uv would only say that it is not used.
            .env_remove(environment::vars::VIRTUAL_ENV)
    }

    fn uv(&self) -> Invocation {
        let offline = self.offline.then_some("--offline");
        let root: &Utf8Path = &self.project.root;
        Invocation::new(&self.uv.path).args(offline).cwd(root)
    }
}
