//! Wheels that are made to take all time or all memory: each is refused within the bound, with its reason.
//!
//! Each is judged in a process of its own that gets no more than the bound.
#![cfg(target_os = "linux")]

use rustix::fs::{CWD, Mode, mkfifoat};
use testkit::{Allowed, TempDir, confined, peak_kib};
use wheel_audit::audit_file;

use crate::raw_elf::{DYNAMIC, NOTE, RawElf, SYMBOLS, VERSIONS};
use crate::wheel::{DIST_INFO, Entry, Wheel, finish, zip};

/// On a machine that does nothing else, a second of a processor is a second.
const BOUND: Allowed = Allowed {
    time_s: 10,
    memory_mib: 512,
};

const VARIABLE: &str = "HOSTILE_WHEEL";

#[test]
#[ignore = "others start it, in a process of its own"]
fn judge() {
    let path = std::env::var(VARIABLE).unwrap();
    let started = std::time::Instant::now();
    let report = audit_file(path.as_ref(), None).unwrap();
    let json = serde_json::to_string(&report).unwrap();
    println!("{}", report.text());
    println!(
        "in {} ms, with {} kB at the peak, {} bytes of report",
        started.elapsed().as_millis(),
        peak_kib(),
        json.len()
    );
}

/// The wheel is refused within the bound, for a reason that contains `part`.
fn is_bounded(file_name: &str, bytes: &[u8], part: &str) {
    let dir = TempDir::new();
    let path = dir.path().join(file_name);
    std::fs::write(&path, bytes).unwrap();
    let ended = confined("bounded::judge", (VARIABLE, path.as_str()), BOUND);
    let output: String = ended.output.chars().take(20_000).collect();
    eprintln!(
        "{}",
        output
            .lines()
            .rev()
            .find(|line| line.starts_with("in "))
            .unwrap_or_default()
    );
    assert!(ended.passed, "after {:?}: {output}", ended.elapsed);
    assert!(output.contains("REFUSED"), "{output}");
    assert!(output.contains(part), "expected {part:?}: {output}");
    assert!(ended.output.len() < 100_000, "{}", ended.output.len());
}

fn wheel_is_bounded(wheel: &Wheel, part: &str) {
    is_bounded(&wheel.file_name(), &wheel.bytes(), part);
}

fn elf_is_bounded(elf: &RawElf, part: &str) {
    let mut wheel = Wheel::good();
    *wheel.entry("thing/_thing.abi3.so") = Entry::deflated("thing/_thing.abi3.so", &elf.bytes());
    wheel_is_bounded(&wheel.recorded(), part);
}

fn words(numbers: &[u64], sizes: &[usize]) -> Vec<u8> {
    let words = numbers.iter().zip(sizes.iter().cycle());
    words
        .flat_map(|(number, size)| number.to_le_bytes()[..*size].to_vec())
        .collect()
}

/// A symbol whose name begins at `name`.
fn symbol(name: usize) -> Vec<u8> {
    words(&[name as u64, 0x12, 0, 0, 0, 0], &[4, 1, 1, 2, 8, 8])
}

// The file.

#[test]
fn what_is_no_regular_file() {
    let dir = TempDir::new();
    let pipe = dir.path().join("a-1-py3-none-any.whl");
    mkfifoat(CWD, pipe.as_std_path(), Mode::RUSR | Mode::WUSR).unwrap();
    let link = dir.path().join("zero-1-py3-none-any.whl");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    for (path, part) in [
        (pipe.as_str(), "a named pipe and no regular file"),
        (link.as_str(), "a device and no regular file"),
        (dir.path().as_str(), "a directory and no regular file"),
    ] {
        let output = confined("bounded::judge", (VARIABLE, path), BOUND).output;
        assert!(
            output.contains(part) && output.contains("REFUSED"),
            "{output}"
        );
    }
}

#[test]
fn a_file_larger_than_memory() {
    let dir = TempDir::new();
    let path = dir.path().join("a-1-py3-none-any.whl");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    let output = confined("bounded::judge", (VARIABLE, path.as_str()), BOUND).output;
    assert!(output.contains("it has 1099511627776 bytes"), "{output}");
}

// ELF.

