//! The cache under the development loop.

use processes::Invocation;
use testkit::Fixture;

use crate::{Cache, clean, project};

/// `cargo xtask dev` says what it has compiled.
fn dev(cache: &Cache, project: &Fixture) -> String {
    cache.xtask_ok(project, &["dev"]).stderr
}

#[test]
fn a_clean_build_comes_from_the_cache_and_a_loop_in_progress_is_not_disturbed() {
    let cache = Cache::new();
    let project = Fixture::pure_rust("cached_loop");
    project.write(".cargo/config.toml", "[profile.dev]\nincremental = true\n");
    dev(&cache, &project);

    // Switched on in the middle: nothing that is built is built again, nor said to be stale.
    cache.enable(&project, &[]);
    let asked = |args: &[&str]| cache.xtask_ok(&project, &[&["dev"], args].concat());
    assert!(asked(&["--status"]).stdout.contains("cached_loop: fresh"));
    let said = dev(&cache, &project);
    assert!(said.contains("Fresh nothing has changed"), "{said}");
    let said = asked(&["-v"]).stderr;
    assert!(said.contains("Rebuilt nothing"), "{said}");
    project.edit("src/lib.rs", "42", "43");
    let said = dev(&cache, &project);
    assert!(
        said.contains("Rebuilt cached_loop in"),
        "the extension alone: {said}"
    );

    clean(&project);
    dev(&cache, &project);
    let filled = cache.counted(&project);
    assert_eq!(filled.hits, 0);
    assert!(filled.misses >= 4, "pyo3 and what it stands on: {filled:?}");
    clean(&project);
    dev(&cache, &project);
    let second = cache.counted(&project);
    assert_eq!((second.hits, second.misses), (filled.misses, 0));

    // And off again.
    cache.xtask_ok(&project, &["sccache", "disable"]);
    assert!(asked(&["--status"]).stdout.contains("cached_loop: fresh"));
    let said = asked(&["-v"]).stderr;
    assert!(said.contains("Rebuilt nothing"), "{said}");
}

#[test]
fn without_its_program_everything_goes_on_and_says_what_to_do() {
    let (cache, project) = (Cache::new(), Fixture::pure_rust("gone_wrapper"));
    let program = cache.dir.path().join("sccache");
    fs_err::copy(&cache.sccache, &program).unwrap();
    cache.xtask_ok(
        &project,
        &["sccache", "enable", "--program", program.as_str()],
    );
    fs_err::remove_file(&program).unwrap();
    // That is what is wrong with it:
    assert!(!cache.cargo_build(&project).status.success());

    let said = dev(&cache, &project);
    assert!(
        said.contains("is not there") && said.contains(" sccache disable`"),
        "{said}"
    );
    assert!(said.contains("Importable gone_wrapper"), "{said}");
    let status = cache.xtask(&project, &["sccache", "status"]);
    assert_eq!(status.status.code(), Some(3));
    assert!(
        status.stdout.contains("sccache disable"),
        "{}",
        status.stdout
    );
    let local = fs_err::read_to_string(project.root().join(".cargo/config.local.toml")).unwrap();
    assert!(
        local.contains(program.as_str()),
        "it is not taken back unasked: {local}"
    );
    cache.xtask_ok(&project, &["sccache", "disable"]);
    assert!(cache.cargo_build(&project).status.success());
}

#[test]
fn this_repositorys_alias_survives_a_wrapper_that_is_gone() {
    let project = project("alias");
    let tracked = concat!(env!("CARGO_MANIFEST_DIR"), "/../.cargo/config.toml");
    let alias = fs_err::read_to_string(tracked).unwrap();
    project.write(".cargo/config.toml", &alias);
    project.write(
        ".cargo/config.local.toml",
        "[build]\nrustc-wrapper = \"/gone/sccache\"\n",
    );
    project.write(
        "Cargo.toml",
        "[package]\nname = \"xtask\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
         [profile.xtask]\ninherits = \"dev\"\n",
    );
    fs_err::remove_file(project.root().join("src/lib.rs")).unwrap();
    project.write("src/main.rs", "fn main() { println!(\"runs\"); }\n");
    let cargo = |args: &[&str]| {
        let command = Invocation::new("cargo")
            .args(args.iter().copied())
            .cwd(&project.root());
        Cache::new().with(command).capture().unwrap()
    };
    assert!(!cargo(&["check"]).status.success());
    let done = cargo(&["xtask"]);
    assert_eq!(done.stdout, "runs\n", "{}", done.stderr);
}

#[test]
fn a_server_with_other_settings_is_told() {
    let (cache, project) = (Cache::new(), project("other_settings"));
    cache.enable(&project, &["--size", "1G"]);
    assert!(cache.cargo_build(&project).status.success());
    let done = cache.xtask(&project, &["sccache", "status"]);
    assert_eq!(done.status.code(), Some(0), "{}", done.stdout);
    let done = cache.enable(&project, &["--size", "2G"]);
    assert!(done.stderr.contains("other settings"), "{}", done.stderr);
    assert!(done.stderr.contains("--stop-server"), "{}", done.stderr);
}
