//! What is tried, as data.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use files::owned;
use project_model::{Closure, Layout, PathCrate, Project, written_below};

use super::request::{VerifyError, at};
use super::scratch::Scratch;
use super::uv::Uv;
use crate::derive::Derived;
use crate::paths::{is_pattern, matching, normal, relative};
use crate::{library, witness};

/// One thing to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    /// What the user reads.
    pub(super) name: String,
    /// Whether uv should build.
    pub(super) builds: bool,
    /// What is done.
    pub(super) action: Action,
}

/// What is done to the copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    CargoCheck,
    /// Something is added to the end of a file; one that is missing is made.
    Edit(Utf8PathBuf),
    Delete(Utf8PathBuf),
    Rename(Utf8PathBuf, Utf8PathBuf),
    /// A variable is set for uv.
    Variable(String),
    /// The extension is moved out of the sources, and, if it is named, the environment is removed.
    Lose(Utf8PathBuf, Option<Utf8PathBuf>),
}

impl Action {
    /// What is written, moved or removed.
    pub(super) fn touches(&self) -> Vec<&Utf8Path> {
        match self {
            Self::Nothing | Self::CargoCheck | Self::Variable(_) => Vec::new(),
            Self::Edit(path) | Self::Delete(path) => vec![path],
            Self::Rename(from, to) => vec![from, to],
            Self::Lose(library, environment) => {
                let environment = environment.as_deref();
                std::iter::once(library.as_path())
                    .chain(environment)
                    .collect()
            }
        }
    }
}

impl Case {
    /// Whether it removes a file, which has to be noticed also if that is not the newest.
    pub(super) fn is_no_newest_file(&self) -> bool {
        matches!(self.action, Action::Delete(_) | Action::Rename(..))
    }
}

/// What must be done to have things as they were.
#[derive(Debug)]
pub(super) enum Undo {
    Nothing,
    Write(Utf8PathBuf, Vec<u8>),
    Remove(Utf8PathBuf),
    Rename(Utf8PathBuf, Utf8PathBuf),
}

impl Action {
    pub(super) fn apply(&self, uv: &Uv<'_>, scratch: &Scratch) -> Result<Undo, VerifyError> {
        match self {
            Self::Nothing | Self::Variable(_) => Ok(Undo::Nothing),
            Self::CargoCheck => uv.cargo_check().map(|()| Undo::Nothing),
            Self::Edit(path) => edit(path),
            Self::Delete(path) => {
                let bytes = fs_err::read(path).map_err(at(path))?;
                owned::remove(&scratch.tree, path).map_err(at(path))?;
                Ok(Undo::Write(path.clone(), bytes))
            }
            Self::Rename(from, to) => {
                fs_err::rename(from, to).map_err(at(from))?;
                Ok(Undo::Rename(to.clone(), from.clone()))
            }
            Self::Lose(library, environment) => {
                let away = scratch.beside.join("lost");
                fs_err::rename(library, &away).map_err(at(library))?;
                if let Some(environment) = environment {
                    owned::remove(&scratch.tree, environment).map_err(at(environment))?;
                }
                // uv makes the environment anew.
                Ok(Undo::Rename(away, library.clone()))
            }
        }
    }
}

fn edit(path: &Utf8Path) -> Result<Undo, VerifyError> {
    let old = fs_err::read(path).ok();
    let parent = path.parent().unwrap_or(path);
    fs_err::create_dir_all(parent).map_err(at(parent))?;
    let mut bytes = old.clone().unwrap_or_default();
    bytes.push(b'\n');
    fs_err::write(path, bytes).map_err(at(path))?;
    Ok(match old {
        Some(old) => Undo::Write(path.to_owned(), old),
        None => Undo::Remove(path.to_owned()),
    })
}

impl Undo {
    pub(super) fn run(self, scratch: &Scratch) -> Result<(), VerifyError> {
        match self {
            Self::Nothing => Ok(()),
            Self::Write(path, bytes) => fs_err::write(&path, bytes).map_err(at(&path)),
            Self::Remove(path) => {
                let removed = owned::remove(&scratch.tree, &path);
                removed.map(drop).map_err(at(&path))
            }
            Self::Rename(from, to) => fs_err::rename(&from, &to).map_err(at(&from)),
        }
    }
}

/// The cases for a project, whose keys should be `derived`. The copy is `tree`: a key may name a file of the
/// user's, by its whole path or through a link, and none of these is tried.
pub(super) fn cases(
    project: &Project,
    closure: &Closure,
    derived: &Derived,
    tree: &Utf8Path,
) -> Vec<Case> {
    let mut list = List {
        root: &project.root,
        tree,
        cases: Vec::new(),
    };
    list.add(false, "nothing", Action::Nothing);
    list.add(false, "cargo check", Action::CargoCheck);
    list.what_is_no_input(project, closure, derived);
    for one in &closure.crates {
        list.sources(one, derived);
    }
    list.other_keys(closure, derived);
    list.lost(project, derived);
    for name in &derived.env {
        list.add(true, &format!("set {name}"), Action::Variable(name.clone()));
    }
    list.cases
}

