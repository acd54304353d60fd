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

fn is_made(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    if entry.depth() == 0 || !entry.file_type().is_dir() {
        return name.ends_with(".pyc");
    }
    let marked = |mark: &&str| entry.path().join(mark).exists();
    NAMES.contains(&name.as_ref()) || MARKS.iter().any(marked)
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
}
