//! What parts are planned for: the project, and what differs between projects.

use std::cell::RefCell;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_settings::local::is_ignored;
use colab::runtimes::Snapshot;
use config_edit::{CargoManifest, Change};
use environment::program;
use processes::quoted;
use project_model::{Project, Workspace};

use crate::branch::main_branch;
use crate::decision::{Decision, Verdict};
use crate::ignored::checkout_of;
use crate::template::{Smoke, Values};
use crate::whole::OPTION;

/// What comes of a part.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    pub(crate) decisions: Vec<Decision>,
    pub(crate) changes: Vec<Change>,
    /// Files of ours that somebody has changed since.
    pub(crate) drifted: Vec<Utf8PathBuf>,
}

impl Planned {
    /// Nothing changes in the end: what is added was there.
    pub(crate) fn keep_what_is_added(&mut self) {
        let added = self
            .decisions
            .iter_mut()
            .filter(|it| it.verdict == Verdict::Adds);
        added.for_each(|decision| decision.verdict = Verdict::Keeps);
    }
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
/// The tag of the release, where the project has not decided.
pub(crate) const LATEST: &str = "latest";
pub(crate) const NOTEBOOK: &str = "docs/colab.ipynb";

impl<'a> Subject<'a> {
    pub(crate) fn new(project: &'a Project, workspace: &'a Workspace, uv_version: &str) -> Self {
        let checkout = checkout_of(&project.root);
        let in_git = checkout.is_some();
        let checkout = checkout.unwrap_or_else(|| project.root.clone());
        // Another project has no automation of its own, whichever program takes it over.
        let is_xtask =
            program::called() == program::XTASK && checkout.join("xtask/Cargo.toml").is_file();
        let below = |path: &Utf8Path| path.strip_prefix(&checkout).unwrap_or(path).to_owned();
        let option = option(project, &checkout);
        let lock = workspace.root.join("Cargo.lock");
        let tag = workspace.policy.wheel.release_tag.as_ref();
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
            lock: below(&lock),
            // A fresh clone has none that git ignores.
            is_locked: lock.is_file() && (!in_git || !is_ignored(&lock)),
            environment: below(&project.uv_workspace.join(".venv")),
            branch: main_branch(&checkout),
            tag: tag.map_or(LATEST.to_owned(), ToString::to_string),
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

/// The option that names `project` in the `checkout`, with a space before it; nothing, if it lies at the
/// root.
pub(crate) fn option(project: &Project, checkout: &Utf8Path) -> String {
    let root = project.root.strip_prefix(checkout).unwrap_or(&project.root);
    if root.as_str().is_empty() {
        return String::new();
    }
    format!("{OPTION}{}", quoted(root.as_str()))
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