/// Each library says that it has 65,535 versions, and that they begin at the one that points to itself.
#[test]
fn versions_that_point_to_themselves() {
    for count in [40, 4000u64] {
        let library = |at| words(&[1, 0xffff, 1, 16 * (count - at), 16], &[2, 2, 4, 4, 4]);
        let mut versions: Vec<u8> = (0..count).flat_map(library).collect();
        versions.extend(words(&[0, 0, 0, 1, 0], &[4, 2, 2, 4, 4]));
        let mut elf = RawElf::with_strings(b"\0a\0".to_vec());
        let table = elf.chunk(versions);
        elf.section(VERSIONS, table, 1, u32::try_from(count).unwrap());
        elf_is_bounded(&elf, "names of libraries");
    }
}

/// What the symbols are called are the 3,000 ends of one string.
#[test]
fn names_that_share_one_string() {
    for (count, part) in [
        (3000, "not in the stable ABI"),
        (30_000, "bytes of names"),
        (1_000_000, "no end within 65536 bytes"),
    ] {
        let mut text = vec![0];
        text.extend(b"Py".repeat(count));
        text.push(0);
        let mut elf = RawElf::with_strings(text);
        let symbols = (0..=count).flat_map(|at| symbol(2 * at + 1));
        let table = elf.chunk(symbols.collect());
        elf.section(SYMBOLS, table, 1, 1);
        elf_is_bounded(&elf, part);
    }
}

#[test]
fn more_symbols_than_any_library_has() {
    let mut elf = RawElf::with_strings(b"\0PyNothing\0".to_vec());
    let table = elf.chunk(symbol(1).repeat(4_500_000));
    elf.section(SYMBOLS, table, 1, 1);
    // Stored as it is: packed, it would be a bomb.
    let path = "thing/_thing.abi3.so";
    let mut wheel = Wheel::good();
    *wheel.entry(path) = Entry::stored(path, &elf.bytes());
    wheel_is_bounded(&wheel.recorded(), "symbols");
}

#[test]
fn sections_that_share_one_symbol_table() {
    let mut elf = RawElf::with_strings(b"\0PyNothing\0".to_vec());
    let table = elf.chunk(symbol(1).repeat(50_000));
    for _ in 0..60_000 {
        elf.section(SYMBOLS, table, 1, 1);
    }
    elf_is_bounded(&elf, "PyNothing (not in the stable ABI)");
}

#[test]
fn segments_that_share_one_note_table() {
    let mut elf = RawElf::with_strings(vec![0]);
    let table = elf.chunk(words(&[0, 0, 1], &[4]).repeat(50_000));
    for _ in 0..60_000 {
        elf.segment(NOTE, table);
    }
    elf_is_bounded(&elf, "notes");
}

#[test]
fn properties_in_one_note() {
    let mut elf = RawElf::with_strings(vec![0]);
    let mut note = words(&[4, 8 * 500_000, 5], &[4]);
    note.extend(b"GNU\0");
    note.extend(words(&[0xc000_8002, 0], &[4]).repeat(500_000));
    let table = elf.chunk(note);
    for _ in 0..60_000 {
        elf.segment(NOTE, table);
    }
    elf_is_bounded(&elf, "notes");
}

#[test]
fn more_libraries_than_anything_needs() {
    let mut text = vec![0];
    text.extend(b"a".repeat(100_000));
    text.push(0);
    for (from, part) in [
        (1u64, "no end within 65536 bytes"),
        (40_000, "bytes of names"),
        (99_990, "names of libraries"),
    ] {
        let mut elf = RawElf::with_strings(text.clone());
        let needed = (0..4_000_000).flat_map(|at| words(&[1, from + at % 10], &[8]));
        let table = elf.chunk(needed.collect());
        elf.section(DYNAMIC, table, 1, 0);
        elf_is_bounded(&elf, part);
    }
}

#[test]
fn a_path_to_libraries_of_many_parts() {
    let mut text = vec![0];
    text.extend(b"/:".repeat(20_000_000));
    text.push(0);
    let mut elf = RawElf::with_strings(text);
    let table = elf.chunk(words(&[29, 1], &[8]));
    elf.section(DYNAMIC, table, 1, 0);
    elf_is_bounded(&elf, "no end within 65536 bytes");
}

