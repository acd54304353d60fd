//! The one line that is changed: where it can stand in sources that nobody has seen before, and how it
//! changes.
//!
//! In a function that exists a statement is added, once; from then on only the number in it changes, to one
//! that it never had. That is what an edit in the body of a function is to the compiler. Whether the function
//! ends up in the library at all (it may be generic, inlined, or for another platform) no look at the text
//! can tell: so each place is tried, and counts only if another number makes another library. Last comes a
//! place that needs no function.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use camino::{Utf8Path, Utf8PathBuf};
use project_model::PathCrate;
use walkdir::WalkDir;

use crate::files::{FileError, at, read, write};

/// By which the line is found again.
const MARK: &str = "// bench-build";

/// How many places are tried in a crate, and in one of its files.
const PLACES: usize = 8;
const PLACES_IN_FILE: usize = 3;

/// A place for the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditPlace {
    /// The file.
    pub file: Utf8PathBuf,
    /// The number of the line that it comes after, from 0. `None`: at the end, outside of all functions.
    pub after: Option<usize>,
}

/// Where the line could stand in `one`, the best places first.
#[must_use]
pub fn places(one: &PathCrate) -> Vec<EditPlace> {
    let Some(root) = one.roots.first() else {
        return Vec::new();
    };
    let mut files = sources_below(root);
    // The root first, then the largest: there the work is done.
    files.sort_by_key(|(path, size_bytes)| (path != root, std::cmp::Reverse(*size_bytes)));
    let functions = files.into_iter().flat_map(|(file, _)| {
        let text = fs_err::read_to_string(&file).unwrap_or_default();
        let lines = functions(&text).into_iter().take(PLACES_IN_FILE);
        let places = lines.map(move |line| EditPlace {
            file: file.clone(),
            after: Some(line),
        });
        places.collect::<Vec<_>>()
    });
    let mut places: Vec<_> = functions.take(PLACES).collect();
    places.push(EditPlace {
        file: root.clone(),
        after: None,
    });
    places
}

/// The Rust files beside `root` and below, with their sizes; those of programs left out.
fn sources_below(root: &Utf8Path) -> Vec<(Utf8PathBuf, u64)> {
    let dir = root.parent().unwrap_or(root);
    let entries = WalkDir::new(dir).sort_by_file_name().into_iter();
    let entries = entries.filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        let is_other = ["bin", "tests", "benches", "examples", "target"].contains(&&*name);
        !(entry.depth() > 0 && entry.file_type().is_dir() && (is_other || name.starts_with('.')))
    });
    let files = entries
        .flatten()
        .filter(|entry| entry.file_type().is_file());
    let sources = files.filter_map(|entry| {
        let size_bytes = entry.metadata().ok()?.len();
        let path = Utf8PathBuf::from_path_buf(entry.into_path()).ok()?;
        let is_source = path.extension() == Some("rs")
            && !matches!(path.file_name(), Some("main.rs" | "build.rs" | "tests.rs"));
        is_source.then_some((path, size_bytes))
    });
    sources.collect()
}

/// The lines of `text` that begin a function which is compiled as it stands: not generic, not `const`, not
/// for tests, not within a macro.
fn functions(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut before = "";
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with("#[cfg(test)]") {
            break;
        }
        let hidden = ["#[cfg", "#[test", "#[inline"]
            .iter()
            .any(|it| before.starts_with(it));
        if is_function(line) && !hidden {
            found.push(number);
        }
        before = line;
    }
    found
}

fn is_function(line: &str) -> bool {
    let beginnings = ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn "];
    let rest = beginnings.iter().find_map(|it| line.strip_prefix(it));
    let name = rest.and_then(|rest| rest.split('(').next());
    let is_plain = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    // Brackets may belong to the types of arguments; `impl Trait` among these makes it generic.
    name.is_some_and(is_plain)
        && line.ends_with('{')
        && !line.contains('$')
        && !line.contains("impl ")
}

impl EditPlace {
    /// The number of the line as editors count, or where it is.
    #[must_use]
    pub fn line(&self) -> String {
        match self.after {
            Some(before) => (before + 2).to_string(),
            None => "at the end".to_owned(),
        }
    }

    /// Whether two numbers at this place make two libraries. `build` builds with what stands there, and tells
    /// one library from another by its digest; `None`: it does not build. If there are no two, the file is as
    /// it was.
    ///
    /// # Errors
    /// That of `build`, with the line left in the file; or if the file cannot be changed.
    pub fn makes_another<E: From<FileError>>(
        &self,
        mut build: impl FnMut() -> Result<Option<String>, E>,
    ) -> Result<bool, E> {
        let first = read(&self.file)?;
        let mut with_line = || {
            write(&self.file, &self.insert(&first, fresh_number()))?;
            build()
        };
        let one = with_line()?;
        if one.is_some() && with_line()?.is_some_and(|other| one != Some(other)) {
            return Ok(true);
        }
        write(&self.file, &first)?;
        Ok(false)
    }

    /// `text` with the line in it, and the number `value`.
    fn insert(&self, text: &str, value: u64) -> String {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let Some(after) = self.after else {
            let gap = if text.ends_with('\n') { "" } else { newline };
            return format!(
                "{text}{gap}#[used] static BENCH_BUILD: u64 = {}; {MARK}{newline}",
                literal(value)
            );
        };
        let core = if text.contains("#![no_std]") {
            "core"
        } else {
            "std"
        };
        let lines = text.split_inclusive('\n').enumerate();
        let lines = lines.map(|(number, line)| {
            if number != after {
                return line.to_owned();
            }
            let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
            let number = literal(value);
            format!(
                "{line}{indent}    let _ = ::{core}::hint::black_box({number}); {MARK}{newline}"
            )
        });
        lines.collect()
    }
}

