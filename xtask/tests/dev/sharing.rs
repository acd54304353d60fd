//! Others build the same project, with the same artefacts: plain cargo, maturin, uv.

use processes::Invocation;
use testkit::Fixture;

use crate::{tools, xtask};

/// A project that lets this machine have a configuration of its own.
fn with_local_config(name: &str) -> Fixture {
    let project = Fixture::mixed(name);
    let include = "include = [{ path = \"config.local.toml\", optional = true }]\n";
    project.write(".cargo/config.toml", include);
    project
}

/// What `command` says, with a target directory that no other test builds in with another environment.
fn stderr_of(command: Invocation) -> String {
    let done = command.env_remove("CARGO_TARGET_DIR").capture().unwrap();
    assert!(done.status.success(), "{}", done.stderr);
    done.stderr
}

fn dev(project: &Fixture, args: &[&str]) -> String {
    let dev = xtask(&project.root()).arg("dev");
    stderr_of(dev.args(args.iter().copied()))
}

fn run(project: &Fixture, program: &str, args: &[&str]) -> String {
    let command = Invocation::new(program).args(args.iter().copied());
    stderr_of(command.cwd(&project.root()))
}

/// After a build of ours, a plain `cargo build`, as `cargo test` and rust-analyzer start it, compiles
/// nothing; where third-party crates were linked apart, it links the extension again.
fn plain_cargo_compiles_nothing(project: &Fixture) {
    let cargo = ["build", "--manifest-path", "native/Cargo.toml"];
    dev(project, &["--no-prelink"]);
    let said = run(project, "cargo", &cargo);
    assert!(!said.contains("Compiling"), "{said}");
    assert!(dev(project, &["--no-prelink", "-v"]).contains("Rebuilt nothing"));

    dev(project, &[]);
    let said = run(project, "cargo", &cargo);
    let compiled: Vec<_> = said
        .lines()
        .filter(|line| line.contains("Compiling"))
        .collect();
    let is_only_the_extension = matches!(compiled[..], [one] if one.contains("/native)"));
    assert!(is_only_the_extension, "{said}");
    let said = dev(project, &[]);
    assert!(!said.contains(" crates in "), "{said}");
}

#[test]
fn plain_cargo_shares_the_artefacts_of_a_stable_abi_build() {
    plain_cargo_compiles_nothing(&with_local_config("shared_thing"));
}

#[test]
fn plain_cargo_shares_the_artefacts_of_a_build_for_one_python() {
    let project = with_local_config("shared_version_thing");
    project.edit("native/Cargo.toml", "\"abi3-py311\"", "");
    plain_cargo_compiles_nothing(&project);
}

/// The call of cargo that is remembered stays what it was, so nobody else would write the file.
#[test]
fn a_project_that_includes_the_local_file_later_shares_from_then_on() {
    let project = Fixture::light("later_shared_thing");
    dev(&project, &[]);
    let include = "include = [{ path = \"config.local.toml\", optional = true }]\n";
    project.write(".cargo/config.toml", include);
    dev(&project, &[]);
    let local = project.root().join(".cargo/config.local.toml");
    assert!(local.is_file(), "the variables are written");
    plain_cargo_compiles_nothing(&project);
    // Nor does the file stay away when it is removed.
    fs_err::remove_file(&local).unwrap();
    plain_cargo_compiles_nothing(&project);
}

#[test]
fn a_project_without_a_local_configuration_gets_none() {
    let project = Fixture::light("unshared_thing");
    dev(&project, &[]);
    assert!(!project.root().join(".cargo").exists());
}

/// What `uv run` says about the project before it runs Python.
fn uv_run(project: &Fixture) -> String {
    let (uv, _) = tools();
    let code = "import uv_thing; print(uv_thing.answer())";
    run(
        project,
        uv.path.as_str(),
        &["run", "--verbose", "--offline", "python", "-c", code],
    )
}

#[test]
fn uv_takes_our_install_for_fresh_and_notices_a_change_after_it() {
    let project = Fixture::light("uv_thing");
    let keys = "[tool.uv]\ncache-keys = [{ file = \"pyproject.toml\" }, { file = \"native/src/**/*.rs\" }]\n\n[project]";
    project.edit("pyproject.toml", "[project]", keys);
    let library = project.root().join("python/uv_thing/_uv_thing.abi3.so");
    dev(&project, &[]);
    for answer in ["42", "43"] {
        // The second time round, the library has been put in place by us, without uv.
        let before = fs_err::metadata(&library).unwrap().modified().unwrap();
        let said = uv_run(&project);
        assert!(
            said.contains("Requirement already installed: uv-thing"),
            "{said}"
        );
        assert!(
            !said.contains("not fresh") && !said.contains("Building"),
            "{said}"
        );
        assert_eq!(
            fs_err::metadata(&library).unwrap().modified().unwrap(),
            before
        );
        project.edit("native/src/lib.rs", answer, "43");
        dev(&project, &[]);
    }
    // If uv changes what it notes, this no longer says so.
    project.edit("native/src/lib.rs", "43", "44");
    let (uv, _) = tools();
    let stale = ["sync", "--dry-run", "--verbose", "--offline"];
    let said = run(&project, uv.path.as_str(), &stale);
    assert!(said.contains("not fresh"), "{said}");
}

#[test]
fn what_cargo_gives_us_from_its_configuration_is_not_taken_for_the_users_wish() {
    let project = with_local_config("configured_thing");
    dev(&project, &[]);
    let local = project.root().join(".cargo/config.local.toml");
    let local = fs_err::read_to_string(local).unwrap();
    // As `cargo xtask` starts us: with all of `[env]`, and with variables of cargo's own.
    let mut started = xtask(&project.root()).arg("dev").cwd(&project.root());
    started = started
        .env("CARGO_MANIFEST_DIR", "/xtask")
        .env("CARGO_PKG_NAME", "xtask");
    let variables = local.lines().filter_map(|line| line.split_once(" = "));
    let variables: Vec<_> = variables
        .filter(|(name, _)| name.starts_with("PY"))
        .collect();
    assert!(variables.len() >= 3, "{local}");
    for (name, value) in variables {
        started = started.env(name, value.trim_matches('"'));
    }
    let said = stderr_of(started.clone());
    assert!(said.contains("Fresh"), "{said}");

    // What the user has set is: it differs from the configuration.
    let said = stderr_of(started.env("PYO3_PRINT_CONFIG", "0"));
    assert!(!said.contains("Fresh"), "{said}");
}
