//! Lines of a text, in bytes.

use std::ops::Range;

/// The line end that most lines of `text` have.
pub(crate) fn line_end_of(text: &str) -> &'static str {
    let all = text.matches('\n').count();
    let with_return = text.matches("\r\n").count();
    if with_return * 2 > all { "\r\n" } else { "\n" }
}

/// All lines, each with its line end.
pub(crate) fn all(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        start..at
    })
}

/// Where the line begins in which `at` lies; the byte order mark is no part of it.
pub(crate) fn start(text: &str, at: usize) -> usize {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    start.max(body(text).min(at))
}

/// Where the text begins behind its byte order mark.
pub(crate) fn body(text: &str) -> usize {
    if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    }
}

/// Where the line ends in which `at` lies, before its line end.
pub(crate) fn end(text: &str, at: usize) -> usize {
    match text[at..].find('\n') {
        None => text.len(),
        Some(length) if text[at..at + length].ends_with('\r') => at + length - 1,
        Some(length) => at + length,
    }
}

/// Where the line after the one of `at` begins.
pub(crate) fn next(text: &str, at: usize) -> usize {
    text[at..]
        .find('\n')
        .map_or(text.len(), |length| at + length + 1)
}

/// What is to be cut so that the lines from that of `range.start` to that of `range.end` are gone. At the end
/// of a text without a final newline, the line end before them goes instead of theirs.
pub(crate) fn whole(text: &str, range: &Range<usize>) -> Range<usize> {
    let (first, last) = (start(text, range.start), next(text, range.end));
    if text[..last].ends_with('\n') {
        return first..last;
    }
    before_line_end(text, first)..last
}

/// `at`, or the beginning of the line end before it.
pub(crate) fn before_line_end(text: &str, at: usize) -> usize {
    let head = &text[..at];
    let shorter = head.strip_suffix("\r\n").or(head.strip_suffix('\n'));
    shorter.map_or(at, str::len)
}

/// The space before the first character of the line of `at`.
pub(crate) fn indentation(text: &str, at: usize) -> &str {
    let line = &text[start(text, at)..end(text, at)];
    &line[..line.len() - line.trim_start().len()]
}

/// Whether the line of `at` holds nothing but space.
pub(crate) fn is_blank(text: &str, at: usize) -> bool {
    text[start(text, at)..end(text, at)].trim().is_empty()
}

/// What to splice in at `at`, the beginning of a line or the end of the text, so that `lines` (without a
/// final line end) stand there. A text without a final newline keeps to that.
pub(crate) fn inserted(text: &str, at: usize, lines: &str) -> String {
    let line_end = line_end_of(text);
    let begins_line = at == body(text) || text[..at].ends_with('\n');
    if begins_line {
        format!("{lines}{line_end}")
    } else {
        format!("{line_end}{lines}")
    }
}
