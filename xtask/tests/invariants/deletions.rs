//! Who deletes, and why.

use cargo_metadata::camino::Utf8PathBuf;

/// What deletes, as calls.
const MEANS: [&str; 4] = [
    "remove_file(",
    "remove_dir(",
    "remove_dir_all(",
    "remove_path(",
];

/// The places other than the crate `files`, each with its reason.
const PLACES: [(&str, &str); 4] = [
    (
        "crates/build-dir/src/unit.rs",
        "a file of cargo's by its name, by which cargo knows that a unit is fresh: it has to go, and cargo writes it again",
    ),
    (
        "crates/config-edit/src/apply.rs",
        "a configuration file of which nothing is left but what a mark of ours stands on, and the draft beside it; the user's own link to it stays",
    ),
    (
        "crates/dev-build/src/place.rs",
        "a library that maturin or we have placed, which is known by its content or by what was written down; a link is refused",
    ),
    ("crates/testkit/src/", "what tests have made"),
];

/// The lines of a source that is compiled into the program: up to its tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| *line != "#[cfg(test)]")
}

fn deletes(line: &str) -> bool {
    let is_comment = line.trim_start().starts_with("//");
    let is_call = |at: usize| {
        let before = &line[..at];
        let is_name = before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        // What all others are to call, and what is only defined here.
        !is_name && !before.ends_with("owned::") && !before.ends_with("fn ")
    };
    let calls = |means: &str| line.match_indices(means).any(|(at, _)| is_call(at));
    let by_method = line.contains(".remove_path(");
    !is_comment && (by_method || MEANS.iter().any(|means| calls(means)))
}

/// The sources among `tracked` that delete by other means than the crate `files`.
pub(crate) fn others(tracked: &[(Utf8PathBuf, String)]) -> Vec<&str> {
    let is_program = |path: &Utf8PathBuf| {
        let path = path.as_str();
        let is_test = path.contains("/tests/") || path.ends_with("tests.rs");
        path.ends_with(".rs") && path.contains("/src/") && !path.starts_with("rust/") && !is_test
    };
    let programs = tracked.iter().filter(|(path, _)| is_program(path));
    let deleting = programs.filter(|(_, text)| code(text).any(deletes));
    let names = deleting.map(|(path, _)| path.as_str());
    names
        .filter(|name| !name.starts_with("crates/files/"))
        .collect()
}

/// Checks that those that delete are those that are named.
pub(crate) fn check(tracked: &[(Utf8PathBuf, String)]) {
    let found = others(tracked);
    for name in &found {
        let is_named = PLACES.iter().any(|(place, _)| name.starts_with(place));
        assert!(
            is_named,
            "{name} deletes by itself: `files::owned` does so only in what is ours, and follows no link"
        );
    }
    for (place, reason) in PLACES {
        let is_there = found.iter().any(|name| name.starts_with(place));
        assert!(
            is_there || place.contains("testkit"),
            "{place} deletes nothing: {reason}"
        );
    }
}

#[test]
fn a_deletion_is_found_and_one_in_a_test_is_not() {
    let of = |text: &str| {
        let file = ("crates/a/src/b.rs".into(), text.to_owned());
        others(&[file]).len()
    };
    assert_eq!(of("fn f() {\n    fs_err::remove_file(path)?;\n}\n"), 1);
    assert_eq!(
        of("fn f() {\n    let it = std::fs::remove_dir_all(path);\n}\n"),
        1
    );
    assert_eq!(of("fn f() {\n    sh.remove_path(dir)?;\n}\n"), 1);
    assert_eq!(
        of("fn f() {\n    owned::remove_file(path)?;\n    map.remove(1);\n}\n"),
        0
    );
    assert_eq!(
        of("// fs_err::remove_file(path)\n#[cfg(test)]\nmod tests { fs_err::remove_file(p) }"),
        0
    );
}
