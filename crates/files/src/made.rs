//! What somebody has written, told from what tools have made: cargo, uv, maturin, others of the kind, and
//! this program.
//!
//! The rule is about names and marks alone. Where git tracks a file, somebody has written it, whatever it is
//! called: who asks git passes the rule only what git does not track.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use walkdir::{DirEntry, WalkDir};

/// The directory beside an extension with the library that it is linked with (`prelink::beside`).
pub const PRELINKED: &str = ".prelinked";

/// Directories that tools make, by name.
const NAMES: [&str; 14] = [
    ".eggs",
    ".git",
    ".hg",
    ".jj",
    ".mypy_cache",
    ".nox",
    PRELINKED,
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".venv",
    ".xtask",
    "__pycache__",
    "node_modules",
];

/// Files by which tools mark the directories that they make: a target directory of cargo and other caches
/// (<https://bford.info/cachedir/>), cargo's alone, and a virtual environment (PEP 405).
const MARKS: [&str; 3] = ["CACHEDIR.TAG", ".rustc_info.json", "pyvenv.cfg"];

/// Files that tools make, by their ending: what Python compiles, wheels, and what instrumented programs leave
/// (`-Cinstrument-coverage`, `-Cprofile-generate`).
const ENDINGS: [&str; 4] = [".profraw", ".pyc", ".pyo", ".whl"];

/// What lies beside wheels: ours, and what others upload with them.
const BESIDE_WHEELS: [&str; 3] = [".gitignore", "SHA256SUMS", "manifest.json"];

/// Tells the files below a directory that somebody has written from those that tools have made.
#[derive(Debug, Clone)]
pub struct Sieve {
    root: Utf8PathBuf,
    /// What is known of directories: those that the project's configuration names, and those looked at.
    known: BTreeMap<Utf8PathBuf, bool>,
    keeps_extensions: bool,
}

impl Sieve {
    /// For what lies below `root`. All in the directories `made` is made by tools, whatever is in them: the
    /// project's configuration names them.
    #[must_use]
    pub fn new(root: &Utf8Path, made: impl IntoIterator<Item = Utf8PathBuf>) -> Self {
        let inside = made.into_iter();
        let inside = inside.filter(|dir| dir != root && dir.starts_with(root));
        Self {
            root: root.to_owned(),
            known: inside.map(|dir| (dir, true)).collect(),
            keeps_extensions: false,
        }
    }

    /// The same that lets extension modules through: in a package they may be somebody's.
    #[must_use]
    pub fn keeping_extensions(mut self) -> Self {
        self.keeps_extensions = true;
        self
    }

    /// Whether a tool has made the file at `path`, which lies below the root.
    pub fn is_made(&mut self, path: &Utf8Path) -> bool {
        let in_made = path.parent().is_some_and(|dir| self.is_made_dir(dir));
        let name = path.file_name().unwrap_or_default();
        in_made || is_made_file(path) && !(self.keeps_extensions && is_extension_module(name))
    }

    /// Whether a tool has made the directory `dir` or one above it. Each is looked at once.
    pub fn is_made_dir(&mut self, dir: &Utf8Path) -> bool {
        if dir == self.root || !dir.starts_with(&self.root) {
            return false;
        }
        if let Some(&known) = self.known.get(dir) {
            return known;
        }
        let above = dir.parent().is_some_and(|above| self.is_made_dir(above));
        let is_made = above || is_made_dir(dir);
        self.known.insert(dir.to_owned(), is_made);
        is_made
    }
}

/// The files below `dir` that somebody has written, in the order of their names: no target directory, no
/// environment and nothing else that a tool has made. Links are not followed.
pub fn written_below(dir: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> + use<> {
    let entries = WalkDir::new(dir).sort_by_file_name().into_iter();
    let files = entries.filter_entry(|entry| !is_made(entry)).flatten();
    let files = files.filter(|entry| !entry.file_type().is_dir());
    files.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok())
}

/// All files below `dir` but those in directories that tools make. Links are not followed.
pub fn all_files_below(dir: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> + use<> {
    let is_made = |entry: &DirEntry| entry.file_type().is_dir() && is_made(entry);
    let entries = WalkDir::new(dir).sort_by_file_name().into_iter();
    let files = entries.filter_entry(move |entry| !is_made(entry)).flatten();
    let files = files.filter(|entry| !entry.file_type().is_dir());
    files.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok())
}

