//! The cell as a script: what it installs, and what it refuses.

use processes::Invocation;
use serde_json::json;
use testkit::GitHub;
use testkit::github::Fault;

use super::place::{REPOSITORY, Runtime, builds, github, publish, publish_manifest, uv};

fn version(is_second: bool) -> String {
    builds().manifest(is_second)["version"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn downloads_of_wheels(github: &GitHub) -> usize {
    let requests = github.requests();
    requests
        .iter()
        .filter(|it| it.path.contains(".whl"))
        .count()
}

#[test]
fn the_newest_build_is_installed_and_no_other_package_of_that_name() {
    let Some(github) = github() else { return };
    publish(&github, false);
    let (runtime, cell) = (Runtime::new(), builds().cell(&github, &[]));
    let index = index_with_a_higher_version(&runtime);
    let run = || {
        runtime
            .command(&github, &cell)
            .env("UV_DEFAULT_INDEX", &index)
            .capture()
            .unwrap()
    };

    let first = run();
    assert!(first.status.success(), "{}", first.stderr);
    assert!(
        first
            .stdout
            .contains(&format!("thing {} for Python", version(false))),
        "{}",
        first.stdout
    );
    assert!(first.stdout.contains("is installed"), "{}", first.stdout);

    github.forget_requests();
    let again = run();
    assert!(
        again.stdout.contains("was here already"),
        "{}",
        again.stdout
    );
    assert_eq!(downloads_of_wheels(&github), 0);

    publish(&github, true);
    let after = run();
    assert!(after.stdout.contains(&version(true)), "{}", after.stdout);
    assert_eq!(runtime.installed(), Some(version(true)));
}

/// A directory as an index (PEP 503) that has `thing` in version 9.
fn index_with_a_higher_version(runtime: &Runtime) -> String {
    let index = runtime.dir.path().join("index/thing");
    fs_err::create_dir_all(&index).unwrap();
    let page = "<a href=\"thing-9-py3-none-any.whl\">thing-9-py3-none-any.whl</a>";
    fs_err::write(index.join("index.html"), page).unwrap();
    format!("file://{}/index", runtime.dir.path())
}

#[test]
fn what_is_loaded_has_to_be_restarted() {
    let Some(github) = github() else { return };
    publish(&github, false);
    let (runtime, cell) = (Runtime::new(), builds().cell(&github, &[]));
    assert!(runtime.run(&github, &cell).status.success());
    publish(&github, true);
    let done = runtime.run(&github, &format!("import thing\n{cell}"));
    assert!(
        done.stdout.contains("restart the session"),
        "{}",
        done.stdout
    );
}

#[test]
fn a_wheel_that_is_not_the_one_is_refused() {
    let Some(github) = github() else { return };
    publish(&github, false);
    let (runtime, cell) = (Runtime::new(), builds().cell(&github, &[]));
    assert!(runtime.run(&github, &cell).status.success());
    publish(&github, true);
    let mut manifest = builds().manifest(true);
    // What uv finds first depends on the bytes, so its words may be any: what matters is that it is refused,
    // and that what was there stays.
    let refused = || {
        let done = runtime.run(&github, &cell);
        assert!(!done.status.success());
        assert!(done.stderr.contains("was not installed"), "{}", done.stderr);
        assert_eq!(runtime.installed(), Some(version(false)));
    };
    let file = manifest["wheels"][0]["file"].clone();
    github.order("corrupt", json!({"repository": REPOSITORY, "name": file}));
    refused();
    // A whole wheel that is another one.
    publish(&github, true);
    manifest["wheels"][0]["sha256"] = "0".repeat(64).into();
    publish_manifest(&github, &manifest);
    refused();
}

/// Whoever can write to the release, or to the way to it, still cannot write to the terminal, nor have
/// another place asked.
#[test]
fn what_a_manifest_says_is_no_command() {
    let Some(github) = github() else { return };
    publish(&github, true);
    let (runtime, cell) = (Runtime::new(), builds().cell(&github, &[]));
    let manifest = |key: &str, value: &str| {
        let mut manifest = builds().manifest(true);
        manifest["wheels"][0][key] = json!(value);
        manifest
    };
    for wrong in [
        manifest(
            "file",
            "../../../other/releases/download/latest/evil-1-py3-none-any.whl",
        ),
        manifest("sha256", "0 --trusted-host localhost"),
        manifest("file", "\u{1b}]0;title\u{7}.whl"),
    ] {
        publish_manifest(&github, &wrong);
        let done = runtime.run(&github, &cell);
        assert!(!done.status.success());
        assert!(
            done.stderr.contains("Choose another runtime"),
            "{}",
            done.stderr
        );
        assert!(
            !done.stderr.contains(['\u{1b}', '\u{7}']),
            "{}",
            done.stderr
        );
        assert_eq!(
            (runtime.installed(), downloads_of_wheels(&github)),
            (None, 0)
        );
    }
}

#[test]
fn without_a_wheel_for_this_python_the_error_names_those_that_there_are() {
    let Some(github) = github() else { return };
    publish(&github, false);
    let mut manifest = builds().manifest(false);
    manifest["wheels"][0]["pythons"] = json!(["3.8", "3.9"]);
    publish_manifest(&github, &manifest);
    let (runtime, cell) = (Runtime::new(), builds().cell(&github, &[]));
    let done = runtime.run(&github, &cell);
    assert!(
        done.stderr.contains("there for Python 3.8, 3.9"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr.contains("Runtime > Change runtime type"),
        "{}",
        done.stderr
    );
    assert_eq!(
        (runtime.installed(), downloads_of_wheels(&github)),
        (None, 0)
    );
}

#[test]
fn what_github_answers_is_said() {
    let Some(github) = github() else { return };
    let (runtime, cell) = (Runtime::new(), builds().cell(&github, &[]));
    let error = |cell: &str| {
        let done = runtime.run(&github, cell);
        assert!(!done.status.success());
        done.stderr
    };
    assert!(error(&cell).contains("Nothing has been published there yet"));
    github.fail(&Fault::new("GET", "manifest.json", 429));
    assert!(error(&cell).contains("Too many requests"));
    github.fail(&Fault::dropped("GET", "manifest.json"));
    assert!(error(&cell).contains("Is this runtime on the internet?"));
    let nowhere = cell.replace(&github.host(), "localhost:9");
    assert!(error(&nowhere).contains("Is this runtime on the internet?"));
    assert_eq!(runtime.installed(), None);
}

#[test]
fn while_a_build_is_published_the_one_before_is_installed() {
    let Some(github) = github() else { return };
    publish(&github, false);
    let (runtime, cell) = (Runtime::new(), builds().cell(&github, &[]));
    github.fail(&Fault::new("GET", "download/latest/manifest.json", 404));
    github.fail(&Fault::new(
        "GET",
        "download/latest/manifest-previous.json",
        404,
    ));
    let done = runtime.run(&github, &cell);
    assert!(done.status.success(), "{}", done.stderr);
    let asked: Vec<_> = github
        .requests()
        .into_iter()
        .filter(|it| it.path.contains("manifest"))
        .collect();
    assert!(asked.len() >= 3, "{asked:?}");
}

#[test]
fn uv_may_be_a_module_of_the_runtime() {
    let Some(github) = github() else { return };
    publish(&github, false);
    let (runtime, cell) = (Runtime::new(), builds().cell(&github, &[]));
    let module = runtime.dir.path().join("modules/uv");
    fs_err::create_dir_all(&module).unwrap();
    let code = format!(
        "import os, sys; os.execv({:?}, [\"uv\", *sys.argv[1:]])",
        uv().as_str()
    );
    fs_err::write(module.join("__main__.py"), code).unwrap();
    let command = runtime.command(&github, &cell).env("PATH", "/usr/bin:/bin");
    let command = command.env("PYTHONPATH", module.parent().unwrap().as_str());
    let done = command.capture().unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    assert_eq!(runtime.installed(), Some(version(false)));
}

/// Puts a wheel of a package `other` into the index, without any code in it.
fn add_other(runtime: &Runtime, version: &str) {
    let dir = runtime.dir.path().join("index/other");
    fs_err::create_dir_all(&dir).unwrap();
    let code = r#"
import sys, zipfile
directory, version = sys.argv[1:]
info = f"other-{version}.dist-info"
with zipfile.ZipFile(f"{directory}/other-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: other\nVersion: {version}\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(f"{info}/RECORD", f"{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
with open(f"{directory}/index.html", "a") as page:
    page.write(f"<a href='other-{version}-py3-none-any.whl'>other-{version}-py3-none-any.whl</a>")
"#;
    let make = Invocation::new(runtime.python()).args(["-c", code, dir.as_str(), version]);
    make.read().unwrap();
}

#[test]
fn what_the_runtime_has_is_kept_unless_it_may_change() {
    let Some(github) = github() else { return };
    publish(&github, false);
    let (runtime, cell) = (Runtime::new(), builds().cell(&github, &["--extra", "old"]));
    for version in ["1.0", "2.0"] {
        add_other(&runtime, version);
    }
    let index = format!("file://{}/index", runtime.dir.path());
    let python = runtime.python();
    let install = Invocation::new(uv()).args(["pip", "install", "--quiet", "--python"]);
    let install = install.args([python.as_str(), "other"]);
    install.env("UV_DEFAULT_INDEX", &index).read().unwrap();
    let other = || {
        let code = "import importlib.metadata as m; print(m.version('other'))";
        let version = Invocation::new(&python).args(["-c", code]).read().unwrap();
        version.trim().to_owned()
    };
    assert_eq!(other(), "2.0");
    let run = |cell: &str| {
        let command = runtime.command(&github, cell);
        command.env("UV_DEFAULT_INDEX", &index).capture().unwrap()
    };
    let done = run(&cell);
    assert!(!done.status.success());
    assert!(
        done.stderr
            .contains("It needs another other==2.0: to let that change, add its name"),
        "{}",
        done.stderr
    );
    assert_eq!((runtime.installed(), other().as_str()), (None, "2.0"));
    let done = run(&cell.replace("MAY_CHANGE = []", "MAY_CHANGE = [\"Other\"]"));
    assert!(done.status.success(), "{}", done.stderr);
    assert_eq!(
        (runtime.installed(), other().as_str()),
        (Some(version(false)), "1.0")
    );
}

#[test]
fn a_pinned_cell_installs_its_build_whatever_is_newest() {
    let Some(github) = github() else { return };
    publish(&github, false);
    let manifest = builds().manifest_path(false);
    let args = ["--mode", "pinned", "--manifest", manifest.as_str()];
    let cell = builds().cell(&github, &args);
    publish(&github, true);
    github.forget_requests();
    let runtime = Runtime::new();
    let done = runtime.run(&github, &cell);
    assert!(done.status.success(), "{}", done.stderr);
    assert_eq!(runtime.installed(), Some(version(false)));
    assert!(
        github
            .requests()
            .iter()
            .all(|it| !it.path.contains("manifest")),
        "nothing but the wheel is asked for"
    );
}

#[test]
fn a_clone_takes_its_dependencies_from_uv_and_the_package_from_the_release() {
    let Some(github) = github() else { return };
    publish(&github, true);
    let (runtime, root) = (Runtime::new(), builds().project.root());
    let uv = |args: &[&str]| {
        let mut command = Invocation::new(uv()).args(args.iter().copied()).cwd(&root);
        for (name, value) in github.env() {
            command = command.env(name, value);
        }
        let environment = runtime.dir.path().join("venv");
        let command = command.env("UV_PROJECT_ENVIRONMENT", environment.as_str());
        command
            .env("VIRTUAL_ENV", environment.as_str())
            .read()
            .expect("uv")
    };
    uv(&["sync", "--quiet", "--no-install-project"]);
    assert_eq!(runtime.installed(), None, "nothing is built");
    let wheel = &builds().manifest(true)["wheels"][0];
    let (file, sha256) = (
        wheel["file"].as_str().unwrap(),
        wheel["sha256"].as_str().unwrap(),
    );
    let url = format!(
        "{}/{REPOSITORY}/releases/download/latest/{file}",
        github.url()
    );
    uv(&[
        "pip",
        "install",
        "--quiet",
        &format!("thing @ {url}#sha256={sha256}"),
    ]);
    assert_eq!(runtime.installed(), Some(version(true)));
}
