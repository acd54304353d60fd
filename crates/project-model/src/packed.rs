//! What maturin packs into a wheel beside the extension: the files of Python packages, what `include` names,
//! `data`, and type stubs, without what `exclude` names (its `module_writer`, 1.16).

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use files::made::{self, Sieve};
use processes::Invocation;
use walkdir::WalkDir;

use crate::exclusion::Exclusion;
use crate::{Layout, Packing, Project, ProjectError};

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    /// The files, by where they go.
    pub files: Vec<PackedFile>,
    /// The packages, as paths in the wheel: in these there is nothing else but the extension.
    pub packages: Vec<String>,
    /// Patterns that the build may make files for.
    pub patterns: Vec<PackedPattern>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackedFile {
    /// Where it goes: as it is installed among the modules, or below `.data/`, whose full name has a version.
    pub path: String,
    /// Where it is.
    pub source: Utf8PathBuf,
}

/// An entry of `include`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedPattern {
    /// As it is written.
    pub text: String,
    /// Patterns of where its files go: one of them matches each.
    pub paths: Vec<String>,
    /// Whether it has no file yet: a build script may make one.
    pub is_to_be_made: bool,
}

impl Packed {
    /// What a wheel of `project` has. `makes` tells whether building it runs a build script, which may make
    /// what a pattern names.
    ///
    /// # Errors
    /// If a pattern or a package that is named has no file, and no build can make one.
    pub fn of(project: &Project, makes: bool) -> Result<Self, ProjectError> {
        let list = List {
            project,
            python_source: project.python_source(),
            exclusion: exclusion(project),
            makes,
        };
        let mut packed = Self::default();
        list.add_packages(&mut packed)?;
        list.add_included(&mut packed)?;
        list.add_data(&mut packed);
        list.add_stub(&mut packed);
        packed.files.sort();
        packed.files.dedup_by(|a, b| a.path == b.path);
        Ok(packed)
    }

    /// The same for a copy of the project: what lies below `from` lies below `to` there.
    #[must_use]
    pub fn moved(mut self, from: &Utf8Path, to: &Utf8Path) -> Self {
        for file in &mut self.files {
            if let Ok(inner) = file.source.strip_prefix(from) {
                file.source = to.join(inner);
            }
        }
        self
    }
}

fn exclusion(project: &Project) -> Exclusion {
    let lines = project.pyproject.maturin().exclude.iter();
    Exclusion::new(lines.filter_map(Packing::for_wheels))
}

struct List<'a> {
    project: &'a Project,
    python_source: Utf8PathBuf,
    exclusion: Exclusion,
    makes: bool,
}

