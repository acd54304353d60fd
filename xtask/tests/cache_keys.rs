//! `cargo xtask cache-keys` on small real projects, with the real uv, maturin and cargo.
//!
//! What is missing on the machine is fetched from PyPI and crates.io.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Captured, Invocation};
use python_tools::{PinnedRequirements, Tool, Toolbox};
use testkit::Fixture;

/// Shared with the tests of `dev`, so that pyo3 is compiled once.
const TARGET_DIR: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/fixtures");

fn xtask(project: &Fixture, args: &[&str]) -> Captured {
    let command = Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["--project", project.root().as_str()])
        .args(args.iter().copied())
        .env("CARGO_TARGET_DIR", TARGET_DIR)
        .env("XTASK_NO_STORE", "1")
        .env_remove("VIRTUAL_ENV");
    command.capture().expect("it starts")
}

/// [`xtask`], which must succeed; what it printed.
fn done(project: &Fixture, args: &[&str]) -> String {
    let done = xtask(project, args);
    assert!(done.status.success(), "{}{}", done.stdout, done.stderr);
    done.stdout
}

fn toolbox() -> Toolbox {
    let requirements = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../requirements/tools.txt");
    let text = fs_err::read_to_string(requirements).expect("it can be read");
    let pinned = PinnedRequirements::parse(&text).expect("it is pinned");
    Toolbox::new(pinned, false)
}

fn uv() -> Tool {
    toolbox().uv(&|_, _| {}).expect("uv")
}

/// Whether a plain `uv sync` would build the project.
fn uv_would_build(project: &Fixture) -> bool {
    let sync = Invocation::new(&uv().path)
        .args(["sync", "--dry-run", "--verbose", "--offline"])
        .env_remove("VIRTUAL_ENV")
        .env_remove("CARGO_TARGET_DIR")
        .cwd(&project.root());
    let said = sync.capture().expect("it starts").stderr;
    let fresh = said.contains("Requirement already installed");
    assert!(fresh != said.contains("not fresh"), "{said}");
    !fresh
}

fn pyproject(project: &Fixture) -> String {
    fs_err::read_to_string(project.root().join("pyproject.toml")).expect("it is there")
}

/// A project with a module that its library does not need.
fn with_spare_module(name: &str) -> Fixture {
    let project = Fixture::mixed(name);
    project.write("native/src/spare.rs", "pub fn spare() {}\n");
    project
}

fn delete(project: &Fixture, name: &str) {
    fs_err::remove_file(project.root().join(name)).expect("it is there");
}

#[test]
fn a_deleted_source_is_noticed_by_a_plain_uv_sync() {
    let project = with_spare_module("witnessed_thing");
    done(&project, &["cache-keys"]);
    done(&project, &["dev"]);
    assert!(!uv_would_build(&project));
    // Not the newest: the latest time of all stays what it is.
    project.edit("native/src/lib.rs", "42", "43");
    done(&project, &["dev"]);
    assert!(!uv_would_build(&project));
    delete(&project, "native/src/spare.rs");
    assert!(uv_would_build(&project));
    // Nor does it build for ever.
    done(&project, &["dev"]);
    assert!(!uv_would_build(&project));
}

/// Were this noticed, no witness would be needed.
#[test]
fn without_witnesses_uv_does_not_notice_that_a_source_is_deleted() {
    let project = with_spare_module("unwitnessed_thing");
    let keys = "[tool.uv]\ncache-keys = [{ file = \"native/src/**/*.rs\" }]\n\n[project]";
    project.edit("pyproject.toml", "[project]", keys);
    project.edit("native/src/lib.rs", "42", "43");
    done(&project, &["dev"]);
    delete(&project, "native/src/spare.rs");
    assert!(!uv_would_build(&project));
}

#[test]
fn a_source_that_an_editor_has_replaced_gets_a_witness_with_the_next_build() {
    let project = with_spare_module("replaced_thing");
    done(&project, &["cache-keys"]);
    done(&project, &["dev"]);
    let spare = project.root().join("native/src/spare.rs");
    project.write("draft", "pub fn spare() {}\n");
    fs_err::rename(project.root().join("draft"), &spare).unwrap();
    assert!(uv_would_build(&project));
    // The content is the same, so nothing is built, and uv is told.
    done(&project, &["dev"]);
    assert!(!uv_would_build(&project));
    project.edit("native/src/lib.rs", "42", "43");
    done(&project, &["dev"]);
    delete(&project, "native/src/spare.rs");
    assert!(uv_would_build(&project));
}

