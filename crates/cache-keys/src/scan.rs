//! What sources and build scripts name beside themselves, as far as it can be seen in their text.
//!
//! Reading the text rather than asking the last build gives the same answer on every machine, also in a fresh
//! clone; what only a build can tell comes in addition ([`crate::observed`]).

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use crate::paths::normal;

/// What one Rust source names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Files that `include!` and its like, or `#[path]`, read.
    pub(crate) files: BTreeSet<Utf8PathBuf>,
    /// Files that only the documentation includes.
    pub(crate) documentation: BTreeSet<Utf8PathBuf>,
    /// Variables that `env!` and `option_env!` read.
    pub(crate) env: BTreeSet<String>,
    /// Modules in files of their own.
    pub(crate) modules: BTreeSet<String>,
    /// Those of them that are compiled for tests only.
    pub(crate) test_modules: BTreeSet<String>,
}

/// What a build script says that it depends on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    /// `rerun-if-changed`.
    pub(crate) files: BTreeSet<Utf8PathBuf>,
    /// `rerun-if-env-changed`.
    pub(crate) env: BTreeSet<String>,
    /// Variables that it sets itself, with `rustc-env`.
    pub(crate) sets: BTreeSet<String>,
    /// Whether it composes a name while it runs, which only a build can tell.
    pub(crate) composes: bool,
    /// Whether it says nothing: then cargo runs it again when anything in the package has changed.
    pub(crate) nothing: bool,
}

/// Reads the source at `path`, of the crate in `dir`. Only what exists is taken: an example in a comment may
/// name anything.
pub(crate) fn source(path: &Utf8Path, dir: &Utf8Path) -> Named {
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let beside = path.parent().unwrap_or(dir);
    let mut named = Named::default();
    let (text, for_tests) = without_tests(&text);
    named
        .test_modules
        .extend(for_tests.lines().filter_map(module));
    for (before, after) in calls(&text, &["include_str!", "include_bytes!", "include!"]) {
        let Some(file) = included(after, beside, dir).filter(|file| file.is_file()) else {
            continue;
        };
        let group = if is_documentation(before) {
            &mut named.documentation
        } else {
            &mut named.files
        };
        group.insert(file);
    }
    for (_, after) in after_each(&text, "#[path") {
        let name = after.trim_start().strip_prefix('=').and_then(literal);
        let file = name.map(|name| normal(&beside.join(name)));
        named.files.extend(file.filter(|file| file.is_file()));
    }
    let variables = calls(&text, &["env!"]).filter_map(|(_, after)| literal(after));
    named.env.extend(variables.map(str::to_owned));
    named.modules.extend(text.lines().filter_map(module));
    let documentation = std::mem::take(&mut named.documentation);
    named.documentation = documentation.difference(&named.files).cloned().collect();
    named
}

/// `text` without the items that are compiled for tests only, and those items.
fn without_tests(text: &str) -> (String, String) {
    let (mut kept, mut for_tests) = (String::new(), String::new());
    let mut rest = text;
    while let Some((start, end)) = next_test_item(rest) {
        kept.push_str(&rest[..start]);
        for_tests.push_str(&rest[start..end]);
        for_tests.push('\n');
        rest = &rest[end..];
    }
    kept.push_str(rest);
    (kept, for_tests)
}

/// Where the first item that is compiled for tests only begins, after its attributes that say so, and where
/// it ends.
fn next_test_item(text: &str) -> Option<(usize, usize)> {
    let attributes = text.match_indices("#[");
    let found = attributes.filter_map(|(start, _)| {
        let end = start + text[start..].find(']')?;
        is_for_tests(&text[start + 2..end]).then_some(end + 1)
    });
    let start = found.min()?;
    let item = &text[start..];
    // An item ends with its first `;`, unless a block comes before that.
    let end = match item.find(['{', ';'])? {
        at if item[at..].starts_with('{') => at + block(&item[at..]),
        at => at + 1,
    };
    Some((start, start + end))
}

/// Whether an attribute says that its item is compiled for tests only: `test`, `cfg(test)`, `cfg(all(test,
/// …))`.
fn is_for_tests(attribute: &str) -> bool {
    let plain: String = attribute.split_whitespace().collect();
    let condition = plain
        .strip_prefix("cfg(")
        .and_then(|it| it.strip_suffix(')'));
    let all = condition.and_then(|it| it.strip_prefix("all(")?.strip_suffix(')'));
    plain == "test"
        || condition == Some("test")
        || all.is_some_and(|all| all.split(',').any(|one| one == "test"))
}

