//! `cargo xtask wheel` on small real projects, with the real zig, maturin, uv and cargo.
//!
//! What is missing on the machine is fetched from PyPI and crates.io.

mod action;
mod audit;
mod build;
mod linker;
mod outside;
mod packed;
mod programs;
mod published;
mod pythons;

use camino::Utf8PathBuf;
use processes::{Captured, Invocation};
use testkit::Fixture;

/// A target directory that the projects of these tests share, so that pyo3 is compiled once.
const TARGET_DIR: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/wheels");

/// `cargo xtask wheel` with `args`.
fn wheel(project: &Fixture, args: &[&str]) -> Captured {
    command(project, args).capture().expect("it starts")
}

fn command(project: &Fixture, args: &[&str]) -> Invocation {
    Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["--project", project.root().as_str(), "wheel"])
        .args(args.iter().copied())
        .env("CARGO_TARGET_DIR", TARGET_DIR)
        .env("XTASK_NO_STORE", "1")
        .env_remove("VIRTUAL_ENV")
        .env_remove("GITHUB_OUTPUT")
        .env_remove("GITHUB_STEP_SUMMARY")
        // Nothing is to be left where the command is run.
        .cwd(project.beside("").as_path())
}

/// [`wheel`], which must succeed; the one wheel whose path it prints.
fn wheel_ok(project: &Fixture, args: &[&str]) -> Utf8PathBuf {
    let done = wheel(project, args);
    assert!(done.status.success(), "{}", done.stderr);
    let mut lines = done.stdout.lines();
    let path = Utf8PathBuf::from(lines.next().expect("a wheel"));
    assert_eq!(lines.next(), None, "one wheel");
    assert!(path.is_file(), "{path}");
    path
}

fn git(project: &Fixture, args: &[&str]) -> String {
    let git = Invocation::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t"])
        .args(args.iter().copied())
        .env("GIT_AUTHOR_DATE", "2024-01-02T03:04:05Z")
        .env("GIT_COMMITTER_DATE", "2024-01-02T03:04:05Z")
        .cwd(&project.root());
    git.read().expect("git").trim().to_owned()
}

/// Commits everything: the same files give the same commit.
fn commit(project: &Fixture) {
    project.write(".gitignore", "/target\n");
    git(project, &["init", "--quiet"]);
    git(project, &["add", "."]);
    git(project, &["commit", "--quiet", "-m", "one"]);
}

/// A project in git, with a lock file: the stable ABI is a feature, and its command is tried.
fn project(name: &str) -> Fixture {
    let fixture = Fixture::mixed(name);
    fixture.edit(
        "native/Cargo.toml",
        "pyo3 = { version = \"0.30\", features = [\"abi3-py311\"] }",
        "pyo3 = \"0.30\"\n\n[features]\ndefault = [\"abi3\"]\nabi3 = [\"pyo3/abi3-py311\"]",
    );
    let policy = format!(
        "[workspace]\n\n[workspace.metadata.xtask.wheel]\nplatforms = [\"manylinux_2_28_{}\"]\n\
         one-python = {{ no-default-features = true }}\nmax-size-bytes = 2_000_000\nsmoke = [[\"{name}\"]]\n",
        std::env::consts::ARCH
    );
    fixture.edit("native/Cargo.toml", "[workspace]\n", &policy);
    let lock = Invocation::new("cargo").args([
        "generate-lockfile",
        "--manifest-path",
        "native/Cargo.toml",
    ]);
    lock.cwd(&fixture.root()).read().expect("a lock file");
    commit(&fixture);
    fixture
}
