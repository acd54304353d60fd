//! Undoing what `cargo run` and rustup's proxies add to the environment.
//!
//! `cargo xtask` is itself started by cargo, through rustup's proxy, and both leave variables behind. A
//! cargo, maturin or compiler cache started from there would see an environment that differs from a
//! developer's shell: sccache takes nearly every `CARGO_*` variable into its key (mozilla/sccache#2494), and
//! `RUSTUP_TOOLCHAIN` overrides the `rust-toolchain.toml` of the project that is built. Also, what stands
//! under `[env]` in cargo's configuration reaches us, where maturin would take it for the user's wish, and
//! what a compiler cache is told there would look as if the user's shell said it. So each child gets the
//! environment that the user's shell has.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use crate::{compiler_caches, vars};

/// Variables that cargo sets for the program of `cargo run`, beside all of `CARGO_PKG_*`
/// (<https://doc.rust-lang.org/cargo/reference/environment-variables.html>), and rustup's recursion guard.
const SET_BY_CARGO_RUN: [&str; 6] = [
    vars::CARGO,
    CARGO_MANIFEST_DIR,
    "CARGO_MANIFEST_PATH",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "RUST_RECURSION_COUNT",
];

/// Set for everything that cargo runs.
const CARGO_MANIFEST_DIR: &str = "CARGO_MANIFEST_DIR";

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

/// The directory of the package that `cargo run` has started, if that is how we were started.
#[must_use]
pub fn started_package() -> Option<Utf8PathBuf> {
    vars::var(CARGO_MANIFEST_DIR).map(Utf8PathBuf::from)
}

/// The environment that we had been started in, had cargo not stood in between. Variables whose name or value
/// is not UTF-8 are left out.
#[must_use]
pub fn environment() -> BTreeMap<String, String> {
    let all = whole_environment().into_iter();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The same with those that are not UTF-8.
#[must_use]
pub fn whole_environment() -> BTreeMap<OsString, OsString> {
    let changes = changes();
    let change = |name: &OsStr| changes.get(name.to_str()?);
    std::env::vars_os()
        .filter_map(|(name, value)| match change(&name) {
            Some(change) => Some((name, change.clone()?)),
            None => Some((name, value)),
        })
        .collect()
}

/// Gives `command` that environment.
pub fn restore(command: &mut Command) {
    for (name, value) in changes() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if WITHOUT_WRAPPER.get().is_some() {
        // Set and empty: none, whatever the configuration says.
        command.env(vars::RUSTC_WRAPPER, "");
    }
}

/// What must be set, or removed, to undo what cargo did.
fn changes() -> &'static BTreeMap<String, Option<OsString>> {
    static CHANGES: OnceLock<BTreeMap<String, Option<OsString>>> = OnceLock::new();
    CHANGES.get_or_init(|| {
        let names = vars::names();
        let mut removed = leftovers(names);
        if toolchain_is_rustups_choice(vars::var(RUSTUP_TOOLCHAIN_SOURCE).as_deref()) {
            removed.extend([vars::RUSTUP_TOOLCHAIN, RUSTUP_TOOLCHAIN_SOURCE].map(str::to_owned));
        }
        if vars::var(CARGO_MANIFEST_DIR).is_some() {
            removed.extend(given_by_configuration());
        }
        let mut changes: BTreeMap<_, _> = removed.into_iter().map(|name| (name, None)).collect();
        if let (Some(cargo), Some(paths)) = (vars::var(vars::CARGO), std::env::var_os(LIBRARY_PATH))
        {
            let restored = library_path(&paths, Path::new(&cargo));
            changes.insert(LIBRARY_PATH.to_owned(), restored);
        }
        changes.extend(of_uv_tool());
        changes
    })
}

