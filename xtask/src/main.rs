//! `cargo xtask`: builds the Python extension of this workspace, or of any maturin project, quickly.
//!
//! Parses, makes one context, calls one function per command. What the commands do lives in `crates/`.

mod arguments;
mod bench_build;
mod cache_keys;
mod ci;
mod colab_snippet;
mod context;
mod dev;
mod machine;
mod release;
mod repository;
mod sccache;
mod tune;
mod typed;
mod ui;
mod wheel;
mod write_mode;

use std::process::ExitCode;

use build_env::ending;
use camino::Utf8PathBuf;
use clap::{Parser, Subcommand};

use crate::context::Context;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about,
    version,
    arg_required_else_help = true
)]
struct Cli {
    /// The maturin project to work on [default: the one around the working directory]
    #[arg(long, global = true, value_name = "DIR")]
    project: Option<Utf8PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build the extension and install the package as editable
    Dev(dev::Args),
    /// Tell uv what the extension is built from
    CacheKeys(cache_keys::Args),
    /// Keep what the compiler makes, so that a lost `target/` is back in a quarter of the time
    Sccache(sccache::Args),
    /// Write the settings that follow from this machine: jobs and linker
    Machine(machine::Args),
    /// Build wheels for release, or audit some
    Wheel(wheel::Args),
    /// Print the notebook cell that installs the newest wheel on Google Colab
    ColabSnippet(colab_snippet::Args),
    /// Publish wheels in the release that always holds the newest ones, or verify it
    Release(release::Args),
    /// Measure which linker and which settings of the dev profile make builds faster here, and write them
    Tune(tune::Args),
    /// Measure how long builds take
    #[command(visible_alias = "bench")]
    BenchBuild(bench_build::Args),
    /// Run everything that CI runs
    Ci(ci::Args),
}

/// What a command found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// All is done, or as it should be: exit code 0.
    Done,
    /// Something is not as it should be, and was only to be looked at: exit code 3.
    Differs,
}

impl Answer {
    /// Of a look that has found a difference, or none.
    fn of(differs: bool) -> Self {
        if differs { Self::Differs } else { Self::Done }
    }
}

fn main() -> ExitCode {
    let stand_ins = [
        dev_build::record::stand_in,
        compiler_cache::record::stand_in,
    ];
    if let Some(code) = stand_ins.iter().find_map(|stand_in| stand_in()) {
        return code;
    }
    let cli = Cli::parse();
    if let Some(dir) = &cli.project {
        typed::name_project(dir);
    }
    let context = Context {
        project_dir: cli.project,
    };
    let done = match cli.command {
        Command::Dev(args) => dev::run(&context, &args),
        Command::CacheKeys(args) => cache_keys::run(&context, &args),
        Command::Sccache(args) => sccache::run(&context, &args),
        Command::Machine(args) => machine::run(&context, &args),
        Command::Tune(args) => tune::run(&context, &args),
        Command::Wheel(args) => wheel::run(&context, &args),
        Command::ColabSnippet(args) => colab_snippet::run(&context, &args),
        Command::Release(args) => release::run(&context, &args),
        Command::BenchBuild(args) => bench_build::run(&context, &args),
        Command::Ci(args) => ci::run(&context, &args).map(|()| Answer::Done),
    };
    if let Err(error) = &done {
        ui::error(error);
    }
    let interrupted = ending::exit_code().map(ExitCode::from);
    interrupted.unwrap_or(match done {
        Ok(Answer::Done) => ExitCode::SUCCESS,
        Ok(Answer::Differs) => ExitCode::from(3),
        Err(_) => ExitCode::FAILURE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
