//! What is written into a project, as changes that are shown and applied together.

use cache_keys::plan as keys;
use camino::Utf8PathBuf;
use cargo_settings::{Files, local};
use config_edit::{CargoConfig, Change, PyprojectFile};
use dev_build::maturin::BuildOptions;
use dev_build::uv_build;
use project_model::{Closure, Project, Workspace};

use crate::OWNER;
use crate::decision::{Decision, Verdict, page};
use crate::error::AdoptError;
use crate::ignored::ignored;
use crate::parts::Part;
use crate::subject::{Planned, Subject};

/// What is to be written, and why.
#[derive(Debug)]
pub struct AdoptionPlan {
    /// What was decided, in the order in which it is to be read.
    pub decisions: Vec<Decision>,
    /// The files.
    pub changes: Vec<Change>,
    /// Files of ours that are not what they would be, and are left, since somebody has changed them.
    pub drifted: Vec<Utf8PathBuf>,
}

/// What is wanted.
#[derive(Debug)]
pub struct AdoptionRequest<'a> {
    /// What is written only if it is wanted.
    pub parts: &'a [Part],
    /// The version of uv that scripts and workflows fetch.
    pub uv_version: &'a str,
}

/// The plan for `project`. Writes nothing.
///
/// # Errors
/// If a file cannot be read, or says something else than what would be written.
pub fn plan(project: &Project, request: &AdoptionRequest<'_>) -> Result<AdoptionPlan, AdoptError> {
    let workspace = Workspace::load(project)?;
    let files = Files::of(project, &workspace);
    let mut plan = AdoptionPlan {
        decisions: Vec::new(),
        changes: Vec::new(),
        drifted: Vec::new(),
    };
    plan.include(&files)?;
    plan.pyproject(project)?;
    plan.ignore(project, &workspace, &files)?;
    let subject = Subject::new(project, &workspace, request.uv_version);
    for part in request.parts {
        plan.add(subject.plan(*part)?);
    }
    plan.changes.extend(subject.into_policy_change());
    Ok(plan)
}

impl AdoptionPlan {
    /// Whether nothing is to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(Change::is_empty)
    }

    fn add(&mut self, planned: Planned) {
        self.decisions.extend(planned.decisions);
        self.changes.extend(planned.changes);
        self.drifted.extend(planned.drifted);
    }

    fn decide(&mut self, is_new: bool, what: &str, reason: &str, page: &'static str) {
        let verdict = if is_new {
            Verdict::Adds
        } else {
            Verdict::Keeps
        };
        self.decisions
            .push(Decision::new(verdict, what, reason, page));
    }

    fn include(&mut self, files: &Files) -> Result<(), AdoptError> {
        let mut tracked = CargoConfig::read(&files.tracked)?;
        local::include(&mut tracked, OWNER)?;
        let change = tracked.into_change();
        self.decide(
            !change.is_empty(),
            "the include of .cargo/config.local.toml",
            "cargo, rust-analyzer and maturin read this machine's own settings from there, so that none compiles again what another has compiled",
            page::CACHES,
        );
        self.changes.push(change);
        Ok(())
    }

    fn pyproject(&mut self, project: &Project) -> Result<(), AdoptError> {
        let path = project.root.join("pyproject.toml");
        let before = PyprojectFile::read(&path)?;
        let is_by_uv = project.pyproject.is_built_by_uv();
        if !is_by_uv {
            let reason = "[tool.uv] says that uv does not manage or build the project";
            let decision = Decision::new(
                Verdict::Leaves,
                "cache-keys and editable-profile",
                reason,
                page::EDIT_LOOP,
            );
            self.decisions.push(decision);
            return Ok(());
        }
        let mut with_keys = before.clone();
        keys::edit(&mut with_keys, project, &Closure::load(project)?)?;
        self.decide(
            with_keys.text() != before.text(),
            "cache-keys",
            "uv builds again when a source of the extension changes or is deleted, and only then; .xtask/inputs gets a link to each source",
            page::EDIT_LOOP,
        );
        let edited = uv_build::edited(with_keys.clone(), &BuildOptions::default())?;
        self.decide(
            edited.text() != with_keys.text(),
            "editable-profile",
            "`uv run` and `uv sync` build the profile that `cargo xtask dev` builds; by itself maturin takes release",
            page::EDIT_LOOP,
        );
        self.changes.push(edited.into_change());
        Ok(())
    }

    fn ignore(
        &mut self,
        project: &Project,
        workspace: &Workspace,
        files: &Files,
    ) -> Result<(), AdoptError> {
        let Some(ignored) = ignored(project, workspace, files)? else {
            let reason = "this is no git checkout";
            self.decisions.push(Decision::new(
                Verdict::Leaves,
                "lines in .gitignore",
                reason,
                page::CACHES,
            ));
            return Ok(());
        };
        let lines = ignored.lines.join(", ");
        let reason = if lines.is_empty() {
            "git ignores what builds make, and this machine's own settings".to_owned()
        } else {
            format!("git is not to see {lines}")
        };
        let is_new = !ignored.change.is_empty();
        self.decide(is_new, "lines in .gitignore", &reason, page::CACHES);
        self.changes.push(ignored.change);
        Ok(())
    }
}
