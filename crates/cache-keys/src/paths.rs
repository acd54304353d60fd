//! Names of files as `cache-keys` has them: relative to the project, with `/`, and patterns for many at once.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use walkdir::WalkDir;

/// What makes uv take a name for a pattern.
const SPECIAL: [char; 4] = ['*', '?', '[', '{'];

/// Whether uv takes `key` for a pattern.
#[must_use]
pub fn is_pattern(key: &str) -> bool {
    key.contains(SPECIAL)
}

/// Whether `key` means files at any depth of the whole project, and so also what cargo writes into `target/`.
#[must_use]
pub fn is_too_wide(key: &str) -> bool {
    key.trim_start_matches("./").starts_with("**")
}

/// `path` as seen from `root`, with `..` where it lies outside.
#[must_use]
pub fn relative(root: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    let common = root
        .components()
        .zip(path.components())
        .take_while(|(one, other)| one == other)
        .count();
    let up = root.components().skip(common).map(|_| "..");
    let down = path.components().skip(common);
    up.chain(down.map(|component| component.as_str())).collect()
}

/// A key that means exactly the file at `path`.
#[must_use]
pub fn file_key(root: &Utf8Path, path: &Utf8Path) -> String {
    let mut key = String::new();
    for character in relative(root, path).as_str().chars() {
        match character {
            '*' | '?' | '[' | '{' => key.push_str(&format!("[{character}]")),
            other => key.push(other),
        }
    }
    key
}

/// A key that means the files in `dir`, at any depth, that fit `pattern`.
#[must_use]
pub fn tree_key(root: &Utf8Path, dir: &Utf8Path, pattern: &str) -> String {
    format!("{}/**/{pattern}", file_key(root, dir))
}

/// The files that `key` means in the project in `root`, as uv understands it. `None` for what cannot be read
/// here as uv does: braces, and patterns for any depth in the project's own directory.
#[must_use]
pub fn matching(root: &Utf8Path, key: &str) -> Option<Vec<Utf8PathBuf>> {
    if !is_pattern(key) {
        return Some(vec![normal(&root.join(key))]);
    }
    if key.contains(['{', '!']) || !key.contains('/') {
        return None;
    }
    // Up to the first special character the key is a plain directory, where `..` can be resolved.
    let plain = key.find(SPECIAL).and_then(|end| key[..end].rfind('/'));
    let (dir, pattern) = plain.map_or(("", key), |slash| (&key[..slash], &key[slash + 1..]));
    let dir = normal(&root.join(dir));
    if let Some(extension) = any_depth(pattern) {
        return Some(below(&dir, extension));
    }
    let escaped = format!("{}/{pattern}", glob::Pattern::escape(dir.as_str()));
    let paths = glob::glob(&escaped).ok()?.flatten();
    let paths = paths.filter_map(|path| Utf8PathBuf::from_path_buf(path).ok());
    let files = paths.filter(|path| path.is_file() && !is_behind_link(&dir, path));
    Some(files.collect())
}

/// Whether `key` means the file of this name, relative to the project, wherever it may lie.
#[must_use]
pub fn means(key: &str, name: &Utf8Path) -> bool {
    let options = glob::MatchOptions {
        require_literal_separator: true,
        ..glob::MatchOptions::new()
    };
    let pattern = glob::Pattern::new(key.trim_start_matches("./"));
    pattern.is_ok_and(|pattern| pattern.matches_with(name.as_str(), options))
}

/// For a pattern that means files at any depth, all or those of one kind: the extension that they have,
/// with its dot, or nothing.
fn any_depth(pattern: &str) -> Option<&str> {
    let extension = pattern.strip_prefix("**/*")?;
    let is_plain = extension.is_empty() || extension.starts_with('.');
    (is_plain && !extension[extension.len().min(1)..].contains(['/', '*', '?', '[', '.']))
        .then_some(extension)
}

/// The files below `dir`, at any depth, whose names end with `extension`. A tree may have very many: the
/// kernel tells of each entry what it is while the directory is read.
fn below(dir: &Utf8Path, extension: &str) -> Vec<Utf8PathBuf> {
    let entries = WalkDir::new(dir).min_depth(1).sort_by_file_name();
    let entries = entries.into_iter().flatten();
    let fits = entries.filter(|entry| {
        let name = entry.file_name().to_str();
        name.is_some_and(|name| name.len() >= extension.len() && name.ends_with(extension))
    });
    let files = fits.filter(|entry| {
        let kind = entry.file_type();
        kind.is_file() || kind.is_symlink() && entry.path().is_file()
    });
    let paths = files.filter_map(|entry| Utf8PathBuf::from_path_buf(entry.into_path()).ok());
    paths.collect()
}

