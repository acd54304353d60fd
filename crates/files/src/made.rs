//! What somebody has written, told from what tools have made.

use camino::{Utf8Path, Utf8PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Directories that tools make, by name.
const NAMES: [&str; 9] = [
    ".eggs",
    ".git",
    ".hg",
    ".jj",
    ".nox",
    ".tox",
    ".xtask",
    "__pycache__",
    "node_modules",
];

/// Files by which tools mark the directories that they make: a target directory of cargo and other caches
/// (<https://bford.info/cachedir/>), cargo's alone, and a virtual environment (PEP 405).
const MARKS: [&str; 3] = ["CACHEDIR.TAG", ".rustc_info.json", "pyvenv.cfg"];

/// The files below `dir` that somebody has written, in the order of their names: no target directory, no
/// environment and nothing else that a tool has made. Links are not followed.
pub fn written_below(dir: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> + use<> {
    let entries = WalkDir::new(dir).sort_by_file_name().into_iter();
    let files = entries.filter_entry(|entry| !is_made(entry)).flatten();
    let files = files.filter(|entry| !entry.file_type().is_dir());
    files.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok())
}

/// The files below `dir`, whoever has made them, in the order of their names: only target directories and
/// environments are left out, and of git what changes without a commit. Links are followed.
pub fn all_below(dir: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> + use<> {
    let entries = WalkDir::new(dir).follow_links(true).sort_by_file_name();
    let entries = entries
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !(is_marked(entry) || is_gits_own(entry)));
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

fn is_marked(entry: &DirEntry) -> bool {
    let marked = |mark: &&str| entry.path().join(mark).exists();
    entry.file_type().is_dir() && MARKS.iter().any(marked)
}

fn is_made(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    if entry.depth() == 0 || !entry.file_type().is_dir() {
        return name.ends_with(".pyc");
    }
    NAMES.contains(&name.as_ref()) || is_marked(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    #[test]
    fn what_tools_have_made_is_left_out() {
        let fixture = Fixture::new();
        for name in [
            "a.rs",
            "b.pyc",
            ".cargo/config.toml",
            ".git/x",
            "vendor/a/.github/b.yml",
            "env/pyvenv.cfg",
            "env/y",
            "out/CACHEDIR.TAG",
            "out/z.rs",
            "target/.rustc_info.json",
            "target/debug/build/out.rs",
        ] {
            fixture.write(name, "");
        }
        let root = fixture.root();
        let found: Vec<_> = written_below(&root).collect();
        let names: Vec<_> = found
            .iter()
            .map(|path| path.strip_prefix(&root).unwrap())
            .collect();
        assert_eq!(
            names,
            [".cargo/config.toml", "a.rs", "vendor/a/.github/b.yml"]
        );
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
