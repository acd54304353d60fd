//! What is installed, and whether it is what the sources say: what a plan means for it.

use std::time::{SystemTime, UNIX_EPOCH};

use camino::Utf8PathBuf;
use project_model::Project;
use serde::Serialize;

use crate::dev::{Preview, Question, preview};
use crate::error::DevError;
use crate::linked;
use crate::on_import::Found;
use crate::plan::DevPlan;
use crate::request::DevRequest;
use crate::situation::{OurInstall, Package, Situation};
use crate::state::{Placed, Provenance};
use crate::still_running;
use crate::uv_build::{OWNER, otherwise};
use python_tools::Toolbox;

/// The answer of `dev --status`, also as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The module that Python imports.
    pub module: String,
    /// The environment that was looked into.
    pub venv: Utf8PathBuf,
    /// In one word.
    pub verdict: Verdict,
    /// For [`Verdict::Stale`], what has changed since: files relative to the project, and other inputs by
    /// name.
    pub changed: Vec<String>,
    /// For [`Verdict::Shadowed`], the file that is imported instead.
    pub shadowed_by: Option<Utf8PathBuf>,
    /// The library that was put in place.
    pub library: Option<Utf8PathBuf>,
    /// Whether an import builds it.
    pub builds_on_import: bool,
    /// How it was linked: against a library of its third-party crates, or as rustc does, and why.
    pub linked: Option<String>,
    /// What it was made of.
    pub provenance: Option<Provenance>,
    /// What `dev` would do, and why.
    #[serde(skip)]
    pub steps: Vec<String>,
    /// What the user may expect otherwise, a line each.
    pub notes: Vec<String>,
}

/// Whether the installed extension is that of the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is.
    Fresh,
    /// Something has changed since it was built.
    Stale,
    /// Another file for the same module is imported instead.
    Shadowed,
    /// Something else has installed it, so nothing is known of it.
    Foreign,
    /// It is not installed.
    Missing,
}

impl Verdict {
    /// The verdict in a sentence, with what to do about it; `build` is the command that builds.
    #[must_use]
    pub fn explanation(self, build: &str) -> String {
        match self {
            Self::Fresh => "what is installed is what the sources say".to_owned(),
            Self::Stale => format!("something has changed since it was built; `{build}` builds it"),
            Self::Shadowed => {
                format!("another file is imported instead; remove it, or run `{build}`")
            }
            Self::Foreign => format!(
                "something else has installed it, so nothing is known of it; `{build}` replaces it"
            ),
            Self::Missing => format!("it is not installed; `{build}` builds and installs it"),
        }
    }

    fn of(preview: &Preview) -> Self {
        let own_steps = preview.plan.steps(&preview.situation).len();
        match (&preview.plan, &preview.situation.package) {
            // Another project that it needs has changed.
            (DevPlan::Nothing(_), _) if preview.steps.len() > own_steps => Self::Stale,
            (DevPlan::Nothing(_), _) => Self::Fresh,
            (DevPlan::Build(_), Package::Missing) => Self::Missing,
            (DevPlan::Build(_), Package::Foreign | Package::OfAnotherCheckout(_)) => Self::Foreign,
            (DevPlan::Build(_), Package::Ours(ours)) => match ours.placed {
                Placed::Gone | Placed::Nowhere => Self::Missing,
                _ if ours.others.iter().any(|other| other.shadows) => Self::Shadowed,
                Placed::Same | Placed::Alone | Placed::Replaced => Self::Stale,
            },
        }
    }
}