impl List<'_> {
    /// Adds the file at `source`, unless it is excluded by where it is or by where it goes.
    fn add(&self, source: Utf8PathBuf, path: String, packed: &mut Packed) {
        let own = source.strip_prefix(&self.project.root).unwrap_or(&source);
        if !self.exclusion.matches(own.as_str()) && !self.exclusion.matches(&path) {
            packed.files.push(PackedFile { path, source });
        }
    }

    fn add_packages(&self, packed: &mut Packed) -> Result<(), ProjectError> {
        let module = &self.project.extension.module;
        let top = module.split('.').next().unwrap_or(module);
        let own = matches!(self.project.extension.layout, Layout::Mixed { .. }).then_some(top);
        let others = self.project.pyproject.maturin().python_packages.iter();
        for name in own.into_iter().chain(others.map(String::as_str)) {
            let dir = self.python_source.join(name);
            if !dir.is_dir() && !self.makes {
                return Err(self.nothing("python-packages", name));
            }
            if !dir.is_dir() {
                packed.patterns.push(PackedPattern {
                    text: name.to_owned(),
                    paths: vec![format!("{name}/**/*")],
                    is_to_be_made: true,
                });
            }
            for source in seen_below(&self.project.root, &dir) {
                let path = source.strip_prefix(&self.python_source).unwrap_or(&source);
                let path = path.to_string();
                if !self.is_of_develop(&path) {
                    self.add(source, path, packed);
                }
            }
            packed.packages.push(name.trim_end_matches('/').to_owned());
        }
        Ok(())
    }

    /// Whether it is what an editable install has left in a package.
    fn is_of_develop(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let library = self.project.extension.library_name();
        let is_library = [".so", ".pyd", ".dll", ".dylib", ".pdb", ".dwp"];
        let is_library = is_library.iter().any(|end| name.ends_with(end));
        let name = name.strip_prefix("lib").unwrap_or(name);
        is_library && name.starts_with(library)
    }

    fn add_included(&self, packed: &mut Packed) -> Result<(), ProjectError> {
        for entry in &self.project.pyproject.maturin().include {
            if let Packing::OutDir { path, to, .. } = entry {
                packed.patterns.push(PackedPattern {
                    text: path.clone(),
                    paths: vec![Utf8Path::new(to).join(path).into_string()],
                    is_to_be_made: true,
                });
            }
            let Some(pattern) = entry.for_wheels() else {
                continue;
            };
            let found = self.matching(pattern);
            if found.is_empty() && !self.makes {
                return Err(self.nothing("include", pattern));
            }
            packed.patterns.push(PackedPattern {
                text: pattern.to_owned(),
                paths: self.targets(pattern),
                is_to_be_made: found.is_empty(),
            });
            for (source, path) in found {
                self.add(source, path, packed);
            }
        }
        Ok(())
    }

    /// The files that `pattern` means, and where they go: relative to the project, else to the Python
    /// sources, which never are part of the path.
    fn matching(&self, pattern: &str) -> Vec<(Utf8PathBuf, String)> {
        let mut root = self.project.root.as_path();
        let mut found = files_by(root, pattern);
        if found.is_empty() {
            root = &self.python_source;
            found = files_by(root, pattern);
        }
        let target = |source: Utf8PathBuf| {
            let path = source.strip_prefix(&self.python_source);
            let path = path
                .or_else(|_| source.strip_prefix(root))
                .ok()?
                .to_string();
            Some((source, path))
        };
        found.into_iter().filter_map(target).collect()
    }

    /// Where files of `pattern` go, though there are none yet.
    fn targets(&self, pattern: &str) -> Vec<String> {
        let source = self.python_source.strip_prefix(&self.project.root);
        let source = source.unwrap_or(Utf8Path::new(""));
        let inner = Utf8Path::new(pattern).strip_prefix(source);
        let inner = inner.map(Utf8Path::to_string).into_iter();
        let mut all: Vec<_> = inner.chain([pattern.to_owned()]).collect();
        all.dedup();
        all
    }

    /// `data`, or a directory `MODULE.data`; a link in it stands for what it leads to.
    fn add_data(&self, packed: &mut Packed) {
        let root = &self.project.root;
        let named = self.project.pyproject.maturin().data.as_ref();
        let by_name = || root.join(format!("{}.data", self.project.extension.module));
        let dir = named.map_or_else(by_name, |data| root.join(data));
        for entry in WalkDir::new(&dir).into_iter().flatten() {
            let Some(source) = Utf8Path::from_path(entry.path()).filter(|path| path.is_file())
            else {
                continue;
            };
            let inner = source.strip_prefix(&dir).unwrap_or(source);
            let among_modules = ["purelib", "platlib"];
            let inner = match inner.as_str().split_once('/') {
                Some((first, rest)) if among_modules.contains(&first) => rest.to_owned(),
                _ => format!(".data/{inner}"),
            };
            self.add(source.to_owned(), inner, packed);
        }
    }

    /// The stub of a module that has no Python beside it.
    fn add_stub(&self, packed: &mut Packed) {
        let name = self.project.extension.library_name();
        let stub = self.project.root.join(format!("{name}.pyi"));
        if self.project.extension.layout == Layout::PureRust && stub.is_file() {
            self.add(stub, format!("{name}/__init__.pyi"), packed);
        }
    }

    fn nothing(&self, key: &'static str, pattern: &str) -> ProjectError {
        let root = &self.project.root;
        let mut dirs = [root, &self.python_source]
            .into_iter()
            .map(|dir| dir.join(pattern));
        ProjectError::PacksNothing {
            path: root.join("pyproject.toml"),
            key,
            pattern: pattern.to_owned(),
            remedy: if dirs.any(|dir| dir.is_dir()) {
                format!(
                    "a directory is no file: `{}/**/*` names those in it",
                    pattern.trim_end_matches('/')
                )
            } else {
                "make the files first (a front end's build?), or take the pattern out".to_owned()
            },
        }
    }
}

/// Whether `include` names files in the `OUT_DIR` of a package.
#[must_use]
pub fn names_out_dir(project: &Project) -> bool {
    let entries = &project.pyproject.maturin().include;
    entries
        .iter()
        .any(|entry| matches!(entry, Packing::OutDir { .. }))
}

