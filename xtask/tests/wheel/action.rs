//! The same build by maturin-action. Its container cannot run here; what it makes of its inputs can: the
//! script that it composes, with the variables that it is told.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use environment::cargo_env;
use processes::{Captured, Invocation};
use python_tools::{PinnedRequirements, Toolbox};
use testkit::Fixture;
use wheel_build::toolchain::CONTAINER_HOME;

use super::{command, git, project};

#[test]
fn maturin_action_builds_what_the_plan_says() {
    let project = project("acted");
    let plan = step(&project, &["--release", "--plan"]).capture().unwrap();
    assert!(plan.status.success(), "{}", plan.stderr);
    the_workflow_hands_every_input_on(&project);
    nothing_is_taken_that_was_not_built(&project);

    let action = run_action(&project);
    assert!(action.status.success(), "{}", action.stderr);
    let summary = project.beside("summary");
    let built = step(&project, &["--release", "--built"])
        .env("GITHUB_STEP_SUMMARY", summary.as_str())
        .capture()
        .unwrap();
    assert!(built.status.success(), "{}", built.stderr);
    assert!(built.stderr.contains("Trying"), "{}", built.stderr);
    let manifest = fs_err::read_to_string(project.root().join("dist/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(
        manifest["commit"]["hash"].as_str(),
        Some(&*git(&project, &["rev-parse", "HEAD"]))
    );
    assert!(fs_err::read_to_string(summary).unwrap().contains(".whl"));
    what_another_push_left_alone_is_not_compiled(&project);
}

/// Each push comes to a machine that has nothing but the store, and is another commit at another time.
fn what_another_push_left_alone_is_not_compiled(project: &Fixture) {
    let compiled = |message: &str| {
        for gone in ["automation", "target"] {
            fs_err::remove_dir_all(project.beside(gone)).unwrap();
        }
        let git = Invocation::new("git").args(["-c", "user.name=t", "-c", "user.email=t@t"]);
        let git = git.args(["commit", "--quiet", "-am", message]);
        git.cwd(&project.root()).read().unwrap();
        let plan = step(project, &["--release", "--plan"]).capture().unwrap();
        assert!(plan.stderr.contains("Restored"), "{}", plan.stderr);
        let action = run_action(project);
        assert!(action.status.success(), "{}", action.stderr);
        let built = step(project, &["--release", "--built"]).capture().unwrap();
        assert!(built.status.success(), "{}", built.stderr);
        let lines = action.stderr.lines().map(str::trim_start);
        let crates = lines.filter_map(|line| line.strip_prefix("Compiling ")?.split(' ').next());
        crates.map(str::to_owned).collect::<Vec<_>>()
    };
    project.edit(
        "python/acted/__init__.py",
        "print(answer())",
        "print(answer() + 0)",
    );
    assert_eq!(compiled("Python alone"), Vec::<String>::new());
    project.edit("native/src/lib.rs", "42", "43");
    assert_eq!(compiled("one line"), ["acted"]);
    // And what is older than what the store has.
    project.edit("native/src/lib.rs", "43", "42");
    assert_eq!(compiled("back"), ["acted"]);
}

#[test]
fn the_copy_has_to_lie_where_the_container_sees_it() {
    let project = project("unseen");
    let done = step(&project, &["--plan"])
        .env("GITHUB_WORKSPACE", project.root().as_str())
        .capture()
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(
        done.stderr.contains("help: set XTASK_CACHE_DIR"),
        "{}",
        done.stderr
    );
}

/// `cargo xtask wheel` as a step of the workflow: the project is checked out in the workspace, and the copy
/// that is built from lies there too.
fn step(project: &Fixture, args: &[&str]) -> Invocation {
    command(project, args)
        .env("GITHUB_OUTPUT", project.beside("outputs").as_str())
        .env(
            "GITHUB_WORKSPACE",
            project.root().parent().unwrap().as_str(),
        )
        .env("XTASK_CACHE_DIR", project.beside("automation").as_str())
        .env("XTASK_STORE_DIR", project.beside("store").as_str())
        .env_remove("XTASK_NO_STORE")
        .env("CARGO_TARGET_DIR", project.beside("target").as_str())
}

fn the_workflow_hands_every_input_on(project: &Fixture) {
    let workflow = include_str!("../../../.github/workflows/build-wheel.yml");
    let inputs = inputs(project);
    for name in inputs.keys() {
        let line = format!("{name}: ${{{{ steps.plan.outputs.{name} }}}}\n");
        assert!(workflow.contains(&line), "{line}");
    }
    assert_eq!(workflow.matches("steps.plan.outputs").count(), inputs.len());
}

fn nothing_is_taken_that_was_not_built(project: &Fixture) {
    let done = step(project, &["--release", "--built"]).capture().unwrap();
    assert_eq!(done.status.code(), Some(1));
    assert!(
        done.stderr.contains(" wheel --plan` has to come first"),
        "{}",
        done.stderr
    );
}

fn inputs(project: &Fixture) -> BTreeMap<String, String> {
    let text = fs_err::read_to_string(project.beside("outputs")).unwrap();
    let pairs = text
        .lines()
        .map(|line| line.split_once('=').expect("name=value"));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What the action does in its container, with zig in place of the container's C library, and the toolchain
/// of this machine in place of the container's.
fn run_action(project: &Fixture) -> Captured {
    let inputs = inputs(project);
    let read = |args: &[&str]| {
        Invocation::new("rustc")
            .args(args.iter().copied())
            .read()
            .unwrap()
    };
    let sysroot = Utf8PathBuf::from(read(&["--print", "sysroot"]).trim());
    let version = read(&["-vV"]);
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let toolchain = format!(
        "{CONTAINER_HOME}/.rustup/toolchains/{}-{host}",
        inputs["rust-toolchain"]
    );
    let cargo_home = cargo_env::cargo_home().expect("a home of cargo");
    let options = &inputs["docker-options"];
    assert!(options.contains(&toolchain), "{options}");
    let variables = options
        .replace(&toolchain, sysroot.as_str())
        .replace(&format!("{CONTAINER_HOME}/.cargo"), cargo_home.as_str())
        .replace("-e ", "");
    let script = format!(
        "set -euo pipefail\nexport PATH=\"$HOME/.local/bin:$PATH\"\nexport {variables}\n{}\n\
         maturin build --manylinux {} {} --zig\n",
        inputs["before-script-linux"], inputs["manylinux"], inputs["args"],
    );
    let home = project.beside("home");
    let [uv, maturin, zig] = tools();
    let path = [
        uv.parent().unwrap().as_str(),
        maturin.parent().unwrap().as_str(),
    ]
    .join(":");
    Invocation::new("bash")
        .args(["-c", &script])
        .cwd(&Utf8PathBuf::from(&inputs["working-directory"]))
        .env("HOME", home.as_str())
        .env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap()))
        .env("CARGO_HOME", cargo_home.as_str())
        .env("RUSTUP_HOME", rustup_home(&sysroot).as_str())
        .env("CARGO_ZIGBUILD_ZIG_PATH", zig.as_str())
        .capture()
        .expect("bash")
}

