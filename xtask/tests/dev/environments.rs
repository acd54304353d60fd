//! Which environment is installed into, with the real uv as the judge.

use camino::{Utf8Path, Utf8PathBuf};
use fs_err::os::unix::fs::symlink;
use processes::{Captured, Invocation};
use python_tools::Interpreter;
use testkit::Fixture;

use crate::{dev_ok, tools, xtask};

/// `cargo xtask dev` with variables.
fn dev_with(project: &Fixture, variables: &[(&str, &str)], args: &[&str]) -> Captured {
    let command = xtask(&project.root()).arg("dev").args(args.iter().copied());
    let add = |command: Invocation, (name, value): &(&str, &str)| command.env(*name, *value);
    let done = variables.iter().fold(command, add).capture().unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    done
}

/// Where the real uv runs the project, and what it says.
fn uv_run(project: &Fixture, variables: &[(&str, &str)]) -> Captured {
    let code = "import sys; print(sys.prefix)";
    let uv = Invocation::new(&tools().0.path).args(["run", "-v", "python", "-c", code]);
    let uv = uv.env_remove("VIRTUAL_ENV").cwd(&project.root());
    let add = |uv: Invocation, (name, value): &(&str, &str)| uv.env(*name, *value);
    let done = variables.iter().fold(uv, add).capture().unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    assert!(!done.stderr.contains("Building "), "{}", done.stderr);
    done
}

fn base() -> Interpreter {
    let fits = |python: &Interpreter| {
        let version = python.pep440();
        version.is_some_and(|it| it.release() >= &[3, 11]) && !python.free_threaded
    };
    python_tools::python::newest("any that the fixture allows", fits).unwrap()
}

/// What conda makes: an installation of Python of its own. Its program is a copy, and its library is that of
/// `base` but for the packages.
fn conda_environment(root: &Utf8Path, base: &Interpreter) {
    let program = base.executable.canonicalize_utf8().unwrap();
    let own = program.file_name().unwrap();
    let lib = base.platlib.parent().unwrap();
    let own_lib = root.join("lib").join(lib.file_name().unwrap());
    for dir in [
        root.join("bin"),
        root.join("conda-meta"),
        own_lib.join("site-packages"),
    ] {
        fs_err::create_dir_all(dir).unwrap();
    }
    fs_err::write(root.join("conda-meta/history"), "").unwrap();
    fs_err::copy(&program, root.join("bin").join(own)).unwrap();
    symlink(own, root.join("bin/python")).unwrap();
    for entry in lib.read_dir_utf8().unwrap().flatten() {
        let there = own_lib.join(entry.file_name());
        if !there.exists() {
            symlink(entry.path(), there).unwrap();
        }
    }
    for entry in lib.parent().unwrap().read_dir_utf8().unwrap().flatten() {
        if entry.file_name().starts_with("libpython") {
            symlink(entry.path(), root.join("lib").join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn the_variable_of_uv_names_the_environment_also_relatively() {
    let project = Fixture::light("envvar_thing");
    let variables = [("UV_PROJECT_ENVIRONMENT", "own/env")];
    let said = dev_with(&project, &variables, &[]).stderr;
    assert!(said.contains("in own/env"), "{said}");
    assert!(!project.root().join(".venv").exists());
    let prefix = uv_run(&project, &variables).stdout;
    assert_eq!(prefix.trim(), project.root().join("own/env"));
}

#[test]
fn a_file_that_leads_to_the_environment_is_followed_as_uv_follows_it() {
    let project = Fixture::light("redirected_thing");
    project.write(".venv", "../central/env\n");
    dev_ok(&project, &[]);
    let prefix = uv_run(&project, &[]).stdout;
    let central = project.beside("central/env");
    assert_eq!(
        Utf8Path::new(prefix.trim()).canonicalize_utf8().unwrap(),
        central
    );
    assert!(project.root().join(".venv").is_file());

    // A link that leads to what is not there yet.
    fs_err::remove_file(project.root().join(".venv")).unwrap();
    symlink("../central/other", project.root().join(".venv")).unwrap();
    dev_ok(&project, &[]);
    assert!(project.root().join(".venv").is_symlink());
    assert!(project.beside("central/other/pyvenv.cfg").is_file());
    uv_run(&project, &[]);
    assert!(dev_ok(&project, &[]).contains("Fresh"));
}

#[test]
fn an_environment_of_conda_is_installed_into_unless_it_is_condas_own() {
    let project = Fixture::light("conda_thing");
    let (base, root) = (base(), project.beside("conda"));
    conda_environment(&root, &base);
    let active = [("CONDA_PREFIX", root.as_str())];
    let said = dev_with(&project, &active, &[]).stderr;
    assert!(said.contains(&format!("in {root}")), "{said}");
    assert!(!project.root().join(".venv").exists());
    let ask = [
        "-I",
        "-c",
        "import conda_thing; print(conda_thing.answer())",
    ];
    let answer = Invocation::new(root.join("bin/python"))
        .args(ask)
        .read()
        .unwrap();
    assert_eq!(answer, "42\n");
    assert!(dev_with(&project, &active, &[]).stderr.contains("Fresh"));

    // Activated by conda itself, in every shell.
    let active = [active[0], ("CONDA_DEFAULT_ENV", "base")];
    let said = dev_with(&project, &active, &[]).stderr;
    assert!(said.contains("in .venv"), "{said}");
    let expected = format!(".venv is used, and not {root}, which is active");
    assert!(said.contains(&expected), "{said}");
    let done = dev_with(&project, &active, &["--status"]);
    assert!(done.stdout.contains(&expected), "{}", done.stdout);
    // Named, it is what is wanted, also with what only conda's own has.
    fs_err::create_dir(root.join("condabin")).unwrap();
    let named = ["--venv", root.as_str()];
    let said = dev_with(&project, &active, &named).stderr;
    assert!(said.contains(&format!("in {root}")), "{said}");
}

#[test]
fn an_environment_of_pixi_is_found_without_being_active() {
    let project = Fixture::light("pixi_thing");
    let root: Utf8PathBuf = project.root().join(".pixi/envs/default");
    conda_environment(&root, &base());
    let said = dev_ok(&project, &[]);
    assert!(said.contains("in .pixi/envs/default"), "{said}");
    assert!(!project.root().join(".venv").exists());
}

#[test]
fn a_python_version_file_decides_what_a_new_environment_is_made_of() {
    let project = Fixture::light("pinned_python_thing");
    let base = base();
    let other = |version: &str| if version == "3.11" { "3.12" } else { "3.11" };
    let minor = base.version.rsplit_once('.').unwrap().0;
    project.write(".python-version", "3.77\n");
    let done = xtask(&project.root()).arg("dev").capture().unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(
        done.stderr.contains("`.python-version`, which says 3.77"),
        "{}",
        done.stderr
    );
    project.write(".python-version", &format!("{minor}\n"));
    dev_ok(&project, &[]);
    // Another one later: the environment stays, and what uv will do is said.
    project.write(".python-version", other(minor));
    let said = dev_ok(&project, &[]);
    assert!(said.contains("make it anew"), "{said}");
    assert!(said.contains(&base.version), "{said}");
}
