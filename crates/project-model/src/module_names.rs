//! The names of the modules that a crate has for Python, as its sources say: what stands under
//! `#[pymodule]` (<https://pyo3.rs/main/module>). The sources are looked through and not parsed: where they
//! may say more than can be seen, the answer is that it cannot be told.

use camino::{Utf8Path, Utf8PathBuf};

use crate::nearby::{self, work_in};

/// What the sources of a crate say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ModuleNames {
    /// These, in the order of the files, [`ModuleName::line`] within each.
    Known(Vec<ModuleName>),
    /// A macro, a condition or other code may make more of them.
    CannotTell,
}

/// A module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ModuleName {
    pub(crate) name: String,
    pub(crate) file: Utf8PathBuf,
    /// From 1.
    pub(crate) line: usize,
}

/// More files than this, and larger ones, are not looked through.
const MANY_FILES: usize = 2_000;
const LARGE_BYTES: usize = 2_000_000;

/// Those of the crate whose library begins with `library`. That file comes first.
pub(crate) fn module_names(library: &Utf8Path) -> ModuleNames {
    let dir = library.parent().unwrap_or(library);
    // It may be the directory of the whole project.
    let entries: Vec<_> = work_in(walkdir::WalkDir::new(dir))
        .take(nearby::MANY + 1)
        .collect();
    let is_all = entries.len() <= nearby::MANY;
    let paths = entries.into_iter();
    let paths = paths.filter_map(|path| Utf8PathBuf::try_from(path).ok());
    let mut paths: Vec<_> = paths
        .filter(|path| path.extension() == Some("rs"))
        .collect();
    if !is_all || paths.len() > MANY_FILES {
        return ModuleNames::CannotTell;
    }
    paths.sort_by_key(|path| path != library);
    let mut names = Vec::new();
    for path in paths {
        let Ok(text) = fs_err::read_to_string(&path) else {
            return ModuleNames::CannotTell;
        };
        if text.len() > LARGE_BYTES {
            return ModuleNames::CannotTell;
        }
        match in_text(&text) {
            Some(found) => names.extend(found.into_iter().map(|(name, line)| ModuleName {
                name,
                file: path.clone(),
                line,
            })),
            None => return ModuleNames::CannotTell,
        }
    }
    ModuleNames::Known(names)
}

/// The names in a file, each with its line. `None`: there may be others.
fn in_text(text: &str) -> Option<Vec<(String, usize)>> {
    if text.contains("PyInit_") || text.contains("include!") {
        return None;
    }
    let code = without_comments(text);
    let mut names = Vec::new();
    for (at, _) in code.match_indices("pymodule") {
        match attribute_around(&code, at) {
            Attribute::None => {}
            Attribute::Other => return None,
            Attribute::Pymodule { arguments, end } => {
                let name = name_in(arguments)
                    .map_or_else(|| item_name(&code[end..]), |it| Some(it.to_owned()))?;
                let line = code[..at].matches('\n').count() + 1;
                let below = code[at..]
                    .find(&name)
                    .map_or(0, |to| code[at..at + to].matches('\n').count());
                names.push((name, line + below));
            }
        }
    }
    Some(names)
}

/// Lines that are comments, emptied. Others stay, and all keep their numbers.
fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| {
        if line.trim_start().starts_with("//") {
            ""
        } else {
            line
        }
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// What the word `pymodule` is part of.
enum Attribute<'t> {
    /// No attribute: an import, a path, a longer word.
    None,
    /// `#[pymodule]`, `#[pyo3::pymodule(name = "x")]`: its arguments, and where it ends.
    Pymodule { arguments: &'t str, end: usize },
    /// One that may become that: `#[cfg_attr(x, pymodule)]`.
    Other,
}

fn attribute_around(code: &str, at: usize) -> Attribute<'_> {
    let Some(begin) = code[..at].rfind("#[") else {
        return Attribute::None;
    };
    let before = &code[begin + 2..at];
    if before.contains(']') {
        return Attribute::None;
    }
    let rest = &code[at + "pymodule".len()..];
    let is_path = before.trim().is_empty() || before.trim_end().ends_with("::");
    let ends_here = rest.trim_start().starts_with([']', '(']);
    if !is_path
        || !before
            .chars()
            .all(|c| c.is_alphanumeric() || "_: \n".contains(c))
    {
        let is_condition = before.trim_start().starts_with("cfg_attr");
        return if is_condition {
            Attribute::Other
        } else {
            Attribute::None
        };
    }
    let Some(close) = rest.find(']').filter(|_| ends_here) else {
        return Attribute::None;
    };
    Attribute::Pymodule {
        arguments: &rest[..close],
        end: at + "pymodule".len() + close + 1,
    }
}

