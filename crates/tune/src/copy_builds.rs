//! Building in the copy, with cargo's own call as `cargo xtask dev` makes it.

use std::iter::successors;
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::Message;
use dev_build::import::try_library;
use prelink::{Bases, beside};
use processes::Invocation;
use processes::Say;
use processes::memory::{self, Unfinished};
use project_model::Closure;
use python_tools::Interpreter;
use trial::edit;
use trial::files::{at, sha256};
use trial::timed::{Limits, deadline, timed};

use crate::TuneError;
use crate::choices::{Choices, after_subcommand};
use crate::copy::ProjectCopy;
use crate::search::{Builds, Stop};

struct Built {
    wall_s: f64,
    library: Option<Utf8PathBuf>,
}

pub(crate) struct CopyBuilds<'a> {
    pub(crate) copy: &'a ProjectCopy,
    /// The call, without choices.
    pub(crate) call: Invocation,
    pub(crate) profile: String,
    /// Where the libraries are kept that an extension is linked against.
    pub(crate) bases: Bases,
    /// Whose Python the library is to be imported by.
    pub(crate) python: &'a Interpreter,
    /// How many jobs there are to be at once, where that is not left to cargo.
    pub(crate) jobs: Option<u32>,
    pub(crate) is_over: &'a (dyn Fn() -> bool + Sync),
    pub(crate) say: Say<'a>,
    pub(crate) start: Instant,
    /// The file with the line that changes, once that is known.
    pub(crate) edited: Option<Utf8PathBuf>,
}

