//! The invariants of docs/architecture.md, each kept by a test here or at the code that it is about.

use std::collections::{BTreeMap, BTreeSet};

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
    let listing = build_env::Invocation::new("git")
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
fn only_build_env_starts_processes() {
    // clippy.toml forbids it everywhere; here is checked that nobody but build-env lifts that.
    let clippy = fs_err::read_to_string(root().join("clippy.toml")).expect("clippy.toml");
    assert!(clippy.contains("std::process::Command::new"));
    let lifted = format!("clippy::{}", "disallowed_methods");
    let lifting: Vec<_> = tracked_texts()
        .into_iter()
        .filter(|(path, text)| path.extension() == Some("rs") && text.contains(&lifted))
        .map(|(path, _)| path)
        .collect();
    // A build script is no part of the automation.
    let expected = [
        "crates/build-env/src/invocation.rs",
        "rust/maou_rust/build.rs",
    ];
    assert_eq!(lifting, expected);
    // xshell starts processes too; tests may.
    let metadata = metadata();
    let users = metadata.packages.iter().filter(|package| {
        package
            .dependencies
            .iter()
            .any(|dependency| dependency.name == "xshell")
    });
    assert_eq!(
        users.map(|p| p.name.as_str()).collect::<Vec<_>>(),
        ["testkit"]
    );
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
fn no_two_files_import_each_other_in_a_loop() {
    // In these crates they still do.
    let not_yet = ["build-bench", "build-env", "wheel-audit"];
    for package in packages_in(&metadata(), "crates") {
        let src = package.manifest_path.with_file_name("src");
        if !not_yet.contains(&package.name.as_str()) {
            let looped = in_a_loop(imports(&src));
            assert!(looped.is_empty(), "{}: {looped:?}", package.name);
        }
    }
}

#[test]
fn a_loop_is_found() {
    let of = |pairs: &[(&str, &[&str])]| {
        let graph = pairs.iter().map(|(file, uses)| {
            let uses = uses.iter().map(|it| (*it).to_owned());
            ((*file).to_owned(), uses.collect())
        });
        in_a_loop(graph.collect())
    };
    assert!(of(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])]).is_empty());
    let looped = of(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &[])]);
    assert_eq!(looped, ["a", "b", "c"].map(str::to_owned).into());
    let named = imported(
        "use crate::a::{X, Y};\nuse crate::{B, c::{D}, e as f};\nfn g() { crate::h::i(); }",
    );
    assert_eq!(named, ["B", "a", "c", "e", "h"].map(str::to_owned).into());
}

type Imports = BTreeMap<String, BTreeSet<String>>;

/// For each file at the top of `src`, with the directory of its name, the others that it imports. What
/// `lib.rs` hands on counts as imported from the file that it is in. Tests may import what they like.
fn imports(src: &Utf8Path) -> Imports {
    let text_of = |path: &Utf8Path| {
        let text = fs_err::read_to_string(path).expect("a source");
        text.split("#[cfg(test)]\nmod tests")
            .next()
            .map(str::to_owned)
    };
    let lib = text_of(&src.join("lib.rs")).unwrap_or_default();
    let handed_on = lib
        .split(';')
        .filter_map(|it| it.trim().strip_prefix("pub use "));
    let origins: Vec<_> = handed_on.filter_map(|it| it.split_once("::")).collect();
    let origin = |name: &String| {
        let has = |text: &str| {
            text.split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|it| it == name)
        };
        let found = origins.iter().find(|(_, names)| has(names));
        found.map_or_else(|| name.clone(), |(module, _)| (*module).to_owned())
    };
    let mut graph = Imports::new();
    for entry in walkdir::WalkDir::new(src).into_iter().flatten() {
        let Some(path) = Utf8Path::from_path(entry.path()) else {
            continue;
        };
        let below = path.strip_prefix(src).expect("it lies there");
        let first = below.iter().next().unwrap_or_default();
        let module = first.trim_end_matches(".rs");
        let is_test = below.file_stem() == Some("tests");
        if path.extension() == Some("rs") && module != "lib" && !is_test {
            let used = imported(&text_of(path).unwrap_or_default());
            let used = used.iter().map(&origin).filter(|it| it != module);
            graph.entry(module.to_owned()).or_default().extend(used);
        }
    }
    graph
}

/// What follows `crate::` in `text`: the first name of each path.
fn imported(text: &str) -> BTreeSet<String> {
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let mut depth = 0;
        let mut begins = true;
        for word in rest.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
            let name = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
            if begins && !name.is_empty() {
                names.insert(name.to_owned());
                begins = false;
            }
            match word.chars().last() {
                Some('{') => depth += 1,
                Some('}') => depth -= 1,
                Some(',') if depth == 1 => begins = true,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

/// The files that are left when all are taken away, again and again, that import none of those left.
fn in_a_loop(mut graph: Imports) -> BTreeSet<String> {
    loop {
        let left: BTreeSet<_> = graph.keys().cloned().collect();
        graph.retain(|_, uses| !uses.is_disjoint(&left));
        if graph.len() == left.len() {
            return left;
        }
    }
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
