//! The actions that GitHub's workflows use: whoever can move a tag can have another one run.

use crate::facts::Facts;
use crate::finding::{Found, Judged, Problem};

pub(crate) fn pins(facts: &Facts) -> Judged {
    let mut found: Vec<(String, String)> = Vec::new();
    for (path, text) in &facts.workflows {
        for (line, action) in unpinned(text) {
            if found.iter().all(|(known, _)| *known != action) {
                found.push((action, format!("{}:{line}", facts.shown(path))));
            }
        }
    }
    let problem = together(&found);
    Ok(Found::of(problem.into_iter().collect(), || {
        match facts.workflows.len() {
            0 => "there are no workflows".to_owned(),
            count => format!("all that {count} workflows use is pinned to a commit"),
        }
    }))
}

/// So many are named.
const NAMED: usize = 3;

/// One problem for all actions, each with the first place that uses it: a project that pins none has dozens.
fn together(found: &[(String, String)]) -> Option<Problem> {
    let (first, _) = found.first()?;
    let named = found.iter().take(NAMED);
    let named: Vec<_> = named
        .map(|(it, place)| format!("`{it}` ({place})"))
        .collect();
    let more = match found.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (count, each) = match found.len() {
        1 => ("an action is".to_owned(), ""),
        count => (format!("{count} actions are"), "; so for each of them"),
    };
    let text = format!("{count} not pinned to a commit: {}{more}", named.join(", "));
    Some(Problem::new(text, format!("{}{each}", cure(first))))
}

/// The lines that use what may change, and what they use.
fn unpinned(workflow: &str) -> Vec<(usize, String)> {
    let lines = workflow.lines().zip(1..);
    let uses = lines.filter_map(|(text, line)| Some((line, used(text)?)));
    let unpinned = uses.filter(|(_, action)| !is_pinned(action));
    unpinned
        .map(|(line, action)| (line, action.to_owned()))
        .collect()
}

/// What a line of a workflow uses.
fn used(line: &str) -> Option<&str> {
    let key = line.trim_start().trim_start_matches("- ").trim_start();
    let value = key.strip_prefix("uses:")?;
    let value = value.split(" #").next().unwrap_or(value).trim();
    let value = value.trim_matches(['"', '\'']);
    (!value.is_empty()).then_some(value)
}

fn is_pinned(action: &str) -> bool {
    if action.starts_with("./") {
        return true;
    }
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let (_, pin) = action.rsplit_once('@').unwrap_or((action, ""));
    if action.starts_with("docker://") {
        let digest = pin.strip_prefix("sha256:");
        return digest.is_some_and(|digest| is_hex(digest, 64));
    }
    is_hex(pin, 40)
}

/// The command that tells the commit of what is used now.
fn cure(action: &str) -> String {
    let (name, tag) = action.split_once('@').unwrap_or((action, "main"));
    if name.starts_with("docker://") {
        return "write the digest of the image behind it: `@sha256:…`".to_owned();
    }
    let repository: Vec<_> = name.splitn(3, '/').take(2).collect();
    let repository = repository.join("/");
    format!(
        "`gh api repos/{repository}/commits/{tag} --jq .sha` tells the commit; write `uses: {name}@COMMIT # {tag}`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_change_is_pinned() {
        let (commit, digest) = ("3d3c42e5aac5ba805825da76410c181273ba90b1", "0".repeat(64));
        for (line, expected) in [
            (
                "      - uses: actions/checkout@v4 # why",
                Some("actions/checkout@v4"),
            ),
            ("        uses: 'a/b/sub@main'", Some("a/b/sub@main")),
            ("  uses: a/b", Some("a/b")),
            (&format!("- uses: actions/checkout@{commit} # v7"), None),
            (&format!("uses: o/r/.github/workflows/x.yml@{commit}"), None),
            (
                "uses: actions/checkout@3d3c42e5",
                Some("actions/checkout@3d3c42e5"),
            ),
            ("uses: ./.github/actions/own", None),
            (&format!("uses: docker://alpine@sha256:{digest}"), None),
            ("uses: docker://alpine:3", Some("docker://alpine:3")),
            ("# uses: a/b@v1", None),
            ("run: echo uses: a/b@v1", None),
        ] {
            let found = unpinned(line);
            let found = found.first().map(|(_, action)| action.as_str());
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn all_of_a_project_are_one_problem() {
        let found = |count: usize| {
            let all = ["a/a@v1", "b/b@v1", "c/c@v1", "d/d@v1"].iter().zip(1..);
            let all = all.map(|(it, line)| ((*it).to_owned(), format!("w.yml:{line}")));
            together(&all.take(count).collect::<Vec<_>>())
        };
        assert_eq!(found(0), None);
        let one = found(1).unwrap();
        let text = "an action is not pinned to a commit: `a/a@v1` (w.yml:1)";
        assert_eq!(one.text, text);
        assert!(!one.cure.unwrap().contains("each"));
        let four = found(4).unwrap();
        let text = "4 actions are not pinned to a commit: `a/a@v1` (w.yml:1), `b/b@v1` (w.yml:2), `c/c@v1` (w.yml:3) and 1 more";
        assert_eq!(four.text, text);
        assert!(four.cure.unwrap().ends_with("# v1`; so for each of them"));
    }

    #[test]
    fn the_cure_asks_for_the_commit_of_the_repository() {
        let cure = cure("o/r/sub@v1");
        assert!(cure.contains("repos/o/r/commits/v1"), "{cure}");
        assert!(cure.contains("uses: o/r/sub@COMMIT # v1"), "{cure}");
    }
}
