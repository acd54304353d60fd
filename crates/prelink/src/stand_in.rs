//! The program that rustc calls as its linker.
//!
//! It is this program under another name, at the end of `cargo rustc … -- -C linker=`: so it links the
//! extension alone, and what else cargo builds is built as always.

use std::io::{self, Write as _};
use std::process::{ExitCode, Output};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use files::write;
use processes::handover;
use serde::{Deserialize, Serialize};

use crate::bases::{Bases, Circumstances, Verdict, key};
use crate::call::{LinkCall, expanded};
use crate::link::{Failed, prelinked};
use crate::look::{Known, linker_of, look, rustc_args};
use crate::obstacle::options;
use crate::plan::{Plan, plan};
use crate::why::Why;

/// What the stand-in is called. rustc goes by the end of a linker's name: it has the lld of the toolchain used
/// where the name is neither gcc's nor clang's.
const STAND_INS: [&str; 3] = ["prelink-cc", "prelink-gcc", "prelink-clang"];

/// The name under which this program stands in for the configured `linker`, if one is.
#[must_use]
pub fn name_for(linker: Option<&str>) -> &'static str {
    let stem = linker.and_then(|linker| Utf8Path::new(linker).file_name());
    let says =
        |names: &[&str]| stem.is_some_and(|stem| names.iter().any(|name| stem.contains(name)));
    let [cc, gcc, clang] = STAND_INS;
    match () {
        () if says(&["clang"]) => clang,
        () if says(&["gcc", "g++"]) => gcc,
        () => cc,
    }
}

/// Whether a program of this name is one of ours.
pub(crate) fn is_ours(program: &std::path::Path) -> bool {
    STAND_INS.iter().any(|name| program.ends_with(name))
}

/// What the stand-in is told, in the file that [`vars::XTASK_PRELINK`] names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The directory of [`Bases`].
    pub bases: Utf8PathBuf,
    /// The module that is linked.
    pub module: String,
    /// Where it notes what it has done: an [`Outcome`].
    pub outcome: Utf8PathBuf,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How the extension was linked.
    pub linked: Linked,
    /// Whether rustc has compiled incrementally, going by its arguments.
    pub incremental: bool,
    /// By which the link is known, if there is anything to know of it.
    pub key: Option<String>,
    /// What was found out about the rlibs.
    known: Known,
}

/// How an extension was linked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Linked {
    /// Against a base library.
    Prelinked(Prelinked),
    /// As rustc says.
    AsRustcSays {
        /// The reason.
        why: Why,
        /// Whether it was found out just now.
        is_new: bool,
    },
    /// Not at all: rustc's arguments are not those of the user's linker.
    Impossible(Utf8PathBuf),
}

/// An extension and its base library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prelinked {
    /// The file name of the base library.
    pub base: String,
    /// How many crates are in it.
    pub crates: usize,
    /// The size of the base library, in bytes.
    pub base_bytes: u64,
    /// The size of the extension, in bytes.
    pub extension_bytes: u64,
    /// How long it took to make the base library, if that was now.
    pub made: Option<Duration>,
}

impl Outcome {
    /// The one that was noted in `file`.
    #[must_use]
    pub fn read(file: &Utf8Path) -> Option<Self> {
        serde_json::from_str(&fs_err::read_to_string(file).ok()?).ok()
    }
}

