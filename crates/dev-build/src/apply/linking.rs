//! Linking against a library of third-party crates: what cargo is told, and what has come of it.

use std::io;

use camino::Utf8Path;
use environment::vars;
use files::{owned, write};
use prelink::{Bases, Job, Linked, Outcome, Prelinked, Why, beside};
use processes::{Invocation, RunError};
use python_tools::Venv;

use super::{Application, Built};
use crate::compile::{self, CompileError, Compiled};
use crate::error::{DevError, io_error, target_error};
use crate::import::ImportError;
use crate::prelinking::{Prelinking, outcome_file};
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
        let prelinking = self.with_stand_in(call, stand_in, bases, &file)?;
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

    /// `call` with our stand-in as the linker of the extension, which is told by a file what to do.
    fn with_stand_in(
        &self,
        call: &Invocation,
        stand_in: &str,
        bases: &Bases,
        outcome: &Utf8Path,
    ) -> Result<Invocation, DevError> {
        let scratch = self.scratch.dir()?;
        let job = Job {
            bases: bases.dir().to_owned(),
            module: self.project.extension.full_name(),
            outcome: outcome.to_owned(),
        };
        let file = scratch.join("prelink.json");
        let text = serde_json::to_string(&job).map_err(io::Error::from);
        let target_dir = &self.situation.workspace.target_dir;
        let written = text.and_then(|text| write::atomically(&file, text));
        written.map_err(target_error(target_dir))?;
        // Its path is part of what cargo remembers of the extension, so it is always the same.
        let stand_in = scratch.with_file_name(stand_in);
        lead_to_ourselves(&stand_in).map_err(target_error(target_dir))?;
        Ok(linked_by(call, &stand_in).env(vars::XTASK_PRELINK, file.as_str()))
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

    /// Why the library cannot be used as it was linked, if that is so, where it was linked against another one.
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

/// `call` with another linker for the crate that is asked for, and for no other.
fn linked_by(call: &Invocation, linker: &Utf8Path) -> Invocation {
    let separator = (!call.args.iter().any(|arg| arg == "--")).then_some("--");
    let call = call.clone().args(separator);
    call.args(["-C".to_owned(), format!("linker={linker}")])
}

/// Has the link at `path` lead to this program.
fn lead_to_ourselves(path: &Utf8Path) -> io::Result<()> {
    let ourselves = std::env::current_exe()?;
    if fs_err::read_link(path).is_ok_and(|target| target == ourselves) {
        return Ok(());
    }
    let dir = path.parent().unwrap_or(path);
    let draft = path.with_extension("draft");
    owned::remove(dir, &draft)?;
    fs_err::os::unix::fs::symlink(&ourselves, &draft)?;
    fs_err::rename(&draft, path)
}

fn in_words(prelinked: &Prelinked) -> String {
    let mb = |bytes: u64| bytes.div_ceil(1 << 20);
    format!(
        "{} crates into one library of {} MB, in {:.1} s: an edit links the remaining {} MB from now on; `--no-prelink`, or `prelink = false` in the policy, switches that off",
        prelinked.crates,
        mb(prelinked.base_bytes),
        prelinked.made.unwrap_or_default().as_secs_f64(),
        mb(prelinked.extension_bytes),
    )
}

/// What Python says of a library of `built` that it cannot load, if that may be the fault of how it was linked.
pub(super) fn refused_by_python(error: &DevError, built: &Built) -> Option<Why> {
    let DevError::Import(ImportError::NewLibrary { source, .. }) = error else {
        return None;
    };
    let RunError::Failed { status, stderr, .. } = source else {
        return None;
    };
    let may_be = is_of_linking(stderr) || status.code().is_none();
    let says = if stderr.is_empty() {
        status.to_string()
    } else {
        stderr.clone()
    };
    (built.base.is_some() && may_be).then_some(Why::NotImported(says))
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
    use camino::Utf8PathBuf;

    #[test]
    fn the_linker_is_given_to_the_last_call_of_rustc_alone() {
        let linker = Utf8Path::new("/t/prelink-cc");
        let call = Invocation::new("cargo").args(["rustc", "--lib"]);
        let args = linked_by(&call, linker).args;
        assert_eq!(args, ["rustc", "--lib", "--", "-C", "linker=/t/prelink-cc"]);
        let call = call.args(["--", "-C", "link-args=-x"]);
        let args = linked_by(&call, linker).args;
        assert_eq!(
            args[2..],
            ["--", "-C", "link-args=-x", "-C", "linker=/t/prelink-cc"]
        );
    }

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

    #[test]
    fn the_stand_in_is_this_program_also_where_it_was_another_one() {
        let dir = testkit::TempDir::new();
        let path: Utf8PathBuf = dir.path().join("prelink-cc");
        for _ in 0..2 {
            lead_to_ourselves(&path).unwrap();
            assert_eq!(
                fs_err::read_link(&path).unwrap(),
                std::env::current_exe().unwrap()
            );
        }
        fs_err::remove_file(&path).unwrap();
        fs_err::os::unix::fs::symlink("/elsewhere", &path).unwrap();
        lead_to_ourselves(&path).unwrap();
        assert_eq!(
            fs_err::read_link(&path).unwrap(),
            std::env::current_exe().unwrap()
        );
    }
}
