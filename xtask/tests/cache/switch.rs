//! Switching on and off, in files of several shapes.

use processes::Invocation;
use testkit::{FakePrograms, Fixture};

use crate::{Cache, configuration, project};

/// Configurations as projects have them.
const TRACKED: [&str; 6] = [
    "[build]\nrustflags = [\n    \"-C\", # why\n]\n",
    "build.jobs = 2",
    "[target.'cfg(target_os = \"linux\")']\r\nlinker = \"cc\"\r\n\r\n[env]\r\nA = { value = \"1\", force = true }",
    "\u{feff}# a licence\n\n[alias]\nx = \"run\"\n# [build]\n# rustc-wrapper = \"sccache\"\n",
    "build = { jobs = 1 } # all\nenv = { A = \"1\" }\n",
    "include = [\n  { path = \"other.toml\", optional = true },\n]\n[env]\nA = \"1\"\n",
];

#[test]
fn twice_changes_nothing_and_off_restores_the_bytes() {
    let cache = Cache::new();
    for (number, tracked) in TRACKED.iter().enumerate() {
        let project = project("shapes");
        project.write(".cargo/config.toml", tracked);
        let before = configuration(&project);
        cache.enable(&project, &["--size", "1G"]);
        let on = configuration(&project);
        assert_ne!(on, before, "shape {number}");
        cache.enable(&project, &["--size", "1G"]);
        assert_eq!(configuration(&project), on, "shape {number}, twice");
        cache.xtask_ok(&project, &["sccache", "disable"]);
        assert_eq!(configuration(&project), before, "shape {number}, off");
        cache.xtask_ok(&project, &["sccache", "disable"]);
        assert_eq!(configuration(&project), before, "shape {number}, off twice");
    }
}

#[test]
fn where_nothing_was_nothing_is_left() {
    let (cache, project) = (Cache::new(), project("nothing"));
    cache.enable(&project, &[]);
    let local = fs_err::read_to_string(project.root().join(".cargo/config.local.toml")).unwrap();
    assert!(
        local.contains(&format!("rustc-wrapper = \"{}\"", cache.sccache)),
        "{local}"
    );
    assert!(local.contains("SCCACHE_CACHE_SIZE"), "{local}");
    cache.xtask_ok(&project, &["sccache", "disable"]);
    assert!(!project.root().join(".cargo").exists());
}

#[test]
fn what_the_user_writes_in_between_stays() {
    let (cache, project) = (Cache::new(), project("between"));
    cache.enable(&project, &[]);
    let local = project.root().join(".cargo/config.local.toml");
    let text = fs_err::read_to_string(&local).unwrap();
    fs_err::write(&local, format!("{text}MINE = \"1\"\n")).unwrap();
    let done = cache.xtask_ok(&project, &["sccache", "disable"]);
    assert!(done.stderr.contains("still included"), "{}", done.stderr);
    let text = fs_err::read_to_string(&local).unwrap();
    assert!(text.contains("[env]\nMINE = \"1\"\n"), "{text}");
    assert!(!text.contains("SCCACHE"), "{text}");
    let tracked = fs_err::read_to_string(project.root().join(".cargo/config.toml")).unwrap();
    assert!(tracked.contains("config.local.toml"), "{tracked}");
}

#[test]
fn a_look_writes_nothing_and_says_what_would_change() {
    let (cache, project) = (Cache::new(), project("look"));
    let program = cache.sccache.as_str();
    let enable = ["sccache", "enable", "--program", program];
    for (flag, code) in [("--check", 3), ("--dry-run", 0)] {
        let done = cache.xtask(&project, &[&enable[..], &[flag]].concat());
        assert_eq!(done.status.code(), Some(code), "{}", done.stderr);
        assert!(done.stdout.contains("+rustc-wrapper = "), "{}", done.stdout);
        assert_eq!(configuration(&project), []);
    }
    let fills =
        |enabled: processes::Captured| enabled.stderr.contains("from now on fills the cache");
    assert!(fills(cache.xtask_ok(&project, &enable)));
    assert!(!fills(cache.xtask_ok(&project, &enable)), "it is said once");
    let done = cache.xtask(&project, &[&enable[..], &["--check"]].concat());
    assert_eq!((done.status.code(), done.stdout.as_str()), (Some(0), ""));
    let done = cache.xtask(&project, &["sccache", "disable", "--check"]);
    assert_eq!(done.status.code(), Some(3));
    assert!(done.stdout.contains("-rustc-wrapper = "), "{}", done.stdout);
}

