//! `cargo xtask dev` on small real projects, with the real uv, maturin and cargo.
//!
//! What is missing on the machine is fetched from PyPI and crates.io.

mod direct;
mod ending;
mod environments;
mod extras;
mod install;
mod memory;
mod odd_places;
mod on_import;
mod one_pyo3;
mod prelink;
mod robust;
mod sharing;
mod status;
mod store;
mod truth;
mod watch;
mod why;
mod workspace;

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Captured, Invocation};
use python_tools::{PinnedRequirements, Tool, Toolbox};
use testkit::Fixture;

/// A target directory that the projects of these tests share, so that pyo3 is compiled once. Each project
/// has a name of its own, since the libraries lie side by side in it.
const TARGET_DIR: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/fixtures");

fn xtask(project: &Utf8Path) -> Invocation {
    Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["--project", project.as_str()])
        .env("CARGO_TARGET_DIR", TARGET_DIR)
        // What a test builds comes from no earlier one.
        .env("XTASK_NO_STORE", "1")
        .env_remove("VIRTUAL_ENV")
}

fn dev(project: &Fixture, args: &[&str]) -> Captured {
    let command = xtask(&project.root()).arg("dev").args(args.iter().copied());
    command.capture().expect("it starts")
}

/// [`dev`], which must succeed; what it wrote to standard error.
fn dev_ok(project: &Fixture, args: &[&str]) -> String {
    let done = dev(project, args);
    assert!(done.status.success(), "{}", done.stderr);
    assert_eq!(done.stdout, "", "standard output is for data");
    done.stderr
}

/// [`dev`], which must fail with exit code 1; what it wrote to standard error.
fn dev_fails(project: &Fixture, args: &[&str]) -> String {
    let done = dev(project, args);
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    done.stderr
}

/// What the project's Python prints for `code`.
fn python(project: &Fixture, code: &str) -> String {
    let python = project.root().join(".venv/bin/python");
    let printed = Invocation::new(python).args(["-I", "-c", code]).read();
    printed.expect("Python runs").trim().to_owned()
}

/// The site-packages directory of an environment.
fn site_packages(venv: &Utf8Path) -> Utf8PathBuf {
    let lib = venv
        .join("lib")
        .read_dir_utf8()
        .expect("an environment has it");
    let python = lib.flatten().next().expect("of one Python");
    python.path().join("site-packages")
}

/// The extension files in `dir`, by name.
fn extensions_in(dir: &Utf8Path) -> Vec<String> {
    let entries = dir.read_dir_utf8().expect("it can be listed").flatten();
    let names = entries.map(|entry| entry.file_name().to_owned());
    let mut names: Vec<_> = names.filter(|name| name.contains(".so")).collect();
    names.sort();
    names
}

/// The lines of `name` in this repository's own requirements.
fn pinned(name: &str) -> String {
    requirements("dev.txt").only(name).expect("it is there")
}

fn requirements(file: &str) -> PinnedRequirements {
    let dir = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../requirements");
    let text = fs_err::read_to_string(dir.join(file)).expect("it can be read");
    PinnedRequirements::parse(&text).expect("it is pinned")
}

/// The uv and the maturin that the xtask uses.
fn tools() -> (Tool, Tool) {
    let toolbox = Toolbox::new(requirements("tools.txt"), false);
    let uv = toolbox.uv(&|_, _| {}).expect("uv");
    let maturin = toolbox.maturin(&uv, &|_, _| {}).expect("maturin");
    (uv, maturin)
}
