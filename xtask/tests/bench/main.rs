//! `cargo xtask bench-build` on a small real project, with the real cargo, sccache, uv and maturin.

use std::time::SystemTime;

use build_bench::results::{Cell, Results, State};
use build_bench::store;
use camino::{Utf8Path, Utf8PathBuf};
use processes::Say;
use processes::{Captured, Invocation, proc};
use python_tools::{PinnedRequirements, Toolbox};
use testkit::{Fixture, TempDir, WITH_SIGNALS};
use tune::measurement::SCHEMA;

/// An extension of two crates that compiles within a second. It exports a function of C, since pyo3 would
/// take most of the time of these tests and changes nothing of what they are about.
fn project() -> Fixture {
    let fixture = Fixture::pure_rust("measured");
    let cargo_toml = "[package]\nname = \"measured\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                      [lib]\ncrate-type = [\"cdylib\"]\n\n\
                      [dependencies]\nadd = { path = \"add\" }\nmemchr = \"=2.7.6\"\n\n[workspace]\n";
    fixture.write("Cargo.toml", cargo_toml);
    let bindings = "[tool.maturin]\nbindings = \"pyo3\"\n\n[project]";
    fixture.edit("pyproject.toml", "[project]", bindings);
    fixture.write(
        "src/lib.rs",
        "fn unused() {\n}\n\n#[unsafe(no_mangle)]\npub extern \"C\" fn answer() -> u32 {\n    add::two(40)\n}\n",
    );
    let add = "[package]\nname = \"add\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    fixture.write("add/Cargo.toml", add);
    fixture.write(
        "add/src/lib.rs",
        "pub fn two(x: u32) -> u32 {\n    x + 2\n}\n",
    );
    fixture
}

fn bench(project: &Fixture, cache: &TempDir, args: &[&str]) -> Invocation {
    Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["--project", project.root().as_str(), "bench"])
        .args(args.iter().copied())
        .env("XTASK_CACHE_DIR", cache.path().as_str())
        .env("PATH", path())
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("VIRTUAL_ENV")
}

/// With the tools that the xtask uses, which are fetched only once for all tests.
fn path() -> String {
    let file = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../requirements/tools.txt");
    let text = fs_err::read_to_string(file).expect("it can be read");
    let toolbox = Toolbox::new(
        PinnedRequirements::parse(&text).expect("it is pinned"),
        false,
    );
    let quiet: Say<'_> = &|_, _| {};
    let uv = toolbox.uv(quiet).expect("uv");
    let maturin = toolbox.maturin(&uv, quiet).expect("maturin");
    let sccache = toolbox.fetch_pinned("sccache", quiet).expect("sccache");
    let dirs = [uv, maturin, sccache].map(|tool| tool.path.with_file_name("").to_string());
    let rest = std::env::var("PATH").expect("it is set");
    format!("{}:{rest}", dirs.join(":"))
}

const STRATEGIES: [&str; 4] = [
    "--strategy",
    "cargo/incremental",
    "--strategy",
    "cargo/sccache",
];

fn with_strategies<'a>(args: &[&'a str]) -> Vec<&'a str> {
    STRATEGIES.iter().chain(args).copied().collect()
}

/// Every file of the project with its content and time.
fn files(project: &Fixture) -> Vec<(Utf8PathBuf, Vec<u8>, SystemTime)> {
    let entries = walkdir::WalkDir::new(project.root()).sort_by_file_name();
    let files = entries
        .into_iter()
        .map(|entry| entry.expect("it can be listed"));
    let files = files.filter(|entry| entry.file_type().is_file());
    let read = |entry: walkdir::DirEntry| {
        let path = Utf8PathBuf::from_path_buf(entry.path().to_owned()).expect("UTF-8");
        let bytes = fs_err::read(&path).expect("it can be read");
        let modified = entry.metadata().expect("its metadata").modified();
        (path, bytes, modified.expect("a time"))
    };
    files.map(read).collect()
}

fn cell<'a>(results: &'a Results, scenario: &str, setting: &str) -> &'a Cell {
    results
        .cell_of(scenario, "cargo", setting)
        .expect("it was to be measured")
}

/// The directory of the one workspace in `cache`.
fn workspace(cache: &TempDir) -> Utf8PathBuf {
    let dir = cache.path().join("xtask-bench");
    let mut entries = dir.read_dir_utf8().expect("it is there");
    entries
        .next()
        .expect("one")
        .expect("it can be read")
        .into_path()
}