/// The files below `dir`, whoever has made them, in the order of their names: only target directories and
/// environments are left out, and of git what changes without a commit. Links are followed.
pub fn all_below(dir: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> + use<> {
    let entries = WalkDir::new(dir).follow_links(true).sort_by_file_name();
    let entries = entries.into_iter().filter_entry(|entry| {
        entry.depth() == 0 || !(is_marked_entry(entry) || is_gits_own(entry))
    });
    // What cannot be read, and a link that leads nowhere or in a loop, is no file.
    let files = entries
        .flatten()
        .filter(|entry| !entry.file_type().is_dir());
    files.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok())
}

/// Whether it is one of git's files, and not one that says which commit is checked out.
fn is_gits_own(entry: &DirEntry) -> bool {
    let in_git = entry
        .path()
        .parent()
        .is_some_and(|dir| dir.ends_with(".git"));
    in_git
        && !["HEAD", "packed-refs", "refs"]
            .iter()
            .any(|name| entry.file_name() == *name)
}

fn is_marked_entry(entry: &DirEntry) -> bool {
    let path = Utf8Path::from_path(entry.path());
    entry.file_type().is_dir() && path.is_some_and(is_marked)
}

fn is_made(entry: &DirEntry) -> bool {
    // A name that is not UTF-8 is none that tools make.
    let Some(path) = Utf8Path::from_path(entry.path()) else {
        return false;
    };
    if entry.file_type().is_dir() {
        entry.depth() > 0 && is_made_dir(path)
    } else {
        is_made_file(path)
    }
}

fn is_marked(dir: &Utf8Path) -> bool {
    MARKS.iter().any(|mark| dir.join(mark).exists())
}

fn is_made_dir(dir: &Utf8Path) -> bool {
    let name = dir.file_name().unwrap_or_default();
    NAMES.contains(&name) || name.ends_with(".egg-info") || is_marked(dir) || is_cargos(dir, name)
}

/// Whether it is a target directory, though nothing marks it: cargo does not mark one that was there before,
/// and a cache that is restored may lack the mark. A member of a workspace may have the same name.
fn is_cargos(dir: &Utf8Path, name: &str) -> bool {
    let beside = dir.with_file_name("Cargo.toml");
    name == "target" && beside.is_file() && !dir.join("Cargo.toml").is_file()
}

fn is_made_file(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    let is_by_ending = ENDINGS.iter().any(|ending| name.ends_with(ending));
    is_by_ending || is_extension_module(name) || is_beside_wheels(path, name)
}

/// Whether it is called what an installed extension module is: `_x.abi3.so`,
/// `_x.cpython-312-x86_64-linux-gnu.so`. A library of another name may well be somebody's.
fn is_extension_module(name: &str) -> bool {
    let library = ["so", "pyd", "dylib"];
    let tagged = name.rsplit_once('.').filter(|it| library.contains(&it.1));
    let tag = tagged.and_then(|(rest, _)| Some(rest.split_once('.')?.1));
    let starts = ["abi3", "cpython-", "cp3", "pypy", "graalpy"];
    tag.is_some_and(|tag| starts.iter().any(|start| tag.starts_with(start)))
}

