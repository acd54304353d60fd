//! How uv notices that the extension is gone.
//!
//! The editable wheel of a project with Python sources holds no library: maturin puts it beside these. So
//! when the library is gone, uv installs the wheel that it has kept, and the import fails. No key for the
//! library itself would do: its name is another one on each platform, and a build of uv's writes it after uv
//! has noted the times, so uv would build every time.
//!
//! Two keys do instead. uv asks for a directory whether it is there, and of a file it only learns that it is:
//! the key [`KEY`] names a link of ours to the library, and so `true` or `false`, whoever has written the
//! library. The link is there once `dev` or `cache-keys` has seen the library. Where neither has, the key for
//! the environment has uv build into each new one.

use std::io;
use std::time::SystemTime;

use camino::{Utf8Path, Utf8PathBuf};
use files::owned;
use project_model::{CacheKey, Extension, Layout, Project, uv_workspace};

use crate::home;
use crate::paths::relative;

/// The key that names the link to the library, as one names a directory.
pub const KEY: &str = ".xtask/library";

/// Its name in the directory that is ours.
const NAME: &str = "library";

/// What uv makes with an environment, and never touches again.
const ENVIRONMENT: &str = ".venv/pyvenv.cfg";

/// Whether an editable install puts the extension beside Python sources.
#[must_use]
pub(crate) fn is_beside_sources(extension: &Extension) -> bool {
    matches!(extension.layout, Layout::Mixed { .. })
}

/// The file by which uv's environment for the project in `root` is known: it lies in the root of the uv
/// workspace that the project is a member of.
#[must_use]
pub(crate) fn environment(root: &Utf8Path) -> Utf8PathBuf {
    uv_workspace::root(root).join(ENVIRONMENT)
}

/// Whether `key` names an environment, which is no source of anything.
#[must_use]
pub(crate) fn is_environment(key: &str) -> bool {
    key == ENVIRONMENT || key.ends_with(&format!("/{ENVIRONMENT}"))
}

/// Whether the keys of `project` name the link.
fn is_kept(project: &Project) -> bool {
    let keys = project.pyproject.uv_cache_keys().unwrap_or_default();
    let is_ours = |key: &CacheKey| matches!(key, CacheKey::Directory { dir } if dir == KEY);
    keys.iter().any(is_ours)
}

/// Has the link lead to the extension of `project`, if its keys name the link. One that leads nowhere stays
/// where there is no extension: by that uv knows.
///
/// # Errors
/// What the file system says.
pub fn keep(project: &Project) -> io::Result<()> {
    let link = project.root.join(KEY);
    let is_somebody_elses = link.symlink_metadata().is_ok_and(|it| !it.is_symlink());
    if !is_kept(project) || link.is_file() || is_somebody_elses {
        return Ok(());
    }
    let Some(library) = placed(&project.extension) else {
        return Ok(());
    };
    let dir = home::make(&project.root)?;
    owned::remove(&project.root, dir.join(NAME))?;
    let target = relative(&dir, &library);
    match fs_err::os::unix::fs::symlink(target, dir.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Removes the link of the project in `root`.
pub(crate) fn remove(root: &Utf8Path) -> io::Result<()> {
    if root.join(KEY).is_symlink() {
        owned::remove(root, KEY)?;
    }
    Ok(())
}

/// The newest library of `extension` beside the Python sources, for whichever Python.
#[must_use]
pub fn placed(extension: &Extension) -> Option<Utf8PathBuf> {
    let Layout::Mixed { package } = &extension.layout else {
        return None;
    };
    let stem = extension.module.rsplit('.').next()?;
    let is_library = |path: &Utf8PathBuf| {
        let rest = path.file_name().and_then(|name| name.strip_prefix(stem));
        let is_its = rest.is_some_and(|rest| rest.starts_with('.'));
        is_its && matches!(path.extension(), Some("so" | "pyd")) && path.is_file()
    };
    let entries = package.read_dir_utf8().ok()?.flatten();
    let libraries = entries
        .map(camino::Utf8DirEntry::into_path)
        .filter(is_library);
    libraries.max_by_key(|path| modified(path))
}

fn modified(path: &Utf8Path) -> Option<SystemTime> {
    path.metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::Fixture;

    fn project(fixture: &Fixture) -> Project {
        Project::load(&fixture.root()).unwrap()
    }

    fn with_key() -> Fixture {
        let fixture = Fixture::mixed("thing");
        let keys = format!("[tool.uv]\ncache-keys = [{{ dir = \"{KEY}\" }}]\n\n[project]");
        fixture.edit("pyproject.toml", "[project]", &keys);
        fixture
    }

    #[test]
    fn the_link_leads_to_the_library_and_nowhere_once_that_is_gone() {
        let fixture = with_key();
        let link = fixture.root().join(KEY);
        keep(&project(&fixture)).unwrap();
        assert!(!fixture.root().join(".xtask").exists());
        let library = "python/thing/_thing.abi3.so";
        fixture.write("python/thing/_thingy.so", "");
        fixture.write(library, "");
        keep(&project(&fixture)).unwrap();
        assert_eq!(
            link.read_link_utf8().unwrap(),
            Utf8Path::new("..").join(library)
        );
        fs_err::remove_file(fixture.root().join(library)).unwrap();
        keep(&project(&fixture)).unwrap();
        assert!(link.is_symlink() && !link.exists());
        let other = "python/thing/_thing.cpython-313-x86_64-linux-gnu.so";
        fixture.write(other, "");
        keep(&project(&fixture)).unwrap();
        assert_eq!(
            link.read_link_utf8().unwrap(),
            Utf8Path::new("..").join(other)
        );
        remove(&fixture.root()).unwrap();
        assert!(!link.is_symlink() && fixture.root().join(other).is_file());
    }

    #[test]
    fn without_its_key_there_is_no_link_and_a_file_of_the_users_stays() {
        let fixture = Fixture::mixed("thing");
        fixture.write("python/thing/_thing.abi3.so", "");
        keep(&project(&fixture)).unwrap();
        assert!(!fixture.root().join(".xtask").exists());
        let fixture = with_key();
        fixture.write("python/thing/_thing.abi3.so", "");
        fixture.write(KEY, "mine");
        keep(&project(&fixture)).unwrap();
        remove(&fixture.root()).unwrap();
        let text = fs_err::read_to_string(fixture.root().join(KEY));
        assert_eq!(text.unwrap(), "mine");
    }

    #[test]
    fn the_environment_is_that_of_the_workspace() {
        let fixture = Fixture::mixed("thing");
        assert_eq!(
            environment(&fixture.root()),
            fixture.root().join(ENVIRONMENT)
        );
        let workspace =
            "[project]\nname = \"all\"\n[tool.uv.workspace]\nmembers = [\"packages/*\"]\n";
        fixture.write("pyproject.toml", workspace);
        let member = fixture.root().join("packages/a");
        fixture.write(member.join("pyproject.toml"), "");
        assert_eq!(environment(&member), fixture.root().join(ENVIRONMENT));
        assert!(is_environment("../.venv/pyvenv.cfg") && is_environment(".venv/pyvenv.cfg"));
        assert!(!is_environment("my.venv/pyvenv.cfg"));
    }
}
