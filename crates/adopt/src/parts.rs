//! What is written only if it is wanted: the DevContainer, the workflow, the notebook for Colab.

use camino::Utf8Path;
use colab::{ColabError, Format, Mode, SnippetPlan, SnippetRequest};
use config_edit::{CargoManifest, EditError};
use project_model::Project;

use crate::OWNER;
use crate::container;
use crate::decision::{Decision, Verdict, page};
use crate::error::AdoptError;
use crate::subject::{DEV_INIT, DEVCONTAINER, LATEST, NOTEBOOK, Planned, Subject, WORKFLOW};
use crate::template::Template;
use crate::whole::{Found, change, found, signed};

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `.devcontainer/devcontainer.json`, and the script that sets it up.
    DevContainer,
    /// The workflow that builds a wheel at every push and publishes it.
    Workflow,
    /// The notebook for Google Colab.
    Colab,
}

impl Subject<'_> {
    pub(crate) fn plan(&self, part: Part) -> Result<Planned, AdoptError> {
        match part {
            Part::DevContainer => self.container(),
            Part::Workflow => self.workflow(),
            Part::Colab => self.colab(),
        }
    }

    fn container(&self) -> Result<Planned, AdoptError> {
        let mut planned = Planned::default();
        let path =
            container::find(&self.checkout).unwrap_or_else(|| self.checkout.join(DEVCONTAINER));
        let old = read(&path)?;
        if found(old.as_deref(), &self.values.project) == Found::Theirs {
            return container::build_upon(self, &path);
        }
        let reason = "an editor or a Codespace sets the machine up by itself, and what was built outlives the container";
        self.write(&mut planned, Template::DevContainer, &path, reason)?;
        let script = self.checkout.join(DEV_INIT);
        if found(read(&script)?.as_deref(), &self.values.project) == Found::Theirs {
            container::extend(&mut planned, self, &script)?;
            return Ok(planned);
        }
        let reason = "it brings the toolchain and the tools, and builds the extension once";
        self.write(&mut planned, Template::DevInit, &script, reason)?;
        Ok(planned)
    }

    fn workflow(&self) -> Result<Planned, AdoptError> {
        let mut planned = Planned::default();
        let reason = format!(
            "each push to {} builds a wheel, tries it, and puts it on a release that always has the newest",
            self.values.branch
        );
        self.write(
            &mut planned,
            Template::Workflow,
            &self.checkout.join(WORKFLOW),
            &reason,
        )?;
        if self.workspace.policy.wheel.release_tag.is_none() {
            let what = "release-tag";
            let reason = "it names the release that has the wheels";
            self.policy(&mut planned, &["wheel", what], LATEST, reason)?;
        }
        Ok(planned)
    }

    fn colab(&self) -> Result<Planned, AdoptError> {
        const PAGE: &str = page::COLAB;
        let mut planned = Planned::default();
        let policy = self.workspace.policy.colab.as_ref();
        let named = policy.and_then(|policy| policy.notebook.as_ref());
        let path = self
            .project
            .root
            .join(named.map_or(Utf8Path::new(NOTEBOOK), |path| path));
        let what = path
            .strip_prefix(&self.checkout)
            .unwrap_or(&path)
            .to_string();
        let notebook = match notebook(self.project, &path) {
            Ok(notebook) => notebook,
            Err(error) => {
                let reason = format!("{error}").replace("\n  help: ", "; ");
                planned
                    .decisions
                    .push(Decision::new(Verdict::Leaves, &what, reason, PAGE));
                return Ok(planned);
            }
        };
        let Some(change) = notebook.change else {
            return Ok(planned);
        };
        let is_new = !change.is_empty();
        if is_new && change.old.is_some() {
            let reason = "it is there, and is not what would be written: `cargo xtask colab-snippet --format notebook` writes it anew";
            planned
                .decisions
                .push(Decision::new(Verdict::Leaves, &what, reason, PAGE));
            planned.drifted.push(path);
            return Ok(planned);
        }
        let verdict = if is_new {
            Verdict::Adds
        } else {
            Verdict::Keeps
        };
        let reason =
            "one cell installs the newest wheel on Google Colab, another shows that it works";
        planned
            .decisions
            .push(Decision::new(verdict, &what, reason, PAGE));
        planned.changes.push(change);
        if named.is_none() {
            let reason = "a wheel that no runtime of Colab can install is an error then";
            self.policy(&mut planned, &[page::COLAB, "notebook"], NOTEBOOK, reason)?;
        }
        Ok(planned)
    }

    /// The file at `path` is what `template` becomes, unless somebody has made it theirs.
    fn write(
        &self,
        planned: &mut Planned,
        template: Template,
        path: &Utf8Path,
        reason: &str,
    ) -> Result<(), AdoptError> {
        let old = read(path)?;
        let new = signed(&template.render(&self.values), template.comment());
        let what = path.strip_prefix(&self.checkout).unwrap_or(path).as_str();
        let (verdict, reason) = match found(old.as_deref(), &self.values.project) {
            Found::Absent => (Verdict::Adds, reason),
            Found::Ours if old.as_ref() == Some(&new) => (Verdict::Keeps, reason),
            Found::Ours => (
                Verdict::Adds,
                "it is as this command wrote it earlier, and what it says of the project has changed",
            ),
            Found::OfAnother => (
                Verdict::Leaves,
                "it was written for another project of this checkout",
            ),
            Found::Changed => {
                planned.drifted.push(path.to_owned());
                let reason =
                    "it was written by this command and has been changed since: it is yours";
                (Verdict::Leaves, reason)
            }
            Found::Theirs => (Verdict::Leaves, "it is there, and not by this command"),
        };
        planned
            .decisions
            .push(Decision::new(verdict, what, reason, template.page()));
        if verdict != Verdict::Leaves {
            planned.changes.push(change(path, old, Some(new)));
        }
        Ok(())
    }

    /// Sets what the project decides itself: in the manifest of the workspace, or that of its one crate.
    fn policy(
        &self,
        planned: &mut Planned,
        key: &[&str],
        value: &str,
        reason: &str,
    ) -> Result<(), AdoptError> {
        let workspace = CargoManifest::read(&self.workspace.root.join("Cargo.toml"))?;
        let own = CargoManifest::read(&self.project.extension.manifest)?;
        let name = if self.values.is_xtask {
            "xtask"
        } else {
            "pyext"
        };
        let in_own = ["xtask", "pyext"]
            .iter()
            .find(|name| own.has_at(&["package", "metadata", name]));
        let in_all = ["xtask", "pyext"]
            .iter()
            .find(|name| workspace.has_at(&["workspace", "metadata", name]));
        let (manifest, table) = match (in_own, in_all) {
            (Some(name), _) => (own, ["package", "metadata", name]),
            (None, Some(name)) => (workspace, ["workspace", "metadata", name]),
            (None, None) if workspace.has_at(&["workspace"]) => {
                (workspace, ["workspace", "metadata", name])
            }
            (None, None) => (own, ["package", "metadata", name]),
        };
        let path = [&table[..], key].concat();
        let mut shared = self.policy.borrow_mut();
        let manifest = shared.get_or_insert(manifest);
        manifest.set_policy(&path, value, OWNER)?;
        let what = format!("{} in Cargo.toml", path.join("."));
        let decision = Decision::new(Verdict::Adds, &what, reason, page::WHEELS);
        planned.decisions.push(decision);
        Ok(())
    }
}

/// The notebook at `path`, as it is to be.
pub(crate) fn notebook(project: &Project, path: &Utf8Path) -> Result<SnippetPlan, ColabError> {
    colab::plan(&SnippetRequest {
        project,
        mode: Mode::Latest,
        format: Format::Notebook,
        extras: &[],
        repository: None,
        tag: None,
        manifest: None,
        output: Some(path),
        dist: Utf8Path::new("dist"),
    })
}

/// The text of the file at `path`, if it is there.
pub(crate) fn read(path: &Utf8Path) -> Result<Option<String>, EditError> {
    match fs_err::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EditError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}
