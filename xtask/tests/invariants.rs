//! The invariants of docs/architecture.md, each kept by a test here or at the code that it is about.

#[path = "invariants/deletions.rs"]
mod deletions;
#[path = "invariants/loops.rs"]
mod loops;

use std::collections::BTreeSet;

use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand, Package};

fn root() -> Utf8PathBuf {
    let xtask = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("it lies in the workspace").to_owned()
}

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(root().join("Cargo.toml")).no_deps();
    command.exec().expect("cargo metadata")
}

/// The packages of the workspace below the directory `half`.
fn packages_in<'a>(metadata: &'a Metadata, half: &str) -> Vec<&'a Package> {
    let dir = root().join(half);
    let packages = metadata.packages.iter();
    let found: Vec<_> = packages
        .filter(|p| p.manifest_path.starts_with(&dir))
        .collect();
    assert!(!found.is_empty(), "no package below {dir}");
    found
}

/// The names of all dependencies of `packages`, of every kind.
fn dependencies(packages: &[&Package]) -> BTreeSet<String> {
    let dependencies = packages.iter().flat_map(|package| &package.dependencies);
    dependencies
        .map(|dependency| dependency.name.clone())
        .collect()
}

/// Files that git tracks, with their text; pictures and the like are left out.
fn tracked_texts() -> Vec<(Utf8PathBuf, String)> {
    let listing = processes::Invocation::new("git")
        .args(["ls-files", "-z"])
        .cwd(&root());
    let listing = listing.read().expect("git ls-files");
    let paths = listing.split('\0').filter(|path| !path.is_empty());
    let read = |path: &str| Some((path.into(), fs_err::read_to_string(root().join(path)).ok()?));
    paths.filter_map(read).collect()
}

#[test]
fn the_two_halves_do_not_depend_on_each_other() {
    let metadata = metadata();
    let mut automation = packages_in(&metadata, "crates");
    automation.extend(packages_in(&metadata, "xtask"));
    let product = packages_in(&metadata, "rust");
    for (one, other) in [(&automation, &product), (&product, &automation)] {
        let used = dependencies(one);
        for package in other {
            assert!(
                !used.contains(package.name.as_str()),
                "depends on {}",
                package.name
            );
        }
    }
    let pyo3 = dependencies(&automation)
        .into_iter()
        .find(|name| name.starts_with("pyo3"));
    assert_eq!(pyo3, None, "pyo3 stands only under rust/");
}

#[test]
fn what_measures_one_build_stands_below_what_measures_many() {
    let metadata = metadata();
    let of = |name: &str| {
        let all = packages_in(&metadata, "crates").into_iter();
        let named: Vec<_> = all.filter(|package| *package.name == name).collect();
        dependencies(&named)
    };
    for (one, other) in [("tune", "build-bench"), ("build-bench", "tune")] {
        let used = of(one);
        assert!(
            used.contains("trial") && !used.contains(other),
            "{one}: {used:?}"
        );
    }
    let used = of("trial");
    assert!(
        !used.contains("tune") && !used.contains("build-bench"),
        "{used:?}"
    );
}

#[test]
fn the_automation_knows_nothing_of_the_product() {
    for (path, text) in tracked_texts() {
        if path.starts_with("crates") && matches!(path.extension(), Some("rs" | "toml")) {
            let lower = text.to_lowercase();
            for word in ["maou", "shogi"] {
                assert!(!lower.contains(word), "{path} speaks of {word}");
            }
        }
    }
}

#[test]
fn only_processes_starts_processes() {
    // clippy.toml forbids it everywhere; here is checked that nobody but `processes` lifts that.
    let clippy = fs_err::read_to_string(root().join("clippy.toml")).expect("clippy.toml");
    assert!(clippy.contains("std::process::Command::new"));
    let lifted = format!("clippy::{}", "disallowed_methods");
    let lifting: Vec<_> = tracked_texts()
        .into_iter()
        .filter(|(path, text)| path.extension() == Some("rs") && text.contains(&lifted))
        .map(|(path, _)| path)
        .collect();
    let expected = [
        // A build script, which has no library of ours.
        "crates/cargo-pyext/build.rs",
        "crates/processes/src/handover.rs",
        "crates/processes/src/invocation.rs",
    ];
    assert_eq!(lifting, expected);
    // xshell starts processes too: tests may, and what is a script.
    let metadata = metadata();
    let users = metadata.packages.iter().filter(|package| {
        package
            .dependencies
            .iter()
            .any(|dependency| dependency.name == "xshell")
    });
    let users: BTreeSet<_> = users.map(|p| p.name.as_str()).collect();
    assert_eq!(users, BTreeSet::from(["testkit", "xtask"]));
}

