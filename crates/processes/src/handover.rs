//! Starting a program in our place, as it would have been started without us: with our environment as it is.
//! A stand-in hands over what it has been started for.
#![allow(
    clippy::disallowed_methods,
    reason = "processes are started in this crate"
)]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output, Stdio};

use camino::Utf8Path;

/// Becomes `program`: the process goes on as that. Returns only if that fails.
#[must_use]
pub fn become_program(program: &Utf8Path, args: &[String]) -> io::Error {
    Command::new(program).args(args).exec()
}

/// Runs `program` without input, and keeps what it prints.
///
/// # Errors
/// If it cannot be started.
pub fn output_of(program: &Utf8Path, args: &[String]) -> io::Result<Output> {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
}