fn names_in(dir: &Utf8Path) -> Vec<String> {
    let entries = dir.read_dir_utf8().expect("it can be listed").flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn times_calls_of_rustc_and_changes_are_measured_and_the_project_is_left_alone() {
    let (project, cache) = (project(), TempDir::new());
    let before = files(&project);
    let [json, markdown, html] = ["r.json", "r.md", "r.html"].map(|name| project.beside(name));
    let args = [
        "--scenario",
        "cold",
        "--scenario",
        "unchanged",
        "--scenario",
        "cdylib",
        "--scenario",
        "core",
        "--scenario",
        "target",
        "--scenario",
        "leaf",
        "--scenario",
        "venv",
        "--runs",
        "2",
        "--json",
        json.as_str(),
        "--markdown",
        markdown.as_str(),
        "--html",
        html.as_str(),
    ];
    let done = bench(&project, &cache, &with_strategies(&args))
        .capture()
        .expect("it starts");
    assert!(done.status.success(), "{}", done.stderr);
    assert_eq!(files(&project), before);
    assert_eq!(names_in(&workspace(&cache)), ["lock", "results.json"]);

    let results = store::load(&json).expect("it is JSON of ours");
    assert_eq!(results.state, State::Complete);
    let calls = |scenario: &str, setting: &str| {
        let runs = cell(&results, scenario, setting).counted();
        runs.map(|run| run.compilations).collect::<Vec<_>>()
    };
    for setting in ["incremental", "sccache"] {
        // memchr, its build script's none, and the two crates.
        assert_eq!(calls("cold", setting), [3], "{setting}");
        assert_eq!(calls("unchanged", setting), [0, 0], "{setting}");
        assert_eq!(calls("cdylib", setting), [1, 1], "{setting}");
        assert_eq!(calls("core", setting), [2, 2], "{setting}");
        assert_eq!(calls("target", setting), [3], "{setting}");
        for scenario in ["cdylib", "core"] {
            let mut runs = cell(&results, scenario, setting).runs.iter();
            assert!(
                runs.all(|run| run.is_another_library == Some(true)),
                "{scenario}"
            );
        }
    }
    let hits = |scenario: &str| {
        cell(&results, scenario, "sccache")
            .typical()
            .and_then(|run| run.cache_hits)
    };
    assert_eq!((hits("cold"), hits("target")), (Some(0), Some(2)));
    let note = |scenario: &str| {
        cell(&results, scenario, "incremental")
            .note
            .clone()
            .unwrap_or_default()
    };
    assert_eq!(
        note("leaf"),
        "not measured: the project has no two library crates beside the extension"
    );
    assert_eq!(note("venv"), "not measured: it installs nothing");
    assert!(
        results
            .subject
            .edits
            .iter()
            .any(|edit| edit.place == "add/src/lib.rs:2"),
        "{:?}",
        results.subject
    );

    assert!(
        done.stdout
            .contains("a: cargo build, cargo incremental only"),
        "{}",
        done.stdout
    );
    let text = fs_err::read_to_string(markdown).expect("it was written");
    assert!(text.contains("## All figures"), "{text}");
    let page = fs_err::read_to_string(html).expect("it was written");
    assert!(page.contains("target/ gone"), "{page}");
    against_itself(&project, &cache, &json);
}

/// Nothing is slower than itself; but much is slower than what took no time.
fn against_itself(project: &Fixture, cache: &TempDir, json: &Utf8Path) {
    let compared = |baseline: &Utf8Path| {
        let args = ["--from", json.as_str(), "--baseline", baseline.as_str()];
        bench(project, cache, &args).capture().expect("it starts")
    };
    let done = compared(json);
    assert_eq!(done.status.code(), Some(0), "{}", done.stderr);
    let mut faster = store::load(json).expect("it is there");
    for run in faster.cells.iter_mut().flat_map(|cell| &mut cell.runs) {
        run.wall_s /= 100.0;
    }
    faster.summarise();
    let path = project.beside("faster.json");
    store::save(&faster, &path).expect("it can be written");
    let done = compared(&path);
    assert_eq!(done.status.code(), Some(3), "{}", done.stdout);
    assert!(done.stdout.contains("SLOWER"), "{}", done.stdout);
}

#[test]
fn a_target_directory_that_projects_share_is_neither_used_nor_touched() {
    let (project, cache) = (project(), TempDir::new());
    let shared = project.beside("shared");
    for key in ["target-dir", "build-dir"] {
        let config = format!("[build]\n{key} = \"{shared}\"\n");
        project.write(".cargo/config.toml", &config);
        let json = project.beside("r.json");
        let args = ["--scenario", "unchanged", "--scenario", "target"];
        let strategy = ["--strategy", "cargo/incremental", "--json", json.as_str()];
        let args: Vec<_> = args.into_iter().chain(strategy).collect();
        let done = bench(&project, &cache, &args).capture().expect("it starts");
        assert!(done.status.success(), "{}", done.stderr);
        assert!(!shared.exists(), "{key}");
        let results = store::load(&json).expect("it is JSON of ours");
        // All of it once more, so what was removed was what is built into.
        let target = cell(&results, "target", "incremental");
        assert_eq!(target.runs[0].compilations, 3, "{key}");
        assert_eq!(
            cell(&results, "unchanged", "incremental").runs[0].compilations,
            0
        );
    }
}

#[test]
fn kept_caches_are_filled_before_anything_comes_from_them() {
    let (project, cache) = (Fixture::pure_rust("kept"), TempDir::new());
    let json = project.beside("r.json");
    let args = ["--strategy", "maturin-develop/sccache", "--runs", "1"];
    let more = ["--scenario", "clone", "--scenario", "wheel-warm", "--json"];
    let args: Vec<_> = args
        .into_iter()
        .chain(more)
        .chain([json.as_str()])
        .collect();
    let done = bench(&project, &cache, &args).capture().expect("it starts");
    assert!(done.status.success(), "{}", done.stderr);
    let results = store::load(&json).expect("it is JSON of ours");
    for scenario in ["clone", "wheel-warm"] {
        let cell = results.cell_of(scenario, "maturin-develop", "sccache");
        let run = cell.and_then(Cell::typical).expect("it was measured");
        assert!(run.cache_hits > Some(3), "{scenario}: {run:?}");
    }
}

#[test]
fn lines_are_found_where_uv_does_not_know_what_the_library_is_made_of() {
    let (project, cache) = (Fixture::pure_rust("unkeyed"), TempDir::new());
    let json = project.beside("r.json");
    let args = [
        "--strategy",
        "uv-sync/incremental",
        "--strategy",
        "cargo/incremental",
    ];
    let more = ["--scenario", "cdylib", "--runs", "1", "--json"];
    let args: Vec<_> = args
        .into_iter()
        .chain(more)
        .chain([json.as_str()])
        .collect();
    let done = bench(&project, &cache, &args).capture().expect("it starts");
    assert!(done.status.success(), "{}", done.stderr);
    let results = store::load(&json).expect("it is JSON of ours");
    assert_eq!(results.subject.edits.len(), 1, "{:?}", results.subject);
    let is_stale = |strategy: &str| {
        let cell = results.cell_of("cdylib", strategy, "incremental");
        cell.expect("it was to be measured").is_stale()
    };
    // Without `cache-keys` plain `uv sync` builds nothing, and that is told.
    assert!(is_stale("uv-sync") && !is_stale("cargo"), "{}", done.stdout);
}

#[test]
fn what_runs_when_the_time_is_over_is_ended() {
    let (project, cache) = (project(), TempDir::new());
    let script = "fn main() {\n    std::thread::sleep(std::time::Duration::from_secs(600));\n}\n";
    project.write("build.rs", script);
    let start = std::time::Instant::now();
    let args = ["--strategy", "cargo/incremental", "--scenario", "cold"];
    let args: Vec<_> = args.into_iter().chain(["--time-budget", "10s"]).collect();
    let done = bench(&project, &cache, &args).capture().expect("it starts");
    assert!(done.status.success(), "{}", done.stderr);
    assert!(start.elapsed().as_secs() < 300);
    assert!(
        done.stdout.contains("not measured: no time was left"),
        "{}",
        done.stdout
    );
}

#[test]
fn what_was_measured_is_not_lost_with_a_file_that_cannot_be_written() {
    let (project, cache) = (project(), TempDir::new());
    project.write("file", "");
    let nowhere = project.root().join("file/r.json");
    let failed = |args: &[&str]| {
        let args: Vec<_> = args
            .iter()
            .copied()
            .chain(["--json", nowhere.as_str()])
            .collect();
        let done = bench(&project, &cache, &args).capture().expect("it starts");
        assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
        done.stderr
    };
    let said = failed(&["--strategy", "cargo/incremental", "--scenario", "unchanged"]);
    let kept = workspace(&cache).join("results.json");
    assert!(
        said.contains(&format!("bench-build --from {kept}`")),
        "{said}"
    );
    let in_the_way = project.root().join("file");
    assert!(said.contains(in_the_way.as_str()), "{said}");
    let said = failed(&["--from", kept.as_str()]);
    assert!(!said.contains("without measuring again"), "{said}");
}

#[test]
fn settings_that_tune_has_found_are_measured_before_they_are_applied() {
    let (project, cache) = (project(), TempDir::new());
    let json = project.beside("r.json");
    let strategies = ["cargo/incremental", "cargo/tuned"].map(|it| ["--strategy", it]);
    let args = [
        &["--scenario", "target", "--runs", "1"],
        strategies.concat().as_slice(),
        &["--json", json.as_str()],
    ]
    .concat();
    let measured = || {
        let done = bench(&project, &cache, &args).capture().expect("it starts");
        assert!(done.status.success(), "{}", done.stderr);
        store::load(&json).expect("it is JSON of ours")
    };
    let note = |results: &Results| cell(results, "target", "tuned").note.clone();
    let unknown = "not measured: no tuned settings are known; `cargo xtask tune` finds them";
    assert_eq!(note(&measured()).as_deref(), Some(unknown));

    // Where `tune` keeps what it has found, and a setting with which nothing builds: so it is known to be in
    // force.
    let kept = Toolbox::new(PinnedRequirements::parse("").expect("it is empty"), false);
    let name = kept.scratch_of(&project.root(), "xtask-tune").unwrap();
    let name = name.file_name().expect("it has one").to_owned();
    let tuned = |key: &str| {
        let ratio = r#"{"median":0.5,"interval":null}"#;
        format!(
            r#"{{"schema":{SCHEMA},"subject":{{"name":"measured","root":"{}","profile":"dev","toolchain":"","lock_sha256":"","edited":""}},
            "spent_s":1.0,"base":{{"build_s":1.0,"library_bytes":1}},"rows":[],
            "winners":[{{"setting":"codegen-units","note":"","choices":{{"linker":null,"profile":[[["codegen-units"],"{key}"]]}}}}],
            "together":{{"build_s":1.0,"without_s":2.0,"ratio":{ratio},"library_bytes":1,"is_worth_it":true}}}}"#,
            project.root()
        )
    };
    let path = cache
        .path()
        .join("xtask-tune")
        .join(name)
        .with_extension("json");
    fs_err::create_dir_all(path.with_file_name("")).expect("it can be made");
    fs_err::write(&path, tuned("4")).expect("it can be written");
    let results = measured();
    assert_eq!(note(&results), None);
    assert_eq!(cell(&results, "target", "tuned").counted().count(), 1);
    fs_err::write(&path, tuned("0")).expect("it can be written");
    let results = measured();
    assert!(
        note(&results).is_some_and(|note| note.contains("failed")),
        "{:?}",
        note(&results)
    );
    assert_eq!(cell(&results, "target", "incremental").counted().count(), 1);
}