/// Changes the line in `file`: to a number that no line has had before.
pub fn change(file: &Utf8Path) -> Result<(), FileError> {
    let text = with_value(&read(file)?, fresh_number());
    let gone = || at(file)(std::io::Error::other("the line to be changed is gone"));
    write(file, &text.ok_or_else(gone)?)
}

/// A number that was never used before, by this process or an earlier one.
pub fn fresh_number() -> u64 {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        AtomicU64::new(0x5eed_0000_0000_0000 | (since.unwrap_or_default().as_secs() << 16))
    });
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// `text`, whose line has the number `value` now. `None` if it has no such line.
fn with_value(text: &str, value: u64) -> Option<String> {
    let line_start = text
        .find(MARK)
        .map(|mark| text[..mark].rfind('\n').map_or(0, |it| it + 1))?;
    let start = line_start + text[line_start..].find("0x")?;
    let end = start + text[start..].find("_u64")? + "_u64".len();
    Some(format!(
        "{}{}{}",
        &text[..start],
        literal(value),
        &text[end..]
    ))
}

fn literal(value: u64) -> String {
    format!("0x{value:016x}_u64")
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn functions_that_are_compiled_as_they_stand_are_found() {
        let text = "use a;\n\
                    pub fn one(x: u32) -> u32 {\n    x\n}\n\
                    const fn two() -> u32 {\n    2\n}\n\
                    pub fn three<T: Copy>(x: T) -> T {\n    x\n}\n\
                    fn four(list: &Bound<'_, PyList>) {\n}\n\
                    #[inline]\nfn five() {\n}\n\
                    fn six(x: impl Copy) {\n}\n\
                    #[cfg(test)]\nmod tests {\n    fn seven() {\n    }\n}\n";
        let names: Vec<_> = functions(text)
            .into_iter()
            .map(|line| text.lines().nth(line).unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "pub fn one(x: u32) -> u32 {",
                "fn four(list: &Bound<'_, PyList>) {"
            ]
        );
    }

    #[test]
    fn the_line_is_put_in_once_and_then_only_its_number_changes() {
        let text = "fn a() {\n    b();\n}\n";
        let place = EditPlace {
            file: "a.rs".into(),
            after: Some(0),
        };
        let one = place.insert(text, 1);
        let line = "    let _ = ::std::hint::black_box(0x0000000000000001_u64); // bench-build";
        assert_eq!(one, format!("fn a() {{\n{line}\n    b();\n}}\n"));
        let two = with_value(&one, 0xabc).unwrap();
        assert_eq!(two, one.replace("0000000000000001", "0000000000000abc"));
        assert_eq!(two.lines().count(), one.lines().count());
        assert_eq!(with_value(text, 1), None);
    }

    #[test]
    fn at_the_end_it_needs_no_function_and_lines_end_as_they_did() {
        let place = EditPlace {
            file: "a.rs".into(),
            after: None,
        };
        let text = place.insert("mod a;\r\nmod b;", 7);
        let line = "#[used] static BENCH_BUILD: u64 = 0x0000000000000007_u64; // bench-build";
        assert_eq!(text, format!("mod a;\r\nmod b;\r\n{line}\r\n"));
    }

    #[test]
    fn the_root_comes_first_and_programs_do_not_come() {
        let dir = TempDir::new();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write("src/lib.rs", "fn a() {\n}\n");
        write("src/large.rs", "// Much.\n// Much.\nfn b() {\n}\n");
        write("src/bin/x.rs", "fn c() {\n}\n");
        write("src/main.rs", "fn main() {\n}\n");
        let root = dir.path().join("src/lib.rs");
        let one = PathCrate {
            name: "a".to_owned(),
            dir: dir.path().to_owned(),
            library: None,
            roots: vec![root.clone()],
            build_script: None,
            is_macro: false,
            linked: Vec::new(),
        };
        let places: Vec<_> = places(&one)
            .into_iter()
            .map(|it| (it.file, it.after))
            .collect();
        let expected = [
            (root.clone(), Some(0)),
            (dir.path().join("src/large.rs"), Some(2)),
            (root, None),
        ];
        assert_eq!(places, expected);
    }

    #[test]
    fn a_place_counts_if_two_numbers_make_two_libraries() {
        let dir = TempDir::new();
        let file = dir.path().join("a.rs");
        let place = EditPlace {
            file: file.clone(),
            after: Some(0),
        };
        let text = "fn a() {\n}\n";
        let tried = |build: &dyn Fn(String) -> Option<String>| {
            fs_err::write(&file, text).unwrap();
            let build = || Ok::<_, FileError>(build(fs_err::read_to_string(&file).unwrap()));
            let is_good = place.makes_another(build).unwrap();
            let is_as_before = fs_err::read_to_string(&file).unwrap() == text;
            assert_ne!(is_good, is_as_before);
            is_good
        };
        assert!(tried(&Some));
        assert!(
            !tried(&|_| Some("the same".to_owned())),
            "it is not in the library"
        );
        assert!(!tried(&|_| None), "it does not compile");

        fs_err::write(&file, place.insert(text, 1)).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..3 {
            change(&file).unwrap();
            assert!(seen.insert(fs_err::read_to_string(&file).unwrap()));
        }
        fs_err::write(&file, text).unwrap();
        assert!(change(&file).is_err());
    }
}
