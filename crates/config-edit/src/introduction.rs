//! The comment at the top of a file that we made. It tells, long after, that the file may be removed when
//! nothing else is left in it.

use crate::{Owner, lines};

/// `comment` with the mark of `by` below, and a blank line.
///
/// The mark counts its lines, since lines that the user has added above or below are not to be lost with
/// them.
pub(crate) fn of(comment: &str, by: Owner) -> String {
    let mut text: String = comment.lines().map(commented).collect();
    let count = comment.lines().count() + 1;
    text.push_str(&format!("# {by}: the file, and these {count} lines\n\n"));
    text
}

fn commented(line: &str) -> String {
    if line.starts_with('#') {
        format!("{line}\n")
    } else {
        format!("# {line}\n")
    }
}

/// Whether `text` is an introduction and nothing else.
pub(crate) fn is_all(text: &str) -> bool {
    let body = text[lines::body(text)..].trim_end();
    let Some(last) = body.lines().last() else {
        return false;
    };
    let counted = last
        .strip_prefix("# by `")
        .and_then(|rest| rest.split_once("`: the file, and these "))
        .and_then(|(_, rest)| rest.strip_suffix(" lines"));
    let all_comments = body.lines().all(|line| line.starts_with('#'));
    all_comments && counted.and_then(|count| count.parse().ok()) == Some(body.lines().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_recognised_unless_something_is_added() {
        let text = of("one\n# two\n", Owner("cargo xtask x"));
        assert!(text.starts_with("# one\n# two\n# by `cargo xtask x`: "));
        assert!(is_all(&text));
        assert!(!is_all(&format!("# mine\n{text}")));
        assert!(!is_all(&format!("{text}# mine\n")));
        assert!(!is_all(&text.replace("two", "two\n# mine")));
        assert!(!is_all(&text.replace("# two", "a = 1")));
        assert!(!is_all(""));
        assert!(!is_all("# by `x`"));
    }
}
