//! Wheels that nobody would write: no panic, no long wait, and a report that can be shown.

use std::collections::BTreeSet;

use testkit::Corpus;
use wheel_audit::{Limits, audit_within};

use crate::elf::Library;
use crate::raw_elf::{NOTE, RawElf, VERSIONS};
use crate::wheel::{DIST_INFO, Entry, Wheel};

/// How the audit of `bytes` has gone: which rules it breaks, and by what words; numbers and names left out.
fn judged(name: &str, bytes: &[u8]) -> String {
    let limits = Limits::default();
    let report = audit_within(name, bytes, None, &limits);
    let text = report.text();
    assert!(text.lines().all(packaging::is_plain), "{text:?}");
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.len() < 500_000 && text.len() < 500_000);
    let findings = report.findings.iter().map(|finding| {
        let words = finding.message.split_whitespace().take(6);
        let plain = |word: &str| word.chars().all(|c| c.is_ascii_alphabetic());
        let words: Vec<_> = words.filter(|word| plain(word)).collect();
        format!("{:?} {}", finding.rule, words.join(" "))
    });
    let findings: BTreeSet<_> = findings.collect();
    format!("{findings:?} {:?}", report.platform)
}

/// The file `name` of a good wheel is `content`.
fn judged_with(name: &str, content: &[u8]) -> String {
    let mut wheel = Wheel::good();
    *wheel.entry(name) = Entry::stored(name, content);
    let wheel = if name.ends_with("RECORD") {
        wheel
    } else {
        wheel.recorded()
    };
    judged(&wheel.file_name(), &wheel.bytes())
}

#[test]
fn archives() {
    let mut stored = Wheel::good();
    for name in ["thing/cli.py", "thing/__init__.py"] {
        *stored.entry(name) = Entry::stored(name, b"def main(): pass\n");
    }
    let corpus = Corpus {
        inputs: vec![Wheel::good().bytes(), stored.recorded().bytes()],
        words: vec![
            "PK\x01\x02",
            "PK\x03\x04",
            "PK\x05\x06",
            "PK\x06\x06",
            "PK\x06\x07",
            "../",
            "\x01\0",
            "up",
        ],
    };
    let name = Wheel::good().file_name();
    corpus.fuzz(|bytes| judged(&name, bytes));
}

#[test]
fn libraries() {
    let more = Library {
        isa_needed: Some(3),
        run_path: Some("$ORIGIN:/opt"),
        executable_stack: true,
        ..Library::default()
    };
    let mut raw = RawElf::with_strings(b"\0libc.so.6\0GLIBC_2.99\0".to_vec());
    let table = raw.chunk(vec![1; 64]);
    raw.section(VERSIONS, table, 1, 2);
    raw.segment(NOTE, table);
    let corpus = Corpus {
        inputs: vec![Library::default().bytes(), more.bytes(), raw.bytes()],
        words: vec!["\x7fELF", "PyInit__thing", "GLIBC_2.99", "\0"],
    };
    corpus.fuzz(|bytes| judged_with("thing/_thing.abi3.so", bytes));
}

#[test]
fn records() {
    let text = Wheel::good().text(&format!("{DIST_INFO}/RECORD"));
    let corpus = Corpus::texts(
        [text.as_str()],
        &[
            "sha256=", "sha512=", "md5=", "\"", "\"\"", ",", "\n", "\r\n", "../",
        ],
    );
    corpus.fuzz(|bytes| judged_with(&format!("{DIST_INFO}/RECORD"), bytes));
}

#[test]
fn metadata() {
    for name in ["METADATA", "WHEEL", "entry_points.txt"] {
        let path = format!("{DIST_INFO}/{name}");
        let text = Wheel::good().text(&path);
        let words = [
            "Name: ",
            "Version: ",
            "Tag: ",
            "Requires-Python: ",
            ">=3.11,<4",
            "License-File: ",
            "\n ",
            "\n\n",
            "Build: 1",
            "Metadata-Version: ",
            "[console_scripts]\n",
            "a = b:c",
            "cp311-abi3-",
            ".",
            "-",
            "\u{202e}",
        ];
        Corpus::texts([text.as_str()], &words).fuzz(|bytes| judged_with(&path, bytes));
    }
}

#[test]
fn names_of_files() {
    let names = [
        "thing-1.0+g1a2b3c4-cp311-abi3-manylinux_2_28_x86_64.whl",
        "a_b-1.0-2x-cp38.cp39-abi3-manylinux1_x86_64.any.whl",
        "a-1-py3-none-musllinux_1_2_x86_64.linux_x86_64.macosx_11_0_arm64.whl",
    ];
    let bytes = Wheel::good().bytes();
    let corpus = Corpus::texts(
        names,
        &[
            "cp3",
            "abi3",
            ".",
            "-",
            "manylinux_",
            "99999999999",
            "!",
            "_",
        ],
    );
    corpus.fuzz(|name| judged(&String::from_utf8_lossy(name), &bytes));
}
