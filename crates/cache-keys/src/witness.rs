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
//! whoever keeps the witnesses notices that it is gone. So it is with the directories of a pattern that
//! means more than [`MANY`] files: the change time of a directory is another one when a file in it is made,
//! renamed or deleted, and a link to each of 100,000 files would take seconds to make and a second to look
//! at.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt;

use camino::{Utf8Path, Utf8PathBuf};
use files::digest::short_name;
use files::lock::Lock;
use files::{owned, write};
use project_model::{CacheKey, Project};

use crate::paths::{is_too_wide, is_tree_in, matching, normal, relative};
use crate::{home, library};

/// The directory of the witnesses, in the project.
pub const DIR: &str = ".xtask/inputs";

/// The key that names all witnesses.
pub const KEY: &str = ".xtask/inputs/*";

/// The list of the files and directories that have no witness, beside the witnesses.
const LIST: &str = "list";

/// For how many files one pattern may mean witnesses are made.
pub const MANY: usize = 2000;

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
    /// The patterns that mean too many files to have a witness for each.
    pub wide: Vec<String>,
}

impl Kept {
    /// A verb and a sentence each; none where all was as it should be.
    #[must_use]
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let Self {
            made,
            removed,
            without,
            wide,
        } = self;
        let mut lines = Vec::new();
        if *made > 0 {
            let sources = count_of(*made, "source");
            let text = format!("{sources} into {DIR}, by which uv notices that one is deleted");
            lines.push(("Linked", text));
        }
        if *removed > 0 {
            let gone = count_of(*removed, "link");
            lines.push(("Removed", format!("{gone} to sources from {DIR}")));
        }
        if let Some(first) = without.first() {
            let text = format!(
                "{} inputs, such as {first}, can have no witness (a symbolic link, or another file system): that one of them was deleted, uv notices only after `cargo xtask dev` or this command",
                without.len()
            );
            lines.push(("Note", text));
        }
        lines.extend(wide.iter().map(|key| {
            let text = format!(
                "`{key}` means more than {MANY} files, too many for a witness each: that one of them was deleted, uv notices only after `cargo xtask dev` or this command"
            );
            ("Note", text)
        }));
        lines
    }
}

/// Makes the witnesses that are missing and removes those that are stale, if the keys of `project` name their
/// directory.
pub fn keep(project: &Project) -> io::Result<Kept> {
    keep_around(project, &[])
}

/// The same where nothing has changed below the directories `settled`: what stands in the list of them need
/// not be looked at.
pub fn keep_around(project: &Project, settled: &[Utf8PathBuf]) -> io::Result<Kept> {
    let _lock = lock(&project.root);
    library::keep(project)?;
    if are_kept(project) {
        return keep_of(&project.root, &patterns(project), settled);
    }
    Ok(Kept::default())
}

/// Does what the keys say that the project in `root` has now: keeps the witnesses, or removes them. `load`
/// reads the project while nobody else keeps or removes any.
///
/// # Errors
/// Those of `load` and of the file system.
pub fn settle<E: From<io::Error>>(
    root: &Utf8Path,
    load: impl FnOnce() -> Result<Project, E>,
) -> Result<Kept, E> {
    let _lock = lock(root);
    let project = load()?;
    if are_kept(&project) {
        library::keep(&project)?;
        return Ok(keep_of(root, &patterns(&project), &[])?);
    }
    let removed = remove(root)?;
    Ok(Kept {
        removed,
        ..Kept::default()
    })
}

