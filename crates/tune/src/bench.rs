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
use crate::record::{recorded, recording};
use crate::replay::replayed;
use crate::search::{Bench, Link, Links, Stop};
use crate::verdict::is_enough;

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
    /// The program that links, as cargo's configuration says or rustc does by itself.
    pub linker: String,
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

    /// The final link of a build with `choices`, kept.
    fn captured(&mut self, choices: &Choices) -> Result<(Invocation, Utf8PathBuf), Stop> {
        let dir = self.copy.root.join("link");
        fs_err::create_dir_all(&dir).map_err(at(&dir))?;
        self.edit()?;
        let call = choices.added_to(self.call.clone(), &self.profile);
        let call = recording(call, &dir, &self.linker).map_err(at(&dir))?;
        self.run(&call, None)?;
        let link = recorded(&dir)
            .ok_or_else(|| Stop::Fails("the final link could not be recorded".to_owned()))?;
        Ok((link, dir))
    }
}

/// A linker while its links are being timed.
struct Timed {
    command: Invocation,
    link: Link,
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

    fn links(
        &mut self,
        choices: &Choices,
        linkers: &[String],
        allowed_s: f64,
    ) -> Result<Links, Stop> {
        let deadline = deadline(allowed_s);
        let (call, dir) = self.captured(choices)?;
        let library = |name: &str| dir.join(format!("{name}.so"));
        let in_force = replayed(&call, None, &library("in-force"))?;
        self.run(&in_force, None)?;
        let in_force_bytes = self.tried(&library("in-force"))?;
        let mut timed = Vec::new();
        for name in linkers {
            let command = replayed(&call, Some(name), &library(name))?;
            let link = self.first_link(name, &command, &library(name), deadline)?;
            timed.push(Timed { command, link });
        }
        let in_force_s = self.time_links(&in_force, &mut timed, deadline)?;
        fs_err::remove_dir_all(&dir).map_err(at(&dir))?;
        Ok(Links {
            in_force_s,
            in_force_bytes,
            others: timed.into_iter().map(|timed| timed.link).collect(),
        })
    }

    fn elapsed_s(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn tell(&self, what: &str) {
        (self.say)("Measuring", what);
    }
}

impl Builds<'_> {
    /// Links once with a linker, and imports what comes out.
    fn first_link(
        &self,
        name: &str,
        command: &Invocation,
        library: &Utf8Path,
        deadline: Option<Instant>,
    ) -> Result<Link, Stop> {
        let linked = self.run(command, deadline);
        let tried = linked.and_then(|_| self.tried(library));
        let (library_bytes, failure) = match tried {
            Ok(bytes) => (Some(bytes), None),
            Err(Stop::Fails(reason)) => (None, Some(reason)),
            Err(Stop::OutOfTime) => (None, Some("it takes too long".to_owned())),
            Err(stop) => return Err(stop),
        };
        Ok(Link {
            name: name.to_owned(),
            pairs: Vec::new(),
            library_bytes,
            failure,
        })
    }

    /// All in turn, each until nothing more is to be found out of it. Gives the times of the linker in force.
    fn time_links(
        &self,
        in_force: &Invocation,
        timed: &mut [Timed],
        deadline: Option<Instant>,
    ) -> Result<Vec<f64>, Stop> {
        let mut all_s = Vec::new();
        loop {
            let is_due = |it: &&mut Timed| it.link.failure.is_none() && !is_enough(&it.link.pairs);
            let mut due: Vec<_> = timed.iter_mut().filter(is_due).collect();
            let is_late = deadline.is_some_and(|deadline| Instant::now() > deadline);
            if due.is_empty() || (is_late && !all_s.is_empty()) {
                return Ok(all_s);
            }
            let in_force_s = self.run(in_force, None)?.wall_s;
            all_s.push(in_force_s);
            for it in &mut due {
                let wall_s = self.run(&it.command, None)?.wall_s;
                it.link.pairs.push((wall_s, in_force_s));
            }
        }
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
