//! Writing what has won, and taking it back.

use processes::Captured;
use testkit::{Fixture, TempDir, WITH_SIGNALS};
use tune::choices::{Choices, Setting};
use tune::measurement::Measurement;

use crate::{answer, files, files_but, measured, run, tune, xtask};

fn installed(name: &str) -> Fixture {
    let project = Fixture::light(name);
    let done = run(&xtask(&project, &["dev"]));
    assert!(done.status.success(), "{}", done.stderr);
    project
}

/// `tune ARGS --from` the file with `measurement`.
fn from(project: &Fixture, measurement: &Measurement, args: &[&str]) -> Captured {
    let cache = TempDir::new();
    let file = cache.path().join("measured.json");
    measurement.save(&file).unwrap();
    run(&tune(
        project,
        &cache,
        &[args, &["--from", file.as_str()]].concat(),
    ))
}

fn own_debug() -> (Setting, Choices) {
    (
        Setting::OwnDebug,
        Choices::key(&["debug"], "\"line-tables-only\""),
    )
}

fn linker(name: &str) -> (Setting, Choices) {
    (Setting::Linker, Choices::linker(name))
}

#[test]
fn what_won_is_shown_written_built_and_taken_back() {
    let project = installed("written_thing");
    let mut before = files(&project);
    let measurement = measured(&project, &[own_debug(), linker("bfd")]);
    let shown = from(&project, &measurement, &["--dry-run"]);
    assert!(shown.status.success(), "{}", shown.stderr);
    assert_eq!(
        from(&project, &measurement, &["--check"]).status.code(),
        Some(3)
    );
    assert_eq!(files(&project), before);

    project.edit("native/src/lib.rs", "42", "43");
    let done = from(&project, &measurement, &["--apply"]);
    assert!(done.status.success(), "{}", done.stderr);
    let diff = shown.stdout.split_once("--- ").unwrap().1;
    assert!(
        done.stdout.contains(diff),
        "shown before it is written: {}",
        done.stdout
    );
    assert!(done.stderr.contains("Importable"), "{}", done.stderr);
    assert_eq!(answer(&project, "written_thing"), "43");
    let text = |name: &str| fs_err::read_to_string(project.root().join(name)).unwrap();
    let line = "debug = \"line-tables-only\" # 0.50 [0.48, 0.53] of 1.00 s after an edit # by `cargo xtask tune`\n";
    assert!(
        text("native/Cargo.toml").ends_with(line),
        "{}",
        text("native/Cargo.toml")
    );
    assert!(text(".cargo/config.local.toml").contains("-fuse-ld=bfd"));
    // The linker in force made the library.
    let library = project
        .root()
        .join("python/written_thing/_written_thing.abi3.so");
    let bytes = fs_err::read(library).unwrap();
    assert!(
        !bytes.windows(4).any(|it| it == b"LLD "),
        "not linked by lld"
    );

    let again = from(&project, &measurement, &["--check"]);
    assert_eq!(
        again.status.code(),
        Some(0),
        "{}{}",
        again.stdout,
        again.stderr
    );
    project.edit("native/src/lib.rs", "43", "42");
    let cache = TempDir::new();
    assert_eq!(
        run(&tune(&project, &cache, &["--undo", "--check"]))
            .status
            .code(),
        Some(3)
    );
    let undone = run(&tune(&project, &cache, &["--undo"]));
    assert!(undone.status.success(), "{}", undone.stderr);
    before.retain(|name, _| !name.contains(".so"));
    assert_eq!(files_but(&project, ".so"), before);
    let dev = run(&xtask(&project, &["dev"]));
    assert!(dev.status.success(), "{}", dev.stderr);
}

#[test]
fn what_does_not_build_any_more_is_put_back() {
    let project = installed("rolled_thing");
    let before = files(&project);
    let done = from(
        &project,
        &measured(&project, &[own_debug(), linker("gone")]),
        &["--apply"],
    );
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert!(
        done.stderr.contains("does not build with these settings"),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains("are as before"), "{}", done.stderr);
    assert!(
        done.stdout.contains("-fuse-ld=gone"),
        "it had been tried: {}",
        done.stdout
    );
    assert_eq!(files(&project), before);
    assert_eq!(answer(&project, "rolled_thing"), "42");
    let dev = run(&xtask(&project, &["dev"]));
    assert!(dev.status.success(), "{}", dev.stderr);
}

#[test]
fn an_end_while_it_is_built_puts_everything_back() {
    let project = installed("halted_thing");
    project.edit("native/src/lib.rs", "42", "43");
    let before = files_but(&project, ".so");
    let cache = TempDir::new();
    let file = cache.path().join("measured.json");
    measured(&project, &[own_debug(), linker("bfd")])
        .save(&file)
        .unwrap();
    let command = tune(&project, &cache, &["--apply", "--from", file.as_str()]);
    let local = project.root().join(".cargo/config.local.toml");
    let script = format!(
        "{WITH_SIGNALS} {command} & pid=$!\nuntil [ -e {local} ] || ! kill -0 $pid; do sleep 0.01; done\nkill -INT $pid; wait $pid"
    );
    let mut ended = command;
    ended.program = "sh".into();
    ended.args = vec!["-c".to_owned(), script];
    let done = run(&ended);
    assert_eq!(done.status.code(), Some(130), "{}", done.stderr);
    assert!(
        done.stderr.contains("ended before the project was built"),
        "{}",
        done.stderr
    );
    assert_eq!(files_but(&project, ".so"), before);
}

#[test]
fn nothing_is_written_over_what_somebody_has_set_or_from_elsewhere() {
    let project = Fixture::light("owned_thing");
    project.write("native/Cargo.lock", "version = 4\n");
    let measurement = measured(&project, &[own_debug()]);
    project.edit(
        "native/Cargo.toml",
        "[workspace]\n",
        "[workspace]\n[profile.dev]\ndebug = 1\n",
    );
    let before = files(&project);
    let done = from(&project, &measurement, &["--apply"]);
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert!(
        done.stderr.contains("`profile.dev.debug` is set in"),
        "{}",
        done.stderr
    );
    let mut other = measurement.clone();
    other.subject.toolchain = "rustc 1.0.0".to_owned();
    let done = from(&project, &other, &["--apply"]);
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert!(
        done.stderr.contains("another toolchain (rustc 1.0.0; now "),
        "{}",
        done.stderr
    );
    // What was within the noise in the end is not written either.
    let mut noise = measurement;
    noise.together.as_mut().unwrap().is_worth_it = false;
    let done = from(&project, &noise, &["--apply"]);
    assert!(
        done.status.success() && done.stderr.contains("nothing is to be written"),
        "{}",
        done.stderr
    );
    assert_eq!(files(&project), before);
}

#[test]
fn a_file_that_is_no_measurement_is_refused() {
    let (project, cache) = (Fixture::light("unread_thing"), TempDir::new());
    let file = cache.path().join("x.json");
    for text in ["{", "{}", "{\"schema\": 99}"] {
        fs_err::write(&file, text).unwrap();
        let done = run(&tune(
            &project,
            &cache,
            &["--apply", "--from", file.as_str()],
        ));
        assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
        assert!(
            done.stderr.contains("help: measure again"),
            "{}",
            done.stderr
        );
    }
}