/// If this process was started in the linker's place, links, and gives the exit code.
#[must_use]
pub fn stand_in() -> Option<ExitCode> {
    let name = std::env::args_os().next()?;
    if !is_ours(std::path::Path::new(&name)) {
        return None;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    Some(run(&args))
}

fn run(args: &[String]) -> ExitCode {
    let rustc = rustc_args();
    let linker = linker_of(&rustc);
    let job = vars::var(vars::XTASK_PRELINK).and_then(|file| fs_err::read_to_string(file).ok());
    let job: Option<Job> = job.and_then(|text| serde_json::from_str(&text).ok());
    let done = job.map(|job| linked(&job, args, rustc, &linker));
    match done {
        Some((Linked::Prelinked(_), Some(output))) => shown(&output),
        Some((Linked::Impossible(_), _)) => ExitCode::FAILURE,
        _ => as_rustc_says(&linker, args),
    }
}

/// Links against a base library, where that can be done, and notes what has come of it.
fn linked(
    job: &Job,
    args: &[String],
    rustc: Vec<String>,
    linker: &Utf8Path,
) -> (Linked, Option<Output>) {
    let earlier = Outcome::read(&job.outcome);
    let mut outcome = Outcome {
        linked: Linked::Impossible(linker.to_owned()),
        incremental: options(&rustc).any(|option| option.starts_with("incremental=")),
        key: None,
        known: earlier.map(|it| it.known).unwrap_or_default(),
    };
    let mut output = None;
    if takes_compiler_arguments(linker) {
        let done = tried(job, args, rustc, linker, &mut outcome);
        outcome.linked = match done {
            Ok((prelinked, its)) => {
                output = Some(its);
                Linked::Prelinked(prelinked)
            }
            Err((why, is_new)) => Linked::AsRustcSays { why, is_new },
        };
    }
    let text = serde_json::to_string(&outcome).map_err(io::Error::from);
    if let Err(error) = text.and_then(|text| write::atomically(&job.outcome, text)) {
        eprintln!("warning: cannot note how the extension was linked: {error}");
    }
    (outcome.linked, output)
}

/// The link against a base library, or why there is none and whether that is new.
fn tried(
    job: &Job,
    args: &[String],
    rustc: Vec<String>,
    linker: &Utf8Path,
    outcome: &mut Outcome,
) -> Result<(Prelinked, Output), (Why, bool)> {
    let failed = |error: io::Error| (Why::Refused(error.to_string()), true);
    let args =
        expanded(args.iter().cloned(), |path| fs_err::read_to_string(path)).map_err(failed)?;
    let call = LinkCall::parse(&args);
    let (facts, known) = look(&call, rustc, &outcome.known);
    outcome.known = known;
    let prelink = match plan(&call, &facts) {
        Plan::Prelink(prelink) => prelink,
        Plan::AsRustcSays { why } => return Err((why, false)),
    };
    let of = Circumstances {
        module: &job.module,
        linker,
    };
    let bases = Bases::in_dir(&job.bases);
    let key = &*outcome.key.insert(key(&prelink.base, of).map_err(failed)?);
    let known = match bases.verdict(key) {
        Some(Verdict::AsRustcSays(why)) => return Err((why, false)),
        Some(Verdict::Base(name)) => bases.find(&name),
        None => None,
    };
    prelinked(&bases, &call, &prelink, of, key, known).map_err(|failed| match failed {
        Failed::Objection(why) => {
            // Without this note the next link finds it out again.
            let _ = bases.forbid(key, &why);
            (why, true)
        }
        Failed::Io(error) => (Why::Refused(error.to_string()), true),
    })
}

/// Whether `linker` takes the arguments of a C compiler. rustc calls one that is named as a plain linker with
/// those of a plain linker; as it goes by the name, it has called us with others.
fn takes_compiler_arguments(linker: &Utf8Path) -> bool {
    let stem = linker.file_stem().unwrap_or_default();
    let name = linker.file_name().unwrap_or_default();
    !["ld", "lld", "rust-lld", "mold", "wild", "gold"].contains(&stem) && !name.starts_with("ld.")
}

/// Goes on as the linker, with the arguments as they came.
fn as_rustc_says(linker: &Utf8Path, args: &[String]) -> ExitCode {
    let error = handover::become_program(linker, args);
    eprintln!("error: cannot start the linker `{linker}`: {error}");
    ExitCode::FAILURE
}

/// Passes on what the linker has said.
fn shown(output: &Output) -> ExitCode {
    // Nobody is left to tell, if rustc does not listen.
    let _ = io::stdout().write_all(&output.stdout);
    let _ = io::stderr().write_all(&output.stderr);
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_to_rustc_what_that_of_the_users_linker_says() {
        let table = [
            (None, "prelink-cc"),
            (Some("cc"), "prelink-cc"),
            (Some("/opt/clang-17"), "prelink-clang"),
            (Some("aarch64-linux-gnu-gcc"), "prelink-gcc"),
            (Some("g++"), "prelink-gcc"),
            (Some("/opt/clang/bin/cc"), "prelink-cc"),
        ];
        for (linker, expected) in table {
            assert_eq!(name_for(linker), expected, "{linker:?}");
        }
    }

    #[test]
    fn a_plain_linker_takes_other_arguments() {
        for linker in [
            "cc",
            "clang",
            "/opt/bin/gcc-12",
            "aarch64-linux-gnu-gcc",
            "clang-17",
        ] {
            assert!(takes_compiler_arguments(linker.into()), "{linker}");
        }
        for linker in [
            "ld",
            "ld.lld",
            "/usr/bin/mold",
            "rust-lld",
            "wild",
            "ld.bfd",
        ] {
            assert!(!takes_compiler_arguments(linker.into()), "{linker}");
        }
    }
}
