//! The library that Python would import, and what cargo did to make it.

use std::path::Path;
use std::time::{Duration, SystemTime};

use camino::{Utf8DirEntry, Utf8Path, Utf8PathBuf};
use project_model::{Layout, Project};
use trial::files::sha256;
use walkdir::WalkDir;

/// The SHA-256 of the newest library of `project`, in hexadecimal digits: the one that is installed in
/// `venv`, or, for those who install nothing, the one that cargo has made in `target`, whose name is
/// `library`. `None` if there is none.
pub(crate) fn digest(
    project: &Project,
    venv: Option<&Utf8Path>,
    target: &Utf8Path,
    library: &str,
) -> Option<String> {
    let found = match venv {
        Some(venv) => installed(project, venv),
        None => built(target, library),
    };
    let time = |path: &Utf8PathBuf| path.metadata().and_then(|it| it.modified()).ok();
    sha256(&found.into_iter().max_by_key(time)?)
}

fn entries(dir: &Utf8Path) -> impl Iterator<Item = Utf8DirEntry> + use<> {
    dir.read_dir_utf8().into_iter().flatten().flatten()
}

/// In the package among the sources, or in site-packages, where the package may have the module's name.
fn installed(project: &Project, venv: &Utf8Path) -> Vec<Utf8PathBuf> {
    let module = &project.extension.module;
    let (above, name) = module.rsplit_once('.').unwrap_or(("", module));
    let package = module.split('.').next().unwrap_or(module);
    let places = ["", package, &above.replace('.', "/")];
    let pythons = entries(&venv.join("lib")).map(|it| it.path().join("site-packages"));
    let mut dirs: Vec<_> = pythons
        .flat_map(|dir| places.map(|place| dir.join(place)))
        .collect();
    if let Layout::Mixed { package } = &project.extension.layout {
        dirs.push(package.clone());
    }
    let is_module = |file: &str| {
        let rest = file.strip_prefix(name).unwrap_or_default();
        rest.starts_with('.') && (rest.ends_with("so") || rest.ends_with("pyd"))
    };
    let files = dirs.iter().flat_map(|dir| entries(dir));
    let modules = files.filter(|entry| is_module(entry.file_name()));
    modules.map(Utf8DirEntry::into_path).collect()
}

fn built(target: &Utf8Path, library: &str) -> Vec<Utf8PathBuf> {
    let wanted = [format!("lib{library}.so"), format!("lib{library}.dylib")];
    let files = WalkDir::new(target).max_depth(3).into_iter().flatten();
    let found = files.filter(|it| wanted.iter().any(|name| it.file_name() == name.as_str()));
    found
        .filter_map(|it| Utf8PathBuf::from_path_buf(it.into_path()).ok())
        .collect()
}

/// How often cargo has called rustc since `start`, in the target directory `target`, whoever has started
/// cargo: it notes at each unit when it set to work on it (`invoked.timestamp` in `.fingerprint`). Runs of
/// build scripts, which are units too, do not count.
pub(crate) fn compilations_since(target: &Utf8Path, start: SystemTime) -> u64 {
    // File systems round times down to a tick of the kernel's clock.
    let start = start - Duration::from_millis(10);
    let dirs = WalkDir::new(target).min_depth(2).max_depth(3).into_iter();
    // The units of each profile; nothing else is as deep as that and worth being entered.
    let dirs = dirs.filter_entry(|entry| entry.depth() < 3 || entry.file_name() == ".fingerprint");
    let dirs = dirs.flatten().filter(|it| it.file_name() == ".fingerprint");
    let units = dirs.flat_map(|dir| names_in(dir.path()).map(move |unit| dir.path().join(unit)));
    let compiled = units.filter(|unit| {
        let stamp = fs_err::metadata(unit.join("invoked.timestamp"));
        let time = stamp.and_then(|it| it.modified());
        time.is_ok_and(|time| time >= start)
            && !names_in(unit).any(|name| name.starts_with("run-build-script"))
    });
    u64::try_from(compiled.count()).unwrap_or(0)
}

fn names_in(dir: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = fs_err::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use processes::Invocation;
    use testkit::Fixture;

    /// With the real cargo: that it leaves these notes is nowhere promised.
    #[test]
    fn calls_of_rustc_are_counted() {
        let fixture = Fixture::new();
        let manifest =
            "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n";
        fixture.write("Cargo.toml", manifest);
        fixture.write("build.rs", "fn main() {}\n");
        fixture.write("src/lib.rs", "");
        let target = fixture.beside("target");
        let build = || {
            let start = SystemTime::now();
            let cargo = Invocation::new("cargo")
                .args(["build", "--offline", "--target-dir", target.as_str()])
                .env("RUSTC_WRAPPER", "")
                .cwd(&fixture.root());
            cargo.read().unwrap();
            compilations_since(&target, start)
        };
        // The build script, and the library.
        assert_eq!(build(), 2);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(build(), 0);
        std::thread::sleep(Duration::from_millis(20));
        fixture.write("src/lib.rs", "pub fn f() {}\n");
        // The script runs again, since it does not say what it depends on; it is not compiled again.
        assert_eq!(build(), 1);
    }

    #[test]
    fn the_library_is_found_where_python_would_import_it() {
        for (fixture, place) in [
            (Fixture::mixed("thing"), "python/thing/_thing.abi3.so"),
            (
                Fixture::pure_rust("thing"),
                ".venv/lib/python3.12/site-packages/thing/thing.cpython-312.so",
            ),
        ] {
            let project = Project::load(&fixture.root()).unwrap();
            let venv = fixture.root().join(".venv");
            let look = || digest(&project, Some(&venv), "/none".into(), "thing");
            assert_eq!(look(), None);
            fixture.write(place, "1");
            fixture.write("python/thing/_thing_other.so", "2");
            let one = look();
            fixture.write(place, "3");
            assert!(one.is_some() && look() != one);
        }
    }
}
