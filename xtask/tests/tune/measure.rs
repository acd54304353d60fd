//! What is measured, and that nothing of the project changes by it.

use testkit::{Fixture, TempDir, WITH_SIGNALS};
use tune::choices::Setting;
use tune::measurement::{CandidateRow, Measurement};
use tune::verdict::CandidateVerdict;

use crate::{files, run, tune};

fn rows(measurement: &Measurement, setting: Setting) -> Vec<&CandidateRow> {
    let rows = measurement.rows.iter();
    rows.filter(|row| row.setting == setting).collect()
}

/// The whole way: a copy, a line in it, and times in turn.
#[test]
fn a_project_is_measured_and_left_as_it_is() {
    let (project, cache) = (Fixture::light("tuned_thing"), TempDir::new());
    // What is set on purpose is measured, and told as such.
    project.edit(
        "native/Cargo.toml",
        "[workspace]\n",
        "[workspace]\n\n[profile.dev]\nincremental = true # mine\n",
    );
    let before = files(&project);
    let done = run(&tune(&project, &cache, &["--json", "--time-budget", "5m"]));
    assert!(done.status.success(), "{}", done.stderr);
    assert_eq!(files(&project), before);
    assert!(!project.root().join(".venv").exists());

    let file = cache.path().join("printed.json");
    fs_err::write(&file, &done.stdout).unwrap();
    let measurement = Measurement::load(&file).unwrap();
    assert_eq!(measurement.subject.edited, "native/src/lib.rs");
    assert!(measurement.base.build_s > 0.0 && measurement.base.library_bytes > 10_000);
    let dependencies = rows(&measurement, Setting::DependencyDebug);
    let smaller = dependencies
        .iter()
        .filter_map(|row| row.library_bytes)
        .min();
    assert!(
        smaller.is_some_and(|bytes| bytes < measurement.base.library_bytes),
        "{dependencies:?}"
    );
    let linkers = rows(&measurement, Setting::Linker);
    if cfg!(target_os = "linux") {
        // Every C compiler there has it, and makes something else with it.
        let bfd = linkers
            .iter()
            .find(|row| row.candidate == "bfd")
            .expect("it was tried");
        assert!(bfd.build_s.is_some() && bfd.ratio.is_some(), "{bfd:?}");
        assert!(
            bfd.library_bytes.is_some() && bfd.library_bytes != smaller,
            "{bfd:?}"
        );
        assert!(
            !matches!(bfd.verdict, CandidateVerdict::Fails(_)),
            "{bfd:?}"
        );
    }
    let incremental = rows(&measurement, Setting::Incremental);
    assert!(
        incremental
            .iter()
            .all(|row| row.verdict != CandidateVerdict::Taken),
        "{incremental:?}"
    );

    // The copy is gone, and the figures are kept.
    let kept: Vec<_> = cache
        .path()
        .join("xtask-tune")
        .read_dir_utf8()
        .unwrap()
        .flatten()
        .collect();
    let names: Vec<_> = kept.iter().map(|it| it.path().extension()).collect();
    assert_eq!(names, [Some("json")]);
    assert_eq!(Measurement::load(kept[0].path()).unwrap(), measurement);
    let table = run(&tune(
        &project,
        &cache,
        &["--from", kept[0].path().as_str()],
    ));
    assert!(
        table.stdout.contains("debug info of dependencies"),
        "{}{}",
        table.stdout,
        table.stderr
    );
}

#[test]
fn a_project_that_does_not_build_is_told_so() {
    let (project, cache) = (Fixture::light("broken_thing"), TempDir::new());
    project.edit("native/src/lib.rs", "42", "\"no number\"");
    let done = run(&tune(&project, &cache, &[]));
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("mismatched types"), "{}", done.stderr);
    assert!(done.stderr.contains(" dev` has to work"), "{}", done.stderr);
    assert_eq!(done.stdout, "");
}

#[test]
fn a_measurement_that_is_ended_leaves_nothing_behind() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (project, cache) = (Fixture::light("ended_thing"), TempDir::new());
        let command = tune(&project, &cache, &["--apply"]);
        let said = cache.path().join("said");
        let script = format!(
            "{WITH_SIGNALS} {command} 2>{said} & pid=$!\n\
             until grep -q 'debug info of dependencies' {said} || ! kill -0 $pid; do sleep 0.05; done\n\
             kill -{signal} $pid; wait $pid"
        );
        let before = files(&project);
        let mut ended = command;
        ended.program = "sh".into();
        ended.args = vec!["-c".to_owned(), script];
        let done = run(&ended);
        let said = fs_err::read_to_string(&said).unwrap();
        assert_eq!(done.status.code(), Some(code), "{said}");
        assert!(
            said.contains("nothing of the project has been changed"),
            "{said}"
        );
        assert_eq!(files(&project), before);
        let left = cache
            .path()
            .join("xtask-tune")
            .read_dir_utf8()
            .map_or(0, Iterator::count);
        assert_eq!(left, 0, "{said}");
    }
}
