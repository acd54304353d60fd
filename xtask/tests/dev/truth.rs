//! What uv builds, against what `dev` has built, with the real uv and maturin.

use camino::Utf8Path;
use processes::{Captured, Invocation};
use testkit::{FakePrograms, Fixture};

use crate::{dev_fails, dev_ok, tools, xtask};

/// uv, which finds maturin and its backend without an index, and builds into `target`.
pub(crate) fn uv(project: &Fixture, target: &Utf8Path) -> Invocation {
    let (uv, maturin) = tools();
    let bin = maturin.path.parent().unwrap();
    let path = format!("{bin}:{}", std::env::var("PATH").unwrap());
    Invocation::new(&uv.path)
        .env("PATH", path)
        .env("PYTHONPATH", bin.parent().unwrap().as_str())
        .env("CARGO_TARGET_DIR", target.as_str())
        .env("UV_NO_BUILD_ISOLATION", "1")
        .env_remove("VIRTUAL_ENV")
        .cwd(&project.root())
}

fn ok(command: &Invocation) -> Captured {
    let done = command.capture().unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    done
}

fn editable(project: &Fixture, args: &[&str]) -> Captured {
    let command = xtask(&project.root()).arg("editable");
    command.args(args.iter().copied()).capture().unwrap()
}

#[test]
fn what_uv_builds_otherwise_is_said_once_and_one_command_has_it_build_the_same() {
    let project = Fixture::light("truth_thing");
    project.edit(
        "native/Cargo.toml",
        "[workspace]",
        "[features]\nonnx = []\n\n[workspace]",
    );
    let target = project.beside("target");
    let old = fs_err::read_to_string(project.root().join("pyproject.toml")).unwrap();
    assert_eq!(
        editable(&project, &[]).status.code(),
        Some(1),
        "nothing is known yet"
    );

    let said = dev_ok(&project, &["--features", "onnx"]);
    let otherwise =
        "build truth_thing with the profile release, not dev and without the feature onnx";
    assert!(said.contains(otherwise), "{said}");
    project.edit("native/src/lib.rs", "42", "43");
    let said = dev_ok(&project, &["--features", "onnx"]);
    assert!(!said.contains(otherwise), "once is enough: {said}");
    let status = ok(&xtask(&project.root()).args(["dev", "--status"])).stdout;
    assert!(status.contains(otherwise), "{status}");
    // It is true.
    ok(&uv(&project, &target).args(["sync", "--reinstall-package", "truth_thing"]));
    assert!(target.join("release/lib_truth_thing.so").is_file());
    assert!(!target.join("debug").exists());

    dev_ok(&project, &["--features", "onnx"]);
    assert_eq!(editable(&project, &["--check"]).status.code(), Some(3));
    let done = editable(&project, &[]);
    assert!(
        done.status.success() && done.stderr.contains("every build"),
        "{}",
        done.stderr
    );
    assert_eq!(editable(&project, &["--check"]).status.code(), Some(0));
    let said = dev_ok(&project, &[]);
    assert!(!said.contains("cargo xtask editable"), "{said}");
    ok(&uv(&project, &target).args(["sync", "--reinstall-package", "truth_thing"]));
    assert!(target.join("debug/lib_truth_thing.so").is_file());

    assert!(editable(&project, &["--undo"]).status.success());
    let new = fs_err::read_to_string(project.root().join("pyproject.toml")).unwrap();
    assert_eq!(new, old);
}

#[test]
fn a_build_under_uv_run_says_that_it_is_the_second() {
    let project = Fixture::light("twice_thing");
    let target = project.beside("target");
    let program = env!("CARGO_BIN_EXE_xtask");
    let root = project.root();
    let run = |args: &[&str]| {
        let uv = uv(&project, &target).arg("run").args(args.iter().copied());
        ok(&uv.args([program, "--project", root.as_str(), "dev"])).stderr
    };
    let said = run(&[]);
    let note = "`uv run --no-sync cargo xtask --project";
    assert!(
        said.contains("uv has built and installed it already"),
        "{said}"
    );
    assert!(said.contains("builds it once"), "{said}");
    assert!(
        said.contains(note) || said.contains("`uv run --no-sync cargo xtask dev`"),
        "{said}"
    );
    let said = run(&["--no-sync"]);
    assert!(
        said.contains("Fresh") && !said.contains("already"),
        "{said}"
    );
    let said = run(&[]);
    assert!(
        said.contains("Fresh") && !said.contains("already"),
        "{said}"
    );
}

#[test]
fn a_machine_that_looks_like_one_of_continuous_integration_is_told_what_that_costs() {
    let project = Fixture::light("ci_thing");
    let fakes = FakePrograms::new();
    let real = std::env::var("CARGO").unwrap();
    let script =
        format!("[ \"$1\" = --version ] && {{ echo 'cargo 1.99.0'; exit; }}\nexec '{real}' \"$@\"");
    fakes.add("cargo", &script);
    let path = format!("{}:{}", fakes.dir(), std::env::var("PATH").unwrap());
    let dev = |variables: &[(&str, &str)]| {
        let command = xtask(&project.root())
            .arg("dev")
            .env("PATH", &path)
            .env_remove("CI");
        let command = command.env_remove("CARGO_INCREMENTAL");
        let add = |command: Invocation, (name, value): &(&str, &str)| command.env(*name, *value);
        ok(&variables.iter().fold(command, add)).stderr
    };
    let note = "CI is set, so cargo has compiled without its incremental cache";
    assert!(dev(&[("CI", "1")]).contains(note));
    assert!(!dev(&[("CI", "1")]).contains(note), "nothing was compiled");
    for (variables, expected) in [
        (&[("CI", "true")][..], true),
        (&[], false),
        (&[("CI", "1"), ("CARGO_INCREMENTAL", "1")], false),
    ] {
        project.edit(
            "native/src/lib.rs",
            "PyLong_FromLong(",
            "PyLong_FromLong(1 + ",
        );
        let said = dev(variables);
        assert_eq!(said.contains(note), expected, "{variables:?}: {said}");
    }
    project.write(".cargo/config.toml", "[build]\nincremental = true\n");
    assert!(!dev(&[("CI", "1")]).contains(note));
}

#[test]
fn a_singular_for_a_key_of_maturins_is_named() {
    let project = Fixture::light("unknown_key_thing");
    project.edit(
        "pyproject.toml",
        "[tool.maturin]\n",
        "[tool.maturin]\nbinding = \"pyo3\"\n",
    );
    project.edit("native/src/lib.rs", "42", "forty-two");
    let said = dev_fails(&project, &[]);
    assert!(
        said.contains("`binding` in") && said.contains("did you mean `bindings`?"),
        "{said}"
    );
}
