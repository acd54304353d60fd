//! `RECORD`: what is in the wheel, with a hash and a size for each file (PEP 376, PEP 427).

use std::collections::BTreeSet;

use crate::inside::Inside;
use crate::record_lines::Line;
use crate::report::{Findings, Rule};

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