#[test]
fn each_scope_has_its_file() {
    let (cache, project) = (Cache::new(), project("scopes"));
    let home = cache.dir.path().join("cargo-home");
    let path = format!(
        "{}:{}",
        cache.sccache.parent().unwrap(),
        std::env::var("PATH").unwrap()
    );
    let run = |args: &[&str]| {
        let command = Invocation::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["--project", project.root().as_str(), "sccache"])
            .args(args.iter().copied())
            .env("CARGO_HOME", home.as_str())
            .env("PATH", &path);
        let done = cache.with(command).capture().unwrap();
        assert!(done.status.success(), "{args:?} {}", done.stderr);
        done
    };
    run(&["enable", "--scope", "workspace"]);
    let tracked = project.root().join(".cargo/config.toml");
    let text = fs_err::read_to_string(&tracked).unwrap();
    assert!(
        text.contains("rustc-wrapper = \"sccache\""),
        "only its name: {text}"
    );
    assert!(!text.contains("CACHE_SIZE"), "machines differ: {text}");
    run(&["enable", "--scope", "user", "--size", "1G"]);
    let text = fs_err::read_to_string(home.join("config.toml")).unwrap();
    assert!(
        text.contains("/sccache\"") && text.contains("SCCACHE_CACHE_SIZE = \"1G\""),
        "{text}"
    );

    run(&["disable", "--scope", "workspace"]);
    assert!(!tracked.exists() && home.join("config.toml").exists());
    let status = run(&["status"]);
    assert!(
        status.stdout.contains("cargo-home/config.toml"),
        "{}",
        status.stdout
    );
    // It concerns other projects as well.
    let done = run(&["disable"]);
    assert!(
        done.stderr.contains("disable --scope user"),
        "{}",
        done.stderr
    );
    assert!(home.join("config.toml").exists());
    run(&["disable", "--scope", "user"]);
    assert!(!home.join("config.toml").exists());
}

#[test]
fn what_the_user_has_configured_is_not_overwritten() {
    let (cache, project) = (Cache::new(), project("taken"));
    let program = cache.sccache.as_str();
    let enable = ["sccache", "enable", "--program", program];

    project.write(
        ".cargo/config.toml",
        "[build]\nrustc-wrapper = \"/mine/wrap\"\n",
    );
    let before = configuration(&project);
    let done = cache.xtask(&project, &enable);
    assert_eq!(done.status.code(), Some(1));
    assert!(done.stderr.contains("wins over"), "{}", done.stderr);
    assert_eq!(configuration(&project), before);

    project.write(
        ".cargo/config.toml",
        "[build]\nrustc-wrapper = \"sccache\"\n",
    );
    let before = configuration(&project);
    let done = cache.xtask_ok(&project, &enable);
    assert!(done.stderr.contains("in force already"), "{}", done.stderr);
    assert_eq!(configuration(&project), before);
}

/// Stands in for kache, which is not on every machine: compiles, and counts as kache does.
const FAKE_KACHE: &str = r#"
case "$1" in
  --version) echo 'kache 1.2.0' ;;
  stats) [ "$2" = --json ] || exit 9
         n=$(cat "$KACHE_CACHE_DIR/count" 2>/dev/null | wc -l)
         echo "{\"local_hits\":$((n > 1 ? n - 1 : 0)),\"prefetch_hits\":0,\"remote_hits\":0,\"misses\":1,\"stores\":[{\"path\":\"$KACHE_CACHE_DIR\",\"bytes\":1,\"max_size\":2}]}" ;;
  daemon) [ "$2" = stop ] || exit 9 ;;
  *) case "$*" in *--crate-name*) echo x >> "$KACHE_CACHE_DIR/count" ;; esac; exec "$@" ;;
esac
"#;

#[test]
fn another_wrapper_is_switched_by_the_same_command() {
    let (cache, project, fakes) = (Cache::new(), project("other"), FakePrograms::new());
    let kache = fakes.add("kache", FAKE_KACHE);
    let store = cache.store();
    let other = [
        "--wrapper",
        "kache",
        "--program",
        kache.as_str(),
        "--dir",
        store.as_str(),
    ];
    cache.enable(&project, &[]);
    cache.xtask_ok(&project, &[&["sccache", "enable"][..], &other].concat());
    let local = fs_err::read_to_string(project.root().join(".cargo/config.local.toml")).unwrap();
    assert!(
        local.contains("KACHE_CACHE_DIR") && local.contains("KACHE_MAX_SIZE"),
        "{local}"
    );
    assert!(
        !local.contains("SCCACHE_"),
        "the other's settings have gone: {local}"
    );
    let status = cache.xtask_ok(&project, &["sccache", "status"]).stdout;
    assert!(
        status.contains("kache 1.2.0") && status.contains("turns incremental"),
        "{status}"
    );
    assert!(cache.cargo_build(&project).status.success());
    let counts = cache.xtask_ok(&project, &["sccache", "stats"]).stdout;
    assert!(counts.contains(&format!("kept in     {store}")), "{counts}");
    cache.xtask_ok(&project, &["sccache", "disable"]);
    assert_eq!(configuration(&project), []);
}

