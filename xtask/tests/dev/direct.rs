//! After the installation the library alone is replaced, with the same result as maturin's.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use processes::Invocation;
use testkit::Fixture;
use walkdir::WalkDir;

use crate::{TARGET_DIR, dev_fails, dev_ok, extensions_in, python, site_packages, tools};

/// What lies below `dir`: names and contents.
fn files(dir: &Utf8Path) -> BTreeMap<Utf8PathBuf, Vec<u8>> {
    let entries = WalkDir::new(dir).into_iter().flatten();
    let paths = entries.filter(|entry| entry.file_type().is_file());
    let paths = paths.map(|entry| Utf8PathBuf::try_from(entry.into_path()).unwrap());
    let relative = |path: &Utf8Path| path.strip_prefix(dir).unwrap().to_owned();
    paths
        .map(|path| (relative(&path), fs_err::read(&path).unwrap()))
        .collect()
}

/// The files of an install, without what the installer notes for itself: uv when it installs a directory, and
/// we of what we have built. `RECORD` lists these, with the digest of the first library.
fn installed_files(venv: &Utf8Path) -> BTreeMap<Utf8PathBuf, Vec<u8>> {
    let mut files = files(&site_packages(venv));
    files.retain(|path, _| {
        let name = path.file_name().unwrap();
        let notes = [
            "RECORD",
            "xtask-dev.json",
            "uv_cache.json",
            "uv_build.json",
            "direct_url.json",
        ];
        !notes.contains(&name)
            && !path.as_str().contains("__pycache__")
            && !name.starts_with("_virtualenv")
    });
    files
}

/// What `maturin develop` installs into a new environment, from the same sources.
fn maturin_develop(project: &Fixture) -> Utf8PathBuf {
    let (uv, maturin) = tools();
    let venv = project.beside("maturin-venv");
    let ours = project.root().join(".venv/bin/python");
    let make =
        Invocation::new(&uv.path).args(["venv", "-q", "--python", ours.as_str(), venv.as_str()]);
    make.read().unwrap();
    let path = format!(
        "{}:{}",
        uv.path.parent().unwrap(),
        std::env::var("PATH").unwrap()
    );
    let develop = Invocation::new(&maturin.path).args(["develop", "--uv"]);
    let develop = develop.env("VIRTUAL_ENV", venv.as_str()).env("PATH", path);
    develop
        .env("CARGO_TARGET_DIR", TARGET_DIR)
        .cwd(&project.root())
        .read()
        .unwrap();
    venv
}

/// The lines of `RECORD` for files that both sides install, without digests and sizes.
fn recorded(venv: &Utf8Path) -> Vec<String> {
    let files = files(&site_packages(venv));
    let record = files
        .iter()
        .find(|(path, _)| path.file_name() == Some("RECORD"))
        .unwrap()
        .1;
    let lines = std::str::from_utf8(record).unwrap().lines();
    let names = lines.map(|line| line.split(',').next().unwrap().to_owned());
    let mut names: Vec<_> = names
        .filter(|name| !name.ends_with(".json") || name.contains("sboms"))
        .collect();
    names.sort();
    names
}

fn same_as_maturin(project: &Fixture, source: &str, package: Option<&str>) {
    dev_ok(project, &[]);
    project.edit(source, "42", "4242");
    // maturin knows nothing of a library of third-party crates, and what there was of it is gone then.
    let said = dev_ok(project, &["--no-prelink"]);
    assert!(!said.contains("Installed"), "{said}");
    let ours = installed_files(&project.root().join(".venv"));
    let our_package = package.map(|package| files(&project.root().join(package)));

    let venv = maturin_develop(project);
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        installed_files(&venv).keys().collect::<Vec<_>>()
    );
    for (path, content) in installed_files(&venv) {
        // The bill of materials has a number and a time of its own each time it is written.
        let same = ours[&path] == content || path.as_str().contains("/sboms/");
        assert!(same, "{path} has another content");
    }
    assert_eq!(recorded(&project.root().join(".venv")), recorded(&venv));
    let their_package = package.map(|package| files(&project.root().join(package)));
    assert!(
        our_package == their_package,
        "the source tree has another content"
    );
}

