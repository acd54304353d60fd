//! What parts are planned for: the project, and what differs between projects.

use std::cell::RefCell;

use camino::{Utf8Path, Utf8PathBuf};
use colab::runtimes::Snapshot;
use config_edit::{CargoManifest, Change};
use environment::program;
use processes::quoted;
use project_model::{Project, Workspace};

use crate::decision::Decision;
use crate::ignored::checkout_of;
use crate::template::{Smoke, Values};

/// What comes of a part.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    pub(crate) decisions: Vec<Decision>,
    pub(crate) changes: Vec<Change>,
    /// Files of ours that somebody has changed since.
    pub(crate) drifted: Vec<Utf8PathBuf>,
}

/// What parts are planned for.
pub(crate) struct Subject<'a> {
    pub(crate) project: &'a Project,
    pub(crate) workspace: &'a Workspace,
    /// The directory that GitHub and editors start from.
    pub(crate) checkout: Utf8PathBuf,
    pub(crate) values: Values,
    /// The manifest in which the project decides, with what parts have set in it: they share it.
    pub(crate) policy: RefCell<Option<CargoManifest>>,
}

/// The scripts' place, below the checkout.
pub(crate) const DEV_INIT: &str = "scripts/dev-init.sh";
pub(crate) const DEVCONTAINER: &str = ".devcontainer/devcontainer.json";
pub(crate) const WORKFLOW: &str = ".github/workflows/build-wheel.yml";
pub(crate) const NOTEBOOK: &str = "docs/colab.ipynb";

impl<'a> Subject<'a> {
    pub(crate) fn new(project: &'a Project, workspace: &'a Workspace, uv_version: &str) -> Self {
        let checkout = checkout_of(&project.root).unwrap_or_else(|| project.root.clone());
        // Another project has no automation of its own, whichever program takes it over.
        let is_xtask =
            program::called() == program::XTASK && checkout.join("xtask/Cargo.toml").is_file();
        let below = |path: &Utf8Path| path.strip_prefix(&checkout).unwrap_or(path).to_owned();
        let option = match below(&project.root) {
            root if root.as_str().is_empty() => String::new(),
            root => format!(" --project {}", quoted(root.as_str())),
        };
        let module = &project.extension.module;
        let values = Values {
            is_xtask,
            program: if is_xtask {
                program::XTASK.to_owned()
            } else {
                format!("{}{option}", program::PYEXT)
            },
            quiet: if is_xtask {
                "cargo --quiet xtask".to_owned()
            } else {
                format!("{}{option}", program::PYEXT_ALONE)
            },
            project: option,
            version: env!("CARGO_PKG_VERSION"),
            uv_version: uv_version.to_owned(),
            name: project.name().to_owned(),
            module: module.split('.').next().unwrap_or(module).to_owned(),
            lock: below(&workspace.root.join("Cargo.lock")),
            is_locked: workspace.root.join("Cargo.lock").is_file(),
            environment: below(&project.uv_workspace.join(".venv")),
            smokes: smokes(project),
        };
        Self {
            project,
            workspace,
            checkout,
            values,
            policy: RefCell::default(),
        }
    }

    /// What all parts together have set in the manifest.
    pub(crate) fn into_policy_change(self) -> Option<Change> {
        self.policy.into_inner().map(CargoManifest::into_change)
    }
}

/// On which systems a wheel is tried: each Python of Colab's runtimes that the project allows, on the newest
/// system that has it, and the newest Python.
fn smokes(project: &Project) -> Vec<Smoke> {
    let runtimes = Snapshot::built_in().runtimes;
    let newest = runtimes.iter().map(|it| it.ubuntu.clone()).max();
    let newest = newest.map(|ubuntu| (ubuntu, NEWEST_PYTHON.to_owned()));
    let all = runtimes.into_iter().map(|it| (it.ubuntu, it.python));
    let mut smokes: Vec<Smoke> = Vec::new();
    for (ubuntu, python) in newest.into_iter().chain(all) {
        let version = format!("{python}.99").parse().ok();
        let allows = |it: &pep440_rs::VersionSpecifiers| {
            version.as_ref().is_some_and(|version| it.contains(version))
        };
        let is_allowed = project.requires_python.as_ref().is_none_or(allows);
        if is_allowed && !smokes.iter().any(|smoke| smoke.python == python) {
            smokes.push(Smoke { ubuntu, python });
        }
    }
    smokes
}

/// The newest Python that a wheel is tried on.
const NEWEST_PYTHON: &str = "3.14";
