//! The toolchain, as far as it stands in what it builds.

use camino::{Utf8Path, Utf8PathBuf};
use environment::cargo_env;
use processes::{Invocation, RunError};

/// The home directory in the images of manylinux, whose user is root.
pub const CONTAINER_HOME: &str = "/root";

/// rustc and cargo, here or in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// As rustup calls it: `1.95.0`, or the name of a channel.
    pub name: String,
    /// The platform it runs on.
    pub host: String,
    /// Where it is installed.
    pub sysroot: Utf8PathBuf,
    /// The path that the standard library gives its own sources: `/rustc/` and a commit.
    pub standard_library: String,
    /// Where cargo keeps the sources of dependencies.
    pub cargo_home: Option<Utf8PathBuf>,
}

impl Toolchain {
    /// The one that is used in `dir`.
    ///
    /// # Errors
    /// If rustc does not run there.
    pub fn here(dir: &Utf8Path) -> Result<Self, RunError> {
        let rustc = |args: &[&str]| {
            Invocation::new("rustc")
                .args(args.iter().copied())
                .cwd(dir)
                .read()
        };
        let sysroot = Utf8PathBuf::from(rustc(&["--print", "sysroot"])?.trim());
        let version = rustc(&["-vV"])?;
        let field = |name: &str| {
            version
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or("unknown")
        };
        let host = field("host: ").to_owned();
        Ok(Self {
            name: name(field("release: "), &sysroot, &host),
            standard_library: format!("/rustc/{}", field("commit-hash: ")),
            cargo_home: cargo_env::cargo_home(),
            sysroot,
            host,
        })
    }

    /// The same one in an image of manylinux, into which rustup has just installed it.
    #[must_use]
    pub fn in_container(&self) -> Self {
        let home = Utf8Path::new(CONTAINER_HOME);
        let toolchains = home.join(".rustup/toolchains");
        Self {
            sysroot: toolchains.join(format!("{}-{}", self.name, self.host)),
            cargo_home: Some(home.join(".cargo")),
            ..self.clone()
        }
    }
}

/// A release by its number, so that the same one is used everywhere; of another (`1.97.0-nightly`) the number
/// does not tell which it is, and rustup's name for it is taken.
fn name(release: &str, sysroot: &Utf8Path, host: &str) -> String {
    let is_number = release
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let installed = sysroot
        .file_name()
        .and_then(|name| name.strip_suffix(host)?.strip_suffix('-'));
    match installed {
        Some(installed) if !is_number => installed.to_owned(),
        _ => release.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_goes_by_its_number_and_a_channel_by_its_name() {
        let nightly = Utf8Path::new("/u/toolchains/nightly-2026-01-02-x86_64-unknown-linux-gnu");
        let host = "x86_64-unknown-linux-gnu";
        assert_eq!(name("1.95.0", nightly, host), "1.95.0");
        assert_eq!(name("1.97.0-nightly", nightly, host), "nightly-2026-01-02");
        assert_eq!(
            name("1.97.0-nightly", "/usr".into(), host),
            "1.97.0-nightly"
        );
    }

    #[test]
    fn the_one_that_is_used_is_known() {
        let here = Toolchain::here(Utf8Path::new(".")).unwrap();
        assert!(here.sysroot.join("lib/rustlib").is_dir(), "{here:?}");
        assert_ne!(here.standard_library, "/rustc/unknown");
        let there = here.in_container();
        let expected = format!(
            "{CONTAINER_HOME}/.rustup/toolchains/{}-{}",
            here.name, here.host
        );
        assert_eq!(there.sysroot, expected);
    }
}
