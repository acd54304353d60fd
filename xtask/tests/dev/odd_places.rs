//! Checkouts of every kind, and places that cannot be written.

use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Captured, Invocation};
use testkit::{Fixture, TempDir, has_program};
use walkdir::WalkDir;

use crate::{TARGET_DIR, xtask};

fn git(dir: &Utf8Path, args: &[&str]) -> String {
    let who = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
    let local = ["-c", "protocol.file.allow=always"];
    let git = Invocation::new("git").args(who).args(local);
    git.args(args.iter().copied()).cwd(dir).read().unwrap()
}

/// A repository that ignores what builds leave in the source tree.
fn repository(name: &str) -> Fixture {
    let project = Fixture::light(name);
    project.write(".gitignore", "*.so\n__pycache__\nCargo.lock\n");
    for args in [
        &["init", "-q"][..],
        &["add", "."],
        &["commit", "-q", "-m", "All"],
    ] {
        git(&project.root(), args);
    }
    project
}

fn run(place: &Utf8Path, args: &[&str]) -> String {
    let done = xtask(place).args(args.iter().copied()).capture().unwrap();
    assert!(done.status.success(), "{place}: {}", done.stderr);
    format!("{}{}", done.stdout, done.stderr)
}

/// The project is built in `place`, built again after an edit, and what is read of git is right.
fn works_in(place: &Utf8Path, module: &str) {
    run(place, &["dev"]);
    assert!(run(place, &["dev"]).contains("Fresh"), "{place}");
    let source = place.join("native/src/lib.rs");
    let text = fs_err::read_to_string(&source).unwrap();
    fs_err::write(&source, text.replace("42", "43")).unwrap();
    run(place, &["dev"]);
    let code = format!("import {module}; print({module}.answer())");
    let python = Invocation::new(place.join(".venv/bin/python"));
    let answer = python.args(["-I", "-c", &code]).read().unwrap();
    assert_eq!(answer, "43\n", "{place}");
    fs_err::write(&source, text).unwrap();
    run(place, &["cache-keys"]);
    run(place, &["cache-keys", "--check"]);
    run(place, &["cache-keys", "--remove"]);
}

#[test]
fn every_kind_of_checkout_is_as_good_as_another() {
    let project = repository("checkout_thing");
    let origin = project.root();
    let url = format!("file://{origin}");
    let [tree, shallow, superproject] =
        ["tree", "shallow", "super"].map(|name| project.beside(name));
    git(&origin, &["worktree", "add", "-q", tree.as_str()]);
    git(
        &origin,
        &["clone", "-q", "--depth=1", &url, shallow.as_str()],
    );
    git(&origin, &["init", "-q", superproject.as_str()]);
    git(
        &superproject,
        &["submodule", "--quiet", "add", &url, "a/sub"],
    );
    let commit = git(&origin, &["rev-parse", "--short=7", "HEAD"]);
    for place in [tree, shallow, superproject.join("a/sub")] {
        works_in(&place, "checkout_thing");
        assert_eq!(git(&place, &["status", "--porcelain"]), "", "{place}");
        let plan = run(&place, &["wheel", "--plan"]);
        let version = format!("\"version\": \"0.1.0+g{}\"", commit.trim());
        assert!(plan.contains(&version), "{place}: {plan}");
    }
}

#[test]
fn without_git_everything_works_and_the_version_names_no_commit() {
    let project = Fixture::light("gitless_thing");
    works_in(&project.root(), "gitless_thing");
    let plan = run(&project.root(), &["wheel", "--plan"]);
    assert!(plan.contains("\"version\": \"0.1.0\""), "{plan}");
}

/// `command` without the capabilities by which the modes of files do not hold for root.
fn held_by_modes(command: &Invocation) -> Invocation {
    let mut held = Invocation::new("setpriv")
        .args(["--bounding-set=-dac_override,-dac_read_search", "--"])
        .arg(command.program.as_str())
        .args(command.args.clone());
    held.env = command.env.clone();
    held
}

