//! `WHEEL` and `METADATA`: fields in the manner of a mail (the core metadata specifications, PEP 427, PEP
//! 639).

use std::collections::BTreeSet;

use pep440_rs::Version;

use crate::budget::{Budget, Counted, Exceeded};
use crate::fields::{Headers, specifiers, version_of};
use crate::inside::Inside;
use crate::report::{Findings, Rule};
use packaging::{WheelName, normalized, version};

/// Compares both files, and the directory they lie in, with the name of the wheel.
pub(crate) fn check(
    name: &WheelName,
    inside: &Inside,
    budget: &Budget<'_>,
    findings: &mut Findings,
) -> Result<(), Exceeded> {
    let Some(dist_info) = &inside.dist_info else {
        return Ok(());
    };
    let stem = dist_info.strip_suffix(".dist-info").unwrap_or(dist_info);
    let is_ours = stem.split_once('-').is_some_and(|(distribution, version)| {
        normalized(distribution) == normalized(&name.distribution) && name.is_version(version)
    });
    if !is_ours {
        let reason = "it is not that of the distribution and version in the name of the file";
        findings.error(Rule::DistInfo, dist_info, reason);
    }
    match &inside.wheel {
        Some(wheel) => {
            let path = format!("{dist_info}/WHEEL");
            let checked = check_wheel(name, wheel, &path, budget, findings);
            checked.map_err(|exceeded| exceeded.at(&path))?;
        }
        None => findings.error(Rule::DistInfo, dist_info, "WHEEL is missing"),
    }
    match &inside.metadata {
        Some(metadata) => check_metadata(name, metadata, inside, dist_info, findings),
        None => findings.error(Rule::DistInfo, dist_info, "METADATA is missing"),
    }
    Ok(())
}

fn check_wheel(
    name: &WheelName,
    wheel: &Headers,
    path: &str,
    budget: &Budget<'_>,
    findings: &mut Findings,
) -> Result<(), Exceeded> {
    let mut wrong = |reason: String| findings.error(Rule::Wheel, path, reason);
    match wheel.first("Wheel-Version") {
        Some(version) if version.split('.').next() == Some("1") => {}
        Some(version) => wrong(format!(
            "Wheel-Version is {version}, which installers refuse"
        )),
        None => wrong("Wheel-Version is missing".to_owned()),
    }
    if !matches!(
        wheel.first("Root-Is-Purelib"),
        Some("true" | "false" | "True" | "False")
    ) {
        wrong("Root-Is-Purelib is neither true nor false".to_owned());
    }
    let build = wheel.first("Build");
    if build.is_some() && build != name.build.as_deref() {
        wrong("Build is not the build number in the name of the file".to_owned());
    }
    check_tags(name, wheel, budget, wrong)
}

fn check_tags(
    name: &WheelName,
    wheel: &Headers,
    budget: &Budget<'_>,
    mut wrong: impl FnMut(String),
) -> Result<(), Exceeded> {
    let mut said = BTreeSet::new();
    for tag in wheel.all("Tag") {
        // Three parts of which each may have several.
        let parts = tag.split('-').map(|part| part.split('.').count() as u64);
        budget.spend(Counted::Tags, parts.fold(1, u64::saturating_mul))?;
        said.extend(expanded(tag));
    }
    let named: BTreeSet<_> = name.tags().into_iter().collect();
    let list = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        one.difference(other)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (more, fewer) = (list(&said, &named), list(&named, &said));
    if !more.is_empty() {
        wrong(format!(
            "it is tagged {more}, and the name of the file is not"
        ));
    }
    if !fewer.is_empty() {
        wrong(format!(
            "it is not tagged {fewer}, as the name of the file is"
        ));
    }
    Ok(())
}

/// The tags that a tag stands for, which may be compressed here too.
fn expanded(tag: &str) -> Vec<String> {
    let name = WheelName::parse(&format!("a-1-{tag}.whl"));
    name.map_or_else(|_| vec![tag.to_owned()], |name| name.tags())
}

