//! How far a measurement has come: on a terminal one line that is written over every second, elsewhere a line
//! for each run.

use std::io::IsTerminal as _;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use environment::vars;
use processes::Say;

use crate::report::words::{duration, rough_seconds};
use crate::schedule::Job;
use crate::session::Progress;

/// To the start of the line, and erase to its end.
const ERASE: &str = "\r\x1b[K";

/// What every terminal has.
const COLUMNS: usize = 79;

const TICK: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
struct Current {
    /// The scenario and the lane.
    what: String,
    progress: Progress,
    since: Instant,
}

/// What stands in the line that is written over. There is one terminal.
static LINE: Mutex<Option<Current>> = Mutex::new(None);

fn line() -> MutexGuard<'static, Option<Current>> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a line can be written over. It has nothing to do with colours, which may be unwanted all the same.
fn rewrites() -> bool {
    let is_dumb = vars::var(vars::TERM).is_some_and(|term| term == "dumb");
    std::io::stderr().is_terminal() && !is_dumb
}

/// A message, told by `say` in place of the line that is written over.
pub(crate) fn say_in_place(say: Say<'_>, verb: &str, text: &str) {
    let _line = line();
    if rewrites() {
        eprint!("{ERASE}");
    }
    say(verb, text);
}

pub(crate) struct ProgressLine<'a> {
    /// Tells it where no line can be written over.
    say: Say<'a>,
    /// Ends the clock when it is dropped; none where there is no terminal.
    clock: Option<Sender<()>>,
}

impl<'a> ProgressLine<'a> {
    pub(crate) fn new(say: Say<'a>) -> Self {
        let clock = rewrites().then(|| {
            let (sender, receiver) = mpsc::channel();
            std::thread::spawn(move || {
                while receiver.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    line().as_ref().inspect(|it| write_over(it));
                }
            });
            sender
        });
        Self { say, clock }
    }

    pub(crate) fn begins(&mut self, job: &Job, progress: Progress) {
        let warm_up = if job.round == 0 { ", warm-up" } else { "" };
        let current = Current {
            what: format!("{} on {}{warm_up}", job.scenario.id, job.lane),
            progress,
            since: Instant::now(),
        };
        if self.clock.is_none() {
            return (self.say)("Measuring", &told(&current));
        }
        let mut line = line();
        write_over(&current);
        *line = Some(current);
    }

    /// Whatever comes next has the line for itself.
    pub(crate) fn end(&self) {
        if line().take().is_some() && self.clock.is_some() {
            eprintln!();
        }
    }
}

impl Drop for ProgressLine<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

fn write_over(current: &Current) {
    let line = rewritten(current, current.since.elapsed().as_secs_f64());
    eprint!("{ERASE}{line}");
}

/// For a file: `25/170, 16 min left: target on maturin-develop/incremental, about 78 s`.
fn told(current: &Current) -> String {
    let progress = current.progress;
    format!(
        "{}/{}, {} left: {}, about {}",
        progress.made + 1,
        progress.made + progress.due,
        left(progress.left_s),
        current.what,
        rough_seconds(progress.estimate_s)
    )
}

/// For a terminal, where this run has taken `elapsed_s` seconds so far. What it takes longer than was thought
/// does not make the rest any shorter.
fn rewritten(current: &Current, elapsed_s: f64) -> String {
    let progress = current.progress;
    let (made, all) = (progress.made, progress.made + progress.due);
    let left_s = progress.left_s - elapsed_s.min(progress.estimate_s);
    let line = format!(
        "{:>12} {} {}/{all}, {} left, {elapsed_s:.0} of {:.0} s: {}",
        "Measuring",
        bar(made, all),
        made + 1,
        left(left_s.max(0.0)),
        progress.estimate_s,
        current.what
    );
    // A line that the terminal breaks in two could not be written over.
    line.chars().take(COLUMNS).collect()
}

/// `[=====>    ]`.
fn bar(made: usize, all: usize) -> String {
    const WIDTH: usize = 10;
    let full = WIDTH * made / all.max(1);
    format!("[{:WIDTH$}]", "=".repeat(full))
}

/// What is left is never known to the second where it is more than a few minutes.
fn left(time_s: f64) -> String {
    if time_s < 600.0 {
        duration(time_s)
    } else {
        duration((time_s / 60.0).round() * 60.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current() -> Current {
        Current {
            what: "target on cargo/sccache".to_owned(),
            progress: Progress {
                made: 5,
                due: 5,
                left_s: 100.0,
                estimate_s: 60.0,
            },
            since: Instant::now(),
        }
    }

    #[test]
    fn the_bar_is_as_full_as_it_is_done() {
        assert_eq!(bar(0, 0), "[          ]");
        assert_eq!(bar(5, 10), "[=====     ]");
        assert_eq!(bar(7, 7), "[==========]");
    }

    #[test]
    fn what_is_left_gets_less_while_a_run_goes_on_and_no_less_than_the_other_runs() {
        let left = |elapsed_s| rewritten(&current(), elapsed_s);
        let expected =
            "   Measuring [=====     ] 6/10, 100 s left, 0 of 60 s: target on cargo/sccache";
        assert_eq!(left(0.0), expected);
        assert!(left(30.0).contains("70 s left"), "{}", left(30.0));
        assert!(left(90.0).contains("40 s left, 90 of 60 s: target on cargo/sccache"));
        let expected = "6/10, 100 s left: target on cargo/sccache, about 60 s";
        assert_eq!(told(&current()), expected);
    }

    #[test]
    fn what_is_left_is_told_as_exactly_as_it_is_known() {
        let told = [90.0, 100.0, 150.0, 980.0].map(left);
        assert_eq!(told, ["90 s", "100 s", "2 min 30 s", "16 min"]);
    }

    #[test]
    fn the_line_fits_into_every_terminal() {
        let mut long = current();
        long.what = "x".repeat(100);
        assert_eq!(rewritten(&long, 1.0).chars().count(), COLUMNS);
    }
}
