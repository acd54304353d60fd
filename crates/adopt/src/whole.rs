//! A file that is written as a whole. Its last line tells by whom, and what all other lines were: so what
//! we have written is told from what somebody has changed since, which is theirs.

use camino::Utf8Path;
use config_edit::Change;
use files::digest::sha256;

use crate::OWNER;

/// How a file is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is none.
    Absent,
    /// It is as we have written it, now or earlier.
    Ours,
    /// It is as we have written it for another project of the checkout.
    OfAnother,
    /// We have written it, and somebody has changed it since.
    Changed,
    /// Somebody else has written it.
    Theirs,
}

/// `text` with the line that tells by whom. `comment` begins a comment.
pub(crate) fn signed(text: &str, comment: &str) -> String {
    let digest = &sha256(text.as_bytes())[..16];
    format!("{text}{comment} {OWNER}, all above with sha256:{digest}\n")
}

/// Whose the file with this `text` is, for the project that `option` names in it.
pub(crate) fn found(text: Option<&str>, option: &str) -> Found {
    let Some(text) = text else {
        return Found::Absent;
    };
    let body = text.trim_end_matches('\n');
    let (above, last) = body.rsplit_once('\n').unwrap_or(("", body));
    let Some((owner, digest)) = signature(last) else {
        return Found::Theirs;
    };
    if !OWNER.is(owner) {
        return Found::Theirs;
    }
    let above = format!("{above}\n");
    if !sha256(above.as_bytes()).starts_with(digest) {
        return Found::Changed;
    }
    let is_for_it = match option {
        "" => !above.contains(OPTION),
        option => above.contains(&format!("{option} ")),
    };
    if is_for_it {
        Found::Ours
    } else {
        Found::OfAnother
    }
}

/// What begins the option that names a project.
pub(crate) const OPTION: &str = " --project ";

/// The command and the digest that a last line names.
fn signature(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once(" by `")?;
    let (owner, rest) = rest.split_once('`')?;
    let digest = rest.strip_prefix(", all above with sha256:")?;
    (digest.len() == 16).then_some((owner, digest))
}

/// The change of the file at `path`, which has the text `old`.
pub(crate) fn change(path: &Utf8Path, old: Option<String>, new: Option<String>) -> Change {
    Change {
        path: path.to_owned(),
        old,
        new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_a_file_is_is_told_by_its_last_line() {
        let ours = signed("a\nb\n", "#");
        assert_eq!(found(Some(&ours), ""), Found::Ours);
        assert_eq!(
            found(Some(&ours.replace("xtask", "pyext")), ""),
            Found::Ours
        );
        assert_eq!(
            found(Some(&ours.replacen("b\n", "c\n", 1)), ""),
            Found::Changed
        );
        assert_eq!(
            found(Some(&ours.replace("init", "other")), ""),
            Found::Theirs
        );
        assert_eq!(found(Some("a\nb\n"), ""), Found::Theirs);
        assert_eq!(found(Some(""), ""), Found::Theirs);
        assert_eq!(found(None, ""), Found::Absent);
    }

    #[test]
    fn a_file_for_another_project_of_the_checkout_is_told_from_ours() {
        let top = signed("run dev\n", "#");
        let below = signed("run --project a dev\n", "#");
        for (text, option, expected) in [
            (&top, "", Found::Ours),
            (&top, " --project a", Found::OfAnother),
            (&below, " --project a", Found::Ours),
            (&below, "", Found::OfAnother),
            (&below, " --project b", Found::OfAnother),
        ] {
            assert_eq!(found(Some(text), option), expected, "{text} {option}");
        }
    }
}
