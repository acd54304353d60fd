//! Interruptions, and several builds at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use processes::Invocation;
use testkit::Fixture;

use crate::{TARGET_DIR, dev_ok, extensions_in, python, tools, xtask};

/// How often a build is killed; more rounds find rarer moments.
fn rounds() -> u32 {
    let rounds = std::env::var("XTASK_KILL_ROUNDS").ok();
    rounds.and_then(|rounds| rounds.parse().ok()).unwrap_or(15)
}

#[test]
fn a_build_that_is_killed_leaves_the_old_or_the_new_library() {
    let project = Fixture::mixed("killed_thing");
    let package = project.root().join("python/killed_thing");
    dev_ok(&project, &[]);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Whatever happens, a Python that is started finds a library that works.
        let importing = scope.spawn(|| {
            let mut imports = 0;
            while !over.load(Ordering::SeqCst) {
                let answer = python(
                    &project,
                    "import killed_thing; print(killed_thing.answer())",
                );
                assert!(answer.starts_with('4'), "{answer}");
                imports += 1;
            }
            imports
        });
        for round in 0..rounds() {
            let (from, to) = if round % 2 == 0 {
                ("42", "43")
            } else {
                ("43", "42")
            };
            project.edit("native/src/lib.rs", from, to);
            let running = xtask(&project.root()).arg("dev").spawn().unwrap();
            // From nothing done to all done, and most of them while the library is put in place.
            std::thread::sleep(Duration::from_millis(u64::from(round * 97 % 700)));
            running.kill();
            assert_eq!(extensions_in(&package), ["_killed_thing.abi3.so"]);
        }
        over.store(true, Ordering::SeqCst);
        assert!(importing.join().unwrap() > 0);
    });
    project.write("native/src/other.rs", "");
    dev_ok(&project, &[]);
    let source = fs_err::read_to_string(project.root().join("native/src/lib.rs")).unwrap();
    let answer = python(
        &project,
        "import killed_thing; print(killed_thing.answer())",
    );
    assert!(source.contains(&answer), "{answer} is not in {source}");
    assert_eq!(extensions_in(&package), ["_killed_thing.abi3.so"]);
    // Beside it lie the Python sources alone, and what it is linked with.
    let names = package.read_dir_utf8().unwrap().flatten();
    let others = names
        .map(|entry| entry.file_name().to_owned())
        .filter(|name| !name.ends_with(".so"));
    let mut others: Vec<_> = others.filter(|name| name != "__pycache__").collect();
    others.sort();
    assert_eq!(others, [".prelinked", "__init__.py"]);
}

#[test]
fn two_builds_at_once_both_end_well() {
    let project = Fixture::pure_rust("doubled_thing");
    std::thread::scope(|scope| {
        let builds = [(); 2].map(|()| scope.spawn(|| dev_ok(&project, &[])));
        for build in builds {
            build.join().unwrap();
        }
    });
    assert_eq!(
        python(
            &project,
            "import doubled_thing; print(doubled_thing.answer())"
        ),
        "42"
    );
}

#[test]
fn a_target_directory_that_was_cleaned_is_built_again() {
    let project = Fixture::pure_rust("cleaned_thing");
    // Of its own, since it is removed.
    let dev = || {
        let dev = xtask(&project.root())
            .arg("dev")
            .env_remove("CARGO_TARGET_DIR");
        let done = dev.capture().unwrap();
        assert!(done.status.success(), "{}", done.stderr);
    };
    dev();
    fs_err::remove_dir_all(project.root().join("target")).unwrap();
    dev();
    fs_err::remove_dir_all(project.root().join(".venv")).unwrap();
    dev();
    assert_eq!(
        python(
            &project,
            "import cleaned_thing; print(cleaned_thing.answer())"
        ),
        "42"
    );
}

#[test]
fn names_with_spaces_and_other_letters_are_no_obstacle() {
    let fixture = Fixture::mixed("spaced_thing");
    let elsewhere = fixture.beside("with space と");
    fs_err::rename(fixture.root(), &elsewhere).unwrap();
    for _ in 0..2 {
        let done = xtask(&elsewhere).arg("dev").capture().unwrap();
        assert!(done.status.success(), "{}", done.stderr);
    }
    let script = elsewhere.join(".venv/bin/spaced_thing");
    assert_eq!(Invocation::new(script).read().unwrap().trim(), "42");
}

/// In a path uv takes these for parts of a requirement or of an address, and shells and `glob` for patterns.
#[test]
fn names_that_mean_something_to_others_are_no_obstacle() {
    for name in ["a #1 [b] %20", "q?*\"'{c,d}$HOME"] {
        let fixture = Fixture::mixed("special_thing");
        let elsewhere = fixture.beside(name);
        fs_err::rename(fixture.root(), &elsewhere).unwrap();
        let run = |args: &[&str]| {
            let done = xtask(&elsewhere).args(args.iter().copied()).capture();
            let done = done.unwrap();
            assert!(done.status.success(), "{name}: {}", done.stderr);
            done.stderr
        };
        run(&["dev"]);
        run(&["cache-keys"]);
        let source = elsewhere.join("native/src/lib.rs");
        let text = fs_err::read_to_string(&source).unwrap();
        fs_err::write(&source, text.replace("42", "4242")).unwrap();
        run(&["dev"]);
        let script = elsewhere.join(".venv/bin/special_thing");
        assert_eq!(Invocation::new(script).read().unwrap().trim(), "4242");
        assert!(run(&["dev"]).contains("Fresh"), "{name}");
        // uv, which is asked from within, takes it for what it would have installed itself.
        let sync = Invocation::new(&tools().0.path).args(["sync", "--dry-run", "--offline", "-v"]);
        let said = sync.env_remove("VIRTUAL_ENV").cwd(&elsewhere).capture();
        let said = said.unwrap().stderr;
        assert!(
            said.contains("Requirement already installed"),
            "{name}: {said}"
        );
    }
}

#[test]
fn a_wheel_is_installed_from_a_directory_of_any_name() {
    let project = Fixture::mixed("wrapped_thing");
    project.write("wrapper.py", "from maturin import *\n");
    let wrapper = "build-backend = \"wrapper\"\nbackend-path = [\".\"]";
    project.edit("pyproject.toml", "build-backend = \"maturin\"", wrapper);
    let target = project.beside("t #2 [c]");
    std::os::unix::fs::symlink(TARGET_DIR, &target).unwrap();
    let dev = xtask(&project.root())
        .arg("dev")
        .env("CARGO_TARGET_DIR", target.as_str());
    let done = dev.capture().unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    assert_eq!(
        python(&project, "import wrapped_thing as t; print(t.answer())"),
        "42"
    );
}
