//! What the hook in an environment starts before an extension is imported (`dev --on-import`). It is no
//! command of the command line: to read the options of all of them would take a tenth of the time that it
//! takes.
//!
//! Exit code 0: the extension is what the sources say; 1: they cannot be built; 3: nobody can tell, or bring
//! it about.

use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use camino::Utf8Path;
use dev_build::for_import::{self, Importer};
use dev_build::on_import::COMMAND;
use dev_build::{DevError, DevRequest};
use environment::vars;
use prelink::Bases;
use processes::Aside;
use project_model::{Project, ProjectError};
use store::Store;

use crate::context::{Context, config, toolbox};
use crate::{Answer, Options, exit_code, ui};

/// If this process was started by the hook, does what is due and gives the exit code.
pub(crate) fn stand_in() -> Option<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [command, project, venv] = &args[..] else {
        return None;
    };
    (command == COMMAND).then(|| exit_code(&run(project.as_ref(), venv.as_ref())))
}

fn run(project: &Utf8Path, venv: &Utf8Path) -> anyhow::Result<Answer> {
    let is_of_the_sources = |error: &anyhow::Error| {
        let of_project = error.downcast_ref::<ProjectError>();
        let of_build = error.downcast_ref::<DevError>();
        of_project.is_some_and(ProjectError::is_of_the_sources)
            || of_build.is_some_and(DevError::is_of_the_sources)
    };
    match bring(project, venv) {
        Ok(()) => Ok(Answer::Done),
        Err(error) if is_of_the_sources(&error) => Err(error),
        Err(error) => {
            ui::error(&error);
            Ok(Answer::Differs)
        }
    }
}

/// Has what is installed be what the sources say. What is said meanwhile is only told if that fails.
fn bring(dir: &Utf8Path, venv: &Utf8Path) -> anyhow::Result<()> {
    let started = SystemTime::now();
    let options = Options {
        project: Some(dir.to_owned()),
    };
    let context = Context::new(options, None);
    let project = Project::load(dir)?;
    ensure!(
        venv.is_dir(),
        "{venv}, which it is installed into, is not there"
    );
    let toolbox = toolbox(false)?;
    let bases = Bases::in_dir(&toolbox.prelinked()?);
    let store = Store::at(&toolbox.store()?);
    let is_set = |variable| vars::var(variable).is_some();
    let means = DevRequest {
        venv: Some(venv),
        config: config(&project.root),
        prelink: (!is_set(vars::XTASK_NO_PRELINK)).then_some(&bases),
        store: (!is_set(vars::XTASK_NO_STORE)).then_some(&store),
        ..DevRequest::default()
    };
    let Some(causes) = for_import::due(&project, &toolbox, &means)? else {
        return Ok(());
    };
    let aside = Aside::begin().context("cannot keep what the build says")?;
    aside.tell(&beginning(&project.extension.full_name(), &causes))?;
    let said = || anstream::adapter::strip_str(&aside.so_far().unwrap_or_default()).to_string();
    let importer = Importer {
        started,
        say: &ui::say,
        said: &said,
    };
    let project = context.project_to_build();
    let built =
        project.and_then(|project| Ok(for_import::build(&project, &toolbox, &means, importer)?));
    let said = said();
    aside.end()?;
    if let Some(outcome) = built.inspect_err(|_| eprint!("{said}"))? {
        let (verb, text) = outcome.summary();
        eprintln!("{verb} {text}");
    }
    Ok(())
}

/// The line that the hook tells at once.
fn beginning(module: &str, causes: &[String]) -> String {
    let more = causes.len().saturating_sub(1);
    let why = match (causes.first(), more) {
        (None, _) => String::new(),
        (Some(cause), 0) => format!(": {cause} has changed"),
        (Some(cause), _) => format!(": {cause} and {more} more have changed"),
    };
    format!("Building {module}{why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_begins_with_what_has_changed() {
        let told = |causes: &[&str]| {
            let causes: Vec<_> = causes.iter().map(|it| (*it).to_owned()).collect();
            beginning("a._b", &causes)
        };
        assert_eq!(told(&[]), "Building a._b");
        assert_eq!(told(&["lib.rs"]), "Building a._b: lib.rs has changed");
        let both = "Building a._b: lib.rs and 1 more have changed";
        assert_eq!(told(&["lib.rs", "Cargo.toml"]), both);
    }
}
