//! Witnesses: what makes uv notice that an input was deleted.
//!
//! Of all files that the keys name, uv notes only the latest change time (`ctime`). A file that is gone has
//! none, so the note stays true unless that file happened to be the newest. The witness of a file is a hard
//! link to it in a directory that the keys name as well. When the file is deleted, or renamed away, or
//! replaced, the kernel sets the change time of the inode, which the witness still has: uv sees a time that
//! is later than its note. Nothing has to run at that moment, which a list of the inputs would need.
//!
//! A witness is made once for each inode, since making one changes its time too. Where none can be made
//! (another file system, a file of somebody else), the file is written to a list beside the witnesses, and
//! whoever keeps the witnesses notices that it is gone.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt;

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::short_name;
use project_model::{CacheKey, Project};

use crate::paths::{is_too_wide, matching, relative};

/// The directory of the witnesses, in the project. It ignores itself, so that git never sees it.
pub const DIR: &str = ".xtask/inputs";

/// The key that names all witnesses.
pub const KEY: &str = ".xtask/inputs/*";

/// The list of the files that have no witness, beside the witnesses.
const LIST: &str = "list";

/// What was done to the witnesses.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Kept {
    /// How many were made.
    pub made: usize,
    /// How many were removed, their file being gone or replaced.
    pub removed: usize,
    /// The files that can have none: that they are deleted is noticed when the witnesses are kept the next
    /// time.
    pub without: Vec<Utf8PathBuf>,
}

impl Kept {
    /// A verb and a sentence each; none where all was as it should be.
    #[must_use]
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let Self {
            made,
            removed,
            without,
        } = self;
        let mut lines = Vec::new();
        if made + removed > 0 {
            let text = format!("{made} made, {removed} removed, in {DIR}");
            lines.push(("Witnesses", text));
        }
        if let Some(first) = without.first() {
            let text = format!(
                "{} inputs, such as {first}, can have no witness (a symbolic link, or another file system): that one of them was deleted, uv notices only after `cargo xtask dev` or this command",
                without.len()
            );
            lines.push(("Note", text));
        }
        lines
    }
}

/// Makes the witnesses that are missing and removes those that are stale, if the keys of `project` name their
/// directory.
pub fn keep(project: &Project) -> io::Result<Kept> {
    if !are_kept(project) {
        return Ok(Kept::default());
    }
    keep_of(&project.root, &patterns(project))
}

/// Whether the keys of `project` name the directory of the witnesses.
#[must_use]
pub fn are_kept(project: &Project) -> bool {
    patterns(project).contains(&KEY)
}

fn patterns(project: &Project) -> Vec<&str> {
    let keys = project.pyproject.uv_cache_keys().unwrap_or_default();
    keys.iter().filter_map(file_of).collect()
}

