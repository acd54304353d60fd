//! `cargo xtask doctor --prove`: the tools of a project build one after the other, and what is compiled again
//! is told with its cause.

use camino::{Utf8Path, Utf8PathBuf};
use processes::{Captured, Invocation};
use python_tools::{PinnedRequirements, Tool, Toolbox};
use serde_json::Value;
use testkit::Fixture;

/// uv and maturin, fetched if they are missing.
fn tools() -> (Tool, Tool) {
    let pinned = include_str!("../../requirements/tools.txt");
    let pinned = PinnedRequirements::parse(pinned).expect("the pinned tools");
    let toolbox = Toolbox::new(pinned, false);
    let uv = toolbox.uv(&|_, _| ()).expect("uv");
    let maturin = toolbox.maturin(&uv, &|_, _| ()).expect("maturin");
    (uv, maturin)
}

/// A program in a shell that says nothing of other projects. uv finds maturin and its backend without an
/// index.
fn settled(program: &Utf8Path, dir: &Utf8Path) -> Invocation {
    let bin: Utf8PathBuf = tools().1.path.parent().expect("a directory").into();
    let path = format!("{bin}:{}", std::env::var("PATH").expect("PATH"));
    let unset = [
        "CARGO_TARGET_DIR",
        "CONDA_PREFIX",
        "RUSTC_WRAPPER",
        "RUSTFLAGS",
        "UV_PROJECT_ENVIRONMENT",
        "VIRTUAL_ENV",
    ];
    let command = Invocation::new(program)
        .env("PATH", path)
        .env("PYTHONPATH", bin.parent().expect("a directory").as_str())
        .env("UV_NO_BUILD_ISOLATION", "1")
        .env("XTASK_NO_STORE", "1")
        .cwd(dir);
    unset.into_iter().fold(command, Invocation::env_remove)
}

fn xtask(project: &Fixture, args: &[&str]) -> Captured {
    let program = Utf8Path::new(env!("CARGO_BIN_EXE_xtask"));
    let command = settled(program, &project.root()).args(args.iter().copied());
    command.capture().expect("it starts")
}

fn ok(project: &Fixture, args: &[&str]) -> Captured {
    let done = xtask(project, args);
    assert!(
        done.status.success(),
        "{args:?}: {}{}",
        done.stdout,
        done.stderr
    );
    done
}

fn git(project: &Fixture, args: &[&str]) -> String {
    let git = Invocation::new("git").args(["-c", "user.name=n", "-c", "user.email=e"]);
    let git = git.args(args.iter().copied()).cwd(&project.root());
    git.read().expect("git")
}

fn commit(project: &Fixture) {
    git(project, &["init", "-q"]);
    git(project, &["add", "-A"]);
    git(project, &["commit", "-q", "-m", "theirs"]);
}

/// The names of the steps, each with a figure of it.
fn figures<'p>(proof: &'p Value, figure: &str) -> Vec<(&'p str, u64)> {
    let steps = proof["steps"].as_array().expect("steps").iter();
    let figures = steps.map(|step| {
        let name = step["name"].as_str().expect("a name");
        (name, step[figure].as_u64().expect("a figure"))
    });
    figures.collect()
}

const STEPS: [&str; 8] = [
    "cargo check",
    "dev",
    "maturin develop",
    "uv sync",
    "uv run",
    "cargo test",
    "dev",
    "cargo check",
];

/// Those that link the extension.
const LINK: [&str; 3] = ["dev", "maturin develop", "uv sync"];

/// A team's project is taken over, built, proved, and given back.
#[test]
fn in_a_project_of_many_crates_no_tool_makes_anothers_builds_stale() {
    let project = Fixture::many_crates("team");
    let (uv, _) = tools();
    let lock = |program: &Utf8Path, args: [&str; 2]| {
        let locked = settled(program, &project.root()).args(args).read();
        locked.expect("it locks");
    };
    lock(&uv.path, ["lock", "--offline"]);
    lock("cargo".into(), ["generate-lockfile", "--quiet"]);
    commit(&project);

    let shown = ok(&project, &["init", "--yes"]).stdout;
    let diff = git(&project, &["diff"]);
    for line in diff.lines().filter(|it| it.starts_with(['+', '-'])) {
        assert!(
            line.starts_with("+++") || line.starts_with("---") || shown.contains(line),
            "{line}"
        );
    }
    ok(&project, &["dev"]);
    let python = project.root().join(".venv/bin/python");
    let import = Invocation::new(python).args(["-I", "-c", "import team; print(team.answer())"]);
    assert_eq!(import.read().expect("it imports"), "42\n");

    let done = ok(&project, &["doctor", "--prove", "--offline", "--json"]);
    let proof: Value = serde_json::from_str(&done.stdout).expect("JSON");
    let rebuilt = figures(&proof, "rebuilt");
    assert_eq!(rebuilt, STEPS.map(|name| (name, 0)), "{}", done.stdout);
    assert_eq!(proof["passed"], true);
    // `dev` links against a library of third-party crates, where it can; the others do not.
    let relinked = figures(&proof, "relinked");
    let of_extension = |(name, count): &(&str, u64)| *count <= u64::from(LINK.contains(name));
    assert!(relinked.iter().all(of_extension), "{relinked:?}");
    assert_eq!(
        git(&project, &["diff"]),
        diff,
        "nothing of theirs has changed since"
    );

    ok(&project, &["init", "--undo", "--yes"]);
    assert_eq!(git(&project, &["status", "--porcelain"]), "");
}

/// Where no file shares the variables of pyo3, an editor and `dev` take turns with it. A test that cannot be
/// linked is told, and is no rebuilding.
#[test]
fn what_is_compiled_again_is_told_with_its_cause_and_its_cure() {
    let project = Fixture::light("prove_thing");
    project.edit(
        "native/Cargo.toml",
        "[workspace]",
        "[workspace]\n[workspace.metadata.xtask]\nprelink = false",
    );
    // A release build beside it would only take time.
    project.edit(
        "pyproject.toml",
        "[tool.maturin]",
        "[tool.maturin]\neditable-profile = \"dev\"",
    );
    project.write("native/tests/broken.rs", "compile_error!(\"no cheese\");\n");
    commit(&project);
    let done = xtask(&project, &["doctor", "--prove"]);
    assert_eq!(done.status.code(), Some(1), "{}", done.stderr);
    let lines: Vec<_> = done.stdout.lines().collect();
    assert!(
        lines[0].starts_with("step ") && lines[0].ends_with("root cause"),
        "{}",
        done.stdout
    );
    let line = |name: &str| {
        lines
            .iter()
            .filter(|line| line.starts_with(name))
            .collect::<Vec<_>>()
    };
    assert!(
        line("dev ")[0].contains("pyo3-ffi: PYO3_BUILD_EXTENSION_MODULE is 1, and was not set"),
        "{}",
        done.stdout
    );
    assert!(
        line("cargo test ")[0].contains("failed: error: no cheese"),
        "{}",
        done.stdout
    );
    for said in [
        "units were compiled again, though nothing has changed",
        "  help: let every cargo read the variables of this build: `include = ",
        "warning: `cargo test --workspace --no-run` fails in the copy",
    ] {
        assert!(done.stderr.contains(said), "{said}: {}", done.stderr);
    }
    assert_eq!(
        git(&project, &["status", "--porcelain", "--ignored"]),
        "",
        "nothing is made"
    );
}
