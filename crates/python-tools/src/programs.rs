//! Programs that are here already: on `PATH`, or among the tools that were fetched. None is started.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use environment::vars;
use files::owned;
use processes::Invocation;
use rustix::process::geteuid;

/// The program `name` on `PATH`. It is not started.
#[must_use]
pub fn find(name: &str) -> Option<Utf8PathBuf> {
    Utf8PathBuf::from_path_buf(which::which(name).ok()?).ok()
}

/// Where tools are kept. `None`: nowhere, since neither a cache nor the user's directory is named, or the
/// former by a path that means another directory from every place.
pub(crate) fn cache_dir() -> Option<Utf8PathBuf> {
    if vars::var(vars::XTASK_CACHE_DIR).is_some() {
        return vars::dir(vars::XTASK_CACHE_DIR);
    }
    let xdg = || Some(vars::dir(vars::XDG_CACHE_HOME)?.join("xtask-build"));
    let home = || Some(vars::dir(vars::HOME)?.join(".cache/xtask-build"));
    xdg().or_else(home)
}

/// A directory for this user alone, for locks where there is no cache, and for sockets: below
/// `$XDG_RUNTIME_DIR`, else one of the user's own below that for temporary files.
///
/// # Errors
/// Where it is not to be had, or is not closed to others.
pub fn private_dir() -> io::Result<Utf8PathBuf> {
    let is_private = |dir: &Utf8PathBuf| dir.is_dir() && owned::private_dir(dir).is_ok();
    let runtime = vars::dir(vars::XDG_RUNTIME_DIR).filter(is_private);
    let temporary = || {
        let temporary = Utf8PathBuf::try_from(std::env::temp_dir()).unwrap_or("/tmp".into());
        temporary.join(format!("xtask-build-{}", geteuid().as_raw()))
    };
    let dir = runtime.map_or_else(temporary, |runtime| runtime.join("xtask-build"));
    owned::private_dir(&dir).map(|()| dir)
}

/// uv as a command that can be typed here: its name where it is on `PATH`, else the path of the one that was
/// fetched.
pub(crate) fn uv_command() -> Option<Invocation> {
    if find("uv").is_some() {
        return Some(Invocation::new("uv"));
    }
    fetched_uv(&cache_dir()?).map(Invocation::new)
}

/// The uv that was fetched into `cache`, whichever version.
fn fetched_uv(cache: &Utf8Path) -> Option<Utf8PathBuf> {
    let entries = cache.join("tools").read_dir_utf8().ok()?.flatten();
    let of_uv = entries.filter(|entry| entry.file_name().starts_with("uv-"));
    let mut programs = of_uv.map(|entry| entry.path().join("bin/uv"));
    programs.find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn the_uv_that_was_fetched_is_found() {
        let cache = TempDir::new();
        assert_eq!(fetched_uv(cache.path()), None);
        let bin = cache.path().join("tools/uv-0.13.9/bin");
        fs_err::create_dir_all(&bin).unwrap();
        assert_eq!(fetched_uv(cache.path()), None);
        fs_err::write(bin.join("uv"), "").unwrap();
        assert_eq!(fetched_uv(cache.path()), Some(bin.join("uv")));
    }
}
