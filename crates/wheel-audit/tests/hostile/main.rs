//! Good wheels, and wheels that are damaged or meant to do harm: each is refused, with its reason.

mod bounded;
mod elf;
mod fuzz;
mod raw_elf;
mod wheel;

use std::collections::BTreeMap;

use elf::Library;
use wheel::{DIST_INFO, Entry, Wheel, finish, zip};
use wheel_audit::{
    Expected, ExpectedFile, ExpectedPattern, Limits, Report, Rule, Severity, audit, audit_within,
};

fn report(wheel: &Wheel) -> Report {
    audit(&wheel.file_name(), &wheel.bytes(), None)
}

/// The wheel must be refused by `rule`, for a reason that contains `part`.
fn refused(report: &Report, rule: Rule, part: &str) {
    let found = report
        .errors()
        .any(|it| it.rule == rule && it.message.contains(part));
    assert!(found, "expected {rule:?} {part:?} in\n{}", report.text());
}

/// That, and by nothing else.
fn refused_only(report: &Report, rule: Rule, part: &str) {
    refused(report, rule, part);
    assert!(
        report.errors().all(|it| it.rule == rule),
        "{}",
        report.text()
    );
}

fn warned(report: &Report, rule: Rule, part: &str) {
    assert!(report.passes(), "{}", report.text());
    let mut findings = report.findings.iter();
    let found = findings
        .any(|it| it.severity == Severity::Warning && it.rule == rule && it.message.contains(part));
    assert!(found, "expected {rule:?} {part:?} in\n{}", report.text());
}

#[test]
fn a_good_wheel_passes() {
    let report = report(&Wheel::good());
    assert_eq!(report.findings, [], "{}", report.text());
    assert_eq!(report.platform.as_deref(), Some("manylinux_2_28_x86_64"));
    assert_eq!(report.glibc.as_deref(), Some("2.28"));
    assert_eq!(report.extensions, ["thing/_thing.abi3.so"]);
    assert_eq!(report.requires_python.as_deref(), Some(">=3.11"));
}

// The archive.

#[test]
fn what_is_no_archive() {
    refused(
        &audit("a-1-py3-none-any.whl", b"<html>404</html>", None),
        Rule::Archive,
        "no ZIP file",
    );
    refused(
        &audit("a-1-py3-none-any.whl", b"", None),
        Rule::Archive,
        "no ZIP file",
    );
}

#[test]
fn the_beginning_of_an_end() {
    let end = zip(&[]);
    for length in 0..end.len() {
        refused(
            &audit("a-1-py3-none-any.whl", &end[..length], None),
            Rule::Archive,
            "no ZIP file",
        );
    }
}

#[test]
fn a_truncated_archive() {
    let wheel = Wheel::good();
    let bytes = wheel.bytes();
    for length in [bytes.len() - 1, bytes.len() / 2, 30] {
        refused(
            &audit(&wheel.file_name(), &bytes[..length], None),
            Rule::Archive,
            "end is missing",
        );
    }
}

#[test]
fn no_damaged_byte_makes_the_audit_panic() {
    let wheel = Wheel::good();
    let bytes = wheel.bytes();
    // A third of the bytes, those of every header among them.
    for at in (0..bytes.len()).step_by(3) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x41;
        let _ = audit(&wheel.file_name(), &damaged, None);
    }
}

#[test]
fn a_path_out_of_the_directory() {
    for name in [
        "../evil.py",
        "thing/../../evil.py",
        "thing/..",
        "./thing/x.py",
        "thing//x.py",
    ] {
        let wheel = Wheel::good().add(Entry::stored(name, b"x"));
        refused_only(&report(&wheel), Rule::Path, "leads out of the directory");
    }
}

#[test]
fn an_absolute_path() {
    let wheel = Wheel::good().add(Entry::stored("/etc/cron.d/evil", b"x"));
    refused_only(&report(&wheel), Rule::Path, "begins at the root");
}

#[test]
fn a_path_that_is_another_on_windows() {
    for name in ["thing\\..\\..\\evil.py", "C:/evil.py", "thing/x.py:stream"] {
        let wheel = Wheel::good().add(Entry::stored(name, b"x"));
        refused_only(&report(&wheel), Rule::Path, "Windows");
    }
}

