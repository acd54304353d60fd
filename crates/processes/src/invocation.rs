//! A command as plain data, and the few ways in which one is run.
#![allow(
    clippy::disallowed_methods,
    reason = "the one place where processes are started"
)]

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

use environment::{cargo_env, vars};

use crate::{Cause, Running};

/// What to run, with which arguments, where, and how its environment differs from ours.
///
/// What cargo itself added to our environment is taken out of the child's as well (see [`cargo_env`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// A path, or a name to be looked up on `PATH`.
    pub program: Utf8PathBuf,
    /// The arguments, without the program.
    pub args: Vec<String>,
    /// Variables set (`Some`) or removed (`None`).
    pub env: BTreeMap<String, Option<String>>,
    /// The working directory; ours, if absent.
    pub cwd: Option<Utf8PathBuf>,
}

/// What a finished command left behind.
#[derive(Debug)]
pub struct Captured {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// Its standard error; bytes that are not UTF-8 are replaced.
    pub stderr: String,
}

/// A command that did not do what it was run for.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The program is not there, or may not be run.
    #[error("cannot start `{program}`")]
    Start {
        /// The program as it was called.
        program: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Its output could not be read.
    #[error("cannot read the output of `{command}`")]
    Output {
        /// The command as one would type it.
        command: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// It ran and failed. The text holds what it wrote to standard error, if that was captured; of a cause
    /// that is known, what tells it, with the remedy.
    #[error("`{command}` failed ({status}){}", told(stderr))]
    Failed {
        /// The command as one would type it.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to standard error; empty where that went to the terminal.
        stderr: String,
    },
}

impl RunError {
    /// What the command itself names as the cause, if that is known.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Failed { stderr, .. } => Cause::named_in(stderr),
            Self::Start { .. } | Self::Output { .. } => None,
        }
    }
}

/// What follows the message of a command that has written `stderr`. Where it was called is of no use to
/// anybody but its authors.
fn told(stderr: &str) -> String {
    let stderr = stderr
        .split("\nStack backtrace:\n")
        .next()
        .unwrap_or_default();
    match Cause::named_in(stderr) {
        Some(cause) => {
            let lines = cause.told_in(stderr).join("\n");
            let (words, help) = (cause.in_words(), cause.help());
            format!(": {words}{}\n  help: {help}", indented(&lines))
        }
        None => indented(stderr),
    }
}

/// `text` as an indented block below a message; nothing at all if there is none.
fn indented(text: &str) -> String {
    text.trim_end()
        .lines()
        .map(|line| format!("\n    {line}"))
        .collect()
}

impl Invocation {
    /// `program` without arguments, in our directory and environment.
    pub fn new(program: impl Into<Utf8PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            cwd: None,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), Some(value.into()));
        self
    }

    /// Removes a variable.
    #[must_use]
    pub fn env_remove(mut self, name: impl Into<String>) -> Self {
        self.env.insert(name.into(), None);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn cwd(mut self, dir: &Utf8Path) -> Self {
        self.cwd = Some(dir.to_owned());
        self
    }

    /// Runs it with our own standard streams. Fails if it does.
    pub fn run(&self) -> Result<(), RunError> {
        let status = self
            .command()
            .status()
            .map_err(|source| self.cannot_start(source))?;
        self.require_success(status, String::new())
    }

    /// Runs it with standard output sent to our standard error, which is where talk belongs. Fails if it
    /// does.
    pub fn run_talking(&self) -> Result<(), RunError> {
        let status = self
            .command()
            .stdout(io::stderr())
            .status()
            .map_err(|source| self.cannot_start(source))?;
        self.require_success(status, String::new())
    }

    /// Runs it without input and keeps what it prints, however it ends.
    pub fn capture(&self) -> Result<Captured, RunError> {
        let output = self
            .command()
            .stdin(Stdio::null())
            .output()
            .map_err(|source| self.cannot_start(source))?;
        Ok(Captured {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs it without input, for `limit` at most, and keeps what it writes to standard error. `None`: it was
    /// still running then, and has been stopped.
    pub fn capture_within(&self, limit: Duration) -> Result<Option<Captured>, RunError> {
        let not_kept = |source| RunError::Output {
            command: self.to_string(),
            source,
        };
        // No pipe: what it has started may hold that open for ever.
        let mut kept = tempfile::tempfile().map_err(not_kept)?;
        let child = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(kept.try_clone().map_err(not_kept)?)
            .spawn()
            .map_err(|source| self.cannot_start(source))?;
        let mut running = Running::new(child);
        let Some(status) = running.wait_for(limit).map_err(not_kept)? else {
            running.stop();
            return Ok(None);
        };
        let mut stderr = Vec::new();
        kept.rewind().map_err(not_kept)?;
        kept.read_to_end(&mut stderr).map_err(not_kept)?;
        Ok(Some(Captured {
            status,
            stdout: String::new(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }))
    }

    /// Its standard output. Fails if it does, with what it wrote to standard error.
    pub fn read(&self) -> Result<String, RunError> {
        let captured = self.capture()?;
        self.require_success(captured.status, captured.stderr)?;
        Ok(captured.stdout)
    }

    /// Hands each line of its standard output to `on_line` while it runs; standard error goes straight to
    /// ours, so that progress bars and colours stay what they are.
    pub fn stream(&self, mut on_line: impl FnMut(&str)) -> Result<ExitStatus, RunError> {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| self.cannot_start(source))?;
        let stdout = child.stdout.take().into_iter().flat_map(|pipe| {
            // `split` and not `lines`: a line that is not UTF-8 must not end the build.
            BufReader::new(pipe).split(b'\n')
        });
        let output_error = |source| RunError::Output {
            command: self.to_string(),
            source,
        };
        for line in stdout {
            on_line(&String::from_utf8_lossy(&line.map_err(output_error)?));
        }
        child.wait().map_err(output_error)
    }

    /// Starts it with our own standard streams and does not wait for it.
    pub fn spawn(&self) -> Result<Running, RunError> {
        let child = self.command().spawn();
        Ok(Running::new(
            child.map_err(|source| self.cannot_start(source))?,
        ))
    }

    /// Starts it with an input that we write, and without output.
    pub(crate) fn start_fed(&self) -> Result<Child, RunError> {
        self.command()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| self.cannot_start(source))
    }

    /// Starts it without input, in a process group of its own, with all that it prints going to `log`.
    pub(crate) fn start_logged(&self, log: fs_err::File) -> Result<Child, RunError> {
        let log = log.into_parts().0;
        let output = log.try_clone().map_err(|source| RunError::Output {
            command: self.to_string(),
            source,
        })?;
        self.command()
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(|source| self.cannot_start(source))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        cargo_env::restore(&mut command);
        command.env(vars::XTASK_ON_IMPORT, "off");
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(cwd) = &self.cwd {
            command.current_dir(cwd);
        }
        command
    }

    fn cannot_start(&self, source: io::Error) -> RunError {
        RunError::Start {
            program: self.program.clone(),
            source,
        }
    }

    /// The error for a command that ended with `status`, unless that is success.
    pub fn require_success(&self, status: ExitStatus, stderr: String) -> Result<(), RunError> {
        if status.success() {
            return Ok(());
        }
        Err(RunError::Failed {
            command: self.to_string(),
            status,
            stderr,
        })
    }
}

/// The command as one would type it into a POSIX shell, without its environment.
impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(self.program.as_str()))?;
        for arg in &self.args {
            write!(f, " {}", quoted(arg))?;
        }
        Ok(())
    }
}

