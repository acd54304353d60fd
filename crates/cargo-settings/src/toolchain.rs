//! The toolchain that a project is built with: the one that its `rust-toolchain.toml`, a variable or rustup's
//! settings name, where rustup picks it (<https://rust-lang.github.io/rustup/overrides.html>).

use camino::{Utf8Path, Utf8PathBuf};
use environment::{cargo_env, vars};
use processes::{Invocation, Say};
use serde::Deserialize;

/// There is no toolchain to build with on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MissingToolchain {
    /// There is no Rust at all.
    #[error(
        "there is no cargo on PATH, so no Rust can be compiled\n  help: install Rust, from https://rustup.rs, and open a new shell"
    )]
    NoCargo,
    /// One that a file names.
    #[error(
        "{file} names the Rust toolchain `{channel}`, which is not installed\n  help: install it: `rustup toolchain install {channel}`"
    )]
    OfFile {
        /// The file.
        file: Utf8PathBuf,
        /// The toolchain as the file names it.
        channel: String,
    },
    /// One that the environment names.
    #[error(
        "RUSTUP_TOOLCHAIN, in the environment, names the Rust toolchain `{0}`, which is not installed\n  help: install it: `rustup toolchain install {0}`; or go without: `unset RUSTUP_TOOLCHAIN`"
    )]
    OfVariable(String),
}

/// The first cargo that includes other files in its configuration.
pub const FIRST_CARGO_WITH_INCLUDE: [u64; 2] = [1, 94];

/// Major and minor in `cargo 1.95.0 (…)`.
#[must_use]
pub fn version_of_cargo(printed: &str) -> Option<[u64; 2]> {
    let mut numbers = printed.split_whitespace().nth(1)?.split('.');
    let mut next = || numbers.next()?.parse().ok();
    Some([next()?, next()?])
}

/// Makes sure that cargo can be started in the project in `root`: a toolchain that is missing is installed
/// once, before anything is asked of cargo, unless the network is not to be used (`offline`) or the user has
/// told rustup to install nothing by itself. Without rustup's proxy on `PATH`, cargo looks at no such file.
///
/// # Errors
/// If it is missing, and still is.
pub fn require(root: &Utf8Path, offline: bool, say: Say<'_>) -> Result<(), MissingToolchain> {
    if which::which(cargo_env::cargo()).is_err() {
        return Err(MissingToolchain::NoCargo);
    }
    let Some(home) = rustup_home() else {
        return Ok(());
    };
    let mut environment = cargo_env::environment();
    let missing = match environment.remove(vars::RUSTUP_TOOLCHAIN) {
        Some(channel) => missing_of_variable(channel, &home),
        None => missing(root, &home),
    };
    let Some(missing) = missing.filter(|_| is_rustups_proxy()) else {
        return Ok(());
    };
    // rustup knows of more that decides, such as `rustup override set`.
    let asks = Invocation::new(cargo_env::cargo())
        .arg("--version")
        .cwd(root);
    let works = || {
        let asks = asks.clone().env(vars::RUSTUP_AUTO_INSTALL, "0");
        asks.read().is_ok()
    };
    if works() {
        return Ok(());
    }
    if let MissingToolchain::OfFile { file, channel } = &missing
        && !offline
        && installs_by_itself(&home)
    {
        say(
            "Installing",
            &format!("Rust toolchain {channel}, which {file} names"),
        );
        let install = Invocation::new("rustup")
            .args(["toolchain", "install"])
            .cwd(root);
        if install.run_talking().is_ok() && works() {
            return Ok(());
        }
    }
    Err(missing)
}

/// Whether the cargo on `PATH` is rustup's.
fn is_rustups_proxy() -> bool {
    let cargo = which::which("cargo").ok();
    cargo.is_some_and(|cargo| cargo.with_file_name("rustup").is_file())
}

/// Where rustup keeps its toolchains.
fn rustup_home() -> Option<Utf8PathBuf> {
    let set = vars::dir(vars::RUSTUP_HOME);
    set.or_else(|| Some(Utf8PathBuf::from(vars::var(vars::HOME)?).join(".rustup")))
}

/// Whether rustup would install a toolchain by itself: the variable comes before the settings.
fn installs_by_itself(home: &Utf8Path) -> bool {
    #[derive(Default, Deserialize)]
    struct Settings {
        auto_install: Option<String>,
    }
    if let Some(value) = vars::var(vars::RUSTUP_AUTO_INSTALL) {
        return value != "0";
    }
    let text = fs_err::read_to_string(home.join("settings.toml")).unwrap_or_default();
    let settings: Settings = toml_edit::de::from_str(&text).unwrap_or_default();
    settings.auto_install.as_deref() != Some("disable")
}

