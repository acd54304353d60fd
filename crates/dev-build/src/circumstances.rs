//! What cargo's answer depends on beside files: the environment and the toolchain. As long as they and all files
//! are the same, cargo need not be asked whether there is anything to do.

use build_env::{cargo_env, tools, vars};
use camino::{Utf8Path, Utf8PathBuf};

use crate::digest::{Stamp, sha256, sha256_of_file};

/// Variables that differ from one command of a shell to the next and that nobody builds by.
const VOLATILE: [&str; 6] = ["_", "COLUMNS", "LINES", "OLDPWD", "PWD", "SHLVL"];

/// A digest of the circumstances for a project in `root`. Of the environment nothing can be read back from it.
#[must_use]
pub fn circumstances(root: &Utf8Path) -> String {
    let mut text = String::new();
    for (name, value) in cargo_env::environment() {
        if !VOLATILE.contains(&name.as_str()) {
            text.push_str(&format!("{name}={value}\0"));
        }
    }
    for path in files(root) {
        let stamp = Stamp::of(&path).ok();
        let content = if path.is_dir() {
            sha256_of_file(&path)
        } else {
            None
        };
        text.push_str(&format!("{path} {stamp:?} {content:?}\0"));
    }
    sha256(text.as_bytes())
}

/// Files that change when another toolchain is chosen, or the same one is updated: the programs on `PATH`,
/// rustup's settings and the record of its updates, and the toolchain files of the directories above. There, a
/// manifest may also become, or cease to be, that of the workspace.
fn files(root: &Utf8Path) -> Vec<Utf8PathBuf> {
    let programs = ["cargo", "rustc"].map(tools::find);
    let rustup = vars::var("RUSTUP_HOME").map(Utf8PathBuf::from);
    let rustup = rustup.or_else(|| Some(Utf8PathBuf::from(vars::var("HOME")?).join(".rustup")));
    let rustup = rustup
        .iter()
        .flat_map(|home| ["settings.toml", "update-hashes"].map(|name| home.join(name)));
    let above = root.ancestors().flat_map(|dir| {
        ["rust-toolchain.toml", "rust-toolchain", "Cargo.toml"].map(|name| dir.join(name))
    });
    programs
        .into_iter()
        .flatten()
        .chain(rustup)
        .chain(above)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_same_until_a_toolchain_is_chosen() {
        let dir = testkit::TempDir::new();
        let before = circumstances(dir.path());
        assert_eq!(circumstances(dir.path()), before);
        fs_err::write(dir.path().join("rust-toolchain.toml"), "").unwrap();
        assert_ne!(circumstances(dir.path()), before);
    }
}
