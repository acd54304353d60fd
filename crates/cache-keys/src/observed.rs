//! What the last build of the extension was made of, as cargo has written it down in the target directory.

use std::collections::BTreeSet;
use std::time::SystemTime;

use build_dir::dep_info::prerequisites;
use camino::{Utf8Path, Utf8PathBuf};
use project_model::Closure;

/// What only a build can tell: files whose names build scripts compose, and files that macros read. Not the
/// variables that a build script has declared: what the `cc` crate declares has the target's name in it, and
/// would differ from machine to machine.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// When the build that was looked at was made. `None` if there was none.
    pub(crate) built: Option<SystemTime>,
    /// Whether a build script has declared something of git's, which changes with every commit.
    pub(crate) git: bool,
    /// The files that the library is made of, as far as they lie with the crates.
    pub(crate) files: BTreeSet<Utf8PathBuf>,
}

/// Looks at the newest build. `base` is what relative names in cargo's dependency files are taken from.
pub(crate) fn observed(closure: &Closure, base: &Utf8Path) -> Observed {
    let Some(dep_info) = newest_dep_info(closure, base) else {
        return Observed::default();
    };
    let text = fs_err::read_to_string(&dep_info).unwrap_or_default();
    let is_with_crates = |path: &Utf8PathBuf| {
        let mut dirs = closure.crates.iter().map(|one| &one.dir);
        let with_crates = path.starts_with(&closure.workspace_root);
        let with_crates = with_crates || dirs.any(|dir| path.starts_with(dir));
        with_crates && !is_gits(path) && !path.starts_with(&closure.target_dir)
    };
    let paths = prerequisites(&text, base);
    let git = paths.iter().any(|path| is_gits(path));
    let files: BTreeSet<_> = paths.into_iter().filter(is_with_crates).collect();
    Observed {
        built: built_at(&dep_info),
        git,
        files: files.into_iter().filter(|path| path.exists()).collect(),
    }
}

/// Whether `path` is one of git's own files.
pub(crate) fn is_gits(path: &Utf8Path) -> bool {
    path.components().any(|part| part.as_str() == ".git")
}

/// The newest dependency file beside a library of the extension, of any profile and platform. Of this
/// checkout: a target directory may be shared with others.
fn newest_dep_info(closure: &Closure, base: &Utf8Path) -> Option<Utf8PathBuf> {
    let extension = closure.crates.first()?;
    let name = format!("lib{}.d", extension.library.as_deref()?);
    let is_of_this_checkout = |path: &Utf8PathBuf| {
        let names = prerequisites(&fs_err::read_to_string(path).unwrap_or_default(), base);
        extension.roots.iter().any(|root| names.contains(root))
    };
    let found = in_profiles(&closure.target_dir, &name).into_iter();
    newest(found.filter(is_of_this_checkout).collect())
}

/// When the library beside `dep_info` was made. cargo leaves the file itself alone when its content stays the
/// same.
fn built_at(dep_info: &Utf8Path) -> Option<SystemTime> {
    let libraries = ["so", "dylib", "rlib"].map(|kind| dep_info.with_extension(kind));
    let libraries = libraries.iter().filter_map(|path| modified(path));
    libraries.chain(modified(dep_info)).max()
}

/// When a file was last written.
pub(crate) fn modified(path: &Utf8Path) -> Option<SystemTime> {
    let modified = fs_err::metadata(path).and_then(|metadata| metadata.modified());
    modified.ok()
}

/// Files below a profile's directory: `target/debug`, `target/<platform>/debug`.
fn in_profiles(target_dir: &Utf8Path, name: &str) -> Vec<Utf8PathBuf> {
    let target_dir = glob::Pattern::escape(target_dir.as_str());
    let patterns = ["*", "*/*"].map(|profile| format!("{target_dir}/{profile}/{name}"));
    let found = patterns
        .iter()
        .filter_map(|pattern| glob::glob(pattern).ok());
    let found = found.flatten().flatten();
    found
        .filter_map(|path| Utf8PathBuf::from_path_buf(path).ok())
        .collect()
}

fn newest(paths: Vec<Utf8PathBuf>) -> Option<Utf8PathBuf> {
    paths.into_iter().max_by_key(|path| modified(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use project_model::Project;
    use testkit::Fixture;

    fn with_build(dep_info: &[&str]) -> (Fixture, Observed) {
        let fixture = Fixture::pure_rust("thing");
        let root = fixture.root();
        let names = dep_info
            .iter()
            .map(|name| match name.strip_prefix("ROOT/") {
                Some(name) => root.join(name).to_string(),
                None => (*name).to_owned(),
            });
        let names: Vec<_> = names.collect();
        let rule = format!("lib.so: {}\n", names.join(" "));
        fixture.write("target/debug/libthing.d", &rule);
        fixture.write("data/x.txt", "");
        let project = Project::load(&root).unwrap();
        let mut closure = Closure::load(&project).unwrap();
        closure.target_dir = root.join("target");
        let observed = observed(&closure, &root);
        (fixture, observed)
    }

    #[test]
    fn a_build_tells_what_it_was_made_of() {
        let names = [
            "ROOT/src/lib.rs",
            "ROOT/data/x.txt",
            "ROOT/data/gone.txt",
            "ROOT/target/out.rs",
            "ROOT/.git/HEAD",
            "/usr/include/x.h",
        ];
        let (fixture, observed) = with_build(&names);
        let files = ["data/x.txt", "src/lib.rs"].map(|name| fixture.root().join(name));
        assert_eq!(observed.files, files.into());
        assert!(observed.built.is_some());
    }

    #[test]
    fn the_build_of_another_checkout_tells_nothing() {
        let (_fixture, observed) = with_build(&["/elsewhere/src/lib.rs"]);
        assert_eq!(observed, Observed::default());
    }
}