#[test]
fn control_characters_in_a_path() {
    let wheel = Wheel::good().add(Entry::stored("thing/\u{1b}[2J.py", b"x"));
    refused_only(&report(&wheel), Rule::Path, "control characters");
    let wheel = Wheel::good().add(Entry::stored("thing/x.py\0.txt", b"x"));
    refused_only(&report(&wheel), Rule::Path, "control characters");
}

#[test]
fn a_symbolic_link() {
    let mut link = Entry::stored("thing/link", b"/etc/passwd");
    link.mode = 0o120_777;
    refused_only(
        &report(&Wheel::good().add(link)),
        Rule::Path,
        "symbolic link",
    );
}

#[test]
fn a_device() {
    let mut device = Entry::stored("thing/device", b"");
    device.mode = 0o020_666;
    refused_only(
        &report(&Wheel::good().add(device)),
        Rule::Path,
        "no regular file",
    );
}

#[test]
fn a_name_that_is_there_twice() {
    let mut wheel = Wheel::good();
    let twice = wheel.entry("thing/cli.py").clone();
    wheel.entries.push(twice);
    refused_only(&report(&wheel), Rule::Duplicate, "twice");
}

#[test]
fn a_file_that_is_a_directory_too() {
    let wheel = Wheel::good().add(Entry::stored("thing/cli.py/x.py", b"x"));
    refused_only(&report(&wheel), Rule::Duplicate, "cannot hold it");
}

#[test]
fn names_that_differ_in_case_only() {
    let wheel = Wheel::good().add(Entry::stored("thing/CLI.py", b"x"));
    warned(&report(&wheel), Rule::Duplicate, "letters have no case");
}

#[test]
fn another_name_before_the_data_than_in_the_directory() {
    let mut wheel = Wheel::good();
    wheel.entry("thing/cli.py").local_name = Some(b"thing/evl.py".to_vec());
    refused_only(
        &report(&wheel),
        Rule::Archive,
        "another name before its data",
    );
}

#[test]
fn a_second_name_for_some_programs() {
    let mut wheel = Wheel::good();
    wheel.entry("thing/cli.py").extra = b"\x75\x70\x05\0\x01\0\0\0\0".to_vec();
    refused_only(&report(&wheel), Rule::Archive, "a second name");
}

#[test]
fn a_name_that_is_not_utf8() {
    let mut wheel = Wheel::good();
    wheel.entry("thing/cli.py").name = b"thing/\xff.py".to_vec();
    refused_only(&report(&wheel), Rule::Archive, "not UTF-8");
}

#[test]
fn bytes_before_the_archive() {
    let wheel = Wheel::good();
    let mut bytes = b"#!/bin/sh\nrm -rf ~\n".to_vec();
    bytes.extend(wheel.bytes());
    refused_only(
        &audit(&wheel.file_name(), &bytes, None),
        Rule::Archive,
        "before, within or after",
    );
}

#[test]
fn bytes_after_the_archive() {
    let wheel = Wheel::good();
    let mut bytes = wheel.bytes();
    bytes.extend(b"more");
    refused_only(
        &audit(&wheel.file_name(), &bytes, None),
        Rule::Archive,
        "end is missing",
    );
}

#[test]
fn an_archive_within_the_comment_of_an_archive() {
    let wheel = Wheel::good();
    let mut bytes = wheel.bytes();
    let inner = zip(&[Entry::stored("evil.py", b"x")]);
    let length = u16::try_from(inner.len()).unwrap();
    let at = bytes.len() - 2;
    bytes[at..].copy_from_slice(&length.to_le_bytes());
    bytes.extend(inner);
    refused_only(
        &audit(&wheel.file_name(), &bytes, None),
        Rule::Archive,
        "two ends",
    );
}

/// Takes an entry out of the directory alone, so that only programs that read from the front see it.
#[test]
fn an_entry_that_the_directory_does_not_have() {
    let hidden = zip(&[Entry::stored("thing/hidden.py", b"import os")]);
    let end = hidden.len() - 22 - 46 - "thing/hidden.py".len();
    let wheel = Wheel::good();
    let visible = wheel.bytes();
    let directory_at = visible
        .windows(4)
        .position(|it| it == b"PK\x01\x02")
        .unwrap();
    let mut bytes = visible[..directory_at].to_vec();
    bytes.extend(&hidden[..end]);
    let directory = &visible[directory_at..visible.len() - 22];
    let bytes = finish(bytes, directory, wheel.entries.len());
    refused_only(
        &audit(&wheel.file_name(), &bytes, None),
        Rule::Archive,
        "belong to no entry",
    );
}