/// The length of the block that `text` begins with, braces included; all of it, if the block has no end.
/// Braces in strings and comments do not count.
fn block(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let Some(character) = rest.chars().next() else {
            break;
        };
        at += match character {
            '"' => string(rest),
            'r' if rest.starts_with("r#\"") => {
                rest[3..].find("\"#").map_or(rest.len(), |it| it + 5)
            }
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '\'' => brace_literal(rest),
            other => other.len_utf8(),
        };
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if character == '}' && depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of the string literal that `text` begins with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let inner = text.char_indices().skip(1);
    for (at, character) in inner {
        match character {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The length of what begins with a single quote: a literal that could be taken for a brace or a string, or
/// else the quote alone, as of a lifetime.
fn brace_literal(text: &str) -> usize {
    let literals = ["'{'", "'}'", "'\"'", "'\\''", "'\\\\'"];
    let found = literals.iter().find(|literal| text.starts_with(**literal));
    found.map_or(1, |literal| literal.len())
}

/// Reads the build script at `path`, of the crate in `dir`.
pub(crate) fn build_script(path: &Utf8Path, dir: &Utf8Path) -> Declared {
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let mut declared = Declared {
        nothing: !text.contains("rerun-if-"),
        ..Declared::default()
    };
    for (_, after) in after_each(&text, "rerun-if-changed=") {
        match value(after) {
            Some(name) => _ = declared.files.insert(normal(&dir.join(name))),
            None => declared.composes = true,
        }
    }
    for (_, after) in after_each(&text, "rerun-if-env-changed=") {
        match value(after) {
            Some(name) => _ = declared.env.insert(name.to_owned()),
            None => declared.composes = true,
        }
    }
    for (_, after) in after_each(&text, "rustc-env=") {
        let name = after.split_once('=').map(|(name, _)| name.to_owned());
        declared.sets.extend(name.filter(|name| is_variable(name)));
    }
    declared
}

/// Whether it can be the name of a variable.
pub(crate) fn is_variable(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && name.chars().all(fits)
}

/// The text before and after each `needle`.
fn after_each<'t>(text: &'t str, needle: &str) -> impl Iterator<Item = (&'t str, &'t str)> {
    let found = text.match_indices(needle);
    found.map(|(at, needle)| (&text[..at], &text[at + needle.len()..]))
}

/// The text before each call of one of `macros`, and that after its opening parenthesis.
fn calls<'t>(text: &'t str, macros: &[&str]) -> impl Iterator<Item = (&'t str, &'t str)> {
    let calls = macros.iter().flat_map(|name| after_each(text, name));
    let calls: Vec<_> = calls
        .filter_map(|(before, after)| {
            let after = after.trim_start();
            Some((before, after.strip_prefix(['(', '[', '{'])?))
        })
        .collect();
    calls.into_iter()
}

/// The file that the arguments of an `include!` name, given as a literal, or with the package's directory
/// before it.
fn included(arguments: &str, beside: &Utf8Path, dir: &Utf8Path) -> Option<Utf8PathBuf> {
    if let Some(name) = literal(arguments) {
        return Some(normal(&beside.join(name)));
    }
    let rest = arguments.trim_start().strip_prefix("concat!")?;
    let rest = rest.trim_start().strip_prefix('(')?.trim_start();
    let rest = rest.strip_prefix("env!(\"CARGO_MANIFEST_DIR\")")?;
    let name = literal(rest.trim_start().strip_prefix(',')?)?;
    Some(normal(&dir.join(name.trim_start_matches('/'))))
}

/// The string literal that `text` begins with.
fn literal(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let text = text.strip_prefix('r').unwrap_or(text);
    let (literal, _) = text.strip_prefix('"')?.split_once('"')?;
    Some(literal)
}

/// What is declared, up to the end of its line or literal. `None` if it is composed while the script runs.
fn value(text: &str) -> Option<&str> {
    let end = text.find(['"', '\n', '\\'])?;
    let value = &text[..end];
    (!value.contains('{') && !value.is_empty()).then_some(value)
}

/// Whether what comes next is an attribute's text: `#![doc = `.
fn is_documentation(before: &str) -> bool {
    let before = before.trim_end().strip_suffix('=').unwrap_or_default();
    before.trim_end().ends_with("doc")
}

/// The name in `pub(crate) mod name;`.
fn module(line: &str) -> Option<String> {
    let declaration = line.trim().strip_suffix(';')?;
    let (visibility, name) = declaration.rsplit_once("mod ")?;
    let visible = visibility.is_empty() || visibility.trim_start().starts_with("pub");
    (visible && is_variable(name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    fn in_crate(files: &[(&str, &str)]) -> TempDir {
        let dir = TempDir::new();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn included_files_are_found_and_documentation_is_told_apart() {
        let text = r#"
            #![doc = include_str!("../README.md")]
            const A: &str = include_str!("a.sql");
            const B: &[u8] = include_bytes!( concat!(env!("CARGO_MANIFEST_DIR"), "/data/b.bin"));
            // include!("not-there.rs")
            #[path = "../elsewhere/c.rs"]
            mod c;
        "#;
        let dir = in_crate(&[
            ("src/lib.rs", text),
            ("src/a.sql", ""),
            ("data/b.bin", ""),
            ("elsewhere/c.rs", ""),
            ("README.md", ""),
        ]);
        let named = source(&dir.path().join("src/lib.rs"), dir.path());
        let expected = ["data/b.bin", "elsewhere/c.rs", "src/a.sql"];
        let expected: BTreeSet<_> = expected.map(|name| dir.path().join(name)).into();
        assert_eq!(named.files, expected);
        let readme = BTreeSet::from([dir.path().join("README.md")]);
        assert_eq!(named.documentation, readme);
        assert_eq!(named.modules, BTreeSet::from(["c".to_owned()]));
    }

    #[test]
    fn what_only_tests_read_is_left_out() {
        let text = r##"
            const A: &str = include_str!("a.txt");
            #[cfg(test)]
            mod tests {
                const B: &str = include_str!("b.txt");
                fn braces() { let _ = ("}", '}', r#"}"#); } // }
                const C: &str = include_str!("c.txt");
            }
            const D: &str = include_str!("d.txt");
            #[cfg(all(test, feature = "x"))]
            const E: &str = include_str!("e.txt");
            #[test]
            fn test() { include_str!("f.txt"); }
            #[cfg(not(test))]
            const G: &str = include_str!("g.txt");
            #[cfg(test)]
            mod more;
            mod most;
        "##;
        let names = ["a", "b", "c", "d", "e", "f", "g"].map(|name| format!("{name}.txt"));
        let mut files: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
        files.push(("lib.rs", text));
        let dir = in_crate(&files);
        let found = source(&dir.path().join("lib.rs"), dir.path());
        let expected = ["a.txt", "d.txt", "g.txt"].map(|name| dir.path().join(name));
        assert_eq!(found.files, expected.into());
        assert_eq!(found.test_modules, BTreeSet::from(["more".to_owned()]));
        assert_eq!(found.modules, BTreeSet::from(["most".to_owned()]));
    }

    #[test]
    fn variables_and_modules_are_found() {
        let text = "pub(crate) mod one;\nmod two { }\nmod three;\nconst V: Option<&str> = option_env!(\"KIND\");";
        let dir = in_crate(&[("lib.rs", text)]);
        let named = source(&dir.path().join("lib.rs"), dir.path());
        assert_eq!(named.env, BTreeSet::from(["KIND".to_owned()]));
        assert_eq!(
            named.modules,
            BTreeSet::from(["one".to_owned(), "three".to_owned()])
        );
    }

    #[test]
    fn a_build_script_says_what_it_depends_on() {
        let text = r#"fn main() {
            println!("cargo::rerun-if-changed=schema/a.proto");
            println!("cargo:rerun-if-env-changed=SCHEMA_DIR");
            println!("cargo::rustc-env=COMMIT={commit}");
        }"#;
        let dir = in_crate(&[("build.rs", text)]);
        let declared = build_script(&dir.path().join("build.rs"), dir.path());
        let files = BTreeSet::from([dir.path().join("schema/a.proto")]);
        assert_eq!(declared.files, files);
        assert_eq!(declared.env, BTreeSet::from(["SCHEMA_DIR".to_owned()]));
        assert_eq!(declared.sets, BTreeSet::from(["COMMIT".to_owned()]));
        assert!(!declared.composes && !declared.nothing);
    }

    #[test]
    fn what_a_build_script_does_not_say_is_noticed() {
        let dir = in_crate(&[
            ("one.rs", "println!(\"cargo::rerun-if-changed={path}\");"),
            ("two.rs", "fn main() {}"),
        ]);
        assert!(build_script(&dir.path().join("one.rs"), dir.path()).composes);
        assert!(build_script(&dir.path().join("two.rs"), dir.path()).nothing);
    }
}