/// The two modules that read the environment: the table of all variables, and what cargo has added.
const READS_THE_ENVIRONMENT: [&str; 2] = [
    "crates/environment/src/cargo_env.rs",
    "crates/environment/src/vars.rs",
];

#[test]
fn every_variable_is_a_documented_constant() {
    // Put together here, so that this file is none of those that are found.
    let means = ["var(", "var_os(", "vars(", "vars_os("].map(|it| format!("env::{it}"));
    let literal = ["vars::var", "(\""].concat();
    for (path, text) in tracked_texts() {
        let is_automation = path.starts_with("crates") || path.starts_with("xtask/src");
        let is_automation = is_automation && !path.starts_with("crates/testkit");
        let is_code = path.extension() == Some("rs") && path.as_str().contains("/src/");
        if !is_automation || !is_code || READS_THE_ENVIRONMENT.contains(&path.as_str()) {
            continue;
        }
        // A program that a test writes.
        let lines = text.lines().filter(|line| !line.contains("\"fn main() {"));
        for line in lines {
            let reads = means.iter().any(|it| line.contains(it.as_str()));
            assert!(!reads, "{path} reads the environment by itself: {line}");
            assert!(
                !line.contains(&literal),
                "{path} names no constant of vars.rs: {line}"
            );
        }
    }
}

#[test]
fn only_config_edit_writes_configuration_files() {
    // Everybody may read TOML. To make text of it takes one of these.
    let means = ["DocumentMut", "toml_edit::ser", "toml_edit::value"];
    let making: Vec<_> = tracked_texts()
        .into_iter()
        .filter(|(path, _)| path.extension() == Some("rs") && path.starts_with("crates"))
        .filter(|(path, _)| !path.starts_with("crates/config-edit"))
        .filter(|(_, text)| means.iter().any(|it| text.contains(it)))
        .map(|(path, _)| path)
        .collect();
    // The manifest of a crate that exists while it is being compiled, in a directory for temporary files.
    assert_eq!(making, ["crates/compiler-cache/src/record.rs"]);
}

#[test]
fn only_the_crate_files_and_a_few_named_places_delete() {
    deletions::check(&tracked_texts());
}

#[test]
fn the_tracked_cargo_config_holds_nothing_of_one_machine() {
    let path = root().join(".cargo/config.toml");
    let text = fs_err::read_to_string(path).expect(".cargo/config.toml");
    let settings = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    for line in settings {
        // That there is none holds everywhere.
        let line = line.replace("build.rustc-wrapper=''", "");
        for word in ["wrapper", "linker", "jobs", "rustflags", "\"/"] {
            assert!(!line.contains(word), "`{line}` holds for one machine only");
        }
    }
}

#[test]
fn no_file_carries_the_address_of_a_registry() {
    // Put together here, so that this file does not carry them either.
    let hosts = [
        ["pypi", "org"].join("."),
        ["pythonhosted", "org"].join("."),
        ["index.crates", "io"].join("."),
        ["static.crates", "io"].join("."),
        ["registry.npmjs", "org"].join("."),
    ];
    for (path, text) in tracked_texts() {
        for host in &hosts {
            assert!(!text.contains(host.as_str()), "{path} carries {host}");
        }
    }
}

#[test]
fn files_do_not_use_one_another_in_a_loop() {
    let tracked = tracked_texts();
    let mut found = BTreeSet::new();
    for package in metadata().packages {
        let dir = package
            .manifest_path
            .parent()
            .expect("it lies in a directory");
        let dir = dir.strip_prefix(root()).expect("it lies in the workspace");
        let src = dir.join("src");
        let files = tracked.iter().filter_map(|(path, text)| {
            let below = path.strip_prefix(&src).ok()?;
            (below.extension() == Some("rs")).then(|| (below.to_string(), text.clone()))
        });
        let files = loops::CrateFiles::new(&files.collect::<Vec<_>>());
        found.extend(files.loops().into_iter().map(|it| format!("{dir}: {it}")));
    }
    assert!(
        found.is_empty(),
        "files that use one another in a loop: {found:#?}"
    );
}

/// A longer line does not fit beside another window.
#[test]
fn no_comment_is_wider_than_110_columns() {
    for (path, text) in tracked_texts() {
        if path.extension() != Some("rs") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            // Neither an address nor a row of a table can be broken.
            let is_whole = line.contains("://") || line.contains("//! |");
            let width = line.chars().count();
            assert!(
                !is_comment || is_whole || width <= 110,
                "{path}:{}: the comment has {width} columns",
                number + 1
            );
        }
    }
}