#[test]
fn what_is_edited_during_a_build_is_not_fresh_for_uv() {
    let project = Fixture::mixed("late_keyed_thing");
    done(&project, &["cache-keys"]);
    done(&project, &["dev"]);
    assert!(!uv_would_build(&project));
    // The build script makes the edit, after cargo has started and before the library is compiled.
    let script = "fn main() {\n    println!(\"cargo::rerun-if-changed=build.rs\");\n    \
                  let text = std::fs::read_to_string(\"src/lib.rs\").unwrap();\n    \
                  std::fs::write(\"src/lib.rs\", text + \"\\n\").unwrap();\n}\n";
    project.write("native/build.rs", script);
    done(&project, &["dev"]);
    assert!(uv_would_build(&project));
    done(&project, &["dev"]);
    assert!(!uv_would_build(&project));
}

#[test]
fn cargo_check_in_the_project_builds_nothing_afterwards() {
    let project = Fixture::pure_rust("checked_thing");
    // Something for a build script to write into the target directory.
    let script = "fn main() { println!(\"cargo::rerun-if-changed=build.rs\");\n\
                  let out = std::env::var(\"OUT_DIR\").unwrap(); std::fs::write(out + \"/made.rs\", \"\").unwrap(); }";
    project.write("build.rs", script);
    done(&project, &["cache-keys"]);
    let plain = |program: &str, args: &[&str]| {
        let command = Invocation::new(program).args(args.iter().copied());
        let command = command
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("VIRTUAL_ENV");
        command.cwd(&project.root()).read().unwrap();
    };
    plain(
        env!("CARGO_BIN_EXE_xtask"),
        &["--project", project.root().as_str(), "dev"],
    );
    assert!(!uv_would_build(&project));
    plain("cargo", &["check", "--workspace"]);
    assert!(project.root().join("target/debug/build").is_dir());
    assert!(!uv_would_build(&project));
    project.write("README.md", "Read me.");
    assert!(!uv_would_build(&project));
}

#[test]
fn check_tells_the_difference_and_who_repairs_it() {
    let project = Fixture::mixed("compared_thing");
    let before = pyproject(&project);
    let check = xtask(&project, &["cache-keys", "--check"]);
    assert_eq!(check.status.code(), Some(3), "{}", check.stderr);
    let diff = check.stdout;
    assert!(
        diff.contains("+    { file = \"native/src/**/*.rs\" },"),
        "{diff}"
    );
    let command = format!("`cargo xtask --project {} cache-keys`", project.root());
    assert!(check.stderr.contains(&command), "{}", check.stderr);
    assert_eq!(done(&project, &["cache-keys", "--dry-run"]), diff);
    assert_eq!(pyproject(&project), before);
    assert!(!project.root().join(".xtask").exists());

    done(&project, &["cache-keys"]);
    let written = pyproject(&project);
    assert_eq!(done(&project, &["cache-keys", "--check"]), "");
    done(&project, &["cache-keys"]);
    assert_eq!(pyproject(&project), written);

    // A new crate of the closure has to be written, and until then is reported.
    project.write(
        "native/near/Cargo.toml",
        "[package]\nname = \"near\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    project.write("native/near/src/lib.rs", "");
    project.edit(
        "native/Cargo.toml",
        "[dependencies]",
        "[dependencies]\nnear = { path = \"near\" }",
    );
    let check = xtask(&project, &["cache-keys", "--check"]);
    assert_eq!(check.status.code(), Some(3));
    assert!(
        check
            .stdout
            .contains("+    { file = \"native/near/src/**/*.rs\" },")
    );
}

#[test]
fn what_only_a_build_can_tell_is_learned_and_kept() {
    let project = Fixture::mixed("taught_thing");
    let script = "fn main() {\n    for name in [\"build.rs\", \"rules.txt\"] {\n        \
                  println!(\"cargo::rerun-if-changed={name}\");\n    }\n}\n";
    project.write("native/build.rs", script);
    project.write("native/rules.txt", "");
    let said = xtask(&project, &["cache-keys"]).stderr;
    assert!(said.contains("native/build.rs composes"), "{said}");
    assert!(!pyproject(&project).contains("rules.txt"));
    done(&project, &["dev"]);
    let said = xtask(&project, &["cache-keys"]).stderr;
    assert!(!said.contains("composes"), "{said}");
    let key = "{ file = \"native/rules.txt\" }";
    assert!(pyproject(&project).contains(key));

    // In CI there is a checkout and no build.
    let check = Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["--project", project.root().as_str()])
        .args(["cache-keys", "--check"])
        .env("CARGO_TARGET_DIR", project.beside("empty").as_str());
    let check = check.capture().unwrap();
    assert!(check.status.success(), "{}{}", check.stdout, check.stderr);
    // Once a build is made of it no more, it goes.
    project.write("native/build.rs", &script.replace(", \"rules.txt\"", ""));
    done(&project, &["dev"]);
    done(&project, &["cache-keys"]);
    assert!(!pyproject(&project).contains(key));
}

