//! `RECORD`: what is in the wheel, with a hash and a size for each file (PEP 376, PEP 427).

use std::collections::BTreeSet;

use crate::inside::Inside;
use crate::report::{Findings, Rule};

/// One line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) path: String,
    /// `sha256=…`; empty for the record itself.
    pub(crate) hash: String,
    /// In bytes; empty for the record itself.
    pub(crate) size: String,
    /// How many fields it has: 3 is right.
    pub(crate) fields: usize,
}

impl Line {
    /// `sha256`.
    pub(crate) fn algorithm(&self) -> Option<&str> {
        self.hash.split_once('=').map(|(algorithm, _)| algorithm)
    }
}

/// Reads the lines, which are CSV: a path with a comma is in quotation marks.
pub(crate) fn parse(text: &str) -> Vec<Line> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(line).collect()
}

fn line(text: &str) -> Line {
    let mut fields = fields(text).into_iter();
    let count = fields.len();
    let mut next = || fields.next().unwrap_or_default();
    Line {
        path: next(),
        hash: next(),
        size: next(),
        fields: count,
    }
}

fn fields(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            // Two quotation marks in a quoted field are one; the second opens again what the first has closed.
            '"' => {
                let field = fields.last_mut().expect("there is one");
                if !quoted && !field.is_empty() {
                    field.push('"');
                }
                quoted = !quoted;
            }
            ',' if !quoted => fields.push(String::new()),
            _ => fields.last_mut().expect("there is one").push(c),
        }
    }
    fields
}

/// Compares `RECORD` with what is there.
pub(crate) fn check(inside: &Inside, findings: &mut Findings) {
    let Some(dist_info) = &inside.dist_info else {
        return;
    };
    let record = format!("{dist_info}/RECORD");
    let Some(lines) = &inside.record else {
        findings.error(Rule::Record, &record, "it is missing");
        return;
    };
    let mut listed = BTreeSet::new();
    for line in lines {
        if !listed.insert(line.path.as_str()) {
            findings.error(
                Rule::Record,
                &record,
                format!("it lists `{}` twice", line.path),
            );
        }
        if let Some(reason) = why_wrong(line, inside, dist_info) {
            findings.error(Rule::Record, &line.path, reason);
        }
    }
    for path in inside.files.keys() {
        if !listed.contains(path.as_str()) && !is_unhashed(path, dist_info) {
            findings.error(Rule::Record, path, "RECORD does not list it");
        }
    }
}

/// Files that cannot have a hash of their own in `RECORD`: itself, and its signatures.
fn is_unhashed(path: &str, dist_info: &str) -> bool {
    let name = path
        .strip_prefix(dist_info)
        .and_then(|rest| rest.strip_prefix('/'));
    matches!(name, Some("RECORD" | "RECORD.jws" | "RECORD.p7s"))
}

fn why_wrong(line: &Line, inside: &Inside, dist_info: &str) -> Option<String> {
    if line.fields != 3 {
        return Some(format!(
            "RECORD has {} fields for it instead of 3",
            line.fields
        ));
    }
    let Some(file) = inside.files.get(&line.path) else {
        return Some("RECORD lists it, and it is not there".to_owned());
    };
    if is_unhashed(&line.path, dist_info) && line.hash.is_empty() {
        return None;
    }
    let Some((algorithm, digest)) = line.hash.split_once('=') else {
        return Some("RECORD has no hash for it".to_owned());
    };
    if !matches!(algorithm, "sha256" | "sha384" | "sha512") {
        return Some(format!(
            "RECORD has a hash by `{algorithm}`, which is not to be trusted"
        ));
    }
    if digest.trim_end_matches('=') != file.digest {
        return Some(format!("its {algorithm} is not the one in RECORD"));
    }
    let size = line.size.parse::<u64>();
    if !line.size.is_empty() && size != Ok(file.size) {
        return Some(format!(
            "it has {} bytes, and {} in RECORD",
            file.size, line.size
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_have_commas_and_quotation_marks() {
        let lines = parse("\"a,b \"\"c\"\".py\",sha256=x,1\r\na.py,,\n\nb\n");
        assert_eq!(lines[0].path, "a,b \"c\".py");
        assert_eq!(lines[0].algorithm(), Some("sha256"));
        assert_eq!((lines[1].fields, lines[2].fields), (3, 1));
    }
}
