//! Linking against a library of third-party crates: what cargo is told, and what has come of it.

use std::io;

use camino::Utf8Path;
use prelink::{Bases, Job, Linked, Outcome, Prelinked, Why, beside};
use processes::{Invocation, RunError};
use python_tools::Venv;

use super::{Application, Built};
use crate::compile::{self, CompileError, Compiled};
use crate::digest::Stamp;
use crate::error::{DevError, io_error, target_error};
use crate::import::ImportError;
use crate::prelinking::{self, Prelinking, outcome_file};
use crate::situation::Package;
use crate::state;

impl Application<'_> {
    /// Where libraries of third-party crates are kept, if the extension is to be linked against one.
    fn bases(&self) -> Option<&Bases> {
        let bases = self.request.prelink;
        bases.filter(|_| self.situation.prelinking.is_on())
    }

    /// Runs cargo, and says what is new of how the extension was linked.
    pub(super) fn run_cargo(&self, venv: &Venv, call: &Invocation) -> Result<Compiled, DevError> {
        let (Some(bases), Prelinking::On { stand_in }) = (self.bases(), &self.situation.prelinking)
        else {
            return self.run_cargo_as_it_is(venv, call);
        };
        let file = outcome_file(self.scratch.dir()?);
        let earlier = Outcome::read(&file);
        let job = Job {
            bases: bases.dir().to_owned(),
            module: self.project.extension.full_name(),
            outcome: file.clone(),
        };
        let dir = self.scratch.dir()?;
        // Its path is part of what cargo remembers of the extension, so it is always the same.
        let path = dir.with_file_name(stand_in);
        let prelinking = prelinking::with_stand_in(call, &path, &dir.join("prelink.json"), &job);
        let prelinking = prelinking.map_err(target_error(&self.situation.workspace.target_dir))?;
        let compiled = self.run_cargo_as_it_is(venv, &prelinking);
        let outcome = Outcome::read(&file);
        match (&compiled, outcome.as_ref().map(|it| &it.linked)) {
            (
                Err(DevError::Compile(CompileError::Failed { .. })),
                Some(Linked::Impossible(linker)),
            ) => {
                let text = format!("the extension as rustc does, with `{linker}`");
                (self.say)("Linking", &text);
                return self.run_cargo_as_it_is(venv, call);
            }
            (Ok(_), Some(linked)) if outcome != earlier => self.tell_of(linked),
            _ => {}
        }
        compiled
    }

    fn run_cargo_as_it_is(&self, venv: &Venv, call: &Invocation) -> Result<Compiled, DevError> {
        let manifest = &self.project.extension.manifest;
        let is_installed = !matches!(self.situation.package, Package::Missing);
        let cargo = if self.situation.needs_python_to_build {
            // A build script finds there what it imports, as it does in a build of uv's.
            venv.activated(call.clone())
        } else {
            call.clone()
        };
        let record = self.toolbox.memory_record(&self.project.root)?;
        let run = &self.request.run;
        let compiled = compile::compile(&cargo, run, manifest, &record, is_installed, self.say)?;
        Ok(compiled)
    }

    /// Once, when it is found out.
    fn tell_of(&self, linked: &Linked) {
        match linked {
            Linked::Prelinked(prelinked) if prelinked.made.is_some() => {
                (self.say)("Prelinked", &in_words(prelinked));
            }
            Linked::AsRustcSays { why, is_new: true } if why.is_news() => {
                let text =
                    format!("the extension is linked as rustc does, with all of its crates: {why}");
                (self.say)("Note", &text);
            }
            _ => {}
        }
    }

    /// Why the library cannot be used as it was linked, if that is so, where it was linked against another
    /// one.
    pub(super) fn linked_in_vain(&self, built: &Built) -> Option<Why> {
        let base = built.base.as_deref()?;
        if built.compiled.needs_run_path {
            return Some(Why::RunPath);
        }
        // cargo has found the library fresh, and what it was linked against is gone.
        let is_kept = self.bases().is_some_and(|bases| bases.find(base).is_some());
        (!is_kept).then_some(Why::Gone)
    }

    /// The same library linked as rustc says, which it is from now on if the reason lasts.
    pub(super) fn relinked(&self, mut built: Built, why: &Why) -> Result<Built, DevError> {
        if why.is_news() {
            (self.say)(
                "Note",
                &format!("the extension is linked once more, as rustc does: {why}"),
            );
        }
        let compiled = self.run_cargo_as_it_is(&built.venv, &built.call)?;
        built.compiled = compiled.after(&built.compiled);
        built.stamp = Stamp::of(&built.library).ok();
        built.base = None;
        Ok(built)
    }

    /// Has the extension be linked as rustc says until something of its dependencies changes.
    pub(super) fn forbid(&self, why: &Why) -> Result<(), DevError> {
        let outcome = Outcome::read(&outcome_file(self.scratch.dir()?));
        if let (Some(bases), Some(key)) = (self.bases(), outcome.and_then(|it| it.key)) {
            bases.forbid(&key, why).map_err(io_error(bases.dir()))?;
        }
        Ok(())
    }

    /// Puts what the library at `placed` is linked against beside it.
    pub(super) fn place_base(&self, built: &Built, placed: &Utf8Path) -> Result<(), DevError> {
        let (Some(base), Some(bases), Some(dir)) = (&built.base, self.bases(), placed.parent())
        else {
            return Ok(());
        };
        beside::place(dir, base, bases).map_err(|source| DevError::Base {
            dir: dir.to_owned(),
            source,
        })
    }

    /// Removes what no library beside `placed` is linked against any more, and lists the rest as part of the
    /// install, where it lies among what is installed.
    pub(super) fn tidy_bases(&self, built: &Built, placed: &Utf8Path) -> Result<(), DevError> {
        let Some(dir) = placed.parent() else {
            return Ok(());
        };
        beside::tidy(dir).map_err(io_error(dir))?;
        let site_packages = &built.venv.python.platlib;
        let Ok(below) = dir.strip_prefix(site_packages) else {
            return Ok(());
        };
        let files = built.base.iter().flat_map(|base| beside::files(base));
        let files: Vec<_> = files.map(|file| below.join(file)).collect();
        let dist_info = crate::install::dist_info(site_packages, self.project.name());
        dist_info.map_or(Ok(()), |dist_info| {
            state::list_bases_in_record(&dist_info, &files).map_err(io_error(&dist_info))
        })
    }
}

