//! The environments that a project has been installed into. In a mixed layout they share one source tree, and
//! the library of one is not a leftover to another.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use crate::state::State;
use files::digest::short_name;
use files::write;

/// A list for the project in `root`, kept in `dir` beside its lock, under which it is read and written.
fn list(dir: &Utf8Path, root: &Utf8Path) -> Utf8PathBuf {
    dir.join(format!("{}.venvs", short_name(root.as_str())))
}

fn read(path: &Utf8Path) -> Vec<Utf8PathBuf> {
    let text = fs_err::read_to_string(path).unwrap_or_default();
    text.lines().map(Utf8PathBuf::from).collect()
}

/// Notes that the project in `root` is installed into `venv`. Environments that are gone are forgotten.
pub fn note(dir: &Utf8Path, root: &Utf8Path, venv: &Utf8Path) -> io::Result<()> {
    let path = list(dir, root);
    let known = read(&path);
    if known.iter().any(|known| known == venv) {
        return Ok(());
    }
    let kept = known.into_iter().filter(|known| known.is_dir());
    let lines = kept
        .chain([venv.to_owned()])
        .map(|venv| format!("{venv}\n"));
    write::atomically(&path, lines.collect::<String>())
}

/// The environments that the project in `root` has been installed into, as they were noted in `dir`.
#[must_use]
pub fn noted(dir: &Utf8Path, root: &Utf8Path) -> Vec<Utf8PathBuf> {
    read(&list(dir, root))
}

/// The environment other than `venv` whose install of `name` imports `library`.
#[must_use]
pub fn owner(
    dir: &Utf8Path,
    root: &Utf8Path,
    venv: &Utf8Path,
    name: &str,
    library: &Utf8Path,
) -> Option<Utf8PathBuf> {
    let mut others = noted(dir, root).into_iter().filter(|other| other != venv);
    others.find(|other| {
        let state = State::find(other, name);
        state.is_some_and(|(_, state)| state.library.placed == library)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn environments_are_noted_once_and_forgotten_when_they_are_gone() {
        let dir = TempDir::new();
        let venv = |name: &str| dir.path().join(name);
        for name in ["one", "two"] {
            fs_err::create_dir(venv(name)).unwrap();
        }
        let root = Utf8Path::new("/p");
        note(dir.path(), root, &venv("one")).unwrap();
        note(dir.path(), root, &venv("one")).unwrap();
        assert_eq!(read(&list(dir.path(), root)), [venv("one")]);
        fs_err::remove_dir(venv("one")).unwrap();
        note(dir.path(), root, &venv("two")).unwrap();
        assert_eq!(read(&list(dir.path(), root)), [venv("two")]);
        assert!(owner(dir.path(), root, &venv("two"), "thing", "/p/x.so".into()).is_none());
    }
}
