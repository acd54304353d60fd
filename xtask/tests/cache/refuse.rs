//! What is refused, before anything is written.

use testkit::{FakePrograms, Fixture};

use crate::{Cache, configuration, project};

fn refused(cache: &Cache, project: &Fixture, args: &[&str]) -> String {
    let done = cache.xtask(project, &[&["sccache", "enable"], args].concat());
    assert_eq!(done.status.code(), Some(1), "{args:?} {}", done.stderr);
    assert_eq!(configuration(project), [], "{args:?}");
    done.stderr
}

#[test]
fn a_wrapper_that_does_not_compile_is_not_switched_on() {
    let (cache, project, fakes) = (Cache::new(), project("broken"), FakePrograms::new());
    let broken =
        "[ \"$1\" = --version ] && { echo 'sccache 0.16.0'; exit; }; echo 'no disk' >&2; exit 1";
    let program = fakes.add("sccache", broken);
    let error = refused(&cache, &project, &["--program", program.as_str()]);
    assert!(
        error.contains("cannot be compiled") && error.contains("no disk"),
        "{error}"
    );
}

#[test]
fn a_wrapper_that_keeps_nothing_is_not_switched_on() {
    let (cache, project, fakes) = (Cache::new(), project("forgets"), FakePrograms::new());
    let stats = r#"{"stats":{"cache_hits":{"counts":{}},"cache_misses":{"counts":{}},"compile_fails":0,
        "not_cached":{},"cache_timeouts":0,"cache_read_errors":0,"cache_write_errors":0},
        "cache_location":"Local disk: \"/nowhere\"","cache_size":null,"max_cache_size":null}"#;
    let script = format!("case \"$1\" in --*) echo '{stats}';; *) exec \"$@\";; esac");
    let program = fakes.add("sccache", &script);
    let error = refused(&cache, &project, &["--program", program.as_str()]);
    assert!(error.contains("did not find it in its cache"), "{error}");
    assert!(error.contains("/nowhere"), "{error}");
}

#[test]
fn a_store_that_cannot_be_written_to_is_found_out() {
    let (cache, project) = (Cache::new(), project("unwritable"));
    project.write("file", "");
    let inside_a_file = project.root().join("file/store");
    let program = cache.sccache.as_str();
    let args = ["--program", program, "--dir", inside_a_file.as_str()];
    let error = refused(&cache, &project, &args);
    assert!(error.contains("file/store"), "{error}");
}

#[test]
fn a_server_that_does_not_answer_is_found_out() {
    let (cache, project) = (Cache::new(), project("no_server"));
    let program = cache.sccache.as_str();
    let redis = ["--program", program, "--backend", "redis://127.0.0.1:1"];
    let error = refused(&cache, &project, &redis);
    assert!(
        error.contains("SCCACHE_REDIS_PASSWORD"),
        "what may be missing: {error}"
    );
}

#[test]
fn a_variable_that_sccache_refuses_is_found_and_the_cure_is_named() {
    let (cache, project) = (Cache::new(), project("incremental"));
    let program = cache.sccache.as_str();
    let run = |args: &[&str]| {
        let command = processes::Invocation::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["--project", project.root().as_str()])
            .args(args.iter().copied());
        let command = cache.with(command).env("CARGO_INCREMENTAL", "1");
        let done = command.capture().unwrap();
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(said.contains("unset CARGO_INCREMENTAL"), "{said}");
        done.status.code()
    };
    assert_eq!(run(&["sccache", "enable", "--program", program]), Some(1));
    assert_eq!(configuration(&project), []);
    cache.enable(&project, &[]);
    assert_eq!(run(&["sccache", "status"]), Some(3));
    assert_eq!(run(&["dev"]), Some(1));
    cache.xtask_ok(&project, &["sccache", "disable"]);

    project.write(".cargo/config.toml", "[env]\nCARGO_INCREMENTAL = \"1\"\n");
    let done = cache.xtask(&project, &["sccache", "enable", "--program", program]);
    assert!(
        done.stderr.contains("set in .cargo/config.toml"),
        "{}",
        done.stderr
    );
}

#[test]
fn options_that_do_not_fit_are_named() {
    let (cache, project) = (Cache::new(), project("options"));
    let program = ["--program", cache.sccache.as_str()];
    let with = |args: &[&str]| refused(&cache, &project, &[&program[..], args].concat());
    assert!(with(&["--backend", "redis"]).contains("redis://HOST:PORT/DB"));
    assert!(with(&["--backend", "gha"]).contains("needs ACTIONS_"));
    let sized = with(&["--backend", "redis://localhost", "--size", "1G"]);
    assert!(
        sized.contains("--size is no option of --backend redis"),
        "{sized}"
    );
    let secret = with(&["--backend", "redis://:geheim@localhost"]);
    assert!(
        secret.contains("SCCACHE_REDIS_PASSWORD") && !secret.contains("geheim"),
        "{secret}"
    );
    let program = refused(&cache, &project, &["--program", "/no/such/sccache"]);
    assert!(program.contains("no program /no/such/sccache"), "{program}");
}
