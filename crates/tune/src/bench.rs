//! Building in the copy, with cargo's own call as `cargo xtask dev` makes it.

use std::time::{Duration, Instant};

use build_bench::edit;
use build_env::memory::{self, Unfinished};
use build_env::tools::Say;
use build_env::{Interpreter, Invocation};
use camino::{Utf8Path, Utf8PathBuf};
use dev_build::digest::sha256_of_file;
use dev_build::import::try_library;
use project_model::PathCrate;

use crate::TuneError;
use crate::build::{Built, Limits, run};
use crate::choices::{Choices, after_subcommand};
use crate::copy::ProjectCopy;
use crate::error::at;
use crate::search::{Bench, Stop};

/// The copy, and how it is built.
pub struct Builds<'a> {
    /// Where.
    pub copy: &'a ProjectCopy,
    /// The call, without choices.
    pub call: Invocation,
    /// The profile that it builds with.
    pub profile: String,
    /// Whose Python the library is to be imported by.
    pub python: &'a Interpreter,
    /// How many jobs there are to be at once, where that is not left to cargo.
    pub jobs: Option<u32>,
    /// Whether the user wants it to end.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
    /// Tells what takes time.
    pub say: Say<'a>,
    /// When the measuring began.
    pub start: Instant,
    /// The file with the line that changes, once that is known.
    pub edited: Option<Utf8PathBuf>,
    /// The number in that line: never the same twice.
    pub value: u64,
}

impl Builds<'_> {
    /// Builds the copy as the project is, and finds a line in `extension` whose change makes another library.
    ///
    /// # Errors
    /// If it does not build, or there is no such line.
    pub fn find_edit(&mut self, extension: &PathCrate, allowed_s: f64) -> Result<(), Stop> {
        self.build_all(&Choices::default(), allowed_s)?;
        for place in edit::places(extension) {
            let text = fs_err::read_to_string(&place.file).map_err(at(&place.file))?;
            if self.makes_another(&place, &text)? {
                self.edited = Some(place.file);
                return Ok(());
            }
            write(&place.file, &text)?;
        }
        let crate_name = extension.name.clone();
        Err(TuneError::NoEdit { crate_name }.into())
    }

    /// Whether two numbers at `place` make two libraries.
    fn makes_another(&mut self, place: &edit::Place, text: &str) -> Result<bool, Stop> {
        let mut digests = Vec::new();
        for _ in 0..2 {
            self.value += 1;
            write(&place.file, &place.insert(text, self.value))?;
            match self.build(&Choices::default()) {
                Ok(built) => digests.push(built.library.as_deref().and_then(sha256_of_file)),
                Err(Stop::Fails(_)) => return Ok(false),
                Err(stop) => return Err(stop),
            }
        }
        Ok(matches!(&digests[..], [Some(one), Some(other)] if one != other))
    }

    /// The file with the line that changes, relative to the sources.
    #[must_use]
    pub fn edited(&self) -> Utf8PathBuf {
        let file = self.edited.as_deref().unwrap_or(Utf8Path::new(""));
        file.strip_prefix(&self.copy.tree)
            .unwrap_or(file)
            .to_owned()
    }

    /// Changes the line.
    fn edit(&mut self) -> Result<(), Stop> {
        let Some(file) = &self.edited else {
            return Ok(());
        };
        self.value += 1;
        let text = fs_err::read_to_string(file).map_err(at(file))?;
        // It was put in by ourselves.
        let changed = edit::with_value(&text, self.value).unwrap_or(text);
        Ok(write(file, &changed)?)
    }

    /// One build, of what has changed.
    fn build(&self, choices: &Choices) -> Result<Built, Stop> {
        self.run(&choices.added_to(self.call.clone(), &self.profile), None)
    }

    /// A build that may be one of all dependencies: no more compilers at once than fit into the memory.
    fn build_all(&self, choices: &Choices, allowed_s: f64) -> Result<Built, Stop> {
        let deadline = deadline(allowed_s);
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
        let manifest = &self.copy.project.extension.manifest;
        run(command, &self.copy.root.join("build.log"), manifest, limits)
    }

    /// Imports the library, and gives its size in bytes.
    fn tried(&self, library: &Utf8Path) -> Result<u64, Stop> {
        let imported = try_library(self.python, &self.copy.project.extension, library);
        imported.map_err(|error| Stop::Fails(with_causes(&error)))?;
        Ok(fs_err::metadata(library).map_err(at(library))?.len())
    }
}

impl Bench for Builds<'_> {
    fn prepare(&mut self, choices: &Choices, allowed_s: f64) -> Result<u64, Stop> {
        // With other choices the library may have the same name, and cargo take that of others for the one it has made.
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

/// When `allowed_s` seconds will have passed. `None` for a time without end.
fn deadline(allowed_s: f64) -> Option<Instant> {
    let allowed = Duration::try_from_secs_f64(allowed_s).ok()?;
    Instant::now().checked_add(allowed)
}

fn write(path: &Utf8Path, text: &str) -> Result<(), TuneError> {
    fs_err::write(path, text).map_err(at(path))
}

/// An error and what caused it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    // The remedies are for those who build it themselves.
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("help: "));
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}