#[test]
fn entries_that_share_their_data() {
    let entries = [Entry::stored("a.py", b"x"), Entry::stored("b.py", b"x")];
    let one = zip(&entries[..1]);
    let directory = &one[one.len() - 22 - 46 - 4..one.len() - 22];
    let local = one[..one.len() - 22 - directory.len()].to_vec();
    let bytes = finish(local, &directory.repeat(2), 2);
    refused_only(
        &audit("a-1-py3-none-any.whl", &bytes, None),
        Rule::Archive,
        "share their data",
    );
}

/// An entry that lies within the data of another one.
#[test]
fn entries_that_overlap() {
    let inner = zip(&[Entry::stored("b.py", b"x")]);
    let (local, directory) = (inner.len() - 22 - 50, inner.len() - 22);
    let outer = Entry::stored("a.py", &inner[..local]);
    let one = zip(&[outer]);
    let at = one.len() - 22 - 50;
    let mut both = one[at..one.len() - 22].to_vec();
    let mut second = inner[local..directory].to_vec();
    // Its header stands behind that of the first: 30 bytes and the name.
    second[42..46].copy_from_slice(&34u32.to_le_bytes());
    both.extend(second);
    let bytes = finish(one[..at].to_vec(), &both, 2);
    let report = audit("a-1-py3-none-any.whl", &bytes, None);
    refused_only(&report, Rule::Archive, "overlap");
}

#[test]
fn an_encrypted_entry() {
    let mut wheel = Wheel::good();
    wheel.entry("thing/cli.py").flags = 1;
    refused(&report(&wheel), Rule::Archive, "encrypted");
}

#[test]
fn a_method_that_installers_do_not_know() {
    let mut wheel = Wheel::good();
    wheel.entry("thing/cli.py").method = 93;
    refused(&report(&wheel), Rule::Archive, "method 93");
}

#[test]
fn a_bomb_that_says_what_it_is() {
    let zeros = vec![0; 100 << 20];
    let bomb = Entry::deflated("thing/zeros.bin", &zeros);
    assert!(bomb.data.len() < 200_000);
    refused_only(
        &report(&Wheel::good().add(bomb)),
        Rule::Bomb,
        "would unpack",
    );
}

#[test]
fn a_bomb_that_hides_what_it_is() {
    let zeros = vec![0; 100 << 20];
    let mut bomb = Entry::deflated("thing/zeros.bin", &zeros);
    bomb.size = 1000;
    let mut wheel = Wheel::good();
    wheel.entries.push(bomb);
    refused(&report(&wheel), Rule::Content, "beyond the 1000 bytes");
}

#[test]
fn many_small_bombs() {
    let limits = Limits {
        ratio_from_bytes: 1 << 20,
        ..Limits::default()
    };
    let zeros = vec![0; 1 << 19];
    let wheel = (0..20).fold(Wheel::good(), |mut wheel, number| {
        wheel
            .entries
            .push(Entry::deflated(&format!("thing/{number}.bin"), &zeros));
        wheel
    });
    let report = audit_within(&wheel.file_name(), &wheel.bytes(), None, &limits);
    refused_only(&report, Rule::Bomb, "would unpack");
}

#[test]
fn more_entries_than_anybody_needs() {
    let limits = Limits {
        entries: 5,
        ..Limits::default()
    };
    let wheel = Wheel::good();
    let report = audit_within(&wheel.file_name(), &wheel.bytes(), None, &limits);
    refused_only(&report, Rule::Limit, "no more than 5 are looked at");
}

#[test]
fn data_that_do_not_have_their_checksum() {
    let mut wheel = Wheel::good();
    wheel.entry("thing/cli.py").crc32 ^= 1;
    refused(&report(&wheel), Rule::Content, "CRC-32");
}

#[test]
fn data_that_end_early_or_late() {
    let mut wheel = Wheel::good();
    wheel.entry("thing/cli.py").size += 1;
    refused(&report(&wheel), Rule::Content, "and not to the 18");
    let mut wheel = Wheel::good();
    wheel.entry("thing/cli.py").data.extend(b"hidden");
    refused(
        &report(&wheel),
        Rule::Content,
        "after the end of its compressed data",
    );
    let mut wheel = Wheel::good();
    wheel.entry("thing/cli.py").data[0] = 0xff;
    refused(&report(&wheel), Rule::Content, "damaged");
}

// What the wheel says of itself.

