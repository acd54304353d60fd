//! Every operation on files as people write them: those in `tests/styles`, each also with other line ends, a
//! byte order mark and no final newline, and those below the directory that `CONFIG_EDIT_CORPUS` names, as
//! they are.

mod common;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use common::{ALL, checked, variants};
use config_edit::EditError;

/// The TOML files below `dir`.
fn files(dir: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = dir.read_dir_utf8().unwrap().map(Result::unwrap);
    let mut found: Vec<_> = entries.flat_map(|entry| found(entry.path())).collect();
    found.sort();
    found
}

fn found(path: &Utf8Path) -> Vec<Utf8PathBuf> {
    if path.is_dir() {
        files(path)
    } else if path.extension() == Some("toml") {
        vec![path.to_owned()]
    } else {
        Vec::new()
    }
}

/// What became of `text`, in a word.
fn outcome(operation: common::Operation, text: &str) -> &'static str {
    match checked(operation, text) {
        Ok(new) if new == text => "nothing to do",
        Ok(_) => "edited",
        Err(EditError::Taken { .. }) => "taken",
        Err(error) => panic!("{error}\n{text}"),
    }
}

#[test]
fn files_of_every_style_are_edited_and_come_back() {
    let dir = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/styles");
    let files = files(&dir);
    assert!(files.len() >= 25, "{}", files.len());
    for path in files {
        let text = fs_err::read_to_string(&path).unwrap();
        for (text, operation) in variants(&text).iter().flat_map(|t| ALL.map(|o| (t, o))) {
            let outcome = outcome(operation, text);
            assert_eq!(outcome, "edited", "{} of {path}", operation.name);
        }
    }
}

#[test]
fn so_are_those_of_a_corpus_of_real_files() {
    let Ok(dir) = std::env::var("CONFIG_EDIT_CORPUS") else {
        return;
    };
    let mut count: BTreeMap<_, usize> = BTreeMap::new();
    for path in files(Utf8Path::new(&dir)) {
        let text = fs_err::read_to_string(&path).unwrap();
        for operation in ALL {
            eprintln!("{} of {path}", operation.name);
            *count
                .entry((operation.name, outcome(operation, &text)))
                .or_default() += 1;
        }
    }
    eprintln!("{count:#?}");
}
