//! The first installation, and what is refused before anything is touched.

use camino::Utf8Path;
use processes::Invocation;
use testkit::{FakePrograms, Fixture};

use crate::{dev, dev_fails, dev_ok, pinned, python, tools, xtask};

#[test]
fn a_project_without_tool_table_is_built_installed_and_rebuilt() {
    let project = Fixture::pure_rust("plain_thing");
    let answer = "import plain_thing; print(plain_thing.answer())";

    let said = dev_ok(&project, &[]);
    assert!(said.contains("Creating"), "{said}");
    assert!(
        said.contains("Importable plain_thing (answer) with CPython"),
        "{said}"
    );
    assert_eq!(python(&project, answer), "42");

    // Had maturin's own call of cargo differed from ours, this would compile pyo3 once more.
    let said = dev_ok(&project, &["--offline", "-v"]);
    assert!(said.contains("Rebuilt nothing in"), "{said}");
    let said = dev_ok(&project, &["--offline"]);
    assert!(said.contains("Fresh nothing has changed"), "{said}");

    project.edit("src/lib.rs", "42", "43");
    let said = dev_ok(&project, &["--offline"]);
    assert!(said.contains("Rebuilt plain_thing in"), "{said}");
    assert_eq!(python(&project, answer), "43");
}

#[test]
fn a_mixed_project_is_editable_and_has_its_entry_point() {
    let project = Fixture::mixed("mixed_thing");
    // One extension for each version of Python, rather than the stable ABI.
    project.edit("native/Cargo.toml", "\"abi3-py311\"", "");
    dev_ok(&project, &[]);
    assert!(dev_ok(&project, &["-v"]).contains("Rebuilt nothing in"));

    let script = project.root().join(".venv/bin/mixed_thing");
    assert_eq!(Invocation::new(&script).read().unwrap().trim(), "42");
    project.edit(
        "python/mixed_thing/__init__.py",
        "print(answer())",
        "print(-answer())",
    );
    assert_eq!(Invocation::new(&script).read().unwrap().trim(), "-42");

    let origin = "import importlib.metadata as m; print(m.distribution('mixed_thing').read_text('direct_url.json'))";
    let origin = python(&project, origin);
    assert!(origin.contains(r#""editable":true"#), "{origin}");
    assert!(
        origin.contains(&format!("file://{}", project.root())),
        "{origin}"
    );
}

/// With Python sources beside it they lie in the package, without in the environment.
#[test]
fn a_file_that_a_build_script_makes_for_the_package_is_kept_current() {
    for (project, dir, package) in [
        (Fixture::light("asset_mixed"), "native/", "asset_mixed"),
        (Fixture::pure_rust("asset_plain"), "", "asset_plain"),
    ] {
        let script = "fn main() {\n    println!(\"cargo::rerun-if-changed=table.txt\");\n    \
                      let out = std::env::var(\"OUT_DIR\").unwrap();\n    \
                      std::fs::copy(\"table.txt\", format!(\"{out}/made.txt\")).unwrap();\n}\n";
        project.write(format!("{dir}build.rs"), script);
        project.write(format!("{dir}table.txt"), "one");
        let include = format!(
            "include = [{{ path = \"*.txt\", from = \"out-dir\", to = \"{package}/\" }}]\n"
        );
        if dir.is_empty() {
            let table = format!("[tool.maturin]\n{include}\n[project]\n");
            project.edit("pyproject.toml", "[project]\n", &table);
        } else {
            let table = format!("[tool.maturin]\n{include}");
            project.edit("pyproject.toml", "[tool.maturin]\n", &table);
        }
        let read = format!(
            "import pathlib, {package} as it; print((pathlib.Path(it.__file__).parent / 'made.txt').read_text())"
        );
        dev_ok(&project, &[]);
        assert_eq!(python(&project, &read), "one");
        project.write(format!("{dir}table.txt"), "two");
        dev_ok(&project, &["--offline"]);
        assert_eq!(python(&project, &read), "two");
        let said = dev_ok(&project, &["--offline"]);
        assert!(said.contains("Fresh nothing has changed"), "{said}");
    }
}

#[test]
fn what_does_not_compile_or_does_not_import_replaces_nothing() {
    let project = Fixture::pure_rust("sturdy_thing");
    let answer = "import sturdy_thing; print(sturdy_thing.answer())";
    dev_ok(&project, &[]);

    project.edit("src/lib.rs", "42", "\"forty-two\"");
    let said = dev_fails(&project, &[]);
    assert!(said.contains("error[E0308]: mismatched types"), "{said}");
    assert!(said.contains("has been left as it was"), "{said}");
    assert_eq!(python(&project, answer), "42");

    project.edit("src/lib.rs", "\"forty-two\"", "43");
    project.edit("src/lib.rs", "mod sturdy_thing", "mod other_name");
    let said = dev_fails(&project, &[]);
    assert!(said.contains("PyInit_sturdy_thing"), "{said}");
    assert!(
        said.contains("help: call what is under #[pymodule] `sturdy_thing`"),
        "{said}"
    );
    assert_eq!(python(&project, answer), "42");
}

#[test]
fn the_python_is_chosen_by_name_and_kept() {
    let project = Fixture::pure_rust("chosen_thing");
    let base = python_tools::python::newest("any that the fixture allows", |python| {
        python
            .pep440()
            .is_some_and(|version| version.release() >= &[3, 11])
    })
    .unwrap();
    let venv = project.beside("elsewhere/env");
    let args = [
        "--python",
        base.executable.as_str(),
        "--venv",
        venv.as_str(),
    ];
    let said = dev_ok(&project, &args);
    assert!(said.contains(&base.version), "{said}");
    assert!(venv.join("bin/python").exists());
    assert!(!project.root().join(".venv").exists());

    // From then on the environment's own interpreter names it as well.
    let python = venv.join("bin/python");
    let said = dev_ok(&project, &["--python", python.as_str()]);
    assert!(said.contains(&format!("in {venv}")), "{said}");
}

#[test]
fn a_shim_that_does_not_run_is_refused_by_name() {
    let project = Fixture::pure_rust("shimmed_thing");
    let fakes = testkit::FakePrograms::new();
    let shim = fakes.add(
        "python3.13",
        "echo 'pyenv: python3.13: command not found' >&2; exit 127",
    );
    let said = dev_fails(&project, &["--python", shim.as_str()]);
    assert!(
        said.contains("pyenv: python3.13: command not found"),
        "{said}"
    );
    assert!(!project.root().join(".venv").exists());
}

#[test]
fn maturin_is_asked_once_for_a_call_that_an_environment_made_anew_needs_too() {
    let project = Fixture::mixed("anew_thing");
    let fakes = testkit::FakePrograms::new();
    let (real, log) = (tools().1.path, project.beside("calls"));
    fakes.add(
        "maturin",
        &format!("echo \"$1\" >>'{log}'; exec '{real}' \"$@\""),
    );
    let path = format!("{}:{}", fakes.dir(), std::env::var("PATH").unwrap());
    let packs = || {
        let command = xtask(&project.root()).arg("dev").env("PATH", &path);
        let done = command.capture().unwrap();
        assert!(done.status.success(), "{}", done.stderr);
        let calls = fs_err::read_to_string(&log).unwrap();
        fs_err::remove_file(&log).unwrap();
        calls.lines().filter(|call| *call == "pep517").count()
    };
    // It is asked for its call, and then has to pack the wheel.
    assert_eq!(packs(), 2);
    fs_err::remove_dir_all(project.root().join(".venv")).unwrap();
    assert_eq!(packs(), 1);
    let answer = "import anew_thing; print(anew_thing.answer())";
    assert_eq!(python(&project, answer), "42");
    // What decides the call has changed meanwhile.
    fs_err::remove_dir_all(project.root().join(".venv")).unwrap();
    project.edit(
        "native/Cargo.toml",
        "[dependencies]",
        "[dependencies] # mine",
    );
    assert_eq!(packs(), 2);
}

#[test]
fn dependencies_are_installed_as_pinned_or_not_at_all() {
    let project = Fixture::pure_rust("pinned_thing");
    let policy = "[workspace.metadata.xtask]\ndev-requirements = [\"dev.txt\"]";
    project.edit("Cargo.toml", "[workspace]", policy);
    project.write(
        "dev.txt",
        &pinned("iniconfig").replace("sha256:", "sha256:00"),
    );
    let said = dev_fails(&project, &[]);
    assert!(said.contains("cannot install the dependencies"), "{said}");

    project.write("dev.txt", &pinned("iniconfig"));
    dev_ok(&project, &[]);
    let version = python(
        &project,
        "import importlib.metadata as m; print(m.version('iniconfig'))",
    );
    assert!(
        pinned("iniconfig").starts_with(&format!("iniconfig=={version} ")),
        "{version}"
    );
}

#[test]
fn errors_name_the_file_and_what_helps() {
    let project = Fixture::new();
    let said = dev_fails(&project, &[]);
    assert!(
        said.contains("no pyproject.toml") && said.contains("--project DIR"),
        "{said}"
    );

    project.write("pyproject.toml", "[project\nname = 'x'");
    let said = dev_fails(&project, &[]);
    assert!(
        said.contains("cannot parse") && said.contains("pyproject.toml"),
        "{said}"
    );

    let system = "[build-system]\nrequires = ['maturin']\n";
    project.write("pyproject.toml", &format!("{system}[project]\nname = 'x'"));
    let said = dev_fails(&project, &[]);
    assert!(
        said.contains("there is no Cargo.toml") && said.contains("cargo init --lib"),
        "{said}"
    );
    assert!(!project.root().join(".venv").exists());
}

#[test]
fn wrong_usage_has_an_exit_code_of_its_own() {
    let project = Fixture::new();
    let done = dev(&project, &["--release", "--profile", "dev"]);
    assert_eq!(done.status.code(), Some(2), "{}", done.stderr);
}

#[test]
fn a_backend_of_the_projects_own_that_wraps_maturins_is_no_obstacle() {
    let project = Fixture::pure_rust("wrapped_thing");
    let own = "build-backend = \"own\"\nbackend-path = [\"backend\"]";
    project.edit("pyproject.toml", "build-backend = \"maturin\"", own);
    project.write("backend/own.py", "from maturin import *\n");
    dev_ok(&project, &[]);
    let origin = "import importlib.metadata as m; print(m.distribution('wrapped_thing').read_text('direct_url.json'))";
    assert!(python(&project, origin).contains(r#""editable":true"#));
    assert!(dev_ok(&project, &["-v"]).contains("Rebuilt nothing"));
}

#[test]
fn other_bindings_are_refused_by_every_command_before_anything_is_touched() {
    let project = Fixture::pure_rust("bound_thing");
    let manifest = "[package]\nname = \"bound_thing\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    project.write("Cargo.toml", manifest);
    fs_err::remove_file(project.root().join("src/lib.rs")).unwrap();
    project.write("src/main.rs", "fn main() {}\n");
    let before = everything_in(&project.root());
    for command in [
        &["dev"][..],
        &["dev", "--status"],
        &["dev", "--dry-run"],
        &["cache-keys"],
        &["bench-build"],
        &["tune"],
        &["colab-snippet"],
    ] {
        let done = xtask(&project.root()).args(command.iter().copied());
        let done = done.capture().unwrap();
        assert_eq!(done.status.code(), Some(1), "{command:?}: {}", done.stderr);
        let said = done.stderr;
        assert!(
            said.contains("are bin") && said.contains("builds, audits and tries its wheel"),
            "{command:?}: {said}"
        );
        assert_eq!(everything_in(&project.root()), before, "{command:?}");
    }
}

/// The names of all files and directories in `dir`.
fn everything_in(dir: &Utf8Path) -> Vec<String> {
    let mut names: Vec<_> = dir.read_dir_utf8().unwrap().flatten().collect();
    names.sort_by_key(|entry| entry.file_name().to_owned());
    names
        .into_iter()
        .map(|entry| entry.path().to_string())
        .collect()
}

#[test]
fn a_toolchain_that_is_missing_is_told_in_a_sentence_or_installed_once() {
    let project = Fixture::light("chained_thing");
    project.write(
        "rust-toolchain.toml",
        "[toolchain]\nchannel = \"1.70.77\"\n",
    );
    let programs = FakePrograms::new();
    let installed = project.beside("installed");
    // As rustup's proxies do.
    let active = std::env::var("RUSTUP_TOOLCHAIN").unwrap_or("stable".to_owned());
    for name in ["cargo", "rustc"] {
        let command = format!("command -v {name}");
        let real = Invocation::new("sh").args(["-c", &command]).read().unwrap();
        let real = real.trim();
        let missing = "echo \"error: toolchain '1.70.77' is not installed\" >&2; exit 1";
        let script = format!(
            "[ -e {installed} ] || {{ {missing}; }}\nRUSTUP_TOOLCHAIN={active} exec {real} \"$@\""
        );
        programs.add(name, &script);
    }
    let install =
        format!("echo \"$PWD $*\" >> {installed}.calls\n[ -z \"$REFUSES\" ] && : > {installed}");
    programs.add("rustup", &install);
    let path = format!("{}:{}", programs.dir(), std::env::var("PATH").unwrap());
    let dev = |auto: &str, refuses: &str, args: &[&str]| {
        let command = xtask(&project.root()).arg("dev").args(args.iter().copied());
        let command = command.env("PATH", &path).env("RUSTUP_AUTO_INSTALL", auto);
        command.env("REFUSES", refuses).capture().unwrap()
    };
    let calls = || fs_err::read_to_string(format!("{installed}.calls")).unwrap_or_default();
    // Nothing may be installed by itself, or there is no network.
    for (auto, refuses, args, called) in [
        ("0", "", &[][..], 0),
        ("1", "", &["--offline"], 0),
        ("1", "1", &[], 1),
    ] {
        let said = dev(auto, refuses, args).stderr;
        let last = said.lines().skip_while(|line| line.contains("Installing"));
        let expected = [
            format!(
                "error: {}/rust-toolchain.toml names the Rust toolchain `1.70.77`, which is not installed",
                project.root()
            ),
            "  help: install it: `rustup toolchain install 1.70.77`".to_owned(),
        ];
        assert_eq!(last.collect::<Vec<_>>(), expected);
        assert_eq!(calls().lines().count(), called);
    }
    let done = dev("1", "", &[]);
    assert!(done.status.success(), "{}", done.stderr);
    let expected = format!("{} toolchain install", project.root());
    assert_eq!(calls().lines().last(), Some(expected.as_str()));
    assert_eq!(calls().lines().count(), 2);
}

#[test]
fn a_first_build_that_fails_speaks_of_nothing_installed() {
    let project = Fixture::light("nope_thing");
    let said = dev_fails(&project, &["--profile", "nope"]);
    assert!(
        said.contains("`nope`") && !said.contains("left as it was"),
        "{said}"
    );
}

#[test]
fn what_a_build_script_imports_is_where_it_looks_for_it() {
    let project = Fixture::light("scripted_thing");
    let requires = "requires = [\"maturin>=1,<2\", \"pycparser==2.22\"]";
    project.edit("pyproject.toml", "requires = [\"maturin>=1,<2\"]", requires);
    let script = "fn main() {\n    println!(\"cargo:rerun-if-changed=build.rs\");\n    \
                  for python in [String::from(\"python3\"), std::env::var(\"PYO3_PYTHON\").unwrap()] {\n        \
                  let done = std::process::Command::new(python).args([\"-c\", \"import pycparser\"]).status();\n        \
                  assert!(done.unwrap().success());\n    }\n}\n";
    project.write("native/build.rs", script);
    dev_ok(&project, &[]);
    assert!(dev_ok(&project, &[]).contains("Fresh"));
    project.edit("pyproject.toml", "pycparser==2.22", "pycparser==2.23");
    dev_ok(&project, &[]);
    assert_eq!(
        python(&project, "import pycparser; print(pycparser.__version__)"),
        "2.23"
    );
}
