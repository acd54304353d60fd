//! The alias `cargo xtask` of .cargo/config.toml, called as a person calls it.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use testkit::TempDir;

fn root() -> &'static Utf8Path {
    let xtask = Utf8Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("it lies in the workspace")
}

/// `cargo xtask --version` in `dir`, as in a shell; what cargo said, the path of the program that it ran
/// among it.
fn version_from(dir: &Utf8Path, variables: &[(&str, &str)]) -> String {
    let mut command = Invocation::new("cargo").args(["xtask", "--version"]);
    for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_BUILD_DIR"] {
        command = command.env_remove(name);
    }
    for (name, value) in variables {
        command = command.env(*name, *value);
    }
    let done = command.cwd(dir).capture().expect("cargo starts");
    assert!(done.status.success(), "{}", done.stderr);
    assert!(done.stdout.contains("cargo xtask"), "{}", done.stdout);
    done.stderr
}

fn directories() -> Vec<Utf8PathBuf> {
    let below = [
        "",
        "xtask/src",
        "crates",
        "crates/tune",
        "rust",
        "rust/maou_io",
        "src/maou",
        "docs",
        "tests",
    ];
    below.iter().map(|dir| root().join(dir)).collect()
}

/// One test, since calls of the alias that run at once wait for one another.
#[test]
fn it_is_compiled_once_in_one_place_and_waits_for_nobody() {
    // With another profile than that of the tests, so it may have to be compiled.
    version_from(root(), &[]);
    it_has_one_target_directory_wherever_it_is_called_from();
    checkouts_that_share_a_target_directory_do_not_share_what_it_is_compiled_from();
    another_cargo_in_the_target_directory_does_not_hold_it_up();
}

fn it_has_one_target_directory_wherever_it_is_called_from() {
    for dir in directories() {
        let said = version_from(&dir, &[]);
        assert!(!said.contains("Compiling"), "in {dir}: {said}");
        let is_the_root = dir.as_str().trim_end_matches('/') == root().as_str();
        assert!(
            is_the_root || !dir.join("target").exists(),
            "{dir} has a target directory"
        );
    }
}

fn checkouts_that_share_a_target_directory_do_not_share_what_it_is_compiled_from() {
    let shared = TempDir::new();
    let variables = [("CARGO_TARGET_DIR", shared.path().as_str())];
    let said = version_from(&root().join("docs"), &variables);
    assert!(!said.contains("Compiling"), "{said}");
}

/// rust-analyzer's `cargo check` holds the lock of `target/debug` for as long as it runs.
fn another_cargo_in_the_target_directory_does_not_hold_it_up() {
    let dir = root().join("target/debug");
    fs_err::create_dir_all(&dir).expect("it can be made");
    let lock = fs_err::File::create(dir.join(".cargo-lock")).expect("it can be opened");
    lock.file().lock().expect("it can be locked");
    // Given back after a while, so that a call that waits for it fails here instead of never ending.
    let holder = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(3));
        drop(lock);
    });
    let said = version_from(root(), &[]);
    // Other locks, as that of the registry, are held for moments.
    for what in ["build directory", "artifact directory"] {
        assert!(!said.contains(&format!("file lock on {what}")), "{said}");
    }
    holder.join().expect("it only sleeps");
}
