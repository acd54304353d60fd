//! pyo3 is compiled once for all checkouts and environments of one Python.

use camino::Utf8Path;
use processes::Invocation;
use testkit::Fixture;

use crate::{tools, truth, xtask};

/// What `command` says, with the target directory of the project's own.
fn stderr_of(command: Invocation) -> String {
    let done = command.env_remove("CARGO_TARGET_DIR").capture().unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    done.stderr
}

/// Without prelinking, so that every other tool links the extension as we do, and with all of it by cargo.
fn dev(root: &Utf8Path, args: &[&str]) -> String {
    let dev = xtask(root).args(["dev", "--no-prelink", "--no-store"]);
    stderr_of(dev.args(args.iter().copied()))
}

fn maturin_develop(project: &Fixture) -> String {
    let (uv, maturin) = tools();
    let path = format!("{}:{}", uv.path.parent().unwrap(), path());
    let develop = Invocation::new(&maturin.path).args(["develop", "--uv"]);
    let develop = develop
        .env("PATH", path)
        .env("VIRTUAL_ENV", project.root().join(".venv").as_str());
    stderr_of(develop.cwd(&project.root()))
}

fn path() -> String {
    std::env::var("PATH").unwrap()
}

fn remove(project: &Fixture, names: &[&str]) {
    for name in names {
        fs_err::remove_dir_all(project.root().join(name)).unwrap();
    }
}

/// A copy of the checkout with all that was built in it, in another directory and without environment, builds
/// its own crate and no other.
fn a_copy_compiles_its_own_crate(project: &Fixture) {
    let copy = project.beside("copy");
    let copying = Invocation::new("cp").args(["-a", project.root().as_str(), copy.as_str()]);
    copying.read().unwrap();
    fs_err::remove_dir_all(copy.join(".venv")).unwrap();
    let said = dev(&copy, &[]);
    assert!(!said.contains("Compiling pyo3-ffi"), "{said}");
}

#[test]
fn a_stable_abi_build_shares_it_with_maturin_and_with_a_copy_of_the_checkout() {
    let project = Fixture::light("one_pyo3_thing");
    dev(&project.root(), &[]);
    let said = maturin_develop(&project);
    assert!(!said.contains("Compiling"), "{said}");
    assert!(dev(&project.root(), &[]).contains("Rebuilt nothing"));

    remove(&project, &["native/target/maturin"]);
    assert!(dev(&project.root(), &[]).contains("Fresh"));
    let said = maturin_develop(&project);
    assert!(!said.contains("Compiling"), "the link is back: {said}");
    remove(&project, &["native/target/maturin", ".venv"]);
    assert!(dev(&project.root(), &[]).contains("Rebuilt nothing"));
    a_copy_compiles_its_own_crate(&project);
}

#[test]
fn a_build_for_one_python_shares_it_with_every_environment_of_that() {
    let project = Fixture::light("one_python_thing");
    project.edit("native/Cargo.toml", "\"abi3-py311\"", "");
    dev(&project.root(), &[]);
    let elsewhere = project.beside("environment");
    let said = dev(&project.root(), &["--venv", elsewhere.as_str()]);
    assert!(said.contains("Rebuilt nothing"), "{said}");
    a_copy_compiles_its_own_crate(&project);

    // uv and pip name the same Python where they are told to; `maturin develop` never does.
    let base = "[tool.maturin]\nuse-base-python = true\neditable-profile = \"dev\"";
    project.edit("pyproject.toml", "[tool.maturin]", base);
    let target = project.root().join("native/target");
    let sync = truth::uv(&project, &target).args(["sync", "--reinstall-package"]);
    let synced = sync.arg("one_python_thing").capture().unwrap();
    assert!(synced.status.success(), "{}", synced.stderr);
    let said = dev(&project.root(), &[]);
    assert!(said.contains("Rebuilt nothing"), "{said}");

    let told = "pyo3 was compiled again";
    for is_told in [true, false] {
        let said = maturin_develop(&project);
        assert!(said.contains("Compiling pyo3-ffi"), "{said}");
        let said = dev(&project.root(), &[]);
        assert_eq!(said.contains(told), is_told, "once: {said}");
    }
}
