//! Causes that lie outside of a program, as far as its own words or the operating system tell them: no
//! network, a full disk, a directory of somebody else.

use std::io::{self, ErrorKind};

use camino::Utf8Path;

/// Why a program failed through no fault of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// There is no room on a disk.
    DiskFull,
    /// A server cannot be reached at all.
    NoNetwork,
    /// uv may not write where it keeps its cache.
    UvCache,
}

/// How the operating system, pip, uv, cargo, curl and git say it.
const WORDS: [(Cause, &[&str]); 3] = [
    (
        Cause::DiskFull,
        &[
            "No space left on device",
            "Disk quota exceeded",
            "(os error 28)",
            "[Errno 28]",
        ],
    ),
    (
        Cause::NoNetwork,
        &[
            "Could not resolve host",
            "Couldn't resolve host",
            "failed to lookup address information",
            "Temporary failure in name resolution",
            "Name or service not known",
            "Network is unreachable",
            "No route to host",
            "Failed to connect to",
            "Could not connect to server",
            "Couldn't connect to server",
            "tcp connect error",
            "Failed to establish a new connection",
            "Cannot connect to proxy",
            "Unable to connect to proxy",
            "tunnel error",
        ],
    ),
    (Cause::UvCache, &["Failed to initialize cache at"]),
];

/// More of a line than this is not read.
const SHOWN_CHARS: usize = 200;

impl Cause {
    /// The cause that `output` of a failed program names, if it is one of these.
    #[must_use]
    pub fn named_in(output: &str) -> Option<Self> {
        let mut causes = WORDS
            .iter()
            .filter(|(_, words)| word_in(output, words).is_some());
        causes.next().map(|(cause, _)| *cause)
    }

    /// In a few words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::DiskFull => "the disk is full",
            Self::NoNetwork => "there is no network",
            Self::UvCache => "uv cannot write its cache",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::DiskFull => "free some space on the disk that is full",
            Self::NoNetwork => {
                "check the network, and the proxy if `https_proxy` names one; commands that have `--offline` do with what was downloaded before"
            }
            Self::UvCache => {
                "make that directory writable for you, or name another one with UV_CACHE_DIR"
            }
        }
    }

    /// The lines of `output` that tell it: the first error, and the last line that names the cause, which is
    /// the innermost one. What was tried again and again, and what follows from it, is left out.
    pub(crate) fn told_in(self, output: &str) -> Vec<String> {
        let words = WORDS.iter().find(|(cause, _)| *cause == self);
        let words = words.map_or(&[][..], |(_, words)| words);
        let lines = || output.lines().map(str::trim);
        let first = lines().find(|line| line.to_lowercase().starts_with("error"));
        let last = lines().rev().find(|line| word_in(line, words).is_some());
        let mut told: Vec<_> = first.into_iter().chain(last).collect();
        told.dedup();
        let shortened = told.iter().map(|line| around(line, words));
        shortened.collect()
    }
}

/// Where the first of `words` stands in `text`.
fn word_in(text: &str, words: &[&str]) -> Option<usize> {
    words.iter().filter_map(|word| text.find(word)).min()
}

/// As much of a long line as stands around the words that tell the cause.
fn around(line: &str, words: &[&str]) -> String {
    let end = line.chars().count();
    if end <= SHOWN_CHARS {
        return line.to_owned();
    }
    let at = word_in(line, words).unwrap_or(0);
    let at = line[..at].chars().count();
    let start = at.saturating_sub(SHOWN_CHARS / 2);
    let shown: String = line.chars().skip(start).take(SHOWN_CHARS).collect();
    let cut = |is_cut| if is_cut { "…" } else { "" };
    format!(
        "{}{shown}{}",
        cut(start > 0),
        cut(start + SHOWN_CHARS < end)
    )
}

/// The remedy where `dir`, or something below it, cannot be written; `variable` names another directory.
#[must_use]
pub fn help_to_write(dir: &Utf8Path, error: &io::Error, variable: &str) -> String {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!(
            "\n  help: free some space on the disk of {dir}, or name a directory on another one with {variable}"
        ),
        _ => format!(
            "\n  help: make {dir} writable for you, or name another directory with {variable}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_read_from_what_tools_say() {
        let cases = [
            // uv 0.13.
            (
                "error: Request failed after 3 retries in 6.1s\n  cause: dns error\n  cause: failed to lookup address information: Temporary failure in name resolution\n",
                Some(Cause::NoNetwork),
                "error: Request failed after 3 retries in 6.1s|cause: failed to lookup address information: Temporary failure in name resolution",
            ),
            // cargo 1.95.
            (
                "    Updating index\nwarning: spurious network error (3 tries remaining): [6] Could not resolve hostname (Could not resolve host: a)\nerror: failed to get `pyo3` as a dependency\n\nCaused by:\n  [6] Could not resolve hostname (Could not resolve host: a)\n",
                Some(Cause::NoNetwork),
                "error: failed to get `pyo3` as a dependency|[6] Could not resolve hostname (Could not resolve host: a)",
            ),
            (
                "curl: (6) Could not resolve host: a",
                Some(Cause::NoNetwork),
                "curl: (6) Could not resolve host: a",
            ),
            (
                "error: Failed to install: a.whl\n  cause: failed to copy file: No space left on device (os error 28)\n",
                Some(Cause::DiskFull),
                "error: Failed to install: a.whl|cause: failed to copy file: No space left on device (os error 28)",
            ),
            (
                "error: Failed to initialize cache at `/home/a/.cache/uv`\n  cause: failed to create directory `/home/a/.cache/uv`: Permission denied (os error 13)\n",
                Some(Cause::UvCache),
                "error: Failed to initialize cache at `/home/a/.cache/uv`",
            ),
            ("error: no such package", None, ""),
        ];
        for (output, cause, told) in cases {
            assert_eq!(Cause::named_in(output), cause, "{output}");
            let lines = cause.map(|cause| cause.told_in(output)).unwrap_or_default();
            assert_eq!(lines.join("|"), told);
        }
    }

    #[test]
    fn of_a_long_line_the_cause_is_shown() {
        let line = format!("{} [Errno 28] {}", "é".repeat(300), "b".repeat(300));
        let shown = &Cause::DiskFull.told_in(&line)[0];
        assert!(shown.contains("[Errno 28]") && shown.starts_with("…é") && shown.ends_with("b…"));
        assert_eq!(shown.chars().count(), SHOWN_CHARS + 2);
    }

    #[test]
    fn a_full_disk_and_a_directory_of_others_have_each_their_remedy() {
        let help = |kind: ErrorKind| help_to_write("/cache".into(), &kind.into(), "VARIABLE");
        let full = help(ErrorKind::StorageFull);
        assert!(
            full.contains("free some space on the disk of /cache") && full.contains("VARIABLE")
        );
        let denied = help(ErrorKind::PermissionDenied);
        assert!(denied.contains("make /cache writable") && denied.contains("VARIABLE"));
    }
}