#[test]
fn a_file_that_was_changed_after_packing() {
    let mut wheel = Wheel::good();
    *wheel.entry("thing/cli.py") = Entry::stored("thing/cli.py", b"import os\nos.fork()");
    refused_only(
        &report(&wheel),
        Rule::Record,
        "sha256 is not the one in RECORD",
    );
}

#[test]
fn a_file_that_record_does_not_list() {
    let mut wheel = Wheel::good();
    wheel.entries.push(Entry::stored("thing/late.py", b"x"));
    refused_only(&report(&wheel), Rule::Record, "does not list it");
}

#[test]
fn a_file_that_record_lists_and_that_is_gone() {
    refused(
        &report(&Wheel::good().without("thing/__init__.py")),
        Rule::Record,
        "it is not there",
    );
}

#[test]
fn a_record_that_is_gone_doubled_weak_or_wrong() {
    let record = format!("{DIST_INFO}/RECORD");
    let good = Wheel::good();
    refused_only(
        &report(&good.clone().without(&record)),
        Rule::Record,
        "missing",
    );
    let edited = |from: &str, to: &str| good.clone().edited(&record, from, to);
    refused_only(
        &report(&edited(",sha256=", ",md5=")),
        Rule::Record,
        "not to be trusted",
    );
    refused_only(
        &report(&edited(",17\n", ",18\n")),
        Rule::Record,
        "17 bytes, and 18",
    );
    refused_only(
        &report(&edited(",17\n", ",17,x\n")),
        Rule::Record,
        "4 fields",
    );
    let line = good
        .clone()
        .text(&record)
        .lines()
        .next()
        .unwrap()
        .to_owned();
    refused_only(
        &report(&edited(&line, &format!("{line}\n{line}"))),
        Rule::Record,
        "twice",
    );
}

#[test]
fn no_metadata_directory_or_two() {
    let mut wheel = Wheel::good();
    wheel
        .entries
        .retain(|entry| !entry.name.starts_with(DIST_INFO.as_bytes()));
    refused_only(&report(&wheel), Rule::DistInfo, "no .dist-info");
    let wheel = Wheel::good().add(Entry::stored("other-1.dist-info/METADATA", b""));
    refused_only(&report(&wheel), Rule::DistInfo, "several");
}

#[test]
fn another_name_or_version_than_the_file_has() {
    let bytes = Wheel::good().bytes();
    let renamed = audit(
        "other-1.0+g1a2b3c4-cp311-abi3-manylinux_2_28_x86_64.whl",
        &bytes,
        None,
    );
    refused(&renamed, Rule::Metadata, "Name is `thing`");
    refused(&renamed, Rule::DistInfo, "not that of the distribution");
    let renamed = audit(
        "thing-1.1-cp311-abi3-manylinux_2_28_x86_64.whl",
        &bytes,
        None,
    );
    refused(&renamed, Rule::Metadata, "Version is `1.0+g1a2b3c4`");
    refused(&audit("thing.whl", &bytes, None), Rule::FileName, "1 parts");
}

#[test]
fn metadata_that_are_incomplete() {
    let metadata = format!("{DIST_INFO}/METADATA");
    let good = Wheel::good();
    let edited = |from: &str, to: &str| report(&good.clone().edited(&metadata, from, to));
    refused_only(
        &edited("Name: thing\n", ""),
        Rule::Metadata,
        "Name is missing",
    );
    refused_only(
        &edited("Name: thing\n", "Name: thing\nName: thing\n"),
        Rule::Metadata,
        "2 times",
    );
    refused_only(
        &edited("Metadata-Version: 2.4", "Metadata-Version: 9.0"),
        Rule::Metadata,
        "not known",
    );
    refused_only(
        &edited(">=3.11", "3 or so"),
        Rule::Metadata,
        "not a version specifier",
    );
    refused_only(&edited("LICENSE", "COPYING"), Rule::License, "missing");
    refused(
        &report(&good.clone().without(&metadata).recorded()),
        Rule::DistInfo,
        "METADATA is missing",
    );
}

#[test]
fn a_file_that_was_renamed_to_other_tags() {
    let mut wheel = Wheel::good();
    wheel.tag = "cp311-abi3-manylinux_2_17_x86_64".to_owned();
    let report = report(&wheel);
    refused(
        &report,
        Rule::Wheel,
        "it is tagged cp311-abi3-manylinux_2_28_x86_64",
    );
    refused(&report, Rule::Platform, "needs GLIBC_2.28 of libc.so.6");
}

