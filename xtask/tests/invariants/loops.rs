//! Files of a crate that use one another in a loop, found in their text: in `use crate::…;` and `use
//! super::…;`, and in such paths elsewhere. What is used through a `pub use` counts as used where it is
//! defined. Tests do not count.

use std::collections::{BTreeMap, BTreeSet};

/// A module by the names above it: `["report", "html"]`; the crate's root has none.
type Module = Vec<String>;

/// A crate's files as modules.
#[derive(Default)]
pub(crate) struct CrateFiles {
    /// What each uses.
    used: BTreeMap<Module, Vec<Module>>,
    /// What each gives out under its own name: the name, and what it stands for.
    given_out: BTreeMap<(Module, String), Module>,
}

impl CrateFiles {
    /// Of the files below `src`, each with its path relative to that and its text.
    pub(crate) fn new(files: &[(String, String)]) -> Self {
        let modules: Vec<_> = files.iter().map(|(path, _)| module_of(path)).collect();
        let mut found = Self::default();
        for (module, (_, text)) in modules.iter().zip(files) {
            let code = without_tests(text);
            let mut used = Vec::new();
            let mut elsewhere = String::new();
            for statement in code.split_inclusive(';') {
                let Some((before, visibility, tree)) = as_use(statement) else {
                    elsewhere.push_str(statement);
                    continue;
                };
                elsewhere.push_str(before);
                for (path, name) in names(tree) {
                    let Some(path) = absolute(module, &path, &modules) else {
                        continue;
                    };
                    if visibility.is_empty() {
                        used.push(path);
                    } else {
                        found.given_out.insert((module.clone(), name), path);
                    }
                }
            }
            used.extend(paths(&elsewhere).filter_map(|it| absolute(module, &it, &modules)));
            found.used.insert(module.clone(), used);
        }
        found
    }

    /// The loops: each as the names of the files in it.
    pub(crate) fn loops(&self) -> Vec<String> {
        let reached: BTreeMap<_, _> = self.used.keys().map(|it| (it, self.reached(it))).collect();
        let of = |module: &Module| {
            let others = reached[module].iter();
            let in_loop = others.filter(|other| reached[*other].contains(module));
            in_loop.map(shown).collect::<Vec<_>>().join(" ")
        };
        let loops: BTreeSet<_> = self.used.keys().map(of).collect();
        loops.into_iter().filter(|it| !it.is_empty()).collect()
    }

    /// What `module` uses, at any distance.
    fn reached(&self, module: &Module) -> BTreeSet<Module> {
        let mut reached = BTreeSet::new();
        let mut due = vec![module.clone()];
        while let Some(next) = due.pop() {
            let used = self.used[&next].iter().map(|path| self.home(path));
            let others = used.filter(|it| *it != next);
            due.extend(others.filter(|it| reached.insert(it.clone())));
        }
        reached
    }

    /// The file in which that is defined to which `path` leads.
    fn home(&self, path: &Module) -> Module {
        let mut path = path.clone();
        // A name that is given out again and again would lead nowhere.
        for _ in 0..path.len() + 8 {
            let length = (0..=path.len()).rev();
            let mut inner = length.map(|it| path.split_at(it));
            let (module, rest) = inner
                .find(|(module, _)| self.used.contains_key(*module))
                .expect("the root is a file");
            let given = rest
                .first()
                .and_then(|name| self.given_out.get(&(module.to_vec(), name.clone())));
            match given {
                Some(given) => path = [given, &rest[1..]].concat(),
                None => return module.to_vec(),
            }
        }
        path
    }
}

fn module_of(path: &str) -> Module {
    let mut parts: Vec<_> = path.trim_end_matches(".rs").split('/').collect();
    if matches!(parts.last(), Some(&("mod" | "lib" | "main"))) {
        parts.pop();
    }
    parts.into_iter().map(str::to_owned).collect()
}

fn shown(module: &Module) -> String {
    if module.is_empty() {
        "lib".to_owned()
    } else {
        module.join("/")
    }
}

/// What stands before a `use`, its visibility, and what it names; `None` if the statement is another one.
fn as_use(statement: &str) -> Option<(&str, &str, &str)> {
    let (before, tree) = statement.rsplit_once("use ")?;
    let (before, line) = before.rsplit_once('\n').unwrap_or(("", before));
    let visibility = line.trim();
    let is_use = visibility.is_empty() || visibility.starts_with("pub");
    is_use.then(|| (before, visibility, tree.trim_end_matches(';')))
}