/// One process at a time. A file system that has no locks is no reason to have no witnesses.
fn lock(root: &Utf8Path) -> Option<Lock> {
    Lock::take_dir(root).ok()
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

/// `1 source`, `2 sources`.
fn count_of(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Removes all witnesses of the project in `root`, and tells how many. Whatever else lies there is somebody
/// else's.
fn remove(root: &Utf8Path) -> io::Result<usize> {
    let mut removed = 0;
    if let Some(dir) = owned::find_dir(root, DIR)? {
        for name in owned::names_in(&dir)?.iter().filter(|name| is_ours(name)) {
            owned::remove(root, dir.join(name))?;
            removed += usize::from(name != LIST);
        }
    }
    owned::remove_if_empty(root, DIR)?;
    library::remove(root)?;
    home::remove_if_empty(root)?;
    Ok(removed)
}

/// The file or pattern that a key names.
#[must_use]
pub fn file_of(key: &CacheKey) -> Option<&str> {
    match key {
        CacheKey::Path(file) | CacheKey::File { file } => Some(file),
        _ => None,
    }
}

fn keep_of(root: &Utf8Path, patterns: &[&str], settled: &[Utf8PathBuf]) -> io::Result<Kept> {
    home::make(root)?;
    let dir = owned::make_dir(root, DIR)?;
    let mut stale = owned::names_in(&dir)?;
    stale.retain(|name| is_ours(name));
    let mut kept = Kept::default();
    let listed = fs_err::read_to_string(dir.join(LIST)).unwrap_or_default();
    let inputs = Inputs::of(
        root,
        patterns,
        &Listed {
            text: &listed,
            settled,
        },
    );
    kept.wide = inputs.wide;
    for path in inputs.files {
        let name = name_of(root, &path);
        let witness = dir.join(&name);
        let is_there = stale.remove(&name);
        let of_file = inode(&path);
        if of_file.is_some() && of_file == inode(&witness) {
            continue;
        }
        if is_there {
            owned::remove(root, &witness)?;
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
        owned::remove(root, dir.join(name))?;
    }
    kept.removed += stale.len();
    write_list(
        root,
        &dir.join(LIST),
        &listed,
        &kept.without,
        &inputs.directories,
    )?;
    Ok(kept)
}

/// What the list says of directories in which nothing has changed since.
struct Listed<'a> {
    text: &'a str,
    settled: &'a [Utf8PathBuf],
}

impl Listed<'_> {
    /// The lines of the directories that the pattern means; none, if something may have changed there.
    fn lines(&self, root: &Utf8Path, pattern: &str) -> Vec<String> {
        if !is_tree_in(root, pattern, self.settled) {
            return Vec::new();
        }
        let dir = pattern.split_once("**/").map_or(pattern, |(dir, _)| dir);
        let dir = relative(root, &normal(&root.join(dir)));
        let of_dir = |line: &&str| line.ends_with(')') && Utf8Path::new(line).starts_with(&dir);
        self.text
            .lines()
            .filter(of_dir)
            .map(str::to_owned)
            .collect()
    }
}

/// What the keys name.
#[derive(Debug, Default)]
struct Inputs {
    /// The files, but for those of patterns that mean too many.
    files: BTreeSet<Utf8PathBuf>,
    /// The patterns that mean too many.
    wide: Vec<String>,
    /// The lines for the directories that their files lie in.
    directories: BTreeSet<String>,
}

impl Inputs {
    /// Without pyproject.toml, without which there is no project, and the witnesses, and an environment;
    /// and without what a key of the user's may mean in the target directory, where cargo makes and removes
    /// thousands.
    fn of(root: &Utf8Path, patterns: &[&str], listed: &Listed<'_>) -> Self {
        let patterns = patterns
            .iter()
            .filter(|pattern| !["pyproject.toml", KEY].contains(pattern))
            .filter(|pattern| !is_too_wide(pattern) && !library::is_environment(pattern));
        let mut inputs = Self::default();
        for pattern in patterns {
            let known = listed.lines(root, pattern);
            let found = known.is_empty().then(|| matching(root, pattern)).flatten();
            let found = found.unwrap_or_default();
            if known.is_empty() && found.len() <= MANY {
                inputs
                    .files
                    .extend(found.into_iter().filter(|path| path.is_file()));
                continue;
            }
            inputs.wide.push((*pattern).to_owned());
            let dirs: BTreeSet<_> = found.iter().filter_map(|path| path.parent()).collect();
            let lines = dirs.into_iter().map(|dir| line_of(root, dir));
            inputs.directories.extend(known.into_iter().chain(lines));
        }
        inputs
    }
}

/// The line of a directory: its name and its change time.
fn line_of(root: &Utf8Path, dir: &Utf8Path) -> String {
    let metadata = fs_err::metadata(dir);
    let (s, ns) = metadata.map_or((0, 0), |it| (it.ctime(), it.ctime_nsec()));
    format!("{}/ ({s}.{ns:09})", relative(root, dir))
}

/// A name of its own for each file, without an extension: nobody is to take a witness for a source.
fn name_of(root: &Utf8Path, path: &Utf8Path) -> String {
    short_name(relative(root, path).as_str())
}

/// Whether a file in the directory can be one that we have made, going by its name.
fn is_ours(name: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    name == LIST || name.len() == 16 && name.bytes().all(is_digit)
}

/// What tells one file from another. `None` for a symbolic link, of which the kernel notes no deletion at the
/// file that it leads to.
fn inode(path: &Utf8Path) -> Option<(u64, u64)> {
    let metadata = fs_err::symlink_metadata(path).ok()?;
    metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
}

/// Writes down `files`, and the lines of `directories`, if that is not what the `old` list says: its own
/// time is to change only when they do.
fn write_list(
    root: &Utf8Path,
    list: &Utf8Path,
    old: &str,
    files: &[Utf8PathBuf],
    directories: &BTreeSet<String>,
) -> io::Result<()> {
    let names: BTreeSet<_> = files.iter().map(|path| relative(root, path)).collect();
    let names = names.iter().map(|name| name.as_str());
    let lines = names.chain(directories.iter().map(String::as_str));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    // Removed, it would be as unnoticed as any other file; empty, it is newer than what was noted.
    if old == text {
        return Ok(());
    }
    write::atomically(list, text)
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
            wide: Vec::new(),
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
    fn the_directories_of_a_large_tree_are_listed_in_place_of_its_files() {
        let fixture = project(&KEYS.replace(']', r#", "data/**/*"]"#));
        for number in 0..=MANY {
            fixture.write(format!("data/{}/{number}", number % 3), "");
        }
        let first = kept(&fixture);
        assert_eq!(first.wide, ["data/**/*"]);
        assert_eq!(first.made, 3);
        let list = fixture.root().join(DIR).join(LIST);
        let text = fs_err::read_to_string(&list).unwrap();
        assert_eq!(text.lines().count(), 3);
        let before = latest(&fixture);
        tick();
        assert_eq!(kept(&fixture).made, 0);
        assert_eq!(latest(&fixture), before);
        let project = Project::load(&fixture.root()).unwrap();
        let keep_around = |dir: &str| keep_around(&project, &[fixture.root().join(dir)]).unwrap();
        // Not looked at where nothing has changed, and no less listed.
        assert_eq!(keep_around("data").wide, ["data/**/*"]);
        assert_eq!(latest(&fixture), before);
        fs_err::remove_file(fixture.root().join("data/1/1")).unwrap();
        fixture.write("data/1/other", "");
        keep_around("data");
        assert_eq!(latest(&fixture), before);
        keep_around("src");
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

    /// Files of the user's: one with any name, one with a name that a witness could have.
    const FOREIGN: [&str; 2] = ["thesis.txt", "0123456789abcdef"];

    #[test]
    fn what_is_behind_a_link_survives_and_is_not_written() {
        for link in [".xtask", ".xtask/inputs"] {
            let fixture = project(KEYS);
            let foreign = fixture.beside("foreign");
            for name in FOREIGN {
                fixture.write(foreign.join("inputs").join(name), "mine");
                fixture.write(foreign.join(name), "mine");
            }
            let before = everything_below(&foreign);
            let link = fixture.root().join(link);
            fs_err::create_dir_all(link.parent().unwrap()).unwrap();
            fs_err::os::unix::fs::symlink(&foreign, link).unwrap();
            let load = || Project::load(&fixture.root()).unwrap();
            let error = keep(&load()).unwrap_err().to_string();
            assert!(error.contains("is a link"), "{error}");
            assert!(settle::<io::Error>(&fixture.root(), || Ok(load())).is_err());
            assert!(remove(&fixture.root()).is_err());
            assert_eq!(everything_below(&foreign), before);
        }
    }

    fn everything_below(dir: &Utf8Path) -> Vec<String> {
        let entries = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter();
        let texts = entries.map(|entry| {
            let path = entry.unwrap().into_path();
            let text = fs_err::read_to_string(&path).unwrap_or_default();
            format!("{path:?} {text}")
        });
        texts.collect()
    }

    #[test]
    fn a_link_in_place_of_the_list_or_of_a_witness_is_replaced_and_its_file_survives() {
        let fixture = project(KEYS);
        let foreign = fixture.beside("foreign");
        fixture.write(&foreign, "mine");
        let inputs = fixture.root().join(DIR);
        fs_err::create_dir_all(&inputs).unwrap();
        fs_err::os::unix::fs::symlink("more.rs", fixture.root().join("src/link.rs")).unwrap();
        let witness = name_of(&fixture.root(), &fixture.root().join("src/lib.rs"));
        for name in [LIST, &witness] {
            fs_err::os::unix::fs::symlink(&foreign, inputs.join(name)).unwrap();
        }
        kept(&fixture);
        assert!(inode(&inputs.join(LIST)).is_some() && inode(&inputs.join(witness)).is_some());
        assert_eq!(fs_err::read_to_string(&foreign).unwrap(), "mine");
    }

    #[test]
    fn files_of_the_users_in_our_directory_survive() {
        let fixture = project(KEYS);
        for name in [".xtask/notes.txt", ".xtask/inputs/notes.txt"] {
            fixture.write(name, "mine");
        }
        kept(&fixture);
        remove(&fixture.root()).unwrap();
        for name in [".xtask/notes.txt", ".xtask/inputs/notes.txt"] {
            assert!(fixture.root().join(name).is_file(), "{name}");
        }
    }

    #[test]
    fn what_the_keys_say_now_is_done() {
        let fixture = project(KEYS);
        let settled = || {
            let load = || Ok(Project::load(&fixture.root()).unwrap());
            settle::<io::Error>(&fixture.root(), load).unwrap()
        };
        assert_eq!(settled(), counted(3, 0));
        fixture.edit("pyproject.toml", ".xtask/inputs/*", "other.txt");
        assert_eq!(settled(), counted(0, 3));
        assert!(!fixture.root().join(".xtask").exists());
    }
}