fn check_metadata(
    name: &WheelName,
    metadata: &Headers,
    inside: &Inside,
    dist_info: &str,
    findings: &mut Findings,
) {
    let path = format!("{dist_info}/METADATA");
    let mut wrong = |reason: String| findings.error(Rule::Metadata, &path, reason);
    let mut only = |field: &str| {
        let values: Vec<_> = metadata.all(field).collect();
        match values.as_slice() {
            [] => wrong(format!("{field} is missing")),
            [_] => {}
            _ => wrong(format!("{field} is there {} times", values.len())),
        }
        values.first().copied().unwrap_or_default().to_owned()
    };
    let format = only("Metadata-Version");
    let distribution = only("Name");
    let version = only("Version");
    if !format.is_empty() && !matches!(format.split('.').next(), Some("1" | "2")) {
        wrong(format!("Metadata-Version {format} is not known"));
    }
    if normalized(&distribution) != normalized(&name.distribution) {
        wrong(format!(
            "Name is `{distribution}`, and the file is called {}",
            name.distribution
        ));
    }
    if !name.is_version(&version) {
        wrong(format!(
            "Version is `{version}`, and the file is called {}",
            name.version
        ));
    }
    if let Some(requires) = metadata.first("Requires-Python")
        && let Some(reason) = why_not_on_its_python(requires, name)
    {
        wrong(reason);
    }
    check_licenses(metadata, &format, inside, dist_info, findings);
}

/// Why no Python that the tags allow may install it, going by `Requires-Python`.
fn why_not_on_its_python(requires: &str, name: &WheelName) -> Option<String> {
    let Some(specifiers) = specifiers(requires) else {
        return Some(format!(
            "Requires-Python `{requires}` is not a version specifier"
        ));
    };
    let exact = name
        .python
        .iter()
        .zip(&name.abi)
        .filter(|(python, abi)| abi.starts_with(python.as_str()));
    let exact: Vec<_> = exact.filter_map(|(python, _)| version_of(python)).collect();
    let allowed = |(major, minor): &(u64, u64)| {
        let mut patches = [0, 1, 5, 10, 999]
            .map(|patch| Version::new([*major, *minor, patch]))
            .into_iter();
        patches.any(|version| specifiers.contains(&version))
    };
    let refused = exact.iter().find(|version| !allowed(version))?;
    Some(format!(
        "Requires-Python `{requires}` does not allow CPython {}.{}, which the wheel is for",
        refused.0, refused.1
    ))
}

/// The licence files. Since metadata 2.4 it is settled where they lie; before, every backend had its place.
fn check_licenses(
    metadata: &Headers,
    format: &str,
    inside: &Inside,
    dist_info: &str,
    findings: &mut Findings,
) {
    let is_settled = version(format).is_some_and(|it| it >= Version::new([2, 4]));
    for license in metadata.all("License-File") {
        let base = license.rsplit('/').next().unwrap_or(license);
        let settled = format!("{dist_info}/licenses/{license}");
        let older = [
            format!("{dist_info}/{license}"),
            format!("{dist_info}/{base}"),
            format!("{dist_info}/licenses/{base}"),
            format!("{dist_info}/license_files/{license}"),
        ];
        if inside.files.contains_key(&settled) {
            continue;
        }
        if is_settled {
            findings.error(
                Rule::License,
                &settled,
                "METADATA names it, and it is missing",
            );
        } else if !older.iter().any(|path| inside.files.contains_key(path)) {
            findings.warning(
                Rule::License,
                &settled,
                "METADATA names it, and it is missing",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Limits;

    #[test]
    fn fields_end_at_the_first_empty_line() {
        let limits = Limits::default();
        let text = "Name: a\nLicense: x\n        y\nname: b\n\nVersion: 1\n";
        let headers = Headers::parse(text, &Budget::new(&limits)).unwrap();
        assert_eq!(headers.all("NAME").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(headers.first("License"), Some("x\ny"));
        assert_eq!(headers.first("Version"), None);
    }

    #[test]
    fn a_wheel_for_a_python_that_it_refuses_is_noticed() {
        let name = |file| WheelName::parse(file).unwrap();
        let cp312 = name("a-1-cp312-cp312-any.whl");
        assert!(
            why_not_on_its_python(">=3.13", &cp312)
                .unwrap()
                .contains("3.12")
        );
        assert!(why_not_on_its_python(">=3.12.4", &cp312).is_none());
        assert!(why_not_on_its_python("three", &cp312).is_some());
        // The stable ABI goes on to later versions.
        assert!(why_not_on_its_python(">=3.12", &name("a-1-cp311-abi3-any.whl")).is_none());
    }
}