/// `RUSTUP_HOME` of a toolchain in `RUSTUP_HOME/toolchains`.
fn rustup_home(sysroot: &Utf8Path) -> &Utf8Path {
    sysroot.ancestors().nth(2).expect("not the root")
}

/// uv, maturin and zig, fetched where they are missing.
fn tools() -> [Utf8PathBuf; 3] {
    let text = include_str!("../../../requirements/tools.txt");
    let toolbox = Toolbox::new(PinnedRequirements::parse(text).unwrap(), false);
    let say = |_: &str, _: &str| {};
    let uv = toolbox.uv(&say).expect("uv");
    let maturin = toolbox.maturin(&uv, &say).expect("maturin");
    [uv.path, maturin.path, toolbox.zig(&say).expect("zig").path]
}

/// What the workflow uploads to is the release that the policy names.
#[test]
fn the_workflow_and_the_policy_name_the_same_release() {
    let workflow = include_str!("../../../.github/workflows/build-wheel.yml");
    let manifest = include_str!("../../../Cargo.toml");
    let mut tags = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("release-tag = "));
    let tag = tags.next().expect("a tag").trim_matches('"');
    assert!(workflow.contains(&format!("tag_name: {tag}\n")), "{tag}");
}

const WORKFLOW: &str = include_str!("../../../.github/workflows/build-wheel.yml");