#[test]
fn the_users_keys_stay_and_the_removal_restores_every_byte() {
    let project = Fixture::pure_rust("kept_thing");
    let keys =
        "[tool.uv]\ncache-keys = [ # mine\n  'mine.txt', { file = \"src/**/*.rs\" } ]\n\n[project]";
    project.edit("pyproject.toml", "[project]", keys);
    let before = pyproject(&project);
    done(&project, &["cache-keys"]);
    let written = pyproject(&project);
    assert!(written.contains("# mine\n  'mine.txt'"), "{written}");
    assert_eq!(written.matches("src/**/*.rs").count(), 1, "{written}");
    assert!(project.root().join(".xtask/inputs").is_dir());
    let dry = done(&project, &["cache-keys", "--remove", "--dry-run"]);
    assert!(dry.contains("-    { file = \"Cargo.lock\" },"), "{dry}");
    assert_eq!(pyproject(&project), written);
    done(&project, &["cache-keys", "--remove"]);
    assert_eq!(pyproject(&project), before);
    assert!(!project.root().join(".xtask").exists());
}

#[test]
fn git_never_sees_a_witness_and_cargo_does_not_pack_it() {
    let project = Fixture::pure_rust("unseen_thing");
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.invalid"];
        let git = Invocation::new("git")
            .args(identity)
            .args(args.iter().copied());
        git.cwd(&project.root()).read().unwrap()
    };
    let cargo = ["package", "--list", "--allow-dirty", "--offline"];
    let cargo = Invocation::new("cargo").args(cargo).cwd(&project.root());
    done(&project, &["cache-keys"]);
    // In a checkout git's list is taken, elsewhere what is not hidden.
    assert!(!cargo.read().unwrap().contains(".xtask"));
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message=all"]);
    done(&project, &["cache-keys"]);
    assert_eq!(git(&["status", "--porcelain", "--untracked-files=all"]), "");
    assert!(!git(&["ls-files"]).contains(".xtask"));
    assert!(!cargo.read().unwrap().contains(".xtask"));
}

