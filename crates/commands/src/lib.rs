//! The command line as a library: one file per command, each with its options ([`clap`]) and a function that
//! calls one function of the crate that does the work. A program adds a name, and commands of its own.

mod arguments;
mod bench_build;
mod build_args;
mod cache_keys;
mod colab_snippet;
pub mod context;
mod dev;
mod doctor;
mod editable;
mod help;
mod init;
mod machine;
mod on_import;
mod release;
mod sccache;
mod shell;
mod store;
mod tune;
mod typed;
pub mod ui;
mod wheel;
mod why;
mod write_mode;

use std::process::ExitCode;

use camino::Utf8PathBuf;
use clap::{Parser, Subcommand};
use processes::ending;

pub use context::Context;
pub use help::named;

/// The options that stand before the command.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The maturin project to work on [default: the one around the working directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub project: Option<Utf8PathBuf>,
}

/// The commands. Each says at its options what it is: what stood here would hide that.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "it would hide the documentation of the options"
)]
pub enum Command {
    Init(init::Args),
    Dev(dev::Args),
    Why(why::Args),
    Doctor(doctor::Args),
    Editable(editable::Args),
    CacheKeys(cache_keys::Args),
    Sccache(sccache::Args),
    Store(store::Args),
    Machine(machine::Args),
    Wheel(wheel::Args),
    ColabSnippet(colab_snippet::Args),
    Release(release::Args),
    Tune(tune::Args),
    #[command(visible_alias = "bench")]
    BenchBuild(bench_build::Args),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
}

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// All is done, or as it should be: exit code 0.
    Done,
    /// Something is not as it should be, and was only to be looked at: exit code 3.
    Differs,
}

impl Answer {
    /// Of a look that has found a difference, or none.
    pub(crate) fn of(differs: bool) -> Self {
        if differs { Self::Differs } else { Self::Done }
    }
}

/// The stand-ins: if this process was started in the place of cargo, rustc or the linker, or before an
/// import, does what is due and gives the exit code. To be asked before anything else.
#[must_use]
pub fn stand_in() -> Option<ExitCode> {
    let stand_ins = [
        dev_build::record::stand_in,
        compiler_cache::record::stand_in,
        prelink::stand_in,
        on_import::stand_in,
    ];
    stand_ins.iter().find_map(|stand_in| stand_in())
}

/// The command line of this process, whose help names the program as it was called. Ends the process where
/// help is asked for, or an argument is wrong.
#[must_use]
pub fn parse<Cli: Parser>() -> Cli {
    shell::is(Cli::command);
    let matches = help::named(Cli::command()).get_matches_from(typed::arguments());
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Runs `command`.
///
/// # Errors
/// What keeps it from its answer; [`exit_code`] tells the user.
pub fn run(command: &Command, context: &Context) -> anyhow::Result<Answer> {
    match command {
        Command::Init(args) => init::run(context, args),
        Command::Dev(args) => dev::run(context, args),
        Command::Why(args) => why::run(context, args),
        Command::Doctor(args) => doctor::run(context, args),
        Command::Editable(args) => editable::run(context, args),
        Command::CacheKeys(args) => cache_keys::run(context, args),
        Command::Sccache(args) => sccache::run(context, args),
        Command::Store(args) => store::run(args),
        Command::Machine(args) => machine::run(context, args),
        Command::Tune(args) => tune::run(context, args),
        Command::Wheel(args) => wheel::run(context, args),
        Command::ColabSnippet(args) => colab_snippet::run(context, args),
        Command::Release(args) => release::run(context, args),
        Command::BenchBuild(args) => bench_build::run(context, args),
        Command::Completions(args) => shell::completions(args),
        Command::Man(args) => shell::man(args),
    }
}

/// Tells the user of an error, and gives the exit code: 0 done, 1 failed, 3 a difference, 128 and the number
/// of the signal that asked for the end.
#[must_use]
pub fn exit_code(done: &anyhow::Result<Answer>) -> ExitCode {
    if let Err(error) = done {
        ui::error(error);
    }
    let interrupted = ending::exit_code().map(ExitCode::from);
    interrupted.unwrap_or(match done {
        Ok(Answer::Done) => ExitCode::SUCCESS,
        Ok(Answer::Differs) => ExitCode::from(3),
        Err(_) => ExitCode::FAILURE,
    })
}