/// Whether it lies among wheels: in `dist` of a project, or where this program has put some, and is what lies
/// there. Other files in a directory `dist` may be the work of anybody.
fn is_beside_wheels(path: &Utf8Path, name: &str) -> bool {
    let is_one = name.ends_with(".tar.gz") || BESIDE_WHEELS.contains(&name);
    let dir = path.parent().filter(|_| is_one);
    dir.is_some_and(|dir| {
        let is_dist =
            dir.file_name() == Some("dist") && dir.with_file_name("pyproject.toml").is_file();
        let is_ours = ["SHA256SUMS", "manifest.json"].iter();
        is_dist || is_ours.into_iter().all(|name| dir.join(name).is_file())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    fn below(root: &Utf8Path, found: impl Iterator<Item = Utf8PathBuf>) -> Vec<String> {
        let relative = found.map(|path| path.strip_prefix(root).unwrap().to_string());
        relative.collect()
    }

    /// What is written and what is made: the directories and files that make it one or the other.
    const WRITTEN: [&str; 17] = [
        ".cargo/config.toml",
        "Cargo.toml",
        "a.rs",
        "dist/app.js",
        "docs/dist/notes.tar.gz",
        "include/manifest.json",
        "lib/libthing.so",
        "lib/libthing.so.1",
        "member/Cargo.toml",
        "pyproject.toml",
        "src/target/mod.rs",
        "thing.so",
        "vendor/a/.github/b.yml",
        "vendor/a/Cargo.toml",
        "vendor/a/src/egg-info.rs",
        "venv.py",
        "workspace/target/Cargo.toml",
    ];
    const MADE: [&str; 30] = [
        ".git/x",
        ".mypy_cache/x",
        ".venv/lib/x",
        ".xtask/inputs/1",
        "a.whl",
        "b.pyc",
        "default_1_0.profraw",
        "dist/.gitignore",
        "dist/SHA256SUMS",
        "dist/manifest.json",
        "dist/thing-1.tar.gz",
        "dist/thing-1-cp311-abi3-linux_x86_64.whl",
        "elsewhere/SHA256SUMS",
        "elsewhere/manifest.json",
        "elsewhere/thing-1.whl",
        "env/pyvenv.cfg",
        "env/y",
        "member/target/debug/x",
        "node_modules/a/b.js",
        "out/CACHEDIR.TAG",
        "out/z.rs",
        "target/debug/build/out.rs",
        "thing.egg-info/PKG-INFO",
        "thing/__pycache__/a.pyc",
        "thing/_x.abi3.so",
        "thing/_x.abi3t.so",
        "thing/_x.cp312-win_amd64.pyd",
        "thing/_x.cpython-313t-x86_64-linux-gnu.so",
        "unmarked/.rustc_info.json",
        "unmarked/debug/x",
    ];

    fn written_and_made() -> Fixture {
        let fixture = Fixture::new();
        for name in WRITTEN.iter().chain(&MADE) {
            fixture.write(name, "");
        }
        fixture
    }

    #[test]
    fn what_tools_have_made_is_left_out() {
        let fixture = written_and_made();
        let root = fixture.root();
        assert_eq!(below(&root, written_below(&root)), WRITTEN);
    }

    #[test]
    fn the_same_is_told_of_one_file_after_the_other() {
        let fixture = written_and_made();
        let mut sieve = Sieve::new(&fixture.root(), []);
        for (names, is_made) in [(&WRITTEN[..], false), (&MADE, true)] {
            for name in names {
                let path = fixture.root().join(name);
                assert_eq!(sieve.is_made(&path), is_made, "{name}");
            }
        }
    }

    #[test]
    fn what_the_configuration_names_is_made_and_the_root_itself_is_not() {
        let fixture = Fixture::new();
        let root = fixture.root();
        fixture.write("CACHEDIR.TAG", "");
        let mut sieve = Sieve::new(
            &root,
            [root.join("built/here"), root.clone(), "/other".into()],
        );
        assert!(sieve.is_made(&root.join("built/here/deep/a.rs")));
        assert!(!sieve.is_made(&root.join("built/a.rs")));
        assert!(!sieve.is_made(&root.join("a.rs")));
    }

    #[test]
    fn extension_modules_are_kept_on_demand_and_not_in_what_is_made_as_a_whole() {
        let fixture = written_and_made();
        let root = fixture.root();
        let mut sieve = Sieve::new(&root, []).keeping_extensions();
        assert!(!sieve.is_made(&root.join("thing/_x.abi3.so")));
        assert!(sieve.is_made(&root.join("target/debug/_x.abi3.so")));
        assert!(sieve.is_made(&root.join("thing/a.pyc")));
    }

    #[test]
    fn of_a_directory_that_counts_as_a_whole_everything_does() {
        let fixture = Fixture::new();
        let names = [
            ".git/HEAD",
            ".git/refs/heads/main",
            ".hidden/a",
            "b.so",
            "c.pyc",
            "node_modules/d",
            "z",
        ];
        let others = [
            ".git/index",
            ".git/objects/aa/bb",
            "env/pyvenv.cfg",
            "target/CACHEDIR.TAG",
        ];
        for name in names.iter().chain(&others).chain(&["../outside/e"]) {
            fixture.write(name, "");
        }
        let root = fixture.root();
        std::os::unix::fs::symlink(root.join("../outside"), root.join("linked")).unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("broken")).unwrap();
        std::os::unix::fs::symlink(&root, root.join("loop")).unwrap();
        let found: Vec<_> = all_below(&root).collect();
        let found: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(&root).unwrap())
            .collect();
        let expected = [
            ".git/HEAD",
            ".git/refs/heads/main",
            ".hidden/a",
            "b.so",
            "c.pyc",
            "linked/e",
            "node_modules/d",
            "z",
        ];
        assert_eq!(found, expected);
    }
}