#[test]
fn a_pure_rust_install_is_the_one_maturin_would_have_made() {
    same_as_maturin(&Fixture::pure_rust("same_plain_thing"), "src/lib.rs", None);
}

#[test]
fn a_mixed_install_is_the_one_maturin_would_have_made() {
    let project = Fixture::mixed("same_mixed_thing");
    same_as_maturin(
        &project,
        "native/src/lib.rs",
        Some("python/same_mixed_thing"),
    );
}

#[test]
fn the_install_is_redone_when_the_metadata_changes_and_only_then() {
    let project = Fixture::mixed("versioned_thing");
    dev_ok(&project, &[]);
    let version = "import importlib.metadata as m; print(m.version('versioned_thing'))";

    project.edit(
        "pyproject.toml",
        "[project]",
        "[tool.other]\nkey = 1\n\n# About it:\n[project]",
    );
    project.edit("native/src/lib.rs", "42", "43");
    assert!(!dev_ok(&project, &[]).contains("Installed"));

    project.edit(
        "pyproject.toml",
        "version = \"0.1.0\"",
        "version = \"0.2.0\"",
    );
    let said = dev_ok(&project, &[]);
    assert!(
        said.contains("Installed versioned_thing-0.2.0") && said.contains("Rebuilt nothing"),
        "{said}"
    );
    assert_eq!(python(&project, version), "0.2.0");

    project.edit("pyproject.toml", "versioned_thing = \"", "other_name = \"");
    assert!(dev_ok(&project, &[]).contains("Installed"));
    assert!(project.root().join(".venv/bin/other_name").is_file());
    assert!(!project.root().join(".venv/bin/versioned_thing").exists());
    assert!(!dev_ok(&project, &[]).contains("Installed"));
}

#[test]
fn maturin_installs_every_time_if_asked_to() {
    let project = Fixture::pure_rust("long_way_thing");
    for _ in 0..2 {
        assert!(dev_ok(&project, &["--engine", "maturin"]).contains("Installed"));
    }
}

#[test]
fn a_switch_of_profile_is_announced() {
    let project = Fixture::pure_rust("switched_thing");
    // As quick to build as the other.
    project.write(
        "Cargo.toml",
        &format!(
            "{}\n[profile.quick]\ninherits = \"dev\"\n",
            fs_err::read_to_string(project.root().join("Cargo.toml")).unwrap()
        ),
    );
    dev_ok(&project, &[]);
    let said = dev_ok(&project, &["--profile", "quick"]);
    assert!(
        said.contains("Switching from the dev profile to quick"),
        "{said}"
    );
    assert!(!said.contains("Installed"), "{said}");
    let said = dev_ok(&project, &["--profile", "quick", "-v"]);
    assert!(
        !said.contains("Switching") && said.contains("Rebuilt nothing"),
        "{said}"
    );
}

#[test]
fn one_file_is_left_for_the_module_and_other_peoples_files_are_kept() {
    let project = Fixture::mixed("tagged_thing");
    let package = project.root().join("python/tagged_thing");
    dev_ok(&project, &[]);
    assert_eq!(extensions_in(&package), ["_tagged_thing.abi3.so"]);

    project.edit("native/Cargo.toml", "\"abi3-py311\"", "");
    let said = dev_ok(&project, &[]);
    assert!(
        said.contains("Removed") && said.contains("_tagged_thing.abi3.so"),
        "{said}"
    );
    let one = extensions_in(&package);
    assert!(one.len() == 1 && one[0].contains("cpython"), "{one:?}");

    project.write(
        "python/tagged_thing/_tagged_thing.cpython-39-x86_64-linux-gnu.so",
        "not ours",
    );
    let said = dev_ok(&project, &[]);
    assert!(
        said.contains("Note") && said.contains("cpython-39"),
        "{said}"
    );
    assert_eq!(extensions_in(&package).len(), 2);
}

