//! Other files for the module of a library: those that Python would import in its stead, and those that
//! nobody needs any more.

use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use python_tools::Interpreter;

use crate::installs;
use project_model::{Extension, Layout};

/// Another file for the module of a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherBuild {
    /// Where it is.
    pub path: Utf8PathBuf,
    /// Whether our Python imports it instead of the library.
    pub shadows: bool,
    /// The other environment of the project that imports it.
    pub owner: Option<Utf8PathBuf>,
    /// Whether it is one that maturin or this tool placed: rustc built it for this module, and git does not
    /// track it.
    pub is_ours: bool,
}

/// What is to become of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Another environment needs it, and it does no harm to ours.
    BelongsToAnother,
    /// It is in the way, or of no use.
    Remove,
    /// It is not ours, and another Python may want it.
    Keep,
    /// It is not ours, and Python imports it instead of the library.
    Refuse,
}

impl OtherBuild {
    /// What is to become of it.
    #[must_use]
    pub fn fate(&self) -> Fate {
        match (&self.owner, self.shadows, self.is_ours) {
            (Some(_), false, _) => Fate::BelongsToAnother,
            (Some(_), true, _) | (None, _, true) => Fate::Remove,
            (None, true, false) => Fate::Refuse,
            (None, false, false) => Fate::Keep,
        }
    }
}

/// Where to look, and for whom.
#[derive(Debug)]
pub struct Search<'a> {
    /// The directory of the project.
    pub root: &'a Utf8Path,
    /// Its name.
    pub name: &'a str,
    /// The environment that is installed into.
    pub venv: &'a Utf8Path,
    /// Its interpreter.
    pub python: &'a Interpreter,
    /// The directory in which the project's environments are noted.
    pub notes: &'a Utf8Path,
}

impl Search<'_> {
    /// All files that stand in the way of `library`, or that nobody needs beside it.
    #[must_use]
    pub fn others(&self, library: &Utf8Path, extension: &Extension) -> Vec<OtherBuild> {
        let mut others = self.beside(library);
        if matches!(extension.layout, Layout::Mixed { .. }) {
            others.extend(self.in_place_of(&extension.full_name()));
        }
        others
    }

    /// What Python imports in place of the package of `module`, which lies in the source tree: Python finds
    /// that only after all that lies in the environment itself.
    fn in_place_of(&self, module: &str) -> Option<OtherBuild> {
        let site_packages = &self.python.platlib;
        let name = module.split('.').next()?;
        let modules = self
            .python
            .suffixes
            .iter()
            .map(String::as_str)
            .chain([".py"]);
        let mut modules = modules.map(|suffix| site_packages.join(format!("{name}{suffix}")));
        let dir = site_packages.join(name);
        let path = if dir.join("__init__.py").is_file() {
            dir
        } else {
            modules.find(|path| path.is_file())?
        };
        Some(OtherBuild {
            path,
            shadows: true,
            owner: None,
            is_ours: false,
        })
    }

    /// Files beside `library` that are the same module to some Python: with the tag of another version,
    /// without a tag, or for the stable ABI.
    #[must_use]
    pub fn beside(&self, library: &Utf8Path) -> Vec<OtherBuild> {
        let (Some(dir), Some(name)) = (library.parent(), library.file_name()) else {
            return Vec::new();
        };
        let stem = name.split('.').next().unwrap_or(name);
        let entries = dir.read_dir_utf8().into_iter().flatten().flatten();
        let paths = entries.map(camino::Utf8DirEntry::into_path);
        let others =
            paths.filter(|path| path.file_name() != Some(name) && is_extension_of(path, stem));
        let mut found: Vec<_> = others.map(|path| self.look(path, library, stem)).collect();
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    fn look(&self, path: Utf8PathBuf, library: &Utf8Path, stem: &str) -> OtherBuild {
        let place = |path| preference(self.python, path, stem);
        let owner = installs::owner(self.notes, self.root, self.venv, self.name, &path);
        OtherBuild {
            shadows: place(&path) < place(library),
            is_ours: is_rust_extension(&path, stem) && !is_tracked_by_git(self.root, &path),
            owner,
            path,
        }
    }
}