/// What the nearest file above `root` names, if that is not below rustup's `home`.
fn missing(root: &Utf8Path, home: &Utf8Path) -> Option<MissingToolchain> {
    let names = ["rust-toolchain", "rust-toolchain.toml"];
    let mut files = root
        .ancestors()
        .flat_map(|dir| names.map(|name| dir.join(name)));
    let file = files.find(|file| file.is_file())?;
    let channel = channel(&fs_err::read_to_string(&file).ok()?)?;
    (!is_installed(&channel, home)).then_some(MissingToolchain::OfFile { file, channel })
}

/// The toolchain that the variable names, by its channel or its directory, if it is not there.
fn missing_of_variable(channel: String, home: &Utf8Path) -> Option<MissingToolchain> {
    let is_there = channel.is_empty() || channel.contains('/') || is_installed(&channel, home);
    (!is_there).then_some(MissingToolchain::OfVariable(channel))
}

/// Whether a toolchain of this name is below rustup's `home`.
fn is_installed(channel: &str, home: &Utf8Path) -> bool {
    let installed = home.join("toolchains").read_dir_utf8();
    let mut installed = installed.into_iter().flatten().flatten();
    let is_it = |name: &str| {
        let rest = name.strip_prefix(channel);
        rest.is_some_and(|rest| {
            let host = rest.strip_prefix('-');
            rest.is_empty() || host.is_some_and(|host| host.starts_with(std::env::consts::ARCH))
        })
    };
    installed.any(|entry| is_it(entry.file_name()))
}

/// The channel that the text of a file names: the old form has nothing else in it. One that names a directory
/// is no channel.
fn channel(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct File {
        toolchain: Toolchain,
    }
    #[derive(Deserialize)]
    struct Toolchain {
        channel: Option<String>,
    }
    let text = text.trim();
    if text.lines().count() == 1 && !text.contains(['[', '=']) {
        return Some(text.to_owned()).filter(|text| !text.contains('/'));
    }
    let file: File = toml_edit::de::from_str(text).ok()?;
    file.toolchain.channel
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    #[test]
    fn both_forms_of_the_file_name_a_channel() {
        let table = "# why\n[toolchain]\nchannel = \"1.80\"\ncomponents = ['rustfmt']\n";
        assert_eq!(channel(table).as_deref(), Some("1.80"));
        assert_eq!(
            channel("nightly-2026-01-02\n").as_deref(),
            Some("nightly-2026-01-02")
        );
        assert_eq!(channel("[toolchain]\npath = '/opt/rust'"), None);
        assert_eq!(channel("[toolchain"), None);
    }

    #[test]
    fn the_nearest_file_counts_and_what_is_installed_is_known() {
        let dir = TempDir::new();
        let arch = std::env::consts::ARCH;
        let project = dir.path().join("a/b");
        fs_err::create_dir_all(&project).unwrap();
        let home = dir.path().join("rustup");
        for name in ["1.80", "nightly-2026-01-02"] {
            fs_err::create_dir_all(home.join(format!("toolchains/{name}-{arch}-x"))).unwrap();
        }
        assert_eq!(missing(&project, &home), None);
        let outer = dir.path().join("rust-toolchain.toml");
        for (channel, is_missing) in [("1.80", false), ("1.8", true), ("nightly", true)] {
            let text = format!("[toolchain]\nchannel = '{channel}'");
            fs_err::write(&outer, text).unwrap();
            assert_eq!(missing(&project, &home).is_some(), is_missing, "{channel}");
        }
        fs_err::write(project.join("rust-toolchain"), "1.80").unwrap();
        assert_eq!(missing(&project, &home), None);
        for (channel, is_missing) in [("1.80", false), ("1.70", true), ("", false), ("/a", false)] {
            let found = missing_of_variable(channel.to_owned(), &home);
            assert_eq!(found.is_some(), is_missing, "{channel}");
        }
    }

    #[test]
    fn a_cargo_says_which_it_is() {
        assert_eq!(
            version_of_cargo("cargo 1.95.0 (abc 2026-01-01)\n"),
            Some([1, 95])
        );
        assert_eq!(version_of_cargo("cargo 1.94.0-nightly"), Some([1, 94]));
        assert_eq!(version_of_cargo("gibberish"), None);
        assert!([1, 93] < FIRST_CARGO_WITH_INCLUDE && [2, 0] > FIRST_CARGO_WITH_INCLUDE);
    }
}