#[test]
fn a_wheel_file_that_installers_refuse() {
    let wheel = format!("{DIST_INFO}/WHEEL");
    let edited = |from: &str, to: &str| report(&Wheel::good().edited(&wheel, from, to));
    refused_only(
        &edited("Wheel-Version: 1.0", "Wheel-Version: 2.0"),
        Rule::Wheel,
        "is 2.0",
    );
    refused_only(
        &edited("Root-Is-Purelib: false\n", ""),
        Rule::Wheel,
        "neither true nor false",
    );
    refused_only(
        &edited("Purelib: false", "Purelib: true"),
        Rule::Wheel,
        "it is native code",
    );
}

#[test]
fn a_command_that_calls_nothing() {
    let entry_points = format!("{DIST_INFO}/entry_points.txt");
    let edited =
        |to: &str| report(&Wheel::good().edited(&entry_points, "thing=thing.cli:main", to));
    refused_only(
        &edited("thing=thing.gone:main"),
        Rule::EntryPoint,
        "no module `thing.gone`",
    );
    refused_only(&edited("thing=thing.cli"), Rule::EntryPoint, "no function");
    refused_only(
        &edited("../../bin/ls=thing.cli:main"),
        Rule::EntryPoint,
        "outside",
    );
    warned(
        &edited("thing=elsewhere.cli:main"),
        Rule::EntryPoint,
        "no module `elsewhere.cli`",
    );
}

// Native code.

/// The good wheel with this extension, under another tag, which `WHEEL` has as well.
fn tagged(tag: &str, library: &Library, file: &str) -> Wheel {
    let mut wheel = Wheel::with(library);
    let old = std::mem::replace(&mut wheel.tag, tag.to_owned());
    wheel.entry("thing/_thing.abi3.so").name = format!("thing/{file}").into_bytes();
    wheel.edited(&format!("{DIST_INFO}/WHEEL"), &old, tag)
}

#[test]
fn symbols_newer_than_the_tag() {
    let library = Library {
        versions: vec!["GLIBC_2.38"],
        ..Library::default()
    };
    refused_only(
        &report(&Wheel::with(&library)),
        Rule::Platform,
        "GLIBC_2.38 of libc.so.6, and manylinux_2_28",
    );
    let kept = tagged(
        "cp311-abi3-manylinux_2_39_x86_64",
        &library,
        "_thing.abi3.so",
    );
    assert!(report(&kept).passes(), "{}", report(&kept).text());
    let private = Library {
        versions: vec!["GLIBC_PRIVATE"],
        ..Library::default()
    };
    refused_only(
        &report(&Wheel::with(&private)),
        Rule::Platform,
        "GLIBC_PRIVATE",
    );
}

#[test]
fn a_library_that_nobody_promises() {
    let library = Library {
        needed: vec!["libc.so.6", "libssl.so.3"],
        ..Library::default()
    };
    let wheel = Wheel::with(&library);
    refused_only(&report(&wheel), Rule::Platform, "needs libssl.so.3");
    // Unless the wheel brings it.
    let brought = Library {
        defined: vec![],
        ..Library::default()
    };
    let wheel = wheel.add(Entry::deflated("thing.libs/libssl.so.3", &brought.bytes()));
    assert!(report(&wheel).passes(), "{}", report(&wheel).text());
}

#[test]
fn symbols_that_not_every_build_of_a_library_has() {
    let library = Library {
        needed: vec!["libz.so.1"],
        versions: vec![],
        undefined: vec!["inflate_fast"],
        ..Library::default()
    };
    refused_only(
        &report(&Wheel::with(&library)),
        Rule::Platform,
        "private symbol inflate_fast",
    );
}

#[test]
fn glibc_in_a_wheel_for_musl() {
    let wheel = tagged(
        "cp311-abi3-musllinux_1_2_x86_64",
        &Library::default(),
        "_thing.abi3.so",
    );
    refused_only(&report(&wheel), Rule::Platform, "needs libc.so.6");
    let musl = Library {
        needed: vec!["libc.musl-x86_64.so.1"],
        versions: vec![],
        ..Library::default()
    };
    let wheel = tagged("cp311-abi3-musllinux_1_2_x86_64", &musl, "_thing.abi3.so");
    assert!(report(&wheel).passes(), "{}", report(&wheel).text());
}