fn is_tracked_by_git(root: &Utf8Path, path: &Utf8Path) -> bool {
    let git = Invocation::new("git").args(["ls-files", "--error-unmatch", "--", path.as_str()]);
    git.cwd(root).read().is_ok()
}

/// `stem.so`, `stem.abi3.so`, `stem.cpython-312-x86_64-linux-gnu.so`.
fn is_extension_of(path: &Utf8Path, stem: &str) -> bool {
    let rest = path.file_name().and_then(|name| name.strip_prefix(stem));
    let Some(rest) = rest else { return false };
    let is_library = matches!(path.extension(), Some("so" | "pyd"));
    is_library && rest.starts_with('.') && rest.matches('.').count() <= 2
}

/// The place of a file's ending in the order in which `python` tries them; the last for one it never takes.
fn preference(python: &Interpreter, path: &Utf8Path, stem: &str) -> usize {
    let suffix = path.file_name().and_then(|name| name.strip_prefix(stem));
    let place = python
        .suffixes
        .iter()
        .position(|known| Some(known.as_str()) == suffix);
    place.unwrap_or(usize::MAX)
}

/// Whether a file exports the module's init function and names rustc as its compiler (which stands in the
/// `.comment` section, also of a stripped library).
fn is_rust_extension(path: &Utf8Path, stem: &str) -> bool {
    // Neither maturin nor we make links.
    let bytes = fs_err::read(path).ok().filter(|_| !path.is_symlink());
    let Some(bytes) = bytes else {
        return false;
    };
    let contains = |needle: &[u8]| memchr::memmem::find(&bytes, needle).is_some();
    bytes.starts_with(b"\x7fELF")
        && contains(b"rustc version")
        && contains(format!("PyInit_{stem}\0").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    fn python() -> Interpreter {
        let mut python = python_tools::python::newest("any", |_| true).unwrap();
        python.suffixes = [".cpython-313-x86_64-linux-gnu.so", ".abi3.so", ".so"]
            .map(str::to_owned)
            .into();
        python
    }

    #[test]
    fn leftovers_are_told_from_other_modules() {
        let dir = TempDir::new();
        let names = [
            "_x.abi3.so",
            "_x.cpython-312-x86_64-linux-gnu.so",
            "_x.cpython-313-x86_64-linux-gnu.so",
            "_x.so",
            "_xy.so",
            "_x.py",
            "_x.libs.d.so",
        ];
        for name in names {
            fs_err::write(dir.path().join(name), "x").unwrap();
        }
        let python = python();
        let search = Search {
            root: dir.path(),
            name: "thing",
            venv: &dir.path().join(".venv"),
            python: &python,
            notes: dir.path(),
        };
        let found = search.beside(&dir.path().join("_x.abi3.so"));
        let seen: Vec<_> = found
            .iter()
            .map(|other| (other.path.file_name().unwrap(), other.shadows))
            .collect();
        let expected = [
            ("_x.cpython-312-x86_64-linux-gnu.so", false),
            ("_x.cpython-313-x86_64-linux-gnu.so", true),
            ("_x.so", false),
        ];
        assert_eq!(seen, expected);
        assert!(found.iter().all(|other| !other.is_ours));
    }

    #[test]
    fn nothing_is_removed_that_is_not_ours() {
        for (owner, shadows, is_ours, fate) in [
            (true, false, true, Fate::BelongsToAnother),
            (true, true, false, Fate::Remove),
            (false, false, true, Fate::Remove),
            (false, true, true, Fate::Remove),
            (false, true, false, Fate::Refuse),
            (false, false, false, Fate::Keep),
        ] {
            let other = OtherBuild {
                path: "/p/_x.so".into(),
                shadows,
                owner: owner.then(|| "/p/.venv-other".into()),
                is_ours,
            };
            assert_eq!(other.fate(), fate, "{other:?}");
        }
    }
}