/// The files that `include` names in the `OUT_DIR` of a package, which `out_dir` gives by name, and where
/// they go.
#[must_use]
pub fn out_dir_files(
    project: &Project,
    out_dir: &dyn Fn(&str) -> Option<Utf8PathBuf>,
) -> Vec<PackedFile> {
    let mut files = Vec::new();
    for entry in &project.pyproject.maturin().include {
        let Packing::OutDir {
            path,
            to,
            crate_name,
            ..
        } = entry
        else {
            continue;
        };
        let package = crate_name
            .as_deref()
            .unwrap_or(&project.extension.crate_name);
        let Some(dir) = out_dir(package) else {
            continue;
        };
        for source in files_by(&dir, path) {
            let inner = source.strip_prefix(&dir).unwrap_or(&source);
            let path = Utf8Path::new(to).join(inner).into_string();
            files.push(PackedFile { path, source });
        }
    }
    files
}

/// The files below `root` that `pattern` matches, as maturin looks for them.
fn files_by(root: &Utf8Path, pattern: &str) -> Vec<Utf8PathBuf> {
    let full = format!("{}/{pattern}", glob::Pattern::escape(root.as_str()));
    let found = glob::glob(&full).into_iter().flatten().flatten();
    let found = found.filter_map(|path| Utf8PathBuf::from_path_buf(path).ok());
    found.filter(|path| !path.is_dir()).collect()
}

/// The files below `dir` that maturin sees. Where the project's directory is a checkout of git, it passes
/// over what the `.gitignore` files in it name, tracked or not; what other files of git's name, and what a
/// `.gitignore` above names, it packs. What tools have made is left out everywhere.
fn seen_below(root: &Utf8Path, dir: &Utf8Path) -> BTreeSet<Utf8PathBuf> {
    let mut sieve = Sieve::new(root, []).keeping_extensions();
    let all = by_git(root, dir).unwrap_or_else(|| made::all_files_below(dir).collect());
    let files = all.into_iter().filter(|path| path.is_file());
    files.filter(|path| !sieve.is_made(path)).collect()
}

/// Has git go by `.gitignore`, and by nothing else.
const IGNORED: &str = "--exclude-per-directory=.gitignore";