struct List<'a> {
    root: &'a Utf8Path,
    tree: &'a Utf8Path,
    cases: Vec<Case>,
}

impl List<'_> {
    fn add(&mut self, builds: bool, name: &str, action: Action) {
        if !action.touches().iter().all(|path| is_in(self.tree, path)) {
            return;
        }
        self.cases.push(Case {
            name: name.to_owned(),
            builds,
            action,
        });
    }

    fn named(&self, path: &Utf8Path) -> Utf8PathBuf {
        relative(self.root, path)
    }

    fn edit(&mut self, builds: bool, path: Utf8PathBuf) {
        let verb = if path.is_file() { "edit" } else { "add" };
        let name = format!("{verb} {}", self.named(&path));
        self.add(builds, &name, Action::Edit(path));
    }

    fn delete(&mut self, path: Utf8PathBuf) {
        let name = format!("delete {}", self.named(&path));
        self.add(true, &name, Action::Delete(path));
    }

    fn rename(&mut self, from: Utf8PathBuf, to: Utf8PathBuf) {
        let name = format!(
            "rename {} to {}",
            self.named(&from),
            to.file_name().unwrap_or_default()
        );
        self.add(true, &name, Action::Rename(from, to));
    }

    fn what_is_no_input(&mut self, project: &Project, closure: &Closure, derived: &Derived) {
        let files = written_below(self.root);
        // Whoever has named them wants a build.
        let users = users_files(project, derived);
        let starts_with = |path: &&Utf8PathBuf, start: &str| {
            path.file_name().is_some_and(|name| name.starts_with(start))
        };
        let readmes = files.iter().filter(|path| starts_with(path, "README"));
        for readme in readmes.take(3) {
            self.edit(users.contains(readme), readme.clone());
        }
        let package = match &project.extension.layout {
            Layout::Mixed { package } => package,
            Layout::PureRust => &project.root,
        };
        let is_python =
            |path: &&Utf8PathBuf| path.extension() == Some("py") && path.starts_with(package);
        let python = files.iter().find(is_python);
        if let Some(python) = python {
            self.edit(users.contains(python), python.clone());
        }
        self.edit(false, project.root.join("notes-of-mine.txt"));
        self.edit(false, project.root.join(".cargo/config.local.toml"));
        // What build scripts write; a plain `cargo check` does.
        let generated = "target/debug/build/thing-0123456789abcdef/out/generated.rs";
        self.edit(false, closure.workspace_root.join(generated));
        for one in &closure.crates {
            self.edit(false, one.dir.join("tests/of_cache_keys.rs"));
        }
    }

    /// Edits, adds, renames and deletes sources of one crate.
    fn sources(&mut self, one: &PathCrate, derived: &Derived) {
        let Some(root) = one.roots.first() else {
            return;
        };
        self.edit(true, root.clone());
        let dir = root.parent().unwrap_or(&one.dir);
        let added = dir.join("of_cache_keys/added.rs");
        let is_tree = derived.files.iter().any(|key| {
            let base = key.strip_suffix("/**/*.rs");
            base.is_some_and(|base| added.starts_with(normal(&self.root.join(base))))
        });
        if is_tree {
            self.edit(true, added);
        }
        // Rather not the first, which every build reads.
        let of_crate = derived
            .files
            .iter()
            .filter_map(|key| matching(self.root, key));
        let of_crate = of_crate.flatten().filter(|path| {
            path.is_file()
                && path.starts_with(dir)
                && path.extension() == Some("rs")
                && path != root
        });
        let victim = of_crate.max().unwrap_or_else(|| root.clone());
        self.rename(victim.clone(), victim.with_extension("txt"));
        if is_tree {
            self.rename(victim.clone(), victim.with_file_name("of_cache_keys.rs"));
        }
        self.delete(victim);
    }

    /// Edits, or adds, each file that a key names, and deletes those that a build can lose. For a pattern,
    /// one file.
    fn other_keys(&mut self, closure: &Closure, derived: &Derived) {
        for key in &derived.files {
            let is_tried = key == witness::KEY || library::is_environment(key);
            if is_tried || key.ends_with("/**/*.rs") && self.is_of_a_crate(closure, key) {
                continue;
            }
            if is_pattern(key) {
                self.pattern(key);
                continue;
            }
            let path = normal(&self.root.join(key));
            if closure.crates.iter().any(|one| one.roots.contains(&path)) {
                continue;
            }
            let can_be_lost = path.is_file() && !path.as_str().ends_with(".toml");
            self.edit(true, path.clone());
            if can_be_lost {
                self.delete(path);
            }
        }
    }

    /// Whether the files that a pattern means are those of a crate, which are tried with it.
    fn is_of_a_crate(&self, closure: &Closure, key: &str) -> bool {
        let base = key.trim_end_matches("/**/*.rs");
        let base = normal(&self.root.join(base));
        let mut roots = closure.crates.iter().flat_map(|one| &one.roots);
        roots.any(|root| root.starts_with(&base))
    }

    /// Takes away what the wheel that uv has kept does not hold.
    fn lost(&mut self, project: &Project, derived: &Derived) {
        let library = library::placed(&project.extension);
        let Some(library) = library.filter(|_| !derived.dirs.is_empty()) else {
            return;
        };
        let environment = library::environment(self.root);
        let environment = environment.parent().map(Utf8Path::to_owned);
        let name = self.named(&library);
        let lose = |environment| Action::Lose(library.clone(), environment);
        self.add(true, &format!("delete {name}"), lose(None));
        self.add(true, &format!("delete {name} and .venv"), lose(environment));
    }

    fn pattern(&mut self, key: &str) {
        let found = matching(self.root, key).unwrap_or_default();
        let count = found.len();
        let Some(path) = found.into_iter().next() else {
            return;
        };
        self.edit(true, path.clone());
        let kind = key.rsplit_once("/*.").map_or("", |(_, kind)| kind);
        let added = path.with_file_name("of_cache_keys").with_extension(kind);
        self.edit(true, added);
        if count <= witness::MANY {
            self.delete(path);
        }
    }
}

