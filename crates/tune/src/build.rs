//! One build in the copy: measured, and understood from what cargo says of it.

use std::time::Instant;

use build_env::Invocation;
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use crate::TuneError;
use crate::error::at;
use crate::search::Stop;

/// When a build is not to go on.
#[derive(Clone, Copy)]
pub(crate) struct Limits<'a> {
    /// Whether the user wants it to end.
    pub(crate) is_over: &'a (dyn Fn() -> bool + Sync),
    /// Until when it may take. `None`: as long as it takes.
    pub(crate) deadline: Option<Instant>,
}

/// A build that succeeded.
pub(crate) struct Built {
    pub(crate) wall_s: f64,
    /// The extension's library, where cargo was the one that was run.
    pub(crate) library: Option<Utf8PathBuf>,
}

impl Limits<'_> {
    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() > deadline)
    }
}

/// Runs `command`, with what it prints going to the file `log`. `manifest` is the extension's Cargo.toml.
pub(crate) fn run(
    command: &Invocation,
    log: &Utf8Path,
    manifest: &Utf8Path,
    limits: Limits<'_>,
) -> Result<Built, Stop> {
    let file = fs_err::File::create(log).map_err(at(log))?;
    let is_over = || (limits.is_over)() || limits.is_late();
    let usage = command.measure(file, &[], &is_over);
    if (limits.is_over)() {
        return Err(TuneError::Interrupted.into());
    }
    let usage = usage.map_err(TuneError::Run)?;
    let text = fs_err::read(log).map_err(at(log))?;
    let text = String::from_utf8_lossy(&text);
    if !usage.status.success() {
        return Err(if limits.is_late() {
            Stop::OutOfTime
        } else {
            Stop::Fails(first_error(&text))
        });
    }
    Ok(Built {
        wall_s: usage.wall_s,
        library: text.lines().rev().find_map(|line| library(line, manifest)),
    })
}

/// The library, if `line` is cargo's message that it has been made
/// (<https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>).
fn library(line: &str, manifest: &Utf8Path) -> Option<Utf8PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_extension = message.get("manifest_path")?.as_str()? == manifest;
    let types = message.get("target")?.get("crate_types")?.as_array()?;
    let is_library = types.iter().any(|it| it == "cdylib");
    let files = message.get("filenames")?.as_array()?.iter();
    let mut files = files.filter_map(|file| Some(Utf8PathBuf::from(file.as_str()?)));
    let library = files.find(|it| matches!(it.extension(), Some("so" | "dylib" | "dll")));
    library.filter(|_| is_extension && is_library)
}

/// The line of a log that says what went wrong.
fn first_error(log: &str) -> String {
    // A linker is called with a command of many pages, and says what is wrong with it at the end.
    let said = log
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('{'));
    let said: Vec<_> = said.filter(|line| line.len() < 1000).collect();
    let of_linker = |line: &&&str| line.contains("collect2: ") || line.contains("ld: error");
    let error =
        |line: &&&str| line.starts_with("error") && !line.starts_with("error: could not compile");
    let mut lines = said.iter();
    let line = said.iter().rev().find(of_linker);
    let line = line.or_else(|| lines.find(error)).or(said.last());
    line.map_or_else(
        || "it said nothing".to_owned(),
        |line| line.chars().take(200).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use testkit::TempDir;

    fn run_sh(script: &str, limits: Limits<'_>) -> Result<Built, Stop> {
        let dir = TempDir::new();
        let command = Invocation::new("sh").args(["-c", script]);
        run(
            &command,
            &dir.path().join("log"),
            "/p/Cargo.toml".into(),
            limits,
        )
    }

    const ENDLESS: Limits<'static> = Limits {
        is_over: &|| false,
        deadline: None,
    };

    #[test]
    fn the_library_is_that_of_the_extension() {
        let message = |manifest: &str, kind: &str, file: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"{manifest}","target":{{"crate_types":["{kind}"]}},"filenames":["{file}"]}}"#
            )
        };
        let log = [
            message("/p/Cargo.toml", "cdylib", "/t/libours.so"),
            message("/p/Cargo.toml", "rlib", "/t/libours.rlib"),
            message("/q/Cargo.toml", "cdylib", "/t/libother.so"),
            "not a message".to_owned(),
        ];
        let script = format!("cat <<'E'\n{}\nE", log.join("\n"));
        let built = run_sh(&script, ENDLESS).ok().unwrap();
        assert_eq!(built.library.unwrap(), "/t/libours.so");
    }

    #[test]
    fn what_is_too_late_is_told_from_what_fails() {
        let deadline = Some(Instant::now() + Duration::from_millis(100));
        let late = run_sh(
            "sleep 60",
            Limits {
                deadline,
                ..ENDLESS
            },
        );
        assert!(matches!(late, Err(Stop::OutOfTime)));
        let failed = run_sh(
            "echo 'error: no cheese' >&2; exit 1",
            Limits {
                deadline: None,
                ..ENDLESS
            },
        );
        assert!(matches!(failed, Err(Stop::Fails(reason)) if reason == "error: no cheese"));
        let ended = run_sh(
            "sleep 60",
            Limits {
                is_over: &|| true,
                deadline: None,
            },
        );
        assert!(matches!(ended, Err(Stop::Error(TuneError::Interrupted))));
    }

    #[test]
    fn of_a_failed_link_the_linkers_own_words_are_told() {
        let log = "{\"reason\":1}\nerror: linking with `cc` failed: exit status: 1\n  = note: \"cc\" \"-m64\"\n\
                   = note: collect2: fatal error: cannot find 'ld'\n\nerror: could not compile `x`\n";
        assert!(first_error(log).contains("cannot find 'ld'"));
        assert_eq!(
            first_error("warning: w\nerror[E0308]: mismatched\nerror: could not compile `x`"),
            "error[E0308]: mismatched"
        );
        assert_eq!(first_error(""), "it said nothing");
    }
}
