//! Undoing what `cargo run` and rustup's proxies add to the environment.
//!
//! `cargo xtask` is itself started by cargo, through rustup's proxy, and both leave variables behind. A
//! cargo, maturin or compiler cache started from there would see an environment that differs from a
//! developer's shell: sccache takes nearly every `CARGO_*` variable into its key
//! (mozilla/sccache#2494), and `RUSTUP_TOOLCHAIN` overrides the `rust-toolchain.toml` of the project
//! that is built. So each child gets the environment that the user's shell has.

use std::path::Path;
use std::process::Command;

use crate::vars;

/// Variables that cargo sets for the program of `cargo run`, beside all of `CARGO_PKG_*`
/// (<https://doc.rust-lang.org/cargo/reference/environment-variables.html>), and rustup's recursion guard.
const SET_BY_CARGO_RUN: [&str; 6] = [
    vars::CARGO,
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "RUST_RECURSION_COUNT",
];

/// What rustup sets beside the toolchain it chose: why it chose it. Since rustup 1.28.
const RUSTUP_TOOLCHAIN_SOURCE: &str = "RUSTUP_TOOLCHAIN_SOURCE";

/// The linker's search path, to which cargo adds its own directories.
const LIBRARY_PATH: &str = if cfg!(target_os = "macos") {
    "DYLD_FALLBACK_LIBRARY_PATH"
} else {
    "LD_LIBRARY_PATH"
};

/// The program to start as cargo: the one on `PATH`, where rustup's proxy picks the toolchain by the
/// project's directory; else the one that started us.
#[must_use]
pub fn cargo() -> String {
    match (which::which("cargo"), vars::var(vars::CARGO)) {
        (Err(_), Some(cargo)) => cargo,
        _ => "cargo".to_owned(),
    }
}

/// Gives `command` the environment that we had been started in, had cargo not stood in between.
pub(crate) fn restore(command: &mut Command) {
    for name in leftovers(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())) {
        command.env_remove(name);
    }
    if toolchain_is_rustups_choice(vars::var(RUSTUP_TOOLCHAIN_SOURCE).as_deref()) {
        command.env_remove("RUSTUP_TOOLCHAIN");
        command.env_remove(RUSTUP_TOOLCHAIN_SOURCE);
    }
    if let (Some(cargo), Some(paths)) = (vars::var(vars::CARGO), std::env::var_os(LIBRARY_PATH)) {
        let ours = std::env::current_exe().ok();
        let kept: Vec<_> = std::env::split_paths(&paths)
            .filter(|path| !added_by_cargo(path, Path::new(&cargo), ours.as_deref()))
            .collect();
        match std::env::join_paths(&kept) {
            Ok(joined) if !kept.is_empty() => command.env(LIBRARY_PATH, joined),
            _ => command.env_remove(LIBRARY_PATH),
        };
    }
}

/// Those of `names` that cargo sets for a program it runs.
fn leftovers(names: impl Iterator<Item = String>) -> Vec<String> {
    names
        .filter(|name| name.starts_with("CARGO_PKG_") || SET_BY_CARGO_RUN.contains(&name.as_str()))
        .collect()
}

/// Whether rustup chose the toolchain for the directory we were started in, rather than the user with
/// `RUSTUP_TOOLCHAIN` or `cargo +toolchain`. A rustup too old to say so is left alone.
fn toolchain_is_rustups_choice(source: Option<&str>) -> bool {
    source.is_some_and(|source| !matches!(source, "env" | "cli"))
}

/// Whether `cargo run` put `path` on the library path: the directories of `program`, which it runs, and
/// those of the toolchain that `cargo` belongs to.
fn added_by_cargo<'a>(path: &Path, cargo: &Path, program: Option<&'a Path>) -> bool {
    let toolchain = cargo.parent().and_then(Path::parent);
    let outputs = program.and_then(Path::parent);
    // The integration tests of the program stand one directory deeper, in `deps`.
    let above_deps = |dir: &'a Path| dir.parent().filter(|_| dir.ends_with("deps"));
    let outputs = outputs.map(|dir| above_deps(dir).unwrap_or(dir));
    [toolchain, outputs]
        .into_iter()
        .flatten()
        .any(|dir| path.starts_with(dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cargo_run_sets_is_removed() {
        let names = [
            "CARGO",
            "CARGO_PKG_NAME",
            "CARGO_HOME",
            "CARGO_INCREMENTAL",
            "PATH",
        ];
        let gone = leftovers(names.into_iter().map(str::to_owned));
        assert_eq!(gone, ["CARGO", "CARGO_PKG_NAME"]);
    }

    #[test]
    fn a_toolchain_that_the_user_named_is_kept() {
        assert!(!toolchain_is_rustups_choice(None));
        assert!(!toolchain_is_rustups_choice(Some("env")));
        assert!(!toolchain_is_rustups_choice(Some("cli")));
        assert!(toolchain_is_rustups_choice(Some("default")));
        assert!(toolchain_is_rustups_choice(Some("toolchain-file")));
    }

    #[test]
    fn only_cargos_own_library_directories_are_removed() {
        let cargo = Path::new("/rust/toolchains/stable/bin/cargo");
        let program = Path::new("/src/target/xtask/debug/xtask");
        let added = |path| added_by_cargo(Path::new(path), cargo, Some(program));
        assert!(added("/src/target/xtask/debug/deps"));
        assert!(added("/rust/toolchains/stable/lib"));
        assert!(!added("/usr/local/cuda/lib64"));
        assert!(!added("/src/target/release"));
    }
}
