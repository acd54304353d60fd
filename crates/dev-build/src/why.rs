//! Why a build compiled more than the edit explains.
//!
//! cargo notes beside each fingerprint what it is made of. That is looked at before cargo is started and
//! compared after (`look`); which difference means what is a rule (`rule`), and what is told of it a
//! `report`. The last report is kept in the build directory (`record`).

mod cause;
mod change;
pub(crate) mod look;
pub mod observed;
mod own;
mod record;
pub mod report;
mod rule;
mod settings;

use project_model::Project;
use python_tools::Toolbox;
use serde::Serialize;

use crate::dev::{Question, preview};
use crate::error::DevError;
use crate::request::DevRequest;
use crate::situation::Situation;
use report::Report;

/// The answer of `why`, also as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Why {
    /// What the last build compiled, and why. `None`: nothing is remembered of one.
    pub last: Option<Report>,
    /// What a build would do now, each step with its causes.
    pub now: Vec<String>,
}

/// Looks at what is remembered of the last build of `project`, and at what one would do now. Builds nothing
/// and writes nothing.
///
/// # Errors
/// Those of [`Situation::look`].
pub fn why(
    project: &Project,
    toolbox: &Toolbox,
    request: &DevRequest<'_>,
) -> Result<Why, DevError> {
    let situation = Situation::look(project, request, &toolbox.locks()?)?;
    let last = record::Record::read(&project.root, &situation.workspace);
    let preview = preview(project, situation, toolbox, request, Question::IsItCurrent)?;
    Ok(Why {
        last: last.map(|it| it.report),
        now: preview.steps,
    })
}

impl Why {
    /// The answer for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = match &self.last {
            Some(report) => report.text(),
            None => "nothing is remembered of a build here: `cargo xtask dev` builds\n".to_owned(),
        };
        match &self.now[..] {
            [] => text.push_str("a build would do nothing now\n"),
            steps => {
                text.push_str("a build would now\n");
                text.extend(steps.iter().map(|step| format!("  {step}\n")));
            }
        }
        text
    }
}