/// Whether `key` means the files below a directory, and that lies in one of `dirs`.
#[must_use]
pub fn is_tree_in(root: &Utf8Path, key: &str, dirs: &[Utf8PathBuf]) -> bool {
    let Some((dir, pattern)) = key.split_once("/**/").filter(|(dir, _)| !is_pattern(dir)) else {
        return false;
    };
    let dir = normal(&root.join(dir));
    !pattern.contains('/') && dirs.iter().any(|settled| dir.starts_with(settled))
}

/// Whether a directory between `dir` and `path` is a link: uv follows none while it looks for what fits a
/// pattern.
fn is_behind_link(dir: &Utf8Path, path: &Utf8Path) -> bool {
    let above = path.ancestors().skip(1);
    let mut between = above.take_while(|above| *above != dir);
    between.any(Utf8Path::is_symlink)
}

/// `path` without `.` and `..`.
#[must_use]
pub fn normal(path: &Utf8Path) -> Utf8PathBuf {
    let mut normal = Utf8PathBuf::new();
    for component in path.components() {
        match component {
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn names_lead_out_of_the_project_and_back() {
        let name = |path: &str| relative("/a/project".into(), path.into());
        assert_eq!(name("/a/project/src/lib.rs"), "src/lib.rs");
        assert_eq!(name("/a/other/src"), "../other/src");
        assert_eq!(normal("/a/project/../other/./x".into()), "/a/other/x");
    }

    #[test]
    fn a_name_with_special_characters_means_that_file_only() {
        let dir = TempDir::new();
        fs_err::create_dir_all(dir.path().join("a[b]")).unwrap();
        for name in ["a[b]/x.rs", "b"] {
            fs_err::write(dir.path().join(name), "").unwrap();
        }
        let key = file_key(dir.path(), &dir.path().join("a[b]/x.rs"));
        assert_eq!(key, "a[[]b]/x.rs");
        let found = matching(dir.path(), &key).unwrap();
        assert_eq!(found, [dir.path().join("a[b]/x.rs")]);
    }

    #[test]
    fn patterns_reach_outside_the_project() {
        let dir = TempDir::new();
        let root = dir.path().join("project");
        for sub in ["project", "other/src/deep"] {
            fs_err::create_dir_all(dir.path().join(sub)).unwrap();
        }
        let source = dir.path().join("other/src/deep/x.rs");
        fs_err::write(&source, "").unwrap();
        let key = tree_key(&root, &dir.path().join("other/src"), "*.rs");
        assert_eq!(key, "../other/src/**/*.rs");
        assert_eq!(matching(&root, &key).unwrap(), [source]);
    }

    #[test]
    fn links_to_directories_are_not_followed_and_those_to_files_are() {
        let dir = TempDir::new();
        let root = dir.path();
        for sub in ["src/deep", "other"] {
            fs_err::create_dir_all(root.join(sub)).unwrap();
        }
        for name in ["src/deep/a.rs", "other/b.rs"] {
            fs_err::write(root.join(name), "").unwrap();
        }
        let link = |to: &str, from: &str| std::os::unix::fs::symlink(to, root.join(from)).unwrap();
        link("../other", "src/linked");
        link("../other/b.rs", "src/file.rs");
        link("src", "whole");
        let found = |key: &str| matching(root, key).unwrap();
        let names = |names: &[&str]| -> Vec<_> { names.iter().map(|it| root.join(it)).collect() };
        assert_eq!(
            found("src/**/*.rs"),
            names(&["src/deep/a.rs", "src/file.rs"])
        );
        assert_eq!(found("whole/*.rs"), names(&["whole/file.rs"]));
        assert_eq!(found("src/**/*"), found("src/**/*.rs"));
        assert!(found("src/**/*.r").is_empty() && found("nowhere/**/*").is_empty());
        // Whatever the pattern, the same files are meant as by the general way.
        assert_eq!(found("src/**/*.rs"), found("src/**/*.[r]s"));
    }

    #[test]
    fn the_tree_that_a_key_means_lies_in_a_directory() {
        let dirs = ["/p/data".into(), "/other".into()];
        let lies = |key: &str| is_tree_in("/p".into(), key, &dirs);
        assert!(lies("data/**/*") && lies("data/a/**/*.txt") && lies("../other/**/*"));
        assert!(!lies("src/**/*.rs") && !lies("data/a.txt") && !lies("d*/**/*"));
    }

    #[test]
    fn a_pattern_means_a_name_whether_or_not_the_file_is_there() {
        let wide = |name: &str| means("**/*.rs", name.into());
        assert!(wide("target/debug/build/x/out/made.rs") && wide("build.rs"));
        assert!(!wide("README.md"));
        assert!(!means("src/*.rs", "src/deep/a.rs".into()));
    }

    #[test]
    fn what_uv_reads_differently_is_not_guessed() {
        assert_eq!(matching("/p".into(), "src/{a,b}.rs"), None);
        assert_eq!(matching("/p".into(), "*.rs"), None);
        assert_eq!(matching("/p".into(), "a.rs").unwrap(), ["/p/a.rs"]);
    }
}