#[test]
fn a_file_that_would_be_imported_instead_is_an_error() {
    let project = Fixture::mixed("shadowed_thing");
    dev_ok(&project, &[]);
    let suffix = python(
        &project,
        "import importlib.machinery as m; print(m.EXTENSION_SUFFIXES[0])",
    );
    let shadow = format!("python/shadowed_thing/_shadowed_thing{suffix}");
    project.write(&shadow, "not ours");
    let said = dev_fails(&project, &[]);
    assert!(
        said.contains("imported instead of") && said.contains("help:") && said.contains("rm "),
        "{said}"
    );
    assert!(project.root().join(shadow).is_file());
}

#[test]
fn whoever_writes_to_the_installed_library_does_not_write_to_cargos() {
    let project = Fixture::mixed("overwritten_thing");
    let library = project
        .root()
        .join("python/overwritten_thing/_overwritten_thing.abi3.so");
    let answer = "import overwritten_thing; print(overwritten_thing.answer())";
    dev_ok(&project, &[]);
    let old = fs_err::read(&library).unwrap();
    project.edit("native/src/lib.rs", "42", "43");
    dev_ok(&project, &[]);
    // In place, as `cp` does.
    for content in [&old[..], b""] {
        fs_err::write(&library, content).unwrap();
        dev_ok(&project, &[]);
        assert_eq!(python(&project, answer), "43");
    }
}

#[test]
fn an_edit_during_the_build_is_built_by_the_next() {
    let project = Fixture::mixed("late_thing");
    dev_ok(&project, &[]);
    // The build script makes the edit, after cargo has started and before the library is compiled.
    project.write(
        "native/build.rs",
        "fn main() {\n    println!(\"cargo::rerun-if-changed=build.rs\");\n    \
         let text = std::fs::read_to_string(\"src/lib.rs\").unwrap();\n    \
         std::fs::write(\"src/lib.rs\", text + \"\\n\").unwrap();\n}\n",
    );
    dev_ok(&project, &[]);
    let said = dev_ok(&project, &[]);
    assert!(!said.contains("Fresh"), "{said}");
    assert!(dev_ok(&project, &[]).contains("Fresh"), "{said}");
}

#[test]
fn a_file_of_the_install_that_is_gone_is_installed_again() {
    let project = Fixture::pure_rust("incomplete_thing");
    dev_ok(&project, &[]);
    let init = site_packages(&project.root().join(".venv")).join("incomplete_thing/__init__.py");
    fs_err::remove_file(&init).unwrap();
    assert!(dev_ok(&project, &[]).contains("Installed"));
    assert!(init.is_file());
}

#[test]
fn a_changed_variable_is_a_reason_to_ask_cargo() {
    let project = Fixture::mixed("variable_thing");
    project.edit(
        "native/src/lib.rs",
        "42",
        "option_env!(\"ANSWER\").map_or(42, |text| text.len() as u32)",
    );
    let dev = |value: &str| {
        let dev = crate::xtask(&project.root())
            .arg("dev")
            .env("ANSWER", value);
        let done = dev.capture().unwrap();
        assert!(done.status.success(), "{}", done.stderr);
        done.stderr
    };
    let answer = "import variable_thing; print(variable_thing.answer())";
    dev("a");
    assert!(dev("a").contains("Fresh"));
    dev("abc");
    assert_eq!(python(&project, answer), "3");
}

#[test]
fn the_library_of_another_environment_is_no_leftover() {
    let project = Fixture::mixed("neighbour_thing");
    let answer = "import neighbour_thing; print(neighbour_thing.answer())";
    dev_ok(&project, &[]);
    // Another Python, with a library for it alone.
    let ours = python(
        &project,
        "import sys; print('%d.%d' % sys.version_info[:2])",
    );
    let other = ["3.11", "3.12", "3.13"]
        .into_iter()
        .find(|version| *version != ours && python_tools::python::named(version).is_ok());
    let Some(other) = other else { return };
    project.edit("native/Cargo.toml", "\"abi3-py311\"", "");
    let venv = project.beside("other-venv");
    let said = dev_ok(&project, &["--python", other, "--venv", venv.as_str()]);
    assert!(said.contains("belongs to"), "{said}");
    assert_eq!(python(&project, answer), "42");
    let theirs = Invocation::new(venv.join("bin/python")).args(["-I", "-c", answer]);
    assert_eq!(theirs.read().unwrap().trim(), "42");
}

