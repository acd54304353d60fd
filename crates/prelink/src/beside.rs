//! The base library beside an extension.
//!
//! An import must find it whatever is cleaned up: the target directory, the cache, an environment. So it
//! lies where the extension lies, in a directory of its own: a second name of the file that is kept, which
//! takes no space, where both are on one file system, else a copy.

use std::collections::BTreeSet;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use environment::program;
use files::{owned, write};

use crate::bases::{Bases, PREFIX};
use crate::elf::Elf;

/// The directory beside an extension.
pub const DIR: &str = files::made::PRELINKED;

/// The base library that the extension at `library` needs, by its file name. `None` if it needs none.
///
/// # Errors
/// If `library` cannot be read.
pub fn needed(library: &Utf8Path) -> io::Result<Option<String>> {
    let (needed, _) = Elf::open(library)?.libraries()?;
    Ok(needed.into_iter().find(|name| name.starts_with(PREFIX)))
}

/// Whether the base library `name` lies beside an extension in the directory `dir`, and is whole.
#[must_use]
pub fn is_there(dir: &Utf8Path, name: &str, bases: &Bases) -> bool {
    let path = dir.join(DIR).join(name);
    let length = |path: &Utf8Path| {
        fs_err::symlink_metadata(path)
            .ok()
            .filter(std::fs::Metadata::is_file)
            .map(|it| it.len())
    };
    let Some(length_bytes) = length(&path) else {
        return false;
    };
    // Where nothing is kept to compare it with, it has to be whole to the end, where the headers of the
    // sections are.
    match bases.find(name) {
        Some(base) => length(&base.path) == Some(length_bytes),
        None => Elf::open(&path).is_ok(),
    }
}

/// Puts the base library `name` into `dir`, beside an extension, unless it is there.
///
/// # Errors
/// If it is not kept any more, or cannot be put there.
pub fn place(dir: &Utf8Path, name: &str, bases: &Bases) -> io::Result<()> {
    if is_there(dir, name, bases) {
        return Ok(());
    }
    let missing = || {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("{name} is not in {}", bases.dir()),
        )
    };
    let base = bases.find(name).ok_or_else(missing)?;
    let beside = owned::make_dir(dir, DIR)?;
    mark(&beside)?;
    let draft = beside.join(format!(".{name}.draft"));
    owned::remove(dir, &draft)?;
    if fs_err::hard_link(&base.path, &draft).is_err() {
        // Another file system, or one without links.
        reflink_copy::reflink_or_copy(&base.path, &draft)?;
    }
    fs_err::rename(&draft, beside.join(name))
}

/// Marks the directory as nobody's work: for git, and for maturin, which packs no directory with the tag of a
/// cache (<https://bford.info/cachedir/>).
fn mark(beside: &Utf8Path) -> io::Result<()> {
    for (name, text) in MARKS {
        let path = beside.join(name);
        if path.symlink_metadata().is_err() {
            let text = program::renamed(text, program::in_files());
            write::atomically(&path, text.as_bytes())?;
        }
    }
    Ok(())
}

const MARKS: [(&str, &str); 2] = [
    (
        ".gitignore",
        "# Made by `cargo xtask dev`: what an extension here is linked with.\n*\n",
    ),
    (
        "CACHEDIR.TAG",
        "Signature: 8a477f597d28d172789f06886806bc55\n# Made by `cargo xtask dev`: what an extension here is linked with.\n",
    ),
];

/// Removes from `dir` the base libraries that no extension in it needs any more; the directory itself, where
/// nothing of ours is left in it.
///
/// # Errors
/// If something cannot be read or removed.
pub fn tidy(dir: &Utf8Path) -> io::Result<()> {
    let Some(beside) = owned::find_dir(dir, DIR)? else {
        return Ok(());
    };
    let needed = needed_in(dir)?;
    for name in owned::names_in(&beside)? {
        let is_ours = name.trim_start_matches('.').starts_with(PREFIX);
        if is_ours && !needed.contains(&name) {
            owned::remove(dir, beside.join(&name))?;
        }
    }
    let is_mark = |name: &String| MARKS.iter().any(|(mark, _)| mark == name);
    if owned::names_in(&beside)?.iter().all(is_mark) {
        owned::remove(dir, &beside)?;
    }
    Ok(())
}

/// The files in `dir` that belong to the base library `name`, relative to `dir`.
#[must_use]
pub fn files(name: &str) -> [Utf8PathBuf; 3] {
    let [(one, _), (other, _)] = MARKS;
    [name, one, other].map(|file| Utf8Path::new(DIR).join(file))
}

/// What the extensions in `dir` need.
fn needed_in(dir: &Utf8Path) -> io::Result<BTreeSet<String>> {
    let names = owned::names_in(dir)?.into_iter();
    let libraries = names.filter(|name| name.ends_with(".so"));
    // What cannot be read needs nothing.
    Ok(libraries
        .filter_map(|name| needed(&dir.join(name)).ok().flatten())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn what_no_extension_needs_is_removed_and_what_is_not_ours_stays() {
        let dir = TempDir::new();
        let beside = owned::make_dir(dir.path(), DIR).unwrap();
        mark(&beside).unwrap();
        fs_err::write(beside.join(format!("{PREFIX}x-0.so")), "").unwrap();
        fs_err::write(beside.join("mine.txt"), "").unwrap();
        tidy(dir.path()).unwrap();
        let left = owned::names_in(&beside).unwrap();
        assert_eq!(
            left,
            [".gitignore", "CACHEDIR.TAG", "mine.txt"]
                .map(str::to_owned)
                .into()
        );
        fs_err::remove_file(beside.join("mine.txt")).unwrap();
        tidy(dir.path()).unwrap();
        assert!(!beside.exists());
        tidy(dir.path()).unwrap();
    }

    #[test]
    fn a_base_library_that_is_kept_nowhere_cannot_be_placed() {
        let dir = TempDir::new();
        let bases = Bases::in_dir(&dir.path().join("cache"));
        assert!(place(dir.path(), "libprelinked-x-0.so", &bases).is_err());
        assert!(!dir.path().join(DIR).exists());
    }
}