/// What undoes `uvx`: it puts the programs of the tool's own environment before all others, and names itself.
/// Nothing, if that is not how we were started.
fn of_uv_tool() -> BTreeMap<String, Option<OsString>> {
    let program = std::env::current_exe().ok();
    let dir = program.as_deref().and_then(Path::parent);
    let paths = std::env::var_os(vars::PATH).unwrap_or_default();
    // In a project's own environment, which `uv run` activates, the programs belong on `PATH`.
    let is_active = vars::var(vars::VIRTUAL_ENV).is_some();
    let others = dir.filter(|_| !is_active && vars::var(vars::UV).is_some());
    let others = others.and_then(|dir| without_first(&paths, dir));
    let changes = others.map(|paths| [(vars::PATH, Some(paths)), (vars::UV, None)]);
    let changes = changes.into_iter().flatten();
    changes
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// `paths` without the first of them, if that is `dir`, perhaps by another name.
fn without_first(paths: &OsStr, dir: &Path) -> Option<OsString> {
    let mut paths = std::env::split_paths(paths);
    let first = paths.next()?;
    let is_it = first == dir || first.canonicalize().is_ok_and(|first| first == dir);
    is_it.then(|| std::env::join_paths(paths).ok()).flatten()
}

/// The library path without what `cargo` added. `None` if nothing is left.
fn library_path(paths: &OsStr, cargo: &Path) -> Option<OsString> {
    let ours = std::env::current_exe().ok();
    let paths = std::env::split_paths(paths);
    let kept = paths.filter(|path| !added_by_cargo(path, cargo, ours.as_deref()));
    let joined = std::env::join_paths(kept).ok();
    joined.filter(|joined| !joined.is_empty())
}

/// Variables that have the value which cargo's configuration gives them, in the directory we were started in:
/// they come from there, and not from the user's shell. Only those that decide something here: pyo3's, and
/// those of compiler caches.
fn given_by_configuration() -> Vec<String> {
    let here = std::env::current_dir()
        .ok()
        .and_then(|dir| Utf8PathBuf::try_from(dir).ok());
    let dirs = here.iter().flat_map(|dir| config_dirs(dir));
    let files =
        dirs.flat_map(|dir| ["config", "config.toml", LOCAL_CONFIG].map(|name| dir.join(name)));
    let configured = files.flat_map(|path| env_table(&path));
    let given = configured.filter(|(name, value)| {
        is_configured_here(name) && vars::var(name).as_ref() == Some(value)
    });
    given.map(|(name, _)| name).collect()
}

fn is_configured_here(name: &str) -> bool {
    vars::PYO3.contains(&name) || compiler_caches::is_variable(name)
}

/// Where cargo looks for its configuration when it is started in `dir`, what wins first: `.cargo` there and
/// in every directory above, then its home
/// (<https://doc.rust-lang.org/cargo/reference/config.html#hierarchical-structure>).
pub fn config_dirs(dir: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> {
    let above = dir.ancestors().map(|dir| dir.join(".cargo"));
    above.chain(cargo_home())
}

/// Cargo's directory: `CARGO_HOME`, else `~/.cargo`.
#[must_use]
pub fn cargo_home() -> Option<Utf8PathBuf> {
    let set = vars::var(vars::CARGO_HOME).map(Utf8PathBuf::from);
    set.or_else(|| Some(Utf8PathBuf::from(vars::var(vars::HOME)?).join(".cargo")))
}

/// From now on no child gets a compiler wrapper from cargo's configuration: for one whose program is not
/// there, with which cargo could do nothing at all. One that the environment names is left to it.
pub fn do_without_wrapper() {
    let _ = WITHOUT_WRAPPER.set(());
}

static WITHOUT_WRAPPER: OnceLock<()> = OnceLock::new();

/// The name of the configuration of this machine only, which the tracked one beside it may include.
pub const LOCAL_CONFIG: &str = "config.local.toml";

/// The variables under `[env]` in a file, plain strings and those in a table with settings.
fn env_table(path: &Utf8Path) -> Vec<(String, String)> {
    let text = fs_err::read_to_string(path).unwrap_or_default();
    let config: Value = toml_edit::de::from_str(&text).unwrap_or_default();
    let env = config.get("env").and_then(Value::as_object);
    let strings = env.into_iter().flatten().filter_map(|(name, value)| {
        let value = value.get("value").unwrap_or(value);
        Some((name.clone(), value.as_str()?.to_owned()))
    });
    strings.collect()
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
    fn the_environment_of_the_configuration_is_read() {
        let dir = testkit::TempDir::new();
        let path = dir.path().join(".cargo").join(LOCAL_CONFIG);
        fs_err::create_dir(path.parent().unwrap()).unwrap();
        fs_err::write(
            &path,
            "[env]\nPYO3_PYTHON = \"/p\"\nX = { value = \"y\" }\n",
        )
        .unwrap();
        assert_eq!(
            env_table(&path),
            [
                ("PYO3_PYTHON".to_owned(), "/p".to_owned()),
                ("X".to_owned(), "y".to_owned())
            ]
        );
        assert!(env_table("/no/such/file".into()).is_empty());
    }

    #[test]
    fn only_what_decides_something_here_is_taken_for_configuration() {
        assert!(is_configured_here("PYO3_PYTHON") && is_configured_here("SCCACHE_DIR"));
        assert!(!is_configured_here("RUSTFLAGS") && !is_configured_here("PATH"));
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
    fn what_uvx_puts_before_all_other_programs_is_removed() {
        let without = |paths: &str| {
            let without = without_first(OsStr::new(paths), Path::new("/cache/tool/bin"));
            without.map(|paths| paths.into_string().unwrap())
        };
        assert_eq!(
            without("/cache/tool/bin:/usr/bin:/bin").as_deref(),
            Some("/usr/bin:/bin")
        );
        assert_eq!(without("/usr/bin:/cache/tool/bin"), None);
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