#[test]
fn another_machine_than_the_tag() {
    let library = Library {
        machine: 183,
        ..Library::default()
    };
    refused_only(
        &report(&Wheel::with(&library)),
        Rule::Tag,
        "it is for aarch64",
    );
}

#[test]
fn a_newer_processor_than_the_tag() {
    let library = Library {
        isa_needed: Some(0b100),
        ..Library::default()
    };
    refused_only(
        &report(&Wheel::with(&library)),
        Rule::Platform,
        "newer processor",
    );
    let baseline = Library {
        isa_needed: Some(1),
        ..Library::default()
    };
    assert!(report(&Wheel::with(&baseline)).passes());
}

#[test]
fn native_code_in_a_wheel_for_everybody() {
    let wheel = tagged("py3-none-any", &Library::default(), "_thing.abi3.so");
    refused_only(&report(&wheel), Rule::Tag, "for every platform");
}

#[test]
fn an_extension_for_another_python() {
    for (tag, file) in [
        (
            "cp312-cp312-manylinux_2_28_x86_64",
            "_thing.cpython-311-x86_64-linux-gnu.so",
        ),
        (
            "cp311-abi3-manylinux_2_28_x86_64",
            "_thing.cpython-311-x86_64-linux-gnu.so",
        ),
        ("cp313-cp313t-manylinux_2_28_x86_64", "_thing.abi3.so"),
    ] {
        refused_only(
            &report(&tagged(tag, &Library::default(), file)),
            Rule::Tag,
            "no interpreter that takes",
        );
    }
    let file = "_thing.cpython-312-x86_64-linux-gnu.so";
    let good = tagged(
        "cp312-cp312-manylinux_2_28_x86_64",
        &Library::default(),
        file,
    );
    assert!(report(&good).passes(), "{}", report(&good).text());
}

#[test]
fn more_than_the_stable_abi() {
    let library = Library {
        undefined: vec!["_PyUnicode_Ready", "PyUnicode_EqualToUTF8"],
        ..Library::default()
    };
    let report = report(&Wheel::with(&library));
    refused_only(
        &report,
        Rule::Tag,
        "_PyUnicode_Ready (not in the stable ABI)",
    );
    refused_only(&report, Rule::Tag, "PyUnicode_EqualToUTF8 (since 3.13)");
}

#[test]
fn an_extension_that_cannot_be_imported() {
    let library = Library {
        defined: vec!["PyInit_other"],
        ..Library::default()
    };
    refused_only(
        &report(&Wheel::with(&library)),
        Rule::Extension,
        "PyInit__thing",
    );
    let library = Library {
        needed: vec!["libc.so.6", "libpython3.12.so.1.0"],
        ..Library::default()
    };
    refused_only(
        &report(&Wheel::with(&library)),
        Rule::Extension,
        "libpython3.12.so.1.0",
    );
    let mut wheel = Wheel::good();
    let cut = &Library::default().bytes()[..200];
    *wheel.entry("thing/_thing.abi3.so") = Entry::stored("thing/_thing.abi3.so", cut);
    refused_only(
        &report(&wheel.recorded()),
        Rule::Extension,
        "cannot be loaded",
    );
}

#[test]
fn what_is_only_unwise_is_a_warning() {
    let library = Library {
        executable_stack: true,
        ..Library::default()
    };
    warned(
        &report(&Wheel::with(&library)),
        Rule::Extension,
        "executable stack",
    );
    let library = Library {
        run_path: Some("$ORIGIN/../thing.libs:/opt/lib"),
        ..Library::default()
    };
    warned(&report(&Wheel::with(&library)), Rule::Extension, "/opt/lib");
    let wheel = tagged(
        "cp311-abi3-linux_x86_64",
        &Library::default(),
        "_thing.abi3.so",
    );
    warned(&report(&wheel), Rule::Platform, "promises nothing");
}

#[test]
fn a_platform_that_does_not_exist() {
    let wheel = tagged(
        "cp311-abi3-manylinux_new_x86_64",
        &Library::default(),
        "_thing.abi3.so",
    );
    refused(&report(&wheel), Rule::Tag, "not a platform tag");
}

// What only the project knows.