#[test]
fn running_it_again_keeps_what_was_chosen() {
    let (cache, project) = (Cache::new(), project("again"));
    let other = cache.dir.path().join("other");
    cache.enable(&project, &["--size", "3G"]);
    let chosen = [
        "--program",
        cache.sccache.as_str(),
        "--dir",
        other.as_str(),
        "--size",
        "4G",
    ];
    cache.xtask_ok(&project, &[&["sccache", "enable"][..], &chosen].concat());
    let before = configuration(&project);
    let done = cache.xtask_ok(&project, &["sccache", "enable"]);
    assert_eq!(configuration(&project), before, "{}", done.stderr);
}

#[test]
fn the_older_name_of_the_configuration_is_respected() {
    let (cache, project) = (Cache::new(), project("older_name"));
    project.write(".cargo/config", "[build]\njobs = 1\n");
    let before = configuration(&project);
    cache.enable(&project, &[]);
    let status = cache.xtask_ok(&project, &["sccache", "status"]).stdout;
    assert!(
        status.contains("named by    .cargo/config.local.toml"),
        "{status}"
    );
    cache.xtask_ok(&project, &["sccache", "disable"]);
    assert_eq!(configuration(&project), before);
}

#[test]
fn what_cannot_be_written_whole_is_not_written_at_all() {
    let (cache, project) = (Cache::new(), project("half"));
    project.write(".cargo/config.toml", "[build]\njobs = 1\n");
    let read_only = std::os::unix::fs::PermissionsExt::from_mode(0o444);
    fs_err::set_permissions(project.root().join(".cargo/config.toml"), read_only).unwrap();
    let before = configuration(&project);
    let args = ["sccache", "enable", "--program", cache.sccache.as_str()];
    let done = cache.xtask(&project, &args);
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    assert_eq!(configuration(&project), before);
}

#[test]
fn a_project_whose_workspace_is_elsewhere_gets_it_where_cargo_looks() {
    let cache = Cache::new();
    let fixture = Fixture::light("elsewhere");
    cache.enable(&fixture, &[]);
    // The extension's crate lies below the project: both find what is in the project's directory.
    assert!(fixture.root().join(".cargo/config.local.toml").is_file());
    assert!(!fixture.root().join("native/.cargo").exists());
}

/// What keeps everything else from working: a file, and what it holds then.
const BROKEN: [(&str, &str); 5] = [
    (".cargo/config.toml", "env = \"x\"\n"),
    ("Cargo.toml", "[package\n"),
    ("pyproject.toml", "[project\n"),
    (".cargo/config.toml", "[build\n"),
    (".cargo/config.local.toml", "\n[http\n"),
];

#[test]
fn off_works_where_nothing_else_does() {
    let cache = Cache::new();
    for (file, text) in BROKEN {
        let project = project("broken");
        cache.enable(&project, &["--size", "1G"]);
        let path = project.root().join(file);
        let whole = fs_err::read_to_string(&path).unwrap();
        // Cargo's configuration keeps what was written into it, unless it is no TOML any more.
        let broken = if text.contains('=') {
            format!("{whole}{text}")
        } else {
            text.to_owned()
        };
        project.write(file, &broken);
        let cargo = Invocation::new("cargo").args(["metadata", "--offline", "--no-deps"]);
        let refused = cargo.cwd(&project.root()).capture().unwrap();
        assert!(
            file == "pyproject.toml" || !refused.status.success(),
            "{file}"
        );
        let done = cache.xtask(&project, &["sccache", "disable"]);
        let is_toml = !file.starts_with(".cargo") || text.contains('=');
        assert_eq!(done.status.success(), is_toml, "{file}: {}", done.stderr);
        assert!(
            is_toml || done.stderr.contains(&format!("cannot parse {path}")),
            "{}",
            done.stderr
        );
        for (name, text) in configuration(&project) {
            let text = String::from_utf8(text).unwrap();
            // The introduction of a file stays where the user has added something.
            let mut settings = text.lines().filter(|line| !line.starts_with('#'));
            let left =
                settings.find(|line| line.contains("rustc-wrapper") || line.contains("SCCACHE_"));
            assert_eq!(left, None, "{file}: {name}");
        }
        let kept = fs_err::read_to_string(&path).unwrap();
        assert!(kept.ends_with(text), "{file}: {kept}");
    }
}

#[test]
fn a_second_project_gets_the_size_that_the_server_has() {
    let cache = Cache::new();
    let (first, second) = (project("sized_first"), project("sized_second"));
    let said = cache.enable(&first, &["--size", "700M"]).stderr;
    let line = said
        .lines()
        .find(|line| line.contains("Including"))
        .unwrap();
    assert!(line.contains("config.toml, which git tracks"), "{said}");
    assert!(said.find("Including") < said.find("Enabled"), "{said}");
    assert!(cache.cargo_build(&first).status.success());
    let done = cache.enable(&second, &[]);
    assert!(!done.stderr.contains("other settings"), "{}", done.stderr);
    let local = fs_err::read_to_string(second.root().join(".cargo/config.local.toml")).unwrap();
    assert!(local.contains("SCCACHE_CACHE_SIZE = \"700M\""), "{local}");
}
