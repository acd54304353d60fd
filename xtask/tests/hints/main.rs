//! Hints that can be pasted as they are, and causes that are told as what they are.

mod causes;
mod paste;

use camino::Utf8Path;
use processes::{Captured, Invocation};

/// The xtask, run in `dir` with `args`.
fn xtask(dir: &Utf8Path, args: &[&str]) -> Invocation {
    Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args(args.iter().copied())
        .env_remove("VIRTUAL_ENV")
        .cwd(dir)
}

fn run(command: &Invocation) -> Captured {
    command.capture().expect("it starts")
}
