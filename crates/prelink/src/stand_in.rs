//! The program that rustc calls as its linker.
//!
//! It is this program under another name, at the end of `cargo rustc … -- -C linker=`: so it links the
//! extension alone, and what else cargo builds is built as always.

use std::io::{self, Write as _};
use std::process::{ExitCode, Output};

use camino::Utf8Path;
use environment::vars;
use files::write;
use processes::handover;

use crate::bases::{Bases, Circumstances, Verdict, key};
use crate::call::{LinkCall, expanded};
use crate::link::{Failed, prelinked};
use crate::linker::{is_ours, linker_of, takes_compiler_arguments};
use crate::look::{look, rustc_args};
use crate::obstacle::options;
use crate::outcome::{Job, Linked, Outcome, Prelinked};
use crate::plan::{Plan, plan};
use crate::why::Why;

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
        Some((_, Some(output))) => shown(&output),
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
            Err((why, is_new)) => {
                if let (Why::Refused(_), true, Some(key)) = (&why, is_new, &outcome.key) {
                    output = confirmed(job, key, &why, linker, args);
                }
                Linked::AsRustcSays { why, is_new }
            }
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
            if !matches!(why, Why::Refused(_)) {
                // Without this note the next link finds it out again.
                let _ = bases.forbid(key, &why);
            }
            (why, true)
        }
        Failed::Io(error) => (Why::Refused(error.to_string()), true),
    })
}

/// Links as rustc says, where the linker has refused the other way. Only if it does not refuse this one
/// too, the reason is kept: else it is in what is linked, and may be gone after the next edit.
fn confirmed(
    job: &Job,
    key: &str,
    why: &Why,
    linker: &Utf8Path,
    args: &[String],
) -> Option<Output> {
    let output = handover::output_of(linker, args).ok()?;
    if output.status.success() {
        let _ = Bases::in_dir(&job.bases).forbid(key, why);
    }
    Some(output)
}

/// Goes on as the linker, with the arguments as they came.
fn as_rustc_says(linker: &Utf8Path, args: &[String]) -> ExitCode {
    let error = handover::become_program(linker, args);
    eprintln!("error: cannot start the linker `{linker}`: {error}");
    ExitCode::FAILURE
}

/// Passes on what the linker has said, and how it ended.
fn shown(output: &Output) -> ExitCode {
    // Nobody is left to tell, if rustc does not listen.
    let _ = io::stdout().write_all(&output.stdout);
    let _ = io::stderr().write_all(&output.stderr);
    if output.status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