fn in_words(prelinked: &Prelinked) -> String {
    let mb = |bytes: u64| bytes.div_ceil(1 << 20);
    format!(
        "{} third-party libraries, Rust's own among them, into one of {} MB, in {:.1} s: an edit links the remaining {} MB from now on",
        prelinked.crates,
        mb(prelinked.base_bytes),
        prelinked.made.unwrap_or_default().as_secs_f64(),
        mb(prelinked.extension_bytes),
    )
}

/// Why the library of `built` cannot be put in place as it was linked, if `error` tells that.
pub(super) fn at_fault(error: &DevError, built: &Built) -> Option<Why> {
    built.base.as_ref()?;
    match error {
        // Somebody has removed it since the library was linked.
        DevError::Base { source, .. } => {
            (source.kind() == io::ErrorKind::NotFound).then_some(Why::Gone)
        }
        DevError::Import(ImportError::NewLibrary { source, .. }) => refused_by_python(source),
        _ => None,
    }
}

/// What Python says of a library that it cannot load, if that may be the fault of how it was linked.
fn refused_by_python(error: &RunError) -> Option<Why> {
    let RunError::Failed { status, stderr, .. } = error else {
        return None;
    };
    let may_be = is_of_linking(stderr) || status.code().is_none();
    let says = if stderr.is_empty() {
        status.to_string()
    } else {
        stderr.clone()
    };
    may_be.then_some(Why::NotImported(says))
}

/// Whether the loader has said it, rather than the module.
fn is_of_linking(says: &str) -> bool {
    let phrases = [
        "undefined symbol",
        "cannot open shared object file",
        "static TLS block",
        "cannot load any more object",
        "file too short",
        "invalid ELF header",
        "relocation",
    ];
    phrases.iter().any(|phrase| says.contains(phrase))
}

/// What the library is linked against.
pub(super) fn base_of(library: &Utf8Path) -> Option<String> {
    // A library of another platform is linked as rustc does.
    beside::needed(library).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_module_says_is_not_the_linkers_fault() {
        assert!(is_of_linking(
            "ImportError: /t/libx.so: undefined symbol: foo"
        ));
        assert!(is_of_linking(
            "ImportError: libprelinked-x-0.so: cannot open shared object file: No such file"
        ));
        assert!(!is_of_linking("ValueError: no such table"));
        assert!(!is_of_linking(
            "ImportError: dynamic module does not define module export function (PyInit_x)"
        ));
    }
}
