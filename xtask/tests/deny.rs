//! `deny.toml`, as far as it can be checked without cargo-deny and without a network: the licences, sources
//! and versions of all that is compiled here.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{CargoOpt, Metadata, MetadataCommand, Package};
use serde::Deserialize;

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Bans {
    multiple_versions: String,
    skip: Vec<Skip>,
}

/// A version that may be there beside another one.
#[derive(Deserialize)]
struct Skip {
    /// `name@1.2`, the beginning of the version.
    #[serde(rename = "crate")]
    package: String,
    reason: String,
}

fn deny() -> Deny {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deny.toml");
    let text = fs_err::read_to_string(path).expect("it is there");
    toml_edit::de::from_str(&text).expect("it is what cargo-deny reads")
}

/// What is compiled on this machine: others may not have been downloaded.
fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
    command.features(CargoOpt::AllFeatures);
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    command.other_options([
        "--offline".into(),
        "--locked".into(),
        format!("--filter-platform={host}"),
    ]);
    command.exec().expect("cargo answers")
}

fn foreign(metadata: &Metadata) -> impl Iterator<Item = &Package> {
    metadata
        .packages
        .iter()
        .filter(|package| package.source.is_some())
}

/// Whether `expression` (SPDX; `/` is an old `OR`) is met by licences that are allowed.
fn is_allowed(expression: &str, allow: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    let parsed = spdx::Expression::parse_mode(&expression, spdx::ParseMode::LAX)
        .expect("an SPDX expression");
    parsed.evaluate(|required| allow.contains(&required.to_string()))
}

#[test]
fn licences_are_allowed() {
    let (deny, metadata) = (deny(), metadata());
    assert!(!is_allowed("GPL-3.0-only", &deny.licenses.allow));
    for package in foreign(&metadata) {
        let license = package.license.as_deref().unwrap_or("none");
        assert!(
            is_allowed(license, &deny.licenses.allow),
            "{}: {license}",
            package.name
        );
    }
}

#[test]
fn every_crate_comes_from_the_registry() {
    for package in foreign(&metadata()) {
        let source = package.source.as_ref().map(|source| source.repr.as_str());
        let is_registry = source == Some("registry+https://github.com/rust-lang/crates.io-index");
        assert!(is_registry, "{}: {source:?}", package.name);
    }
}

#[test]
fn a_crate_is_there_in_one_version_or_its_reason_is_given() {
    let (deny, metadata) = (deny(), metadata());
    assert_eq!(deny.bans.multiple_versions, "deny");
    let mut versions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for package in foreign(&metadata) {
        versions
            .entry(package.name.as_str())
            .or_default()
            .push(package.version.to_string());
    }
    let is_skipped = |name: &str, version: &str| {
        let id = format!("{name}@{version}");
        deny.bans
            .skip
            .iter()
            .any(|skip| id.starts_with(&skip.package) && !skip.reason.is_empty())
    };
    for (name, versions) in versions {
        let counted = versions.iter().filter(|version| !is_skipped(name, version));
        assert!(
            counted.count() <= 1,
            "{name} is there as {versions:?}: say why in deny.toml, `skip`"
        );
    }
}