/// The text of a job of the workflow.
fn job(name: &str) -> &'static str {
    let (_, job) = WORKFLOW
        .split_once(&format!("\n  {name}:\n"))
        .expect("the job");
    let next = job
        .match_indices("\n  ")
        .find(|(at, _)| !job[at + 3..].starts_with([' ', '#']));
    next.map_or(job, |(at, _)| &job[..at])
}

/// The build scripts of dependencies run with a token that may replace artifacts, in a container that sees
/// the checkout.
#[test]
fn what_was_handed_over_is_checked_before_it_is_run() {
    let check = "echo \"$AUTOMATION  ";
    let (build, release) = (job("build"), job("release"));
    let place = |job: &str, part: &str| job.find(part).unwrap_or_else(|| panic!("{part} in {job}"));
    // Noted before anything else is compiled, in a file that no container sees.
    assert!(place(build, "id: automation") < place(build, "PyO3/maturin-action"));
    assert!(build.contains("automation-sha256: ${{ steps.automation.outputs.sha256 }}\n"));
    assert!(place(build, check) < place(build, " target/xtask/xtask wheel "));
    for part in [
        "automation/xtask release",
        "actions/attest@",
        "action-gh-release@",
    ] {
        assert!(place(release, check) < place(release, part), "{part}");
        assert!(
            place(release, "= \"$DIST\"") < place(release, part),
            "{part}"
        );
    }
    assert!(place(job("smoke"), "= \"$DIST\"") < place(job("smoke"), "docker run"));
    for name in ["automation", "dist"] {
        let line = format!(
            "{}: ${{{{ needs.build.outputs.{name}-sha256 }}}}\n",
            name.to_uppercase()
        );
        assert!(release.contains(&line), "{line}");
    }
    // Both are of one image, so that the program runs in both.
    let image = "runs-on: ubuntu-24.04\n";
    assert!(build.contains(image) && release.contains(image));
}

#[test]
fn nothing_is_compiled_where_a_token_is() {
    let release = job("release");
    assert!(release.contains("GH_TOKEN") && release.contains("contents: write"));
    // The last line tells who has written the file.
    let steps = release.lines().filter(|line| !line.starts_with('#'));
    let steps: Vec<_> = steps.collect();
    for word in ["cargo", "rustc", "maturin"] {
        assert!(
            !steps.iter().any(|line| line.contains(word)),
            "{word} in {release}"
        );
    }
    for name in ["build", "smoke"] {
        let job = job(name);
        assert!(
            !job.contains(": write") && !job.contains("GH_TOKEN") && !job.contains("secrets."),
            "{name}"
        );
    }
}

/// What the job that tries the wheel makes of the pinned tools: uv alone, with its hashes.
#[test]
fn uv_is_fetched_by_its_hash() {
    let line = job("smoke")
        .lines()
        .find(|line| line.trim_start().starts_with("sed "));
    let script = line
        .expect("the line")
        .trim()
        .replace(" >uv/requirements.txt", "");
    let root = Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let text = Invocation::new("sh")
        .args(["-c", &script])
        .cwd(root)
        .read()
        .unwrap();
    let pins = text.lines().filter(|line| line.contains("=="));
    assert!(
        pins.clone().count() == 1 && text.starts_with("uv=="),
        "{text}"
    );
    assert!(text.matches("--hash=sha256:").count() > 5, "{text}");
    assert!(!text.trim_end().ends_with('\\'), "{text}");
}

/// What is released is tried on every system that Colab has.
#[test]
fn the_wheel_is_tried_on_what_colab_runs() {
    let workflow = include_str!("../../../.github/workflows/build-wheel.yml");
    for runtime in colab::runtimes::Snapshot::built_in().runtimes {
        let row = format!(
            "{{ ubuntu: '{}', python: '{}' }}",
            runtime.ubuntu, runtime.python
        );
        assert!(workflow.contains(&row), "{row}");
    }
}