/// Each is within the bound, and all together are not.
#[test]
fn many_libraries_in_one_wheel() {
    let mut elf = RawElf::with_strings(b"\0PyNothing\0".to_vec());
    let table = elf.chunk(symbol(1).repeat(50_000));
    elf.section(SYMBOLS, table, 1, 1);
    let mut wheel = Wheel::good();
    let entry = Entry::stored("x", &elf.bytes());
    wheel.entries.extend((0..100).map(|number| Entry {
        name: format!("thing/_x{number}.abi3.so").into_bytes(),
        ..entry.clone()
    }));
    wheel_is_bounded(&wheel.recorded(), "symbols");
}

/// As much of everything as is looked at, and as large a file.
#[test]
fn all_at_once() {
    let count = 290_000;
    let mut text = vec![0];
    text.extend((0..count).flat_map(|it| format!("Py{it:049}\0").into_bytes()));
    let mut elf = RawElf::with_strings(text);
    // Undefined.
    let symbol = |it: u64| words(&[1 + 52 * it, 0x12, 0, 0, 0, 0], &[4, 1, 1, 2, 8, 8]);
    let table = elf.chunk((0..count).flat_map(symbol).collect());
    elf.section(SYMBOLS, table, 1, 1);
    elf.chunk(vec![1; 155 << 20]);
    let path = "thing/_thing.abi3.so";
    let mut wheel = Wheel::good();
    *wheel.entry(path) = Entry::stored(path, &elf.bytes());
    let names = (0..50_000).map(|it| format!("thing/{it:0100}"));
    wheel
        .entries
        .extend(names.map(|name| Entry::stored(&name, b"")));
    wheel_is_bounded(&wheel.recorded(), "not in the stable ABI");
}

// Texts.

#[test]
fn tags_that_multiply() {
    let part = |letter: &str| {
        let all = (0..400).map(|number| format!("{letter}{number}"));
        all.collect::<Vec<_>>().join(".")
    };
    let tag = format!("{}-{}-{}", part("p"), part("a"), part("l"));
    let wheel = Wheel::good();
    let said = format!("Tag: {}", wheel.tag);
    let many = format!("Tag: {tag}");
    wheel_is_bounded(
        &wheel.edited(&format!("{DIST_INFO}/WHEEL"), &said, &many),
        "tags",
    );
    // By themselves each stands for few.
    let wheel = Wheel::good();
    let lines = (0..1_000_000).map(|number| format!("Tag: p{number}-a.b.c.d-l.m.n.o\n"));
    let many = lines.collect::<String>();
    wheel_is_bounded(
        &wheel.edited(&format!("{DIST_INFO}/WHEEL"), &said, &many),
        "no more than 16777216 are looked at",
    );
}

/// The name of the file itself, as long as file systems have it.
#[test]
fn tags_of_the_name_that_multiply() {
    let part = |letters: &str| {
        letters
            .chars()
            .map(String::from)
            .collect::<Vec<_>>()
            .join(".")
    };
    let letters = "abcdefghijklmnopqrstuvwxyz0123456789AB";
    let tag = [letters; 3].map(part).join("-");
    let wheel = Wheel {
        tag,
        ..Wheel::good()
    };
    assert!(wheel.file_name().len() <= 255);
    wheel_is_bounded(&wheel, "tags");
}

fn with_text(name: &str, text: &[u8]) -> Wheel {
    let path = format!("{DIST_INFO}/{name}");
    let mut wheel = Wheel::good();
    *wheel.entry(&path) = Entry::deflated(&path, text);
    match name {
        "RECORD" => wheel,
        _ => wheel.recorded(),
    }
}

#[test]
fn a_record_of_ten_million_lines() {
    wheel_is_bounded(&with_text("RECORD", &b"a\n".repeat(10_000_000)), "RECORD");
    wheel_is_bounded(&with_text("RECORD", &b"a\n".repeat(5_000_000)), "lines");
}

#[test]
fn a_line_of_ten_million_fields() {
    wheel_is_bounded(&with_text("RECORD", &b",".repeat(10_000_000)), "fields");
}

#[test]
fn metadata_of_millions_of_fields() {
    let texts = [
        b"a:\n".repeat(5_000_000),
        b"License-File: a\n".repeat(1_000_000),
        b"Name: a\nVersion: 1\n".repeat(800_000),
        b"Requires-Dist: a\n".repeat(900_000),
        [b"Name: a\n".to_vec(), b" b\n".repeat(5_000_000)].concat(),
    ];
    for text in texts {
        wheel_is_bounded(&with_text("METADATA", &text), "METADATA");
    }
}