/// `x` of `name = "x"`.
fn name_in(arguments: &str) -> Option<&str> {
    let (_, rest) = arguments.split_once("name")?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    value.strip_prefix('"')?.split('"').next()
}

/// The name of the function or module that follows, or the one that another attribute gives it.
fn item_name(code: &str) -> Option<String> {
    let mut rest = code.trim_start();
    while let Some(attribute) = rest.strip_prefix("#[") {
        let (inner, after) = attribute.split_once(']')?;
        if inner.trim_start().starts_with("pyo3")
            && let Some(name) = name_in(inner)
        {
            return Some(name.to_owned());
        }
        if inner.trim_start().starts_with("cfg") {
            return None;
        }
        rest = after.trim_start();
    }
    let words = rest.split(|c: char| c.is_whitespace() || "(){}<".contains(c));
    let mut words = words.filter(|word| !word.is_empty());
    words.find(|word| *word == "fn" || *word == "mod")?;
    let name = words.next()?.trim_start_matches("r#");
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_name && !name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Option<Vec<String>> {
        in_text(text).map(|found| found.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn functions_and_modules_are_known_by_their_names() {
        for (text, expected) in [
            ("#[pymodule]\nfn a(m: &Bound<'_, PyModule>) {}", vec!["a"]),
            ("#[pyo3::pymodule]\npub mod _b {\n}", vec!["_b"]),
            (
                "#[pymodule(gil_used = false)]\npub(crate) fn c() {}",
                vec!["c"],
            ),
            ("#[pymodule(name = \"d\")]\nfn x() {}", vec!["d"]),
            ("#[pymodule]\n#[pyo3(name = \"e\")]\nfn x() {}", vec!["e"]),
            (
                "#[pymodule]\n#[allow(dead_code)]\n// why\nfn r#f<'p>(py: Python<'p>) {}",
                vec!["f"],
            ),
            (
                "#[pymodule]\nmod g {\n    #[pymodule]\n    mod inner {}\n}",
                vec!["g", "inner"],
            ),
            (
                "use pyo3::pymodule;\n// #[pymodule]\n// fn old() {}\n",
                vec![],
            ),
            ("fn wrap() { wrap_pymodule!(sub) }", vec![]),
        ] {
            assert_eq!(
                names(text),
                Some(expected.into_iter().map(str::to_owned).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn where_there_may_be_more_it_cannot_be_told() {
        for text in [
            "macro_rules! module { ($name:ident) => { #[pymodule]\nfn $name() {} } }",
            "#[cfg_attr(feature = \"python\", pymodule)]\nfn a() {}",
            "#[pymodule]\n#[cfg(x)]\nfn a() {}",
            "#[unsafe(no_mangle)]\npub extern \"C\" fn PyInit_a() {}",
            "include!(\"generated.rs\");",
        ] {
            assert_eq!(names(text), None, "{text}");
        }
    }

    #[test]
    fn only_what_somebody_has_written_is_looked_through() {
        let dir = testkit::TempDir::new();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        let found = || match module_names(&dir.path().join("lib.rs")) {
            ModuleNames::Known(found) => Some(found.into_iter().map(|it| it.name).collect()),
            ModuleNames::CannotTell => None,
        };
        write("lib.rs", "#[pymodule]\nfn a() {}");
        write("target/debug/build/x/out/made.rs", "include!(\"x\");");
        write(".venv/lib/x.rs", "#[pymodule]\nfn b() {}");
        write("deep/c.rs", "#[pymodule]\nfn c() {}");
        assert_eq!(found(), Some(vec!["a".to_owned(), "c".to_owned()]));
        for number in 0..nearby::MANY {
            fs_err::File::create(dir.path().join(format!("deep/{number}"))).unwrap();
        }
        assert_eq!(found(), None);
    }

    #[test]
    fn the_line_is_that_of_the_name() {
        let text = "\n// why\n#[pymodule]\n#[pyo3(x)]\nfn a() {}\n";
        assert_eq!(in_text(text), Some(vec![("a".to_owned(), 5)]));
    }
}