/// Whether `path` lies in the directory `tree`, also where links lead.
fn is_in(tree: &Utf8Path, path: &Utf8Path) -> bool {
    let above = path.ancestors().skip(1).find(|dir| dir.exists());
    let real = |path: &Utf8Path| path.canonicalize_utf8().ok();
    let is_below = |dir: Utf8PathBuf| real(tree).is_some_and(|tree| dir.starts_with(tree));
    path.starts_with(tree) && above.and_then(real).is_some_and(is_below) && !path.is_symlink()
}

/// The files that keys of the user's own mean.
fn users_files(project: &Project, derived: &Derived) -> BTreeSet<Utf8PathBuf> {
    let own = users_keys(project, derived).into_iter();
    let found = own.filter_map(|key| matching(&project.root, key));
    found.flatten().collect()
}

/// The keys for files that are the user's own.
pub(super) fn users_keys<'p>(project: &'p Project, derived: &Derived) -> Vec<&'p str> {
    let keys = project.pyproject.uv_cache_keys().unwrap_or_default();
    let files = keys.iter().filter_map(witness::file_of);
    let is_derived = |file: &&str| derived.files.iter().any(|key| key == file);
    files.filter(|file| !is_derived(file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    #[test]
    fn each_kind_of_input_is_tried_and_what_is_none_as_well() {
        let fixture = Fixture::mixed("thing");
        fixture.write("README.md", "");
        fixture.write("native/src/more.rs", "");
        fixture.write("native/schema/a.proto", "");
        let declares = "fn main() { println!(\"cargo::rerun-if-changed=schema/a.proto\"); }";
        fixture.write("native/build.rs", declares);
        fixture.write("native/Cargo.lock", "");
        let project = Project::load(&fixture.root()).unwrap();
        let closure = Closure::load(&project).unwrap();
        let derived = Derived::of(&project, &closure);
        let tree = project.root.parent().unwrap();
        let cases = cases(&project, &closure, &derived, tree);
        let names = |builds: bool| -> Vec<&str> {
            let chosen = cases.iter().filter(|case| case.builds == builds);
            chosen.map(|case| case.name.as_str()).collect()
        };
        assert_eq!(
            names(false),
            [
                "nothing",
                "cargo check",
                "edit README.md",
                "edit python/thing/__init__.py",
                "add notes-of-mine.txt",
                "add .cargo/config.local.toml",
                "add native/target/debug/build/thing-0123456789abcdef/out/generated.rs",
                "add native/tests/of_cache_keys.rs",
            ]
        );
        assert_eq!(
            names(true)[..18],
            [
                "edit native/src/lib.rs",
                "add native/src/of_cache_keys/added.rs",
                "rename native/src/more.rs to more.txt",
                "rename native/src/more.rs to of_cache_keys.rs",
                "delete native/src/more.rs",
                "edit pyproject.toml",
                "edit native/Cargo.toml",
                "edit native/Cargo.lock",
                "delete native/Cargo.lock",
                "add .cargo/config.toml",
                "add rust-toolchain.toml",
                "edit native/build.rs",
                "delete native/build.rs",
                "edit native/schema/a.proto",
                "delete native/schema/a.proto",
                "set CARGO_BUILD_TARGET",
                "set CARGO_ENCODED_RUSTFLAGS",
                "set MATURIN_PEP517_ARGS",
            ]
        );
    }
}
