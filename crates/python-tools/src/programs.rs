//! Programs that are here already: on `PATH`, or among the tools that were fetched. None is started.

use camino::{Utf8Path, Utf8PathBuf};

use environment::vars;
use processes::Invocation;

/// The program `name` on `PATH`. It is not started.
#[must_use]
pub fn find(name: &str) -> Option<Utf8PathBuf> {
    Utf8PathBuf::from_path_buf(which::which(name).ok()?).ok()
}

/// Where tools are kept.
pub(crate) fn cache_dir() -> Option<Utf8PathBuf> {
    let below = |name, path: &str| Some(Utf8PathBuf::from(vars::var(name)?).join(path));
    let named = vars::var(vars::XTASK_CACHE_DIR).map(Utf8PathBuf::from);
    let xdg = || below(vars::XDG_CACHE_HOME, "xtask-build");
    let home = || below(vars::HOME, ".cache/xtask-build");
    named.or_else(xdg).or_else(home)
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