/// Removes all witnesses of the project in `root`.
pub fn remove(root: &Utf8Path) -> io::Result<()> {
    match fs_err::remove_dir_all(root.join(DIR)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let parent = root.join(DIR);
    let Some(parent) = parent.parent() else {
        return Ok(());
    };
    // Whatever else may lie there is somebody else's.
    if parent.join(".gitignore").is_file() && parent.read_dir_utf8()?.count() == 1 {
        fs_err::remove_dir_all(parent)?;
    }
    Ok(())
}

/// The file or pattern that a key names.
#[must_use]
pub fn file_of(key: &CacheKey) -> Option<&str> {
    match key {
        CacheKey::Path(file) | CacheKey::File { file } => Some(file),
        _ => None,
    }
}

fn keep_of(root: &Utf8Path, patterns: &[&str]) -> io::Result<Kept> {
    let dir = root.join(DIR);
    make(&dir)?;
    let mut stale = names_in(&dir)?;
    let mut kept = Kept::default();
    for path in inputs(root, patterns) {
        let name = name_of(root, &path);
        let witness = dir.join(&name);
        let is_there = stale.remove(&name);
        let of_file = inode(&path);
        if of_file.is_some() && of_file == inode(&witness) {
            continue;
        }
        if is_there {
            fs_err::remove_file(&witness)?;
            kept.removed += 1;
        }
        if of_file.is_some() && fs_err::hard_link(&path, &witness).is_ok() {
            kept.made += 1;
        } else {
            kept.without.push(path);
        }
    }
    stale.remove(LIST);
    for name in &stale {
        fs_err::remove_file(dir.join(name))?;
    }
    kept.removed += stale.len();
    write_list(root, &dir.join(LIST), &kept.without)?;
    Ok(kept)
}

/// The files that the keys name, other than pyproject.toml, without which there is no project, and the
/// witnesses; and other than what a key of the user's may mean in the target directory, where cargo makes and
/// removes thousands.
fn inputs(root: &Utf8Path, patterns: &[&str]) -> BTreeSet<Utf8PathBuf> {
    let patterns = patterns
        .iter()
        .filter(|pattern| !["pyproject.toml", KEY].contains(pattern) && !is_too_wide(pattern));
    let found = patterns.filter_map(|pattern| matching(root, pattern));
    found.flatten().filter(|path| path.is_file()).collect()
}

/// The directory, with a file above it by which git ignores it.
fn make(dir: &Utf8Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    fs_err::create_dir_all(dir)?;
    let ignore = dir.with_file_name(".gitignore");
    if !ignore.exists() {
        fs_err::write(ignore, "*\n")?;
    }
    Ok(())
}

fn names_in(dir: &Utf8Path) -> io::Result<BTreeSet<String>> {
    let entries = dir.read_dir_utf8()?;
    entries
        .map(|entry| Ok(entry?.file_name().to_owned()))
        .collect()
}

/// A name of its own for each file, without an extension: nobody is to take a witness for a source.
fn name_of(root: &Utf8Path, path: &Utf8Path) -> String {
    short_name(relative(root, path).as_str())
}

/// What tells one file from another. `None` for a symbolic link, of which the kernel notes no deletion at the
/// file that it leads to.
fn inode(path: &Utf8Path) -> Option<(u64, u64)> {
    let metadata = fs_err::symlink_metadata(path).ok()?;
    metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
}

/// Writes down `files`, if that is not what the list says: its time is to change only when they do.
fn write_list(root: &Utf8Path, list: &Utf8Path, files: &[Utf8PathBuf]) -> io::Result<()> {
    let names: BTreeSet<_> = files.iter().map(|path| relative(root, path)).collect();
    let text: String = names.iter().map(|name| format!("{name}\n")).collect();
    let old = fs_err::read_to_string(list).ok();
    // Removed, it would be as unnoticed as any other file; empty, it is newer than what was noted.
    if old.as_deref().unwrap_or_default() == text {
        return Ok(());
    }
    fs_err::write(list, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    fn project(keys: &str) -> Fixture {
        let fixture = Fixture::pure_rust("thing");
        let keys = format!("[tool.uv]\ncache-keys = {keys}\n\n[project]");
        fixture.edit("pyproject.toml", "[project]", &keys);
        fixture.write("src/more.rs", "");
        fixture
    }

    fn kept(fixture: &Fixture) -> Kept {
        keep(&Project::load(&fixture.root()).unwrap()).unwrap()
    }

    fn counted(made: usize, removed: usize) -> Kept {
        Kept {
            made,
            removed,
            without: Vec::new(),
        }
    }

    const KEYS: &str = r#"[{ file = "pyproject.toml" }, { file = ".xtask/inputs/*" }, "src/**/*.rs", { file = "Cargo.toml" }]"#;

    /// The latest change time among the witnesses, as uv would note it.
    fn latest(fixture: &Fixture) -> (i64, i64) {
        let witnesses = fixture.root().join(DIR).read_dir_utf8().unwrap();
        let times = witnesses.map(|entry| {
            let metadata = entry.unwrap().metadata().unwrap();
            (metadata.ctime(), metadata.ctime_nsec())
        });
        times.max().unwrap()
    }

    #[test]
    fn each_input_gets_one_and_keeps_it() {
        let fixture = project(KEYS);
        assert_eq!(kept(&fixture), counted(3, 0));
        let before = latest(&fixture);
        assert_eq!(kept(&fixture), counted(0, 0));
        assert_eq!(latest(&fixture), before);
        let ignore = fs_err::read_to_string(fixture.root().join(".xtask/.gitignore"));
        assert_eq!(ignore.unwrap(), "*\n");
    }

    /// Longer than the kernel's clock for files takes to tick.
    fn tick() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }

    #[test]
    fn deleting_renaming_and_replacing_a_file_shows_at_its_witness() {
        let fixture = project(KEYS);
        let more = fixture.root().join("src/more.rs");
        let away = fixture.root().join("away.txt");
        let delete = || fs_err::remove_file(&more).unwrap();
        let rename = || fs_err::rename(&more, &away).unwrap();
        let replace = || {
            fixture.write("draft", "");
            fs_err::rename(fixture.root().join("draft"), &more).unwrap();
        };
        for change in [&delete as &dyn Fn(), &rename, &replace] {
            fixture.write("src/more.rs", "");
            kept(&fixture);
            let before = latest(&fixture);
            tick();
            change();
            assert!(latest(&fixture) > before);
        }
    }

    #[test]
    fn stale_ones_are_removed() {
        let fixture = project(KEYS);
        kept(&fixture);
        fs_err::remove_file(fixture.root().join("src/more.rs")).unwrap();
        assert_eq!(kept(&fixture), counted(0, 1));
        fs_err::remove_file(fixture.root().join("src/lib.rs")).unwrap();
        fixture.write("src/lib.rs", "");
        assert_eq!(kept(&fixture), counted(1, 1));
    }

    #[test]
    fn what_can_have_none_is_listed() {
        let fixture = project(KEYS);
        let link = fixture.root().join("src/link.rs");
        fs_err::os::unix::fs::symlink("more.rs", &link).unwrap();
        assert_eq!(kept(&fixture).without, [link.as_path()]);
        let list = fixture.root().join(DIR).join(LIST);
        assert_eq!(fs_err::read_to_string(&list).unwrap(), "src/link.rs\n");
        let before = latest(&fixture);
        tick();
        fs_err::remove_file(link).unwrap();
        assert!(kept(&fixture).without.is_empty());
        assert!(latest(&fixture) > before);
    }

    #[test]
    fn what_cargo_makes_gets_none() {
        let fixture = project(&KEYS.replace("Cargo.toml", "**/*.rs"));
        fixture.write("target/debug/build/x/out/made.rs", "");
        assert_eq!(kept(&fixture), counted(2, 0));
    }

    #[test]
    fn without_their_key_there_are_none_and_removing_them_leaves_nothing() {
        let fixture = project(r#"[{ file = "src/**/*.rs" }]"#);
        assert_eq!(kept(&fixture), counted(0, 0));
        assert!(!fixture.root().join(".xtask").exists());
        let fixture = project(KEYS);
        kept(&fixture);
        remove(&fixture.root()).unwrap();
        assert!(!fixture.root().join(".xtask").exists());
        remove(&fixture.root()).unwrap();
    }
}