/// Directories that nobody may write to, until the value is gone.
struct Closed(Vec<Utf8PathBuf>);

impl Closed {
    /// `dir` and all directories in it.
    fn below(dir: &Utf8Path) -> Self {
        let entries = WalkDir::new(dir).into_iter().flatten();
        let dirs = entries.filter(|entry| entry.file_type().is_dir());
        let dirs = dirs.map(|dir| Utf8PathBuf::try_from(dir.into_path()).unwrap());
        let closed = Self(dirs.collect());
        closed.set(0o555);
        closed
    }

    fn set(&self, mode: u32) {
        for dir in &self.0 {
            fs_err::set_permissions(dir, PermissionsExt::from_mode(mode)).unwrap();
        }
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.set(0o755);
    }
}

/// Fails with one error, which says `cause` and `help`.
fn refuses(done: &Captured, cause: &str, help: &str) {
    let said = &done.stderr;
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains(cause), "{said}");
    assert!(said.contains(&format!("\n  help: {help}")), "{said}");
    assert!(!said.contains("Compiling"), "after the work: {said}");
}

#[test]
fn a_checkout_that_cannot_be_written_is_told_before_the_work() {
    if !has_program("setpriv") {
        return;
    }
    let mixed = Fixture::light("closed_thing");
    let plain = Fixture::pure_rust("closed_plain_thing");
    let package = mixed.root().join("python/closed_thing");
    let cases = [
        (
            &mixed,
            &["dev"][..],
            format!("{package}, where the library goes, cannot be written"),
            "make it writable for you, or build in a copy of the project",
        ),
        (
            &plain,
            &["dev"],
            format!("{} cannot be written by you", plain.root()),
            "build in a copy of the project, or name another directory with `--venv DIR`",
        ),
        (
            &plain,
            &["wheel"],
            format!("no wheel can be handed over: {}", plain.root()),
            "make it writable for you, or name another directory with `--out`",
        ),
    ];
    let _closed = [&mixed, &plain].map(|project| Closed::below(&project.root()));
    for (project, args, cause, help) in cases {
        let command = xtask(&project.root()).args(args.iter().copied());
        refuses(&held_by_modes(&command).capture().unwrap(), &cause, help);
    }
}

#[test]
fn a_home_that_cannot_be_written_is_named_with_the_variables_that_lead_elsewhere() {
    if !has_program("setpriv") {
        return;
    }
    let project = Fixture::light("homeless_thing");
    let home = TempDir::new();
    let _closed = Closed::below(home.path());
    let real = |variable: &str, below: &str| {
        let home = std::env::var("HOME").unwrap();
        std::env::var(variable).unwrap_or_else(|_| format!("{home}/{below}"))
    };
    let command = held_by_modes(&xtask(&project.root()).arg("dev"))
        .env("HOME", home.path().as_str())
        .env("CARGO_HOME", real("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", real("RUSTUP_HOME", ".rustup"))
        .env("CARGO_TARGET_DIR", TARGET_DIR)
        .env_remove("XDG_CACHE_HOME")
        .env_remove("UV_CACHE_DIR");
    let without = command.clone().env_remove("XTASK_CACHE_DIR");
    let cause = format!("cannot write to {}/.cache/xtask-build", home.path());
    refuses(&without.capture().unwrap(), &cause, "make ");

    let kept = real("XTASK_CACHE_DIR", ".cache/xtask-build");
    let with_ours = command.env("XTASK_CACHE_DIR", kept);
    let cause = "uv cannot write its cache";
    let help = "make that directory writable for you, or name another one with UV_CACHE_DIR";
    refuses(&with_ours.capture().unwrap(), cause, help);

    let with_both = with_ours.env("UV_CACHE_DIR", project.beside("uv").as_str());
    let done = with_both.capture().unwrap();
    assert!(done.status.success(), "{}", done.stderr);
}
