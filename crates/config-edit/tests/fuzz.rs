//! Every operation on files that nobody would write: an edit applied again changes nothing, taken back it
//! leaves the file as it was, and a file that is refused stays as it was.

mod common;

use camino::Utf8Path;
use common::{ALL, Edit, File, Operation, checked};
use testkit::Corpus;

/// The styles that people write, and words of TOML and of what is edited.
fn corpus(kind: &str) -> Corpus {
    let dir = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/styles");
    let entries = dir.read_dir_utf8().unwrap().map(Result::unwrap);
    let mut paths: Vec<_> = entries.map(camino::Utf8DirEntry::into_path).collect();
    paths.retain(|path| path.as_str().ends_with(kind));
    paths.sort();
    let texts: Vec<_> = paths
        .iter()
        .map(|path| fs_err::read_to_string(path).unwrap())
        .collect();
    let words = [
        "[build]\n",
        "[env]\n",
        "[[a]]\n",
        "[tool.uv]\n",
        "cache-keys = [",
        "jobs = 2",
        "include = [",
        "\"\"\"",
        "'''",
        "\"",
        "{ ",
        " }",
        "]",
        ",",
        "\n",
        "\r\n",
        "\r",
        "# by `cargo xtask sccache`",
        "# by `cargo xtask tune`",
        "#",
        "a.b = 1\n",
        "\\",
        "\u{feff}",
        "[profile.dev]\n",
        "debug = 0\n",
        "rustc-wrapper = \"x\"\n",
    ];
    Corpus::texts(texts.iter().map(String::as_str), &words)
}

fn fuzz(kind: &str, is_one: fn(&Operation) -> bool) {
    let operations: Vec<_> = ALL.into_iter().filter(is_one).collect();
    corpus(kind).fuzz(|bytes| {
        let words = operations
            .iter()
            .map(|operation| outcome(*operation, bytes));
        words.collect::<Vec<_>>().join(" ")
    });
}

fn outcome(operation: Operation, bytes: &[u8]) -> String {
    let Ok(text) = str::from_utf8(bytes) else {
        let file = File::of("");
        fs_err::write(&file.path, bytes).unwrap();
        assert!(operation.plan(&file.path, common::BY).is_err());
        return "no text".to_owned();
    };
    // What is marked as ours is ours: taken back, it goes, whoever has written the mark.
    if text.contains(common::BY.0) {
        return format!(
            "ours {}",
            operation.plan(&File::of(text).path, common::BY).is_ok()
        );
    }
    match checked(operation, text) {
        Ok(new) if new == text => "nothing".to_owned(),
        Ok(new) => format!("edited {}", (new.len() - text.len()) / 8),
        Err(error) => {
            let text = error.to_string();
            text.split_whitespace()
                .skip(2)
                .filter(|it| it.chars().all(char::is_alphabetic))
                .collect()
        }
    }
}

#[test]
fn configurations() {
    fuzz("config.toml", |it| matches!(it.edit, Edit::Config(_)));
}

#[test]
fn projects() {
    fuzz("pyproject.toml", |it| matches!(it.edit, Edit::Pyproject(_)));
}

#[test]
fn manifests() {
    fuzz(".toml", |it| matches!(it.edit, Edit::Manifest(_)));
}
