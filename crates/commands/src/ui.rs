//! Talking to the user: answers on standard output, all else on standard error, in the manner of cargo.
//! `anstream` drops the colours where they are not wanted (`NO_COLOR`, `CLICOLOR`, not a terminal). Commands
//! of ours in a message can be pasted as they are (`typed::to_paste`).

use std::io::{ErrorKind, Write as _};

use anstyle::{AnsiColor, Style};
use environment::program;

use doctor::{Finding, Verdict};

use crate::typed;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default().bold();

/// Separates an error message from its remedy.
const HELP: &str = "\n  help: ";

/// `text` as it is shown: what tools and servers have said in it does nothing to the terminal, and commands
/// of ours in it can be pasted. Line ends are kept; the colours that tools have put into it are dropped.
fn to_paste(text: &str) -> String {
    let text = anstream::adapter::strip_str(text).to_string();
    let lines = text.split('\n').map(|line| {
        let parts = line.trim_end_matches('\r').split('\t');
        let parts: Vec<_> = parts
            .map(|part| packaging::shown(part, usize::MAX))
            .collect();
        parts.join("\t")
    });
    typed::to_paste(&lines.collect::<Vec<_>>().join("\n"))
}

/// One line of progress: a verb, set out as cargo does, and what it is done to.
pub fn say(verb: &str, text: &str) {
    let text = to_paste(text);
    anstream::eprintln!("{GOOD}{verb:>12}{GOOD:#} {text}");
}

/// `text` on standard output. A reader that has seen enough, as `head`, is no error.
pub fn print(text: &str) {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            warn(&format!("cannot print: {error}"));
        }
        _ => {}
    }
}

/// The answer, on standard output: for programs in JSON, or `text` for people.
pub(crate) fn answer(
    in_json: bool,
    answer: &impl serde::Serialize,
    text: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    if in_json {
        let json = serde_json::to_string_pretty(answer)?;
        print(&(typed::with_name(&json, program::called()) + "\n"));
    } else {
        print(&text());
    }
    Ok(())
}

/// What a check has found, on standard output, with what helps below.
pub(crate) fn finding(finding: &Finding) {
    let (style, word) = match finding.verdict {
        Verdict::Ok => (GOOD, "ok"),
        Verdict::Problem => (BAD, "problem"),
        Verdict::Skipped => (NOTE, "skipped"),
    };
    let (name, text) = (finding.name, to_paste(&finding.text));
    print(&format!("{style}{word:>7}{style:#} {name}: {text}\n"));
    if let Some(cure) = &finding.cure {
        let cure = to_paste(cure);
        print(&format!("        {NOTE}help{NOTE:#}: {cure}\n"));
    }
}

/// Something that the user should know, and perhaps a remedy, set off as in an error.
pub fn warn(text: &str) {
    let text = to_paste(text);
    let mut parts = text.split(HELP);
    let message = parts.next().unwrap_or_default();
    anstream::eprintln!("{WARNING}warning{WARNING:#}: {message}");
    for remedy in parts {
        anstream::eprintln!("  {NOTE}help{NOTE:#}: {remedy}");
    }
}

/// The error, what caused it, and last, where the eye is, the remedies.
pub fn error(error: &anyhow::Error) {
    let (messages, remedies) = messages_and_remedies(error);
    for (depth, message) in messages.iter().enumerate() {
        match depth {
            0 => anstream::eprintln!("{BAD}error{BAD:#}: {message}"),
            _ => anstream::eprintln!("  caused by: {message}"),
        }
    }
    for remedy in remedies {
        anstream::eprintln!("  {NOTE}help{NOTE:#}: {remedy}");
    }
}

/// The messages of `error` and its causes, each without its remedy, and the remedies.
fn messages_and_remedies(error: &anyhow::Error) -> (Vec<String>, Vec<String>) {
    let mut messages = Vec::new();
    let mut remedies = Vec::new();
    for cause in error.chain() {
        let text = to_paste(&cause.to_string());
        let mut parts = text.split(HELP);
        messages.extend(parts.next().map(str::to_owned));
        remedies.extend(parts.map(str::to_owned));
    }
    (messages, remedies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_does_nothing_to_the_terminal() {
        let error = anyhow::anyhow!(
            "\u{1b}[31merror\u{1b}[0m: a\u{1b}]0;title\u{7}b\u{9b}2J\u{8}\u{202e}c\n\td"
        );
        let (messages, _) = messages_and_remedies(&error);
        let plain = |text: &str| text.split(['\n', '\t']).all(packaging::is_plain);
        assert!(plain(&messages[0]), "{messages:?}");
        assert!(
            messages[0].starts_with("error: a") && messages[0].ends_with("c\n\td"),
            "{messages:?}"
        );
    }

    #[test]
    fn remedies_come_after_all_causes() {
        let error = anyhow::anyhow!("no index\n  help: check the network")
            .context("cannot install\n  help: install it yourself");
        let (messages, remedies) = messages_and_remedies(&error);
        assert_eq!(messages, ["cannot install", "no index"]);
        assert_eq!(remedies, ["install it yourself", "check the network"]);
    }
}