/// `word` so that a POSIX shell reads it as one word.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Invocation {
        Invocation::new("sh").args(["-c", script])
    }

    #[test]
    fn is_shown_as_one_would_type_it() {
        let command = Invocation::new("cargo").args(["rustc", "--config", "a = 'b'", ""]);
        assert_eq!(
            command.to_string(),
            r"cargo rustc --config 'a = '\''b'\''' ''"
        );
    }

    #[test]
    fn what_is_shown_can_be_typed() {
        let command = Invocation::new("printf").args(["%s|", "a b", "it's", "$HOME", "*", ""]);
        let typed = sh(&command.to_string()).read().unwrap();
        assert_eq!(typed, command.read().unwrap());
    }

    #[test]
    fn sets_and_removes_variables() {
        let printed = sh("echo \"${GIVEN-unset} ${HOME-unset}\"")
            .env("GIVEN", "yes")
            .env_remove("HOME")
            .read()
            .unwrap();
        assert_eq!(printed.trim(), "yes unset");
    }

    #[test]
    fn what_we_start_builds_nothing_on_import() {
        let printed = sh("echo $XTASK_ON_IMPORT").read().unwrap();
        assert_eq!(printed.trim(), "off");
    }

    #[test]
    fn a_failure_tells_command_status_and_stderr() {
        let error = sh("echo out of cheese >&2; exit 7").read().unwrap_err();
        let text = error.to_string();
        assert!(text.contains("exit status: 7"), "{text}");
        assert!(text.ends_with("\n    out of cheese"), "{text}");
    }

    #[test]
    fn a_cause_that_is_known_comes_first_and_has_its_remedy() {
        let script = "for n in 3 2 1; do echo \"WARNING: Retrying: Network is unreachable ($n)\"; done >&2; exit 1";
        let text = sh(script).read().unwrap_err().to_string();
        let (message, help) = text.split_once("\n  help: ").expect("a remedy");
        let expected = "failed (exit status: 1): there is no network\n    WARNING: Retrying: Network is unreachable (1)";
        assert!(message.ends_with(expected), "{message}");
        assert!(help.contains("--offline"), "{help}");
    }

    #[test]
    fn a_command_that_does_not_end_is_stopped() {
        let within = |script, limit_s| sh(script).capture_within(Duration::from_secs(limit_s));
        let ended = within("echo no >&2; exit 3", 100).unwrap().unwrap();
        assert_eq!((ended.status.code(), &*ended.stderr), (Some(3), "no\n"));
        let start = std::time::Instant::now();
        assert!(within("sleep 1000", 0).unwrap().is_none());
        // What it has started holds nothing up.
        assert!(within("sleep 1000 & exit 0", 100).unwrap().is_some());
        assert!(start.elapsed() < Duration::from_secs(100));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Invocation::new("no-such-program").run().unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program`");
    }

    #[test]
    fn streams_line_by_line_also_what_is_not_utf8() {
        let mut lines = Vec::new();
        let status = sh(r"printf 'one\n\377two\nthree'")
            .stream(|line| lines.push(line.to_owned()))
            .unwrap();
        assert!(status.success());
        assert_eq!(lines, ["one", "\u{fffd}two", "three"]);
    }

    #[test]
    fn survives_a_round_trip_through_json() {
        let command = sh("true").env("A", "b").env_remove("C").cwd("/".into());
        let json = serde_json::to_string(&command).unwrap();
        assert_eq!(serde_json::from_str::<Invocation>(&json).unwrap(), command);
    }
}