/// Looks at what is installed in the environment that [`crate::dev()`] would install into. Builds nothing and
/// writes nothing.
///
/// # Errors
/// Those of [`Situation::look`].
pub fn status(
    project: &Project,
    toolbox: &Toolbox,
    request: &DevRequest<'_>,
) -> Result<Status, DevError> {
    let situation = Situation::look(project, request, &toolbox.locks()?)?;
    let preview = preview(project, situation, toolbox, request, Question::IsItCurrent)?;
    let mut status = Status::of(&project.extension.module, &preview);
    let ours = preview.situation.ours();
    let otherwise = ours.and_then(|ours| otherwise(project, &ours.state.options, OWNER.0));
    status.notes.extend(otherwise);
    let situation = &preview.situation;
    let module = project.extension.full_name();
    let still_running = ours.and_then(|ours| {
        let placed = &ours.state.library.placed;
        still_running::note(situation, &module, placed)
    });
    status.notes.extend(still_running);
    status.linked = ours.map(|ours| linked::told(&preview.situation, ours, request.prelink));
    Ok(status)
}

impl Status {
    /// What `preview` means for what is installed.
    #[must_use]
    pub fn of(module: &str, preview: &Preview) -> Self {
        let situation = &preview.situation;
        let ours = situation.ours();
        let shadowing = ours.and_then(|ours| ours.others.iter().find(|other| other.shadows));
        Self {
            module: module.to_owned(),
            venv: situation.environment.root().to_owned(),
            verdict: Verdict::of(preview),
            changed: ours
                .map(|ours| changed(situation, ours))
                .unwrap_or_default(),
            shadowed_by: shadowing.map(|other| other.path.clone()),
            library: ours.map(|ours| ours.state.library.placed.clone()),
            builds_on_import: situation.on_import.hook == Found::Right,
            linked: None,
            provenance: ours.map(|ours| ours.state.provenance.clone()),
            steps: preview.steps.clone(),
            notes: situation.notes.clone(),
        }
    }
}

/// What differs from the time of the build.
fn changed(situation: &Situation, ours: &OurInstall) -> Vec<String> {
    let mut names = situation.changes();
    names.extend(
        ours.gone
            .iter()
            .map(|name| format!("{name} (removed since)")),
    );
    if !matches!(ours.placed, Placed::Same | Placed::Alone) {
        names.push(format!(
            "{} (replaced since)",
            situation.shown(&ours.state.library.placed)
        ));
    }
    names
}

impl Status {
    /// The answer for people; `build` is the command that builds.
    #[must_use]
    pub fn text(&self, build: &str) -> String {
        let verdict = format!("{:?}", self.verdict).to_lowercase();
        let explanation = self.verdict.explanation(build);
        let mut text = format!("{}: {verdict} ({explanation})\n", self.module);
        let mut line = |name: &str, value: &str| {
            text.push_str(&format!("  {name:<10} {}\n", value.trim_end()));
        };
        for step in &self.steps {
            line("to do", step);
        }
        for note in &self.notes {
            line("note", note);
        }
        if let Some(file) = &self.shadowed_by {
            line("shadowed", &format!("by {file}"));
        }
        if let Some(file) = &self.library {
            line("library", file.as_str());
        }
        if self.builds_on_import {
            line("on import", "it is built where it is stale");
        }
        if let Some(linked) = &self.linked {
            line("linked", linked);
        }
        if let Some(of) = &self.provenance {
            let dirty = if of.dirty { ", with changes" } else { "" };
            let commit = of.commit.as_deref().unwrap_or("not in git");
            line(
                "profile",
                &format!("{} {}", of.profile, of.features.join(" ")),
            );
            line("commit", &format!("{commit}{dirty}"));
            line("sources", &format!("sha256:{}", of.sources_sha256));
            line("toolchain", &of.toolchain);
            line("placed", &ago(of.placed_at_s));
        }
        text
    }
}

/// How long ago a time was, given in seconds since 1970.
fn ago(time_s: u64) -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    match since_epoch
        .unwrap_or_default()
        .as_secs()
        .saturating_sub(time_s)
    {
        s if s < 120 => format!("{s} s ago"),
        s if s < 7200 => format!("{} min ago", s / 60),
        s if s < 172_800 => format!("{} h ago", s / 3600),
        s => format!("{} days ago", s / 86_400),
    }
}