#[test]
fn a_document_shows_what_was_measured_and_the_check_tells_when_it_does_not() {
    let (project, cache) = (project(), TempDir::new());
    let [path, json] = ["figures.md", "r.json"].map(|name| project.beside(name));
    let args = with_strategies(&[
        "--scenario",
        "target",
        "--runs",
        "1",
        "--json",
        json.as_str(),
    ]);
    let done = bench(&project, &cache, &args).capture().expect("it starts");
    assert!(done.status.success(), "{}", done.stderr);
    let into = |more: &[&str]| {
        let args = ["--from", json.as_str(), "--into", path.as_str()];
        let args: Vec<_> = args.iter().chain(more).copied().collect();
        bench(&project, &cache, &args).capture().expect("it starts")
    };
    let expected = |args: &[&str], code: i32, told: &str| {
        let done = into(args);
        let said = format!("{}{}", done.stdout, done.stderr);
        assert_eq!(done.status.code(), Some(code), "{said}");
        assert!(said.contains(told), "{told} in {said}");
    };
    fs_err::write(&path, "Mine.\n").expect("it can be written");
    expected(&[], 1, "write a line `<!-- bench-build -->`");
    let empty = "Mine.\n<!-- bench-build -->\n<!-- bench-build: end -->\n";
    fs_err::write(&path, empty).expect("it can be written");
    let root = project.root();
    let command = format!("cargo xtask --project {root} bench-build");
    let repair = format!("`{command} --from {json} --into {path}` writes");
    expected(&["--check"], 3, &repair);
    assert_eq!(fs_err::read_to_string(&path).expect("it is there"), empty);

    expected(&[], 0, "Written");
    let text = fs_err::read_to_string(&path).expect("it is there");
    assert!(text.contains("| `target`: target/ gone | "), "{text}");
    expected(&["--check"], 0, "Unchanged");
    let chart = path.with_file_name("images").join("build-times.svg");
    fs_err::write(&chart, "").expect("it can be written");
    expected(&["--check"], 3, &format!("{chart}: it is not what"));
    expected(&[], 0, "Written");

    // A command that is no longer run under the name.
    let older = fs_err::read_to_string(&json).expect("it is there");
    let older = older.replace("\"cargo build\"", "\"cargo rustc\"");
    fs_err::write(&json, older).expect("it can be written");
    let again = format!("--json {json}` measures it again");
    expected(&["--check"], 3, &again);
}