/// `text` without comments and what is compiled for tests alone.
fn without_tests(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let item = lines.by_ref().find(|line| !line.trim().starts_with('#'));
            let item = item.unwrap_or_default();
            let indent = item.len() - item.trim_start().len();
            let end = format!("{}}}", " ".repeat(indent));
            if !item.ends_with(';') {
                lines.by_ref().find(|line| *line == end);
            }
        } else if !line.trim().starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

/// What a `use` names: each path, and the name that it has here.
fn names(tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    if let Some((above, inner)) = tree.split_once('{') {
        let inner = inner.trim().strip_suffix('}').unwrap_or(inner);
        let above = above.trim().trim_end_matches("::");
        let below = parts(inner).into_iter().flat_map(names);
        let above: Vec<_> = above.split("::").map(str::to_owned).collect();
        return below
            .map(|(path, name)| match path.as_slice() {
                [one] if one == "self" => (above.clone(), name),
                _ => ([above.clone(), path].concat(), name),
            })
            .collect();
    }
    let (path, name) = tree.split_once(" as ").unwrap_or((tree, tree));
    let name = name.rsplit("::").next().unwrap_or(name);
    let path = path.split("::").map(|it| it.trim().to_owned());
    vec![(path.collect(), name.trim().to_owned())]
}

/// The parts of a list between commas, those within braces left together.
fn parts(list: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut parts = list.split(|c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    let parts = parts.by_ref().filter(|part| !part.trim().is_empty());
    parts.collect()
}

/// The paths in code that begin with `crate::` or `super::`.
fn paths(code: &str) -> impl Iterator<Item = Vec<String>> {
    let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let inner = words.filter(|word| word.starts_with("crate::") || word.starts_with("super::"));
    inner.map(|word| word.split("::").map(str::to_owned).collect())
}

/// `path` as seen from the crate's root. `None`: it leads out of the crate.
fn absolute(module: &Module, path: &[String], modules: &[Module]) -> Option<Module> {
    let (first, rest) = path.split_first()?;
    let from = |base: &[String]| Some([base, rest].concat());
    match first.as_str() {
        "crate" => from(&[]),
        "self" => from(module),
        "super" => {
            let above = &module[..module.len().checked_sub(1)?];
            match rest.first().map(String::as_str) {
                Some("super") => absolute(&above.to_vec(), rest, modules),
                _ => from(above),
            }
        }
        name => {
            // A module below this one, named without a prefix.
            let below = [module.as_slice(), &[name.to_owned()]].concat();
            modules
                .contains(&below)
                .then(|| [module.as_slice(), path].concat())
        }
    }
}

#[test]
fn loops_are_found() {
    let found = |files: &[(&str, &str)]| {
        let files: Vec<_> = files
            .iter()
            .map(|&(path, text)| (path.to_owned(), text.to_owned()))
            .collect();
        CrateFiles::new(&files).loops()
    };
    let lib = ("lib.rs", "mod a;\nmod b;\npub use b::{B, Other as C};\n");
    let table = [
        (
            vec![("a.rs", "use crate::b::B;\n"), ("b.rs", "fn f() {}\n")],
            "",
        ),
        (
            vec![("a.rs", "use crate::b::B;\n"), ("b.rs", "use super::a;\n")],
            "a b",
        ),
        // Through what the root gives out, under another name.
        (
            vec![
                ("a.rs", "use crate::C;\n"),
                ("b.rs", "use crate::{a::A, c};\n"),
            ],
            "a b",
        ),
        (
            vec![
                ("a.rs", "fn f() {\n    crate::b::g();\n}\n"),
                ("b.rs", "use crate::a;"),
            ],
            "a b",
        ),
        (
            vec![
                (
                    "a.rs",
                    "#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n",
                ),
                ("b.rs", "use crate::a;\n"),
            ],
            "",
        ),
        (
            vec![("a.rs", "// use crate::b;\n"), ("b.rs", "use crate::a;\n")],
            "",
        ),
        // A file and one below it.
        (
            vec![
                ("a.rs", "mod c;\nuse c::{\n    d,\n    e::{F, G},\n};\n"),
                ("a/c.rs", "use super::A;\n"),
                ("b.rs", ""),
            ],
            "a a/c",
        ),
        (
            vec![
                ("a/mod.rs", "mod c;\npub(crate) use c::D;\n"),
                ("a/c.rs", "use super::A;\n"),
                ("b.rs", ""),
            ],
            "",
        ),
        (
            vec![
                ("a/c.rs", "use super::super::b;\n"),
                ("a.rs", ""),
                ("b.rs", "use crate::a::c::{self, D};\n"),
            ],
            "a/c b",
        ),
    ];
    for (files, expected) in table {
        let files = [vec![lib], files].concat();
        assert_eq!(found(&files).join("; "), expected, "{files:?}");
    }
}
