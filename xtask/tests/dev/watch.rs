//! `dev --watch`.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use processes::Running;
use testkit::Fixture;

use crate::{dev_ok, python, xtask};

/// A watch that ends with the test, also with one that fails.
struct Watch(Option<Running>);

impl Watch {
    fn start(project: &Fixture, command: &[&str]) -> Self {
        let watch = xtask(&project.root()).args(["dev", "--watch", "--"]);
        Self(Some(watch.args(command.iter().copied()).spawn().unwrap()))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            running.stop();
        }
    }
}

/// Waits until `file` has `lines` lines, and gives them.
fn wait_for_lines(file: &Utf8PathBuf, lines: usize) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let text = fs_err::read_to_string(file).unwrap_or_default();
        if text.lines().count() >= lines {
            return text.lines().map(str::to_owned).collect();
        }
        assert!(Instant::now() < deadline, "{file} has only: {text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn each_good_build_runs_the_command_and_a_bad_one_leaves_all_as_it_was() {
    let project = Fixture::mixed("watched_thing");
    dev_ok(&project, &[]);
    let answers = project.beside("answers");
    let code = "import os, sys, time, watched_thing\n\
                open(sys.argv[1], 'a').write(f'{watched_thing.answer()} {os.getpid()}\\n')\n\
                time.sleep(1000)";
    let python_path = project.root().join(".venv/bin/python");
    let command = [python_path.as_str(), "-c", code, answers.as_str()];
    let _watch = Watch::start(&project, &command);
    wait_for_lines(&answers, 1);

    project.edit("native/src/lib.rs", "42", "\"no number\"");
    // Nothing tells when the failing build is over but that the next one has begun after it.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(
        python(
            &project,
            "import watched_thing; print(watched_thing.answer())"
        ),
        "42"
    );
    project.edit("native/src/lib.rs", "\"no number\"", "43");
    let lines = wait_for_lines(&answers, 2);

    let field = |line: usize, field: usize| lines[line].split(' ').nth(field).unwrap().to_owned();
    assert_eq!(
        (field(0, 0), field(1, 0)),
        ("42".to_owned(), "43".to_owned())
    );
    let first = Utf8PathBuf::from(format!("/proc/{}", field(0, 1)));
    assert!(!first.exists(), "the first command still runs");
    assert!(Utf8PathBuf::from(format!("/proc/{}", field(1, 1))).exists());
}

#[test]
fn a_file_that_an_editor_replaces_is_built_once() {
    let project = Fixture::mixed("witness_watched_thing");
    let keys = xtask(&project.root()).arg("cache-keys").capture().unwrap();
    assert!(keys.status.success(), "{}", keys.stderr);
    dev_ok(&project, &[]);
    let builds = project.beside("builds");
    let script = format!("echo built >> '{builds}'");
    let _watch = Watch::start(&project, &["sh", "-c", &script]);
    wait_for_lines(&builds, 1);

    let source = project.root().join("native/src/lib.rs");
    let text = fs_err::read_to_string(&source).unwrap();
    project.write("draft", &text.replace("42", "43"));
    fs_err::rename(project.root().join("draft"), source).unwrap();
    wait_for_lines(&builds, 2);
    // The new file gets a witness, which changes its time once more; that is no change of its content.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(wait_for_lines(&builds, 2).len(), 2);
}

#[test]
fn the_command_finds_the_environments_programs_and_runs_again_after_a_change_in_python() {
    let project = Fixture::mixed("python_watched_thing");
    dev_ok(&project, &[]);
    let runs = project.beside("runs");
    // Such as pytest, which lies beside the environment's Python and nowhere else.
    let program = project.root().join(".venv/bin/only-here");
    let watch = Watch::start(&project, &["only-here", runs.as_str()]);
    // It is not there yet: that is said, and the watch goes on.
    std::thread::sleep(Duration::from_secs(2));
    let script = "#!/bin/sh\ncommand -v python >> \"$1\"\n";
    fs_err::write(&program, script).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(&program, executable).unwrap();
    project.write("tests/test_it.py", "x = 1");
    let found = wait_for_lines(&runs, 1);
    assert_eq!(found, [project.root().join(".venv/bin/python").as_str()]);
    project.write("python/python_watched_thing/other.py", "x = 2");
    wait_for_lines(&runs, 2);
    drop(watch);
}