/// A project of many kinds of inputs: a build script that declares a directory and a variable, a file that is
/// included, a crate beside the project.
fn of_many_inputs(name: &str) -> Fixture {
    let project = with_spare_module(name);
    let dependency = format!("[dependencies]\n{name}_near = {{ path = \"../../near\" }}");
    project.edit("native/Cargo.toml", "[dependencies]", &dependency);
    let near =
        format!("[package]\nname = \"{name}_near\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    project.write("../near/Cargo.toml", &near);
    project.write(
        "../near/src/lib.rs",
        "pub const TEXT: &str = include_str!(\"../data/text.txt\");\n",
    );
    project.write("../near/data/text.txt", "text");
    project.write("native/schema/one.proto", "");
    project.write("../shared/linked.rs", "pub const LINKED: u32 = 1;\n");
    let link = project.root().join("native/src/shared");
    fs_err::os::unix::fs::symlink("../../../shared", link).unwrap();
    let foreign = project.beside("foreign.txt");
    fs_err::write(&foreign, "mine").unwrap();
    project.write(
        "native/build.rs",
        "fn main() {\n    println!(\"cargo::rerun-if-changed=schema\");\n    \
         println!(\"cargo::rerun-if-env-changed=SCHEMA_OF_THING\");\n}\n",
    );
    // By its whole path, which is the same in a copy.
    let declares = format!("fn main() {{\n    println!(\"cargo::rerun-if-changed={foreign}\");");
    project.edit("native/build.rs", "fn main() {", &declares);
    project.write("README.md", "Read me.");
    project
}

/// The rows that `--verify` prints: whether uv should build, whether it did, the verdict, the case.
fn rows(stdout: &str) -> Vec<(&str, &str, &str, String)> {
    let rows = stdout.lines().skip(1).map(|line| {
        let mut words = line.split_whitespace();
        let mut next = || words.next().unwrap_or_default();
        let (expected, seen, verdict) = (next(), next(), next());
        (expected, seen, verdict, words.collect::<Vec<_>>().join(" "))
    });
    rows.collect()
}

/// The files of a project, with the times of their contents.
fn files(dir: &Utf8Path) -> BTreeSet<(Utf8PathBuf, std::time::SystemTime)> {
    let entries = walkdir::WalkDir::new(dir).into_iter().flatten();
    let files = entries.filter(|entry| entry.file_type().is_file());
    let files = files.map(|entry| {
        let modified = entry.metadata().unwrap().modified().unwrap();
        (entry.into_path().try_into().unwrap(), modified)
    });
    files.collect()
}

#[test]
fn verify_proves_each_kind_of_input_and_leaves_no_trace() {
    let project = of_many_inputs("proven_thing");
    done(&project, &["cache-keys"]);
    let (before, foreign) = (files(&project.root()), project.beside("foreign.txt"));
    let written = |path: &Utf8Path| fs_err::metadata(path).unwrap().modified().unwrap();
    let foreign_before = written(&foreign);
    let home = project.beside("cache");
    let run = Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args([
            "--project",
            project.root().as_str(),
            "cache-keys",
            "--verify",
        ])
        .env("CARGO_TARGET_DIR", TARGET_DIR)
        .env("PATH", path_with(&uv()))
        .env("XTASK_CACHE_DIR", home.as_str());
    let proof = run.capture().unwrap();
    assert!(proof.status.success(), "{}{}", proof.stdout, proof.stderr);
    let cases = rows(&proof.stdout);
    for (_, _, verdict, case) in &cases {
        assert_eq!(*verdict, "ok", "{case}");
    }
    for (expected, case) in [
        ("fresh", "cargo check"),
        ("fresh", "edit README.md"),
        ("fresh", "edit python/proven_thing/__init__.py"),
        ("rebuild", "edit native/src/lib.rs"),
        ("rebuild", "add native/src/of_cache_keys/added.rs"),
        ("rebuild", "delete native/src/spare.rs"),
        ("rebuild", "rename native/src/spare.rs to spare.txt"),
        ("rebuild", "edit ../near/src/lib.rs"),
        ("rebuild", "delete ../near/data/text.txt"),
        ("rebuild", "edit native/Cargo.toml"),
        ("rebuild", "edit native/Cargo.lock"),
        ("rebuild", "edit native/build.rs"),
        ("rebuild", "delete native/schema/one.proto"),
        ("rebuild", "set SCHEMA_OF_THING"),
        ("rebuild", "edit ../shared/linked.rs"),
        ("rebuild", "add ../shared/of_cache_keys.rs"),
        ("rebuild", "delete ../shared/linked.rs"),
        (
            "rebuild",
            "delete python/proven_thing/_proven_thing.abi3.so",
        ),
        (
            "rebuild",
            "delete python/proven_thing/_proven_thing.abi3.so and .venv",
        ),
    ] {
        let found = cases.iter().any(|row| row.0 == expected && row.3 == case);
        assert!(found, "{case}: {}", proof.stdout);
    }
    assert_eq!(files(&project.root()), before);
    // It is a key, and is not the copy's to change.
    assert!(pyproject(&project).contains("foreign.txt"));
    assert_eq!(written(&foreign), foreign_before);
    let left = home.join("xtask-scratch").read_dir_utf8().unwrap();
    let left = left.flatten().filter(|entry| entry.path().is_dir());
    assert_eq!(left.count(), 0);
}

/// `PATH` with the directory of `tool` first: it may lie in the cache that a test replaces.
fn path_with(tool: &Tool) -> String {
    let dir = tool.path.parent().expect("a program has a directory");
    format!("{dir}:{}", std::env::var("PATH").unwrap_or_default())
}

#[test]
fn verify_finds_keys_that_mean_too_little_or_too_much() {
    let project = Fixture::pure_rust("unproven_thing");
    let keys = "[tool.uv]\ncache-keys = [{ file = \"pyproject.toml\" }, { file = \"**/*.rs\" }]\n\n[project]";
    project.edit("pyproject.toml", "[project]", keys);
    let proof = xtask(&project, &["cache-keys", "--verify"]);
    assert_eq!(proof.status.code(), Some(1), "{}", proof.stderr);
    assert!(
        proof.stderr.contains(" cache-keys` writes them"),
        "{}",
        proof.stderr
    );
    let cases = rows(&proof.stdout);
    let verdict = |start: &str| {
        let row = cases.iter().find(|row| row.3.starts_with(start));
        row.unwrap_or_else(|| panic!("{start}: {}", proof.stdout)).2
    };
    assert_eq!(verdict("nothing"), "ok");
    assert_eq!(verdict("edit src/lib.rs"), "ok");
    assert_eq!(verdict("add target/debug"), "WRONG");
    assert_eq!(verdict("edit Cargo.toml"), "WRONG");
    assert_eq!(verdict("delete src/lib.rs"), "WRONG");
    assert_eq!(verdict("set RUSTFLAGS"), "WRONG");
}

#[test]
fn a_project_without_cargo_lock_is_told_so() {
    let project = Fixture::pure_rust("unlocked_thing");
    let said = xtask(&project, &["cache-keys"]).stderr;
    assert!(said.contains("cargo generate-lockfile"), "{said}");
}

/// Three at once, of which one takes back what the others write: each waits for the others, and what is left
/// is what the last one wrote.
#[test]
fn several_at_once_all_end_well() {
    let project = Fixture::mixed("contended_thing");
    let rounds: u32 = if std::env::var_os("CI").is_some() {
        10
    } else {
        30
    };
    for round in 0..rounds {
        let runs: [&[&str]; 3] = match round % 3 {
            0 => [
                &["cache-keys"],
                &["cache-keys", "--remove"],
                &["cache-keys"],
            ],
            1 => [&["cache-keys"]; 3],
            _ => [&["cache-keys", "--remove"]; 3],
        };
        std::thread::scope(|scope| {
            for args in runs {
                let project = &project;
                scope.spawn(move || done(project, args));
            }
        });
        let has_keys = pyproject(&project).contains(".xtask/inputs/*");
        let witnesses = project.root().join(".xtask/inputs").is_dir();
        assert_eq!(has_keys, witnesses, "round {round}");
        let again = xtask(&project, &["cache-keys"]).stderr;
        assert!(
            !witnesses || !again.contains("into .xtask"),
            "round {round}: {again}"
        );
    }
}

/// `uv sync` as users run it: without isolation, so that maturin comes from this machine, and with the target
/// directory of the other tests. Whether it has built.
fn uv_sync_builds(project: &Fixture) -> bool {
    let uv = uv();
    let maturin = toolbox().maturin(&uv, &|_, _| {}).expect("maturin");
    let path = format!("{}:{}", maturin.path.parent().unwrap(), path_with(&uv));
    let hooks = maturin.path.parent().unwrap().parent().unwrap();
    let sync = Invocation::new(&uv.path)
        .args(["sync", "--no-build-isolation"])
        .env("UV_CACHE_DIR", project.beside("uv-cache").as_str())
        .env("PATH", path)
        .env("PYTHONPATH", hooks.as_str())
        .env("CARGO_TARGET_DIR", TARGET_DIR)
        .env_remove("VIRTUAL_ENV")
        .cwd(&project.root());
    let done = sync.capture().expect("it starts");
    assert!(done.status.success(), "{}", done.stderr);
    done.stderr.contains("Built ")
}

/// Whether the extension can be imported in the project's environment.
fn imports(project: &Fixture, module: &str) -> bool {
    let python = Invocation::new(project.root().join(".venv/bin/python"));
    let import = python.args(["-c", &format!("import {module}")]);
    import.capture().expect("it starts").status.success()
}

#[test]
fn an_extension_that_is_gone_is_built_again() {
    let project = Fixture::mixed("lost_thing");
    let library = project.root().join("python/lost_thing/_lost_thing.abi3.so");
    let venv = project.root().join(".venv");
    done(&project, &["cache-keys"]);
    // By uv alone, which keeps the wheel that it has made; twice, since the first build writes Cargo.lock.
    assert!(uv_sync_builds(&project) && uv_sync_builds(&project));
    assert!(imports(&project, "lost_thing"));
    assert!(!uv_sync_builds(&project));
    fs_err::remove_file(&library).unwrap();
    fs_err::remove_dir_all(&venv).unwrap();
    assert!(uv_sync_builds(&project) && imports(&project, "lost_thing"));
    assert!(!uv_sync_builds(&project));
    // After a build of ours, also where the environment is still there.
    done(&project, &["dev"]);
    assert!(!uv_sync_builds(&project) && imports(&project, "lost_thing"));
    fs_err::remove_file(&library).unwrap();
    assert!(uv_sync_builds(&project) && imports(&project, "lost_thing"));
    // Once more, since what uv has noted was so before there was a library; then no more.
    uv_sync_builds(&project);
    assert!(!uv_sync_builds(&project));
    // Nor does uv take a library that it has replaced for one that is gone.
    project.edit("native/src/lib.rs", "42", "43");
    assert!(uv_sync_builds(&project) && !uv_sync_builds(&project));
    fs_err::remove_file(&library).unwrap();
    fs_err::remove_dir_all(&venv).unwrap();
    assert!(uv_sync_builds(&project) && imports(&project, "lost_thing"));
}

/// Were this noticed, no key would be needed.
#[test]
fn without_its_keys_uv_installs_a_wheel_that_has_no_extension() {
    let project = Fixture::mixed("unkept_thing");
    let keys = "[tool.uv]\ncache-keys = [{ file = \"native/src/**/*.rs\" }]\n\n[project]";
    project.edit("pyproject.toml", "[project]", keys);
    assert!(uv_sync_builds(&project) && imports(&project, "unkept_thing"));
    let library = "python/unkept_thing/_unkept_thing.abi3.so";
    fs_err::remove_file(project.root().join(library)).unwrap();
    fs_err::remove_dir_all(project.root().join(".venv")).unwrap();
    assert!(!uv_sync_builds(&project) && !imports(&project, "unkept_thing"));
}

#[test]
fn a_source_behind_a_linked_directory_is_noticed() {
    let project = Fixture::mixed("linked_thing");
    project.write("../shared/answer.rs", "pub const ANSWER: u32 = 42;\n");
    let link = project.root().join("native/src/shared");
    fs_err::os::unix::fs::symlink("../../../shared", link).unwrap();
    done(&project, &["cache-keys"]);
    assert!(pyproject(&project).contains("{ file = \"../shared/**/*.rs\" }"));
    done(&project, &["dev"]);
    assert!(!uv_would_build(&project));
    project.edit("../shared/answer.rs", "42", "43");
    assert!(uv_would_build(&project));
    done(&project, &["dev"]);
    assert!(!uv_would_build(&project));
}

/// A directory of the user's, with files that a witness or a list could be called, in place of ours.
#[test]
fn behind_a_link_in_place_of_our_directory_nothing_is_touched() {
    for link in [".xtask", ".xtask/inputs"] {
        let project = Fixture::mixed("foreign_thing");
        done(&project, &["cache-keys"]);
        fs_err::remove_dir_all(project.root().join(".xtask")).unwrap();
        let documents = project.beside("documents");
        for name in [
            "thesis.txt",
            "list",
            "0123456789abcdef",
            "inputs/thesis.txt",
        ] {
            project.write(documents.join(name), "mine");
        }
        let before = files(&documents);
        let path = project.root().join(link);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::os::unix::fs::symlink(&documents, &path).unwrap();
        // A build needs no witnesses, and says so.
        let built = xtask(&project, &["dev"]);
        assert!(built.status.success(), "{}", built.stderr);
        assert!(built.stderr.contains("is a link"), "{}", built.stderr);
        for args in [&["cache-keys"][..], &["cache-keys", "--remove"]] {
            let refused = xtask(&project, args);
            assert_eq!(refused.status.code(), Some(1), "{}", refused.stderr);
            assert!(
                refused.stderr.contains("help: move it away"),
                "{}",
                refused.stderr
            );
        }
        assert_eq!(files(&documents), before, "{link}");
        assert!(path.is_symlink());
    }
}
