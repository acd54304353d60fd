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
