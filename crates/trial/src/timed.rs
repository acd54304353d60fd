//! One command, timed.

use std::time::{Duration, Instant};

use camino::Utf8Path;
use processes::usage::Usage;
use processes::{Invocation, RunError};

use crate::files::{FileError, at};

/// When a command is not to go on.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Whether the user wants it to end.
    pub is_over: &'a (dyn Fn() -> bool + Sync),
    /// Until when it may take. `None`: as long as it takes.
    pub deadline: Option<Instant>,
}

impl Limits<'_> {
    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() > deadline)
    }

    /// Whether what is running is to be ended.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        (self.is_over)() || self.is_late()
    }
}

/// `allowed_s` seconds after `start`. `None` for a time without end.
#[must_use]
pub fn deadline(start: Instant, allowed_s: f64) -> Option<Instant> {
    start.checked_add(Duration::try_from_secs_f64(allowed_s).ok()?)
}

/// Why there is no time.
#[derive(Debug, thiserror::Error)]
pub enum NoTime {
    /// The user has ended it.
    #[error("ended")]
    Interrupted,
    /// It would have taken longer than was allowed.
    #[error("no time was left")]
    OutOfTime,
    /// The command failed: what it said.
    #[error("{0}")]
    Failed(String),
    /// The log cannot be written or read.
    #[error(transparent)]
    Log(#[from] FileError),
    /// The command does not start.
    #[error(transparent)]
    Start(#[from] RunError),
}

/// Runs `command`, with what it prints going to the file `log`, and measures it together with what the
/// processes `servers` do for it.
pub fn timed(
    command: &Invocation,
    log: &Utf8Path,
    servers: &[u32],
    limits: Limits<'_>,
) -> Result<Usage, NoTime> {
    let file = fs_err::File::create(log).map_err(at(log))?;
    let usage = command.measure(file, servers, &|| limits.is_ending());
    if (limits.is_over)() {
        return Err(NoTime::Interrupted);
    }
    let usage = usage?;
    if usage.status.success() {
        return Ok(usage);
    }
    // What has just ended by itself counts, however late it is.
    if limits.is_late() {
        return Err(NoTime::OutOfTime);
    }
    let said = fs_err::read(log).map_err(at(log))?;
    Err(NoTime::Failed(first_error(&String::from_utf8_lossy(&said))))
}

/// The line of a log that says what went wrong: what a linker says, else the first error of a compiler, else
/// the first line that tells of any, else the last.
fn first_error(log: &str) -> String {
    // A linker is called with a command of many pages; cargo's messages are JSON.
    let is_said = |line: &&str| !line.is_empty() && !line.starts_with('{') && line.len() < 1000;
    let said = || log.lines().map(str::trim).filter(is_said);
    let of_linker = |line: &&str| line.contains("collect2: ") || line.contains("ld: error");
    let of_compiler =
        |line: &&str| line.starts_with("error") && !line.starts_with("error: could not compile");
    let of_any = |line: &&str| {
        let lower = line.to_lowercase();
        lower.contains("error") || lower.contains("failed")
    };
    let line = said().rfind(of_linker);
    let line = line.or_else(|| said().find(of_compiler));
    // Crates may be called after errors.
    let line = line.or_else(|| said().find(|line| line.starts_with("error")));
    let line = line
        .or_else(|| said().find(of_any))
        .or_else(|| said().next_back());
    line.unwrap_or("it said nothing")
        .chars()
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    fn run_sh(script: &str, limits: Limits<'_>) -> Result<Usage, NoTime> {
        let dir = TempDir::new();
        let command = Invocation::new("sh").args(["-c", script]);
        timed(&command, &dir.path().join("log"), &[], limits)
    }

    const ENDLESS: Limits<'static> = Limits {
        is_over: &|| false,
        deadline: None,
    };

    #[test]
    fn what_is_too_late_is_told_from_what_fails() {
        assert!(run_sh("exit 0", ENDLESS).unwrap().wall_s > 0.0);
        let soon = Limits {
            deadline: deadline(Instant::now(), 0.1),
            ..ENDLESS
        };
        assert!(matches!(run_sh("sleep 60", soon), Err(NoTime::OutOfTime)));
        let failed = run_sh("echo 'error: no cheese' >&2; exit 1", ENDLESS);
        assert!(matches!(failed, Err(NoTime::Failed(said)) if said == "error: no cheese"));
        let over = Limits {
            is_over: &|| true,
            deadline: None,
        };
        assert!(matches!(run_sh("sleep 60", over), Err(NoTime::Interrupted)));
        let none = timed(&Invocation::new("true"), "/none/log".into(), &[], ENDLESS);
        assert!(matches!(none, Err(NoTime::Log(_))));
    }

    #[test]
    fn there_is_no_deadline_for_a_time_without_end() {
        assert_eq!(deadline(Instant::now(), f64::INFINITY), None);
        assert_eq!(deadline(Instant::now(), -1.0), None);
    }

    #[test]
    fn of_a_failed_link_the_linkers_own_words_are_told() {
        let table = [
            (
                "{\"reason\":1}\nerror: linking with `cc` failed: exit status: 1\n  = note: \"cc\" \"-m64\"\n\
                 = note: collect2: fatal error: cannot find 'ld'\n\nerror: could not compile `x`\n",
                "= note: collect2: fatal error: cannot find 'ld'",
            ),
            (
                "warning: w\nerror[E0308]: mismatched\nerror: could not compile `x`",
                "error[E0308]: mismatched",
            ),
            (
                "  Compiling thiserror v2.0.0\nerror: could not compile `x` (lib)",
                "error: could not compile `x` (lib)",
            ),
            ("building\n  Failed to build x\nbye", "Failed to build x"),
            ("one\ntwo\n\n", "two"),
            ("", "it said nothing"),
        ];
        for (log, expected) in table {
            assert_eq!(first_error(log), expected);
        }
    }
}