fn expected() -> Expected {
    let mut wheel = Wheel::good();
    let file = |wheel: &mut Wheel, path: &str| ExpectedFile {
        path: path.to_owned(),
        sha256: sha256(wheel.text(path).as_bytes()),
    };
    Expected {
        name: "Thing".to_owned(),
        version: Some("1.0+g1a2b3c4".to_owned()),
        platform: Some("manylinux_2_28_x86_64".to_owned()),
        python: None,
        requires_python: Some(">=3.11".to_owned()),
        dependencies: Some(vec!["other >= 1".to_owned()]),
        scripts: Some(BTreeMap::from([(
            "thing".to_owned(),
            "thing.cli:main".to_owned(),
        )])),
        module: "thing._thing".to_owned(),
        programs: Vec::new(),
        libraries: vec!["thing/_thing".to_owned()],
        patterns: Vec::new(),
        files: vec![
            file(&mut wheel, "thing/__init__.py"),
            file(&mut wheel, "thing/cli.py"),
        ],
        packages: vec!["thing".to_owned()],
        licenses: vec!["LICENSE".to_owned()],
        max_size_bytes: Some(100_000),
        forbidden_paths: vec!["/src/thing".to_owned()],
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn against(wheel: &Wheel, expected: &Expected) -> Report {
    audit(&wheel.file_name(), &wheel.bytes(), Some(expected))
}

#[test]
fn a_wheel_as_its_project_wants_it() {
    let report = against(&Wheel::good(), &expected());
    assert_eq!(report.findings, [], "{}", report.text());
}

#[test]
fn a_package_that_is_not_complete() {
    let wheel = Wheel::good().without("thing/__init__.py").recorded();
    refused_only(&against(&wheel, &expected()), Rule::Package, "is missing");
    let wheel = Wheel::good().edited("thing/cli.py", "pass", "...");
    refused_only(
        &against(&wheel, &expected()),
        Rule::Package,
        "not as it is in the project",
    );
    let wheel = Wheel::good().add(Entry::stored("thing/secret.pem", b"x"));
    refused_only(
        &against(&wheel, &expected()),
        Rule::Package,
        "no file of the package",
    );
}

#[test]
fn files_that_a_build_makes() {
    let wheel = Wheel::good().add(Entry::stored("thing/web/deep/app.js", b"x"));
    let with = |paths: &[&str]| Expected {
        patterns: vec![ExpectedPattern {
            text: "web/**/*".to_owned(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            is_required: true,
        }],
        ..expected()
    };
    let report = against(&wheel, &with(&["thing/web/**/*"]));
    assert_eq!(report.findings, [], "{}", report.text());
    refused(
        &against(&wheel, &with(&["thing/*"])),
        Rule::Package,
        "no file of the package",
    );
    let missing = against(&Wheel::good(), &with(&["thing/web/**/*"]));
    refused_only(&missing, Rule::Package, "no file is there for `web/**/*`");
}

#[test]
fn files_of_data_directories_belong_to_the_project_too() {
    let wheel = Wheel::good();
    let wheel = wheel.add(Entry::stored("thing-1.0+g1a2b3c4.data/scripts/run", b"x"));
    let expected = |content: &[u8]| {
        let mut expected = expected();
        expected.files.push(ExpectedFile {
            path: ".data/scripts/run".to_owned(),
            sha256: sha256(content),
        });
        expected
    };
    let report = against(&wheel, &expected(b"x"));
    assert_eq!(report.findings, [], "{}", report.text());
    let report = against(&wheel, &expected(b"y"));
    refused_only(&report, Rule::Package, "not as it is in the project");
    let report = against(&Wheel::good(), &expected(b"x"));
    refused_only(&report, Rule::Package, "is missing");
}

#[test]
fn scripts_of_a_project_of_programs_are_programs_or_packed() {
    let scripts = "thing-1.0+g1a2b3c4.data/scripts";
    let mut wheel = Wheel::good();
    for name in ["tool", "run", "made-1"] {
        wheel = wheel.add(Entry::stored(&format!("{scripts}/{name}"), b"x"));
    }
    let wheel = wheel.without("thing/_thing.abi3.so").recorded();
    let mut expected = expected();
    expected.programs = vec!["tool".to_owned()];
    let is_refused = |expected: &Expected, name: &str| {
        let report = against(&wheel, expected);
        let findings = report.findings.iter();
        let none = "none of the project's programs";
        let mut others = findings.filter(|it| it.message.contains(none));
        others.any(|it| it.path == name)
    };
    let refused =
        |expected: &Expected| ["tool", "run", "made-1"].map(|it| is_refused(expected, it));
    assert_eq!(refused(&expected), [false, true, true]);
    expected.files.push(ExpectedFile {
        path: ".data/scripts/run".to_owned(),
        sha256: sha256(b"x"),
    });
    assert_eq!(refused(&expected), [false, false, true]);
    expected.patterns.push(ExpectedPattern {
        text: "made-*".to_owned(),
        paths: vec![".data/scripts/made-*".to_owned()],
        is_required: false,
    });
    assert_eq!(refused(&expected), [false; 3]);
}

#[test]
fn an_extension_that_the_project_has_beside_its_own() {
    let second = Library {
        defined: vec!["PyInit__old"],
        ..Library::default()
    };
    let wheel = Wheel::good().add(Entry::deflated("thing/_old.abi3.so", &second.bytes()));
    let mut expected = expected();
    expected.files.push(ExpectedFile {
        path: "thing/_old.abi3.so".to_owned(),
        sha256: sha256(&second.bytes()),
    });
    let report = against(&wheel, &expected);
    assert_eq!(report.findings, [], "{}", report.text());
}

#[test]
fn another_extension_than_the_projects() {
    let second = Library {
        defined: vec!["PyInit__old"],
        ..Library::default()
    };
    let wheel = Wheel::good().add(Entry::deflated("thing/_old.abi3.so", &second.bytes()));
    refused(&against(&wheel, &expected()), Rule::Extension, "beside");
    let wheel = Wheel::good().without("thing/_thing.abi3.so").recorded();
    refused(
        &against(&wheel, &expected()),
        Rule::Extension,
        "`thing._thing` is missing",
    );
    let other = Expected {
        module: "thing._native".to_owned(),
        libraries: vec!["thing/_native".to_owned()],
        ..expected()
    };
    refused(
        &against(&Wheel::good(), &other),
        Rule::Extension,
        "`thing._native` was to be built",
    );
}

#[test]
fn other_metadata_than_the_projects() {
    let refuses = |changed: Expected, rule, part: &str| {
        refused_only(&against(&Wheel::good(), &changed), rule, part);
    };
    let good = expected;
    refuses(
        Expected {
            name: "other".to_owned(),
            ..good()
        },
        Rule::FileName,
        "the project other",
    );
    refuses(
        Expected {
            version: Some("2.0".to_owned()),
            ..good()
        },
        Rule::FileName,
        "the project's 2.0",
    );
    refuses(
        Expected {
            platform: Some("manylinux_2_17_x86_64".to_owned()),
            ..good()
        },
        Rule::Tag,
        "manylinux_2_17_x86_64 was to be built",
    );
    refuses(
        Expected {
            python: Some("cp312-cp312".to_owned()),
            ..good()
        },
        Rule::Tag,
        "cp312-cp312 was to be built",
    );
    refuses(
        Expected {
            requires_python: Some(">=3.12".to_owned()),
            ..good()
        },
        Rule::Metadata,
        "Requires-Python",
    );
    refuses(
        Expected {
            dependencies: Some(vec![]),
            ..good()
        },
        Rule::Metadata,
        "`other` is none of",
    );
    refuses(
        Expected {
            dependencies: Some(vec!["other".to_owned(), "more>2".to_owned()]),
            ..good()
        },
        Rule::Metadata,
        "`more` is missing",
    );
    refuses(
        Expected {
            scripts: Some(BTreeMap::new()),
            ..good()
        },
        Rule::EntryPoint,
        "none of the project's",
    );
    let scripts = Some(BTreeMap::from([(
        "thing".to_owned(),
        "thing:main".to_owned(),
    )]));
    refuses(
        Expected { scripts, ..good() },
        Rule::EntryPoint,
        "instead of `thing:main`",
    );
    refuses(
        Expected {
            licenses: vec!["COPYING".to_owned()],
            ..good()
        },
        Rule::License,
        "does not name it",
    );
    refuses(
        Expected {
            max_size_bytes: Some(10),
            ..good()
        },
        Rule::Size,
        "the project allows 10",
    );
}

#[test]
fn a_path_of_the_machine_that_built_it() {
    for text in [
        "/src/thing/native/src/lib.rs",
        "/x/.cargo/registry/src/y/lib.rs",
    ] {
        let library = Library {
            text,
            ..Library::default()
        };
        let wheel = Wheel::with(&library);
        refused_only(&against(&wheel, &expected()), Rule::BuildPath, text);
        // Others build as they like.
        assert!(report(&wheel).passes());
    }
}