#[test]
fn a_version_of_millions_of_parts() {
    let numbers = "1.".repeat(7_000_000);
    let specifiers = ">=1,".repeat(3_000_000);
    for text in [
        format!("Metadata-Version: 2.1\nName: thing\nVersion: {numbers}1\n"),
        format!("Metadata-Version: {numbers}1\nName: thing\nVersion: 1\n"),
        format!("Metadata-Version: 2.1\nName: thing\nRequires-Python: {specifiers}>1\n"),
        format!("Metadata-Version: 2.1\nName: {}\n", "a-".repeat(7_000_000)),
    ] {
        wheel_is_bounded(&with_text("METADATA", text.as_bytes()), "METADATA");
    }
}

#[test]
fn millions_of_commands() {
    let lines = (0..1_000_000).map(|number| format!("{number:x}=a.b:c\n"));
    let text = format!("[console_scripts]\n{}", lines.collect::<String>());
    let mut wheel = with_text("entry_points.txt", text.as_bytes());
    let names = (0..50_000).map(|number| format!("thing/{number}.py"));
    wheel
        .entries
        .extend(names.map(|name| Entry::stored(&name, b"")));
    wheel_is_bounded(&wheel.recorded(), "commands");
}

// The archive.

/// Each of them has something wrong.
#[test]
fn as_many_findings_as_entries() {
    let names = (0..60_000).map(|number| format!("../{number}.py"));
    let entries: Vec<_> = names.map(|name| Entry::stored(&name, b"")).collect();
    is_bounded("a-1-py3-none-any.whl", &zip(&entries), "more");
}

#[test]
fn a_directory_of_more_than_it_declares() {
    let entry = zip(&[Entry::stored("a", b"")]);
    let directory = &entry[31..entry.len() - 22];
    let bytes = finish(entry[..31].to_vec(), &directory.repeat(4_000_000), 5);
    is_bounded("a-1-py3-none-any.whl", &bytes, "its directory has");
}

#[test]
fn names_of_thousands_of_directories() {
    let deep = "a/".repeat(32_000);
    for (count, part) in [(120, "cannot hold it"), (700, "its directory has")] {
        let entries = (0..count).map(|number| Entry::stored(&format!("{deep}{number}"), b""));
        let file = Entry::stored(&format!("{}a", "a/".repeat(31_999)), b"");
        let entries: Vec<_> = entries.chain([file]).collect();
        is_bounded("a-1-py3-none-any.whl", &zip(&entries), part);
    }
}

/// The field before the data of each entry reaches over those that follow, and is all of empty parts.
#[test]
fn headers_that_overlap() {
    // A header read as a part of a field has 1031 bytes; the rest is a multiple of four.
    let name = |number| format!("{number:05}{}", "\0".repeat(1996));
    let entries: Vec<_> = (0..3000).map(|it| Entry::stored(&name(it), b"")).collect();
    let mut bytes = zip(&entries);
    for number in 0..2900 {
        let at = number * (30 + 2001);
        bytes[at + 28..at + 30].copy_from_slice(&60_000u16.to_le_bytes());
    }
    is_bounded("a-1-py3-none-any.whl", &bytes, "bytes in the headers");
}

/// Blocks of compressed data that hold nothing: time goes by with what is read, and not with what comes out.
#[test]
fn compressed_data_of_nothing() {
    // Four empty blocks with the fixed code are five bytes: ten bits each.
    let block = 0b00_0000_0010u64;
    let four = (0..4).fold(0, |bits, number| bits | block << (10 * number));
    let mut data = four.to_le_bytes()[..5].repeat(20_000_000);
    data.extend([3, 0]);
    let mut wheel = Wheel::good();
    wheel.entries.push(Entry {
        data,
        method: 8,
        ..Entry::stored("thing/nothing", b"")
    });
    wheel_is_bounded(&wheel, "longer than 4 seconds");
}

#[test]
fn gigabytes_that_are_no_bomb() {
    // Noise, which no one can pack any tighter, repeated at the largest distance.
    let mut state = 1u64;
    let noise = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    });
    let noise: Vec<u8> = noise.take(30_000).collect();
    let entry = Entry::deflated("x", &noise.repeat(2000));
    let mut wheel = Wheel::good();
    for number in 0..17 {
        wheel.entries.push(Entry {
            name: format!("thing/{number}").into_bytes(),
            ..entry.clone()
        });
    }
    wheel_is_bounded(&wheel, "RECORD does not list it");
}