impl CopyBuilds<'_> {
    /// Builds the copy as the project is, and finds a line in the extension crate whose change makes another
    /// library.
    pub(crate) fn find_edit(&mut self, budget_s: f64) -> Result<(), TuneError> {
        let closure = Closure::load(&self.copy.project)?;
        let edited = self
            .build_all(&Choices::default(), budget_s)
            .and_then(|_| self.edited_place(&closure))
            .map_err(|stop| stop.of_project(budget_s))?;
        self.edited = Some(edited.ok_or_else(|| TuneError::NoEdit {
            crate_name: self.copy.project.extension.crate_name.clone(),
        })?);
        Ok(())
    }

    fn edited_place(&self, closure: &Closure) -> Result<Option<Utf8PathBuf>, Stop> {
        for place in closure.crates.first().into_iter().flat_map(edit::places) {
            if place.makes_another(|| self.edited_library())? {
                return Ok(Some(place.file));
            }
        }
        Ok(None)
    }

    /// What is built, after a line was put in. `None`: that cannot be built.
    fn edited_library(&self) -> Result<Option<String>, Stop> {
        match self.build(&Choices::default()) {
            Ok(built) => Ok(built.library.as_deref().and_then(sha256)),
            Err(Stop::Fails(_)) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// The file with the line that changes, relative to the sources.
    pub(crate) fn edited(&self) -> Utf8PathBuf {
        let file = self.edited.as_deref().unwrap_or(Utf8Path::new(""));
        file.strip_prefix(&self.copy.tree)
            .unwrap_or(file)
            .to_owned()
    }

    fn edit(&self) -> Result<(), Stop> {
        let edited = self.edited.as_deref();
        Ok(edited.map_or(Ok(()), edit::change)?)
    }

    /// One build, of what has changed.
    fn build(&self, choices: &Choices) -> Result<Built, Stop> {
        self.run(&choices.added_to(self.call.clone(), &self.profile), None)
    }

    /// A build that may be one of all dependencies: no more compilers at once than fit into the memory.
    fn build_all(&self, choices: &Choices, allowed_s: f64) -> Result<Built, Stop> {
        let deadline = deadline(Instant::now(), allowed_s);
        let built = memory::with_fewer_jobs_if_killed(self.jobs, self.say, |jobs| {
            let jobs = jobs.map(|jobs| format!("--jobs={jobs}"));
            let call = after_subcommand(self.call.clone(), jobs);
            self.run(&choices.added_to(call, &self.profile), deadline)
        });
        built.map_err(|unfinished| match unfinished {
            Unfinished::Failed(stop) => stop,
            Unfinished::OutOfMemory => {
                Stop::Fails("a compiler takes more memory than there is".to_owned())
            }
        })
    }

    fn run(&self, command: &Invocation, deadline: Option<Instant>) -> Result<Built, Stop> {
        let limits = Limits {
            is_over: self.is_over,
            deadline,
        };
        let log = self.copy.root.join("build.log");
        let wall_s = timed(command, &log, &[], limits)?.wall_s;
        let said = fs_err::read(&log).map_err(at(&log))?;
        let library = library(&said, &self.copy.project.extension.manifest);
        Ok(Built { wall_s, library })
    }

    /// Imports the library, and gives its size in bytes, with that of the third-party crates that it was
    /// linked against.
    fn tried(&self, library: &Utf8Path) -> Result<u64, Stop> {
        let imported = try_library(self.python, &self.copy.project.extension, library);
        imported.map_err(|error| Stop::Fails(with_causes(&error)))?;
        let base = beside::needed(library).map_err(at(library))?;
        let base = base.and_then(|name| self.bases.find(&name));
        let files = [Some(library.to_owned()), base.map(|base| base.path)];
        let sizes = files.into_iter().flatten().map(|path| {
            let metadata = fs_err::metadata(&path).map_err(at(&path))?;
            Ok(metadata.len())
        });
        sizes.sum()
    }
}

impl Builds for CopyBuilds<'_> {
    fn prepare(&mut self, choices: &Choices, allowed_s: f64) -> Result<u64, Stop> {
        // With other choices the library may have the same name, and cargo take that of others for the one it
        // has made.
        self.edit()?;
        let built = self.build_all(choices, allowed_s)?;
        let missing = || Stop::Fails("cargo built no shared library".to_owned());
        self.tried(&built.library.ok_or_else(missing)?)
    }

    fn time_s(&mut self, choices: &Choices) -> Result<f64, Stop> {
        self.edit()?;
        Ok(self.build(choices)?.wall_s)
    }

    fn elapsed_s(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn tell(&self, what: &str) {
        (self.say)("Measuring", what);
    }
}

/// The library that cargo has made, going by its messages among what was `said`, of the crate with this
/// `manifest`.
fn library(said: &[u8], manifest: &Utf8Path) -> Option<Utf8PathBuf> {
    let messages = Message::parse_stream(said).flatten();
    let made = messages.filter_map(|message| match message {
        Message::CompilerArtifact(made) => Some(made),
        _ => None,
    });
    let of_extension = made.filter(|it| it.manifest_path == manifest && it.target.is_cdylib());
    let files = of_extension.flat_map(|it| it.filenames);
    let libraries = files.filter(|it| matches!(it.extension(), Some("so" | "dylib" | "dll")));
    libraries.last()
}

/// An error and what caused it, in one line. The remedies are for those who build it themselves.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = successors(Some(error), |error| error.source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    let text = causes.join(": ");
    let lines = text.lines().map(str::trim);
    let told: Vec<_> = lines.filter(|line| !line.starts_with("help: ")).collect();
    told.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_that_of_the_extension() {
        let of = |manifest: &str, kind: &str, file: &str| {
            let target = format!(
                r#"{{"name":"a","kind":["{kind}"],"crate_types":["{kind}"],"src_path":"/p/a.rs"}}"#
            );
            let profile =
                r#"{"opt_level":"0","debug_assertions":true,"overflow_checks":true,"test":false}"#;
            let message = format!(
                r#"{{"reason":"compiler-artifact","package_id":"a","manifest_path":"{manifest}","target":{target},"profile":{profile},"features":[],"filenames":["{file}"],"fresh":false}}"#
            );
            let said = format!("warning: nothing\n{message}\nbye\n");
            library(said.as_bytes(), "/p/Cargo.toml".into())
        };
        let found = of("/p/Cargo.toml", "cdylib", "/t/libours.so");
        assert_eq!(found.as_deref(), Some("/t/libours.so".into()));
        assert_eq!(of("/p/Cargo.toml", "rlib", "/t/libours.rlib"), None);
        assert_eq!(of("/q/Cargo.toml", "cdylib", "/t/libother.so"), None);
        assert_eq!(library(b"not a message", "/p/Cargo.toml".into()), None);
    }
}