const INTERRUPTED: [&str; 8] = [
    "--scenario",
    "cold",
    "--scenario",
    "unchanged",
    "--scenario",
    "cdylib",
    "--runs",
    "3",
];

/// Runs it, and sends it `signal` as soon as a second run has been kept.
fn interrupted_by(signal: &str, project: &Fixture, cache: &TempDir) -> Captured {
    let command = bench(project, cache, &with_strategies(&INTERRUPTED));
    let results = cache.path().join("xtask-bench");
    let script = format!(
        "{WITH_SIGNALS} {command} & pid=$!\n\
         until [ \"$(cat {results}/*/results.json 2>/dev/null | grep -c '\"round\"')\" -ge 2 ]; do sleep 0.05; done\n\
         kill -{signal} $pid; wait $pid"
    );
    Invocation {
        program: "sh".into(),
        args: vec!["-c".to_owned(), script],
        ..command
    }
    .capture()
    .expect("it starts")
}

#[test]
fn an_interrupted_measurement_goes_on_where_it_was() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (project, cache) = (project(), TempDir::new());
        let before = files(&project);
        let done = interrupted_by(signal, &project, &cache);
        assert_eq!(done.status.code(), Some(code), "{}", done.stderr);
        assert!(done.stderr.contains("--resume"), "{}", done.stderr);
        assert_eq!(files(&project), before);
        let home = workspace(&cache).join("cargo");
        assert!(
            proc::with_variable("CARGO_HOME", home.as_str()).is_empty(),
            "something runs on"
        );

        let kept = store::load(&workspace(&cache).join("results.json")).expect("it was kept");
        assert_eq!(kept.state, State::Interrupted);
        let json = project.beside("r.json");
        let other = with_strategies(&["--scenario", "cold", "--runs", "3", "--resume"]);
        let done = bench(&project, &cache, &other)
            .capture()
            .expect("it starts");
        assert!(
            done.stderr.contains("other strategies, scenarios or runs"),
            "{}",
            done.stderr
        );
        let mut args = with_strategies(&INTERRUPTED);
        args.extend(["--resume", "--json", json.as_str()]);
        let done = bench(&project, &cache, &args).capture().expect("it starts");
        assert!(done.status.success(), "{}", done.stderr);
        let results = store::load(&json).expect("it is JSON of ours");
        assert_eq!(results.state, State::Complete);
        let cold = |results: &Results| cell(results, "cold", "incremental").runs.clone();
        assert_eq!(
            cold(&results),
            cold(&kept),
            "what was measured is not measured again"
        );
        for cell in &results.cells {
            assert!(cell.wall_s.is_some() && cell.note.is_none(), "{cell:?}");
        }
        let again = bench(&project, &cache, &args).capture().expect("it starts");
        assert!(
            again
                .stderr
                .contains("no measurement of this project to go on with"),
            "{}",
            again.stderr
        );
    }
}

#[test]
fn what_cannot_be_measured_is_told_at_once() {
    let (project, cache) = (project(), TempDir::new());
    for (args, code, message) in [
        (["--strategy", "ninja"], 2, "there is no strategy `ninja`"),
        (["--scenario", "warm"], 2, "wheel-warm"),
        (["--time-budget", "0m"], 2, "is not a time such as"),
        (["--baseline", "none.json"], 1, "cannot work with none.json"),
        (["--from", "none.json"], 1, "cannot work with none.json"),
    ] {
        let done = bench(&project, &cache, &args).capture().expect("it starts");
        assert_eq!(done.status.code(), Some(code), "{}", done.stderr);
        assert!(done.stderr.contains(message), "{}", done.stderr);
    }
    assert!(!cache.path().join("xtask-bench").exists());
}