/// `None` where maturin does not look at `.gitignore`, or git cannot.
fn by_git(root: &Utf8Path, dir: &Utf8Path) -> Option<BTreeSet<Utf8PathBuf>> {
    let git_dir = root.join(".git");
    git_dir.symlink_metadata().ok()?;
    let listed = |which: &[&str]| -> Option<BTreeSet<Utf8PathBuf>> {
        let git = Invocation::new("git")
            .args(["--literal-pathspecs", "--git-dir", git_dir.as_str()])
            .args(["--work-tree", root.as_str(), "ls-files", "-z"]);
        let git = git
            .args(which.iter().copied())
            .args(["--", dir.as_str()])
            .cwd(root);
        let names = git.read().ok()?;
        let names = names.split('\0').filter(|name| !name.is_empty());
        Some(names.map(|name| root.join(name)).collect())
    };
    let mut files = listed(&["--cached", "--recurse-submodules"])?;
    files.extend(listed(&["--others", IGNORED])?);
    let ignored = listed(&["--cached", "--ignored", IGNORED])?;
    files.retain(|file| !ignored.contains(file));
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    fn packed(fixture: &Fixture) -> Packed {
        Packed::of(&Project::load(&fixture.root()).unwrap(), false).unwrap()
    }

    fn paths(fixture: &Fixture) -> Vec<String> {
        packed(fixture)
            .files
            .into_iter()
            .map(|file| file.path)
            .collect()
    }

    fn maturin(fixture: &Fixture, keys: &str) {
        let table = format!("[tool.maturin]\n{keys}");
        fixture.edit("pyproject.toml", "[tool.maturin]", &table);
    }

    fn git(fixture: &Fixture, args: &[&str]) {
        let git = Invocation::new("git").args(args.iter().copied());
        git.cwd(&fixture.root()).read().unwrap();
    }

    #[test]
    fn what_the_table_says_is_packed() {
        let fixture = Fixture::mixed("thing");
        maturin(
            &fixture,
            "python-packages = ['extra']\nexclude = ['*.txt', { path = 'python/thing/b.md', format = 'wheel' }, \
             { path = '*.py', format = 'sdist' }]\ndata = 'stuff'\n\
             include = ['web/**/*', 'thing/kept.so', 'python/thing/again.md', { path = 'no.md', format = 'sdist' }]\n",
        );
        for name in [
            "python/extra/__init__.py",
            "python/thing/a.txt",
            "python/thing/b.md",
            "python/thing/again.md",
            "python/thing/__pycache__/a.pyc",
            "python/thing/_thing.abi3.so",
            "python/thing/other.abi3.so",
            "python/thing/kept.so",
            "python/beside/__init__.py",
            "web/index.html",
            "web/deep/a.js",
            "stuff/scripts/run",
            "stuff/purelib/alone.py",
            "no.md",
        ] {
            fixture.write(name, "");
        }
        let expected = [
            ".data/scripts/run",
            "alone.py",
            "extra/__init__.py",
            "thing/__init__.py",
            "thing/again.md",
            "thing/kept.so",
            "thing/other.abi3.so",
            "web/deep/a.js",
            "web/index.html",
        ];
        assert_eq!(paths(&fixture), expected);
        assert_eq!(packed(&fixture).packages, ["thing", "extra"]);
    }

    #[test]
    fn of_gits_files_the_ones_in_the_project_count_and_only_in_a_checkout() {
        let fixture = Fixture::mixed("thing");
        for name in ["made.js", "local.js", "forced.js", "a.py"] {
            fixture.write(format!("python/thing/{name}"), "");
        }
        let all = ["__init__.py", "a.py", "forced.js", "local.js", "made.js"];
        fixture.write(".gitignore", "made.js\nforced.js\n");
        let full = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| format!("thing/{name}")).collect()
        };
        assert_eq!(paths(&fixture), full(&all));
        git(&fixture, &["init", "-q"]);
        fixture.write(".git/info/exclude", "local.js\n");
        git(&fixture, &["add", "-f", "python/thing/forced.js"]);
        assert_eq!(paths(&fixture), full(&["__init__.py", "a.py", "local.js"]));
        maturin(&fixture, "include = ['python/thing/*.js']");
        assert_eq!(paths(&fixture), full(&all));
    }

    #[test]
    fn what_matches_nothing_is_an_error_unless_a_build_may_make_it() {
        for keys in ["include = ['web/*']", "python-packages = ['extra']"] {
            let fixture = Fixture::mixed("thing");
            maturin(&fixture, keys);
            let project = Project::load(&fixture.root()).unwrap();
            let error = Packed::of(&project, false).unwrap_err().to_string();
            assert!(error.contains("matches no file"), "{error}");
        }
        let fixture = Fixture::mixed("thing");
        fixture.write("web/a.js", "");
        maturin(&fixture, "include = ['web/']");
        let project = Project::load(&fixture.root()).unwrap();
        let error = Packed::of(&project, false).unwrap_err().to_string();
        assert!(
            error.contains("help: a directory is no file: `web/**/*`"),
            "{error}"
        );
        let fixture = Fixture::mixed("thing");
        maturin(
            &fixture,
            "include = ['python/thing/*.js', { path = 'a.txt', from = 'out-dir', to = 'thing/' }]",
        );
        let project = Project::load(&fixture.root()).unwrap();
        let patterns = Packed::of(&project, true).unwrap().patterns;
        let to_be_made: Vec<_> = patterns.iter().map(|it| it.is_to_be_made).collect();
        assert_eq!(to_be_made, [true, true]);
        assert_eq!(patterns[0].paths, ["thing/*.js", "python/thing/*.js"]);
        assert_eq!(patterns[1].paths, ["thing/a.txt"]);
    }

    #[test]
    fn files_of_out_dir_go_where_the_entry_says() {
        let fixture = Fixture::mixed("thing");
        maturin(
            &fixture,
            "include = [{ path = '**/*.txt', from = 'out-dir', to = 'thing/' }, \
             { path = 'b.txt', from = 'out-dir', to = 'b', crate_name = 'other' }]",
        );
        for name in ["out/deep/a.txt", "out/a.bin", "other/b.txt"] {
            fixture.write(name, "");
        }
        let project = Project::load(&fixture.root()).unwrap();
        let out_dir = |package: &str| match package {
            "thing" => Some(fixture.root().join("out")),
            package => Some(fixture.root().join(package)),
        };
        let files = out_dir_files(&project, &out_dir);
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["thing/deep/a.txt", "b/b.txt"]);
        assert_eq!(out_dir_files(&project, &|_| None), []);
    }

    #[test]
    fn without_python_there_is_only_a_stub() {
        let fixture = Fixture::pure_rust("thing");
        fixture.write("thing.pyi", "");
        fixture.write("thing.data/headers/a.h", "");
        assert_eq!(paths(&fixture), [".data/headers/a.h", "thing/__init__.pyi"]);
    }
}