/// Gives `project`'s crate a build script of these lines, which also counts how often it runs in a file
/// beside the project.
fn with_build_script(project: &Fixture, lines: &str) -> Utf8PathBuf {
    let runs = project.beside("runs");
    let script = format!(
        "use std::io::Write as _;\nfn main() {{\n    \
         let file = std::fs::OpenOptions::new().create(true).append(true).open(\"{runs}\");\n    \
         writeln!(file.unwrap(), \"run\").unwrap();\n{lines}\n}}\n"
    );
    project.write("native/build.rs", &script);
    runs
}

fn lines_in(path: &Utf8Path) -> usize {
    fs_err::read_to_string(path).unwrap().lines().count()
}

#[test]
fn a_crate_that_cargo_always_takes_for_changed_is_compiled_once() {
    let project = Fixture::light("always_thing");
    let runs = with_build_script(
        &project,
        "    println!(\"cargo:rerun-if-changed=nothing/here\");",
    );
    let said = dev_ok(&project, &[]);
    assert!(
        said.contains(
            "the build script of always_thing names native/nothing/here, which is not there"
        ),
        "{said}"
    );
    assert_eq!(lines_in(&runs), 1, "{said}");
    let said = dev_ok(&project, &[]);
    assert!(
        said.contains("Fresh") && said.contains("nothing/here"),
        "{said}"
    );
    assert_eq!(lines_in(&runs), 1, "{said}");
    project.edit("native/src/lib.rs", "42", "43");
    assert!(dev_ok(&project, &[]).contains("Rebuilt always_thing"));
    assert_eq!(lines_in(&runs), 2);
}

#[test]
fn a_c_compilers_runtime_is_no_reason_to_install_again() {
    let project = Fixture::light("native_thing");
    // As the cc crate has it for C++: the static library's directory, and the shared runtime.
    let lines = "    println!(\"cargo:rerun-if-changed=build.rs\");\n    \
                 println!(\"cargo:rustc-link-search=native={}\", std::env::var(\"OUT_DIR\").unwrap());\n    \
                 println!(\"cargo:rustc-link-lib=dylib=m\");";
    with_build_script(&project, lines);
    assert!(dev_ok(&project, &[]).contains("Installed"));
    let said = dev_ok(&project, &["-v"]);
    assert!(!said.contains("Install"), "{said}");
    project.edit("native/src/lib.rs", "42", "43");
    let said = dev_ok(&project, &["-v"]);
    assert!(!said.contains("Install"), "{said}");
    assert!(dev_ok(&project, &[]).contains("Fresh"));
    // What only a run path leads to has one, and `-v` says so.
    let linked = "    let dir = std::env::var(\"OUT_DIR\").unwrap();\n    \
                  std::fs::copy(\"libodd.so\", format!(\"{dir}/libodd.so\")).unwrap();\n    \
                  println!(\"cargo:rerun-if-changed=build.rs\");\n    \
                  println!(\"cargo:rustc-link-search=native={dir}\");\n    \
                  println!(\"cargo:rustc-link-lib=dylib=odd\");";
    let compiled = Invocation::new("cc").args(["-shared", "-o", "libodd.so", "-xc", "/dev/null"]);
    compiled.cwd(&project.root().join("native")).read().unwrap();
    with_build_script(&project, linked);
    let said = dev_ok(&project, &["-v"]);
    assert!(
        said.contains("anew: a build script links a shared library that only a run path leads to"),
        "{said}"
    );
}
