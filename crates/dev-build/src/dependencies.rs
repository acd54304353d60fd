//! What must be installed beside the project, exactly as the project pins it.

use camino::Utf8PathBuf;
use processes::Invocation;
use project_model::{Project, Workspace};
use python_tools::{Tool, Venv};

/// Where the versions of the dependencies come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pins {
    /// Requirements files named in the project's policy: every version and hash is fixed.
    Requirements(Vec<Utf8PathBuf>),
    /// `uv.lock`.
    UvLock,
    /// Nothing fixes them: the newest that pyproject.toml allows.
    Unpinned,
    /// There are none.
    None,
}

impl Pins {
    /// How `project` pins its dependencies.
    #[must_use]
    pub fn of(project: &Project, workspace: &Workspace) -> Self {
        let files = &workspace.policy.dev_requirements;
        if !files.is_empty() {
            let absolute = files.iter().map(|file| workspace.root.join(file));
            return Self::Requirements(absolute.collect());
        }
        if project.root.join("uv.lock").is_file() {
            return Self::UvLock;
        }
        let pyproject = &project.pyproject;
        if pyproject.dependencies().is_empty() && !pyproject.has_dependency_group("dev") {
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

    /// The files that fix them.
    #[must_use]
    pub fn files(&self, project: &Project) -> Vec<Utf8PathBuf> {
        match self {
            Self::Requirements(files) => files.clone(),
            Self::UvLock => vec![project.root.join("uv.lock")],
            Self::Unpinned => vec![project.root.join("pyproject.toml")],
            Self::None => Vec::new(),
        }
    }

    /// The command that installs them into `venv`; nothing that is there without them is removed.
    #[must_use]
    pub fn install(
        &self,
        project: &Project,
        uv: &Tool,
        venv: &Venv,
        offline: bool,
    ) -> Option<Invocation> {
        let uv = Invocation::new(&uv.path).cwd(&project.root);
        let pip_install = |uv: Invocation| {
            uv.args(["pip", "install", "--quiet", "--python"])
                .arg(venv.python.executable.as_str())
        };
        let command = match self {
            Self::None => return None,
            Self::Requirements(files) => {
                let files = files.iter().flat_map(|file| ["-r", file.as_str()]);
                pip_install(uv).arg("--require-hashes").args(files)
            }
            Self::UvLock => uv
                .args([
                    "sync",
                    "--quiet",
                    "--frozen",
                    "--inexact",
                    "--no-install-project",
                ])
                .env("UV_PROJECT_ENVIRONMENT", venv.root.as_str())
                // Of an environment that is active beside it, uv would only say that it is not used.
                .env_remove(environment::vars::VIRTUAL_ENV),
            Self::Unpinned => {
                // `dev` is the group that `maturin develop` and uv install by default (PEP 735).
                let group = project.pyproject.has_dependency_group("dev");
                let group = group.then_some(["--group", "pyproject.toml:dev"]);
                pip_install(uv)
                    .args(["-r", "pyproject.toml"])
                    .args(group.into_iter().flatten())
            }
        };
        Some(if offline {
            command.arg("--offline")
        } else {
            command
        })
    }
}
