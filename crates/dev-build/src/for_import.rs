//! What a process asks for that is about to import the extension: see [`crate::on_import`].

use std::io;
use std::time::SystemTime;

use camino::Utf8Path;
use files::digest::short_name;
use files::{owned, write};
use processes::Say;
use project_model::Project;
use python_tools::Toolbox;
use python_tools::tools::cannot_keep;
use serde::{Deserialize, Serialize};

use crate::dev::Build;
use crate::error::DevError;
use crate::lock::Lock;
use crate::outcome::Outcome;
use crate::plan::{DevPlan, plan};
use crate::request::DevRequest;
use crate::situation::Situation;

/// Why a build is due before `project` is imported from the environment that `means` names. `None` where none
/// is: what is installed is what the sources say, or it is no install of ours.
///
/// # Errors
/// Those of [`Situation::look`].
pub fn due(
    project: &Project,
    toolbox: &Toolbox,
    means: &DevRequest<'_>,
) -> Result<Option<Vec<String>>, DevError> {
    let asked = means.of_import();
    let situation = Situation::look(project, &asked, &toolbox.locks()?)?;
    let is_due = is_stale(&situation, &asked);
    Ok(is_due.then(|| situation.changes()))
}

/// What a process that builds before an import knows and says.
#[derive(Clone, Copy)]
pub struct Importer<'a> {
    /// When it was started.
    pub started: SystemTime,
    /// Tells what is done.
    pub say: Say<'a>,
    /// What was said so far, by cargo too.
    pub said: &'a dyn Fn() -> String,
}

/// The build that is due before an import. `None` where another process was quicker.
///
/// # Errors
/// Those of [`crate::dev()`]. What another process was told that failed meanwhile is told again: where ten
/// import at once, not each of them finds out by itself that the sources do not compile.
pub fn build(
    project: &Project,
    toolbox: &Toolbox,
    means: &DevRequest<'_>,
    importer: Importer<'_>,
) -> Result<Option<Outcome>, DevError> {
    let locks = toolbox.locks()?;
    let lock = Lock::take(&project.uv_workspace, &locks, importer.say);
    let lock = lock.map_err(cannot_keep(&locks))?;
    let failure = locks.join(format!("{}.failed", short_name(project.root.as_str())));
    if let Some(told) = Failure::since(importer.started, &failure) {
        return Err(DevError::ElsewhereInVain { told });
    }
    let began = SystemTime::now();
    let asked = DevRequest {
        // Another build may have written to the configuration.
        config: means.config.filter(|_| lock.waited.is_none()),
        ..means.of_import()
    };
    let situation = Situation::look(project, &asked, &locks)?;
    let Some(ours) = situation.ours().filter(|_| is_stale(&situation, &asked)) else {
        return Ok(None);
    };
    // From here on the variables of this process count, since cargo is started with them.
    let request = DevRequest {
        build: ours.state.options.clone(),
        prelink: means.prelink.filter(|_| ours.state.prelinking),
        is_of_import: false,
        ..asked
    };
    let build = Build {
        toolbox,
        locks: &locks,
        say: importer.say,
        config: request.config,
    };
    let outcome = build.run(project, &request);
    let noted = note(&outcome, began, importer.said, &failure);
    noted.map_err(cannot_keep(&locks))?;
    outcome.map(Some)
}

/// Has `file` tell those that wait of a build that `began` then and has failed by the sources, with what was
/// `said`, and of none after one that has not failed.
fn note<T>(
    outcome: &Result<T, DevError>,
    began: SystemTime,
    said: &dyn Fn() -> String,
    file: &Utf8Path,
) -> io::Result<()> {
    match outcome {
        Ok(_) => owned::remove(file.parent().unwrap_or(file), file).map(drop),
        Err(error) if error.is_of_the_sources() => {
            let told = said();
            Failure { began, told }.keep(file)
        }
        Err(_) => Ok(()),
    }
}

/// A build that has come to nothing, for those that wait for it.
#[derive(Debug, Serialize, Deserialize)]
struct Failure {
    /// When it began to look at the sources.
    began: SystemTime,
    /// What it was told.
    told: String,
}

impl Failure {
    /// What was told of a build that failed, and that looked at the sources after `time`: what they were then
    /// they may be no more, but whoever was started before that could have seen no others. One of the future
    /// counts for nobody: the clock has been set back since.
    fn since(time: SystemTime, file: &Utf8Path) -> Option<String> {
        let text = fs_err::read_to_string(file).ok()?;
        let failure: Self = serde_json::from_str(&text).ok()?;
        let is_since = failure.began > time && failure.began <= SystemTime::now();
        is_since.then_some(failure.told)
    }

    fn keep(&self, file: &Utf8Path) -> io::Result<()> {
        write::atomically(file, serde_json::to_string(self)?)
    }
}

fn is_stale(situation: &Situation, request: &DevRequest<'_>) -> bool {
    situation.ours().is_some() && matches!(plan(situation, request), DevPlan::Build(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8PathBuf;
    use std::time::Duration;

    #[test]
    fn only_whoever_was_there_before_a_build_hears_that_it_has_failed() {
        let dir = testkit::TempDir::new();
        let file = dir.path().join("failed");
        let began = SystemTime::now();
        let before = began - Duration::from_millis(1);
        assert_eq!(Failure::since(before, &file), None);
        let told = "error: no".to_owned();
        Failure { began, told }.keep(&file).unwrap();
        assert_eq!(Failure::since(before, &file).as_deref(), Some("error: no"));
        assert_eq!(Failure::since(began, &file), None);
    }

    #[test]
    fn a_failure_is_kept_until_a_build_has_not_failed() {
        let dir = testkit::TempDir::new();
        let file = dir.path().join("failed");
        let began = SystemTime::now();
        let path = Utf8PathBuf::from("/p");
        let of_the_sources = || DevError::ElsewhereInVain {
            told: String::new(),
        };
        let of_the_machine = || DevError::Package { dir: path.clone() };
        for (outcome, is_kept) in [
            (Err(of_the_machine()), false),
            (Err(of_the_sources()), true),
            (Err(of_the_machine()), true),
            (Ok(()), false),
            (Ok(()), false),
        ] {
            note(&outcome, began, &|| "error: no".to_owned(), &file).unwrap();
            assert_eq!(file.exists(), is_kept, "{outcome:?}");
        }
    }

    #[test]
    fn a_failure_that_is_still_to_come_is_told_to_nobody() {
        let dir = testkit::TempDir::new();
        let file = dir.path().join("failed");
        let now = SystemTime::now();
        let began = now + Duration::from_hours(1);
        let told = String::new();
        Failure { began, told }.keep(&file).unwrap();
        assert_eq!(Failure::since(now, &file), None);
    }
}
