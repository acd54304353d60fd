//! Every command in the pages that tell how to work with it, run.
//!
//! Those of `cargo xtask` run on a small project, and those of `cargo pyext` as the same commands of the
//! xtask. The few that cannot run here are listed below, each with the reason.

use std::collections::BTreeSet;

use camino::Utf8Path;
use environment::vars;
use processes::{Captured, Invocation};
use testkit::{Fixture, TempDir};

/// Those pages.
const PAGES: [&str; 17] = [
    "README.md",
    "caches.md",
    "colab.md",
    "devcontainer.md",
    "doctor.md",
    "edit-loop.md",
    "environments.md",
    "first-steps.md",
    "first-steps-here.md",
    "measuring.md",
    "on-import.md",
    "prelinking.md",
    "rebuilds.md",
    "rust-backend.md",
    "store.md",
    "trouble.md",
    "wheels.md",
];

fn manual() -> String {
    let docs = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let read = |page: &str| fs_err::read_to_string(docs.join(page)).expect("it is there");
    PAGES
        .map(read)
        .concat()
        .replace("cargo pyext", "cargo xtask")
}

/// Commands that are not run, and why.
const NOT_RUN: [(&str, &str); 15] = [
    (
        "cargo xtask docs",
        "is for the installed program, which is elsewhere; that one's own tests run it",
    ),
    (
        "cargo xtask doctor",
        "ends with what it finds on this machine; tests/doctor.rs runs it",
    ),
    (
        "cargo xtask tune",
        "measures for 15 minutes, or takes a measurement; tests/tune runs it",
    ),
    (
        "cargo xtask bench-build",
        "measures for 20 minutes; tests/bench runs it",
    ),
    (
        "cargo xtask wheel",
        "builds with zig, or takes a wheel; tests/wheel runs it",
    ),
    (
        "cargo xtask release",
        "takes a GitHub; tests/release runs it against one on this machine",
    ),
    (
        "scripts/dev-init.sh",
        "sets up the whole machine; tests/dev_init.rs runs it",
    ),
    ("cargo xtask ci", "is what runs this test"),
    (
        "cargo install",
        "installs a program for whoever runs the tests",
    ),
    ("cargo xtask …", "stands for every command"),
    ("uv python install 3.13", "downloads a Python from GitHub"),
    (
        "uv cache clean",
        "would clear the cache of whoever runs the tests",
    ),
    (
        "sccache --stop-server",
        "tests/cache runs it, with a server of its own",
    ),
    (
        "cargo xtask sccache enable --wrapper kache",
        "tests/cache/switch.rs runs it with a kache",
    ),
    (
        "cargo xtask dev --watch",
        "does not end; tests/dev/watch.rs runs it",
    ),
];

/// What stands for something else in the text.
const REPLACED: [(&str, &str); 10] = [
    ("colab-snippet", "colab-snippet --repo owner/name"),
    ("--extra cuda", "--tag v1"),
    ("--project ../rpds-py ", ""),
    ("--project ../worktree ", ""),
    ("--project DIR ", ""),
    ("init --with", "init --dry-run --with"),
    ("init --undo", "init --undo --yes"),
    ("record FILE", "record a.json"),
    ("explain A B", "explain a.json a.json"),
    ("--python 3.12 --venv .venv-3.12", "--venv .venv-other"),
];

/// Commands that end with another code than 0 where nothing is as they expect, and what they say then.
const ANOTHER_END: [(&str, i32, &str); 6] = [
    // Nothing has been built.
    (
        "cargo xtask colab-snippet --mode pinned --manifest",
        1,
        "dist/manifest.json",
    ),
    ("cargo xtask sccache enable --check", 3, "repairs it"),
    (
        "cargo xtask cache-keys --check",
        3,
        "cargo xtask cache-keys",
    ),
    // There are no such servers.
    (
        "cargo xtask sccache enable --backend 'redis:",
        1,
        "SCCACHE_REDIS_PASSWORD",
    ),
    (
        "cargo xtask sccache enable --backend https:",
        1,
        "SCCACHE_WEBDAV_TOKEN",
    ),
    (
        "cargo xtask sccache enable --backend 's3:",
        1,
        "AWS_SECRET_ACCESS_KEY",
    ),
];

/// The commands in the text: lines of `sh` blocks without their comments, and code between backquotes that
/// begins like a command.
fn commands(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut block = None;
    for line in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            block = block.is_none().then(|| language.to_owned());
            continue;
        }
        match block.as_deref() {
            Some("sh") => {
                let command = line.split(" #").next().unwrap_or_default();
                found.insert(command.trim().to_owned());
            }
            Some(_) => {}
            None => found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned)),
        }
    }
    let begins = [
        "cargo xtask ",
        "uv cache ",
        "uv python ",
        "scripts/dev-init.sh",
        "sccache ",
        "cargo install ",
    ];
    let is_command = |text: &String| begins.iter().any(|begin| text.starts_with(begin));
    found.into_iter().filter(is_command).collect()
}

/// The arguments of a command of the xtask, with what stands for something else replaced.
fn arguments(command: &str) -> Vec<String> {
    let mut text = command.to_owned();
    for (from, to) in REPLACED {
        text = text.replace(from, to);
    }
    let words = text.split_whitespace().skip(2);
    // A URL with `?` or `&` is quoted for the shell.
    words
        .map(|word| word.trim_matches('\'').to_owned())
        .collect()
}

fn run(project: &Fixture, home: &TempDir, command: &str) -> Captured {
    let target = concat!(env!("CARGO_TARGET_TMPDIR"), "/fixtures");
    let sccache = python_tools::tools::find("sccache");
    let mut invocation = Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["--project", project.root().as_str()])
        .args(arguments(command))
        .env("SCCACHE_SERVER_UDS", home.path().join("s").as_str())
        .env("SCCACHE_DIR", home.path().join("store").as_str())
        .env(vars::XTASK_STORE_DIR, home.path().join("built").as_str())
        .env_remove("VIRTUAL_ENV")
        .cwd(&project.root());
    // A copy of the project for `--verify` has a target directory of its own.
    if !command.contains("--verify") {
        invocation = invocation.env("CARGO_TARGET_DIR", target);
    }
    if sccache.is_none() {
        // The one that `sccache install`, which comes first, has got.
        invocation = invocation.env_remove("RUSTC_WRAPPER");
    }
    invocation.capture().expect("it starts")
}

/// Which commands come when: what is to be looked at has to be there, and what is taken back, before.
fn order(command: &str) -> usize {
    let begins = [
        "cargo xtask dev",
        "cargo xtask sccache install",
        "cargo xtask sccache enable --check",
        "cargo xtask sccache enable --b",
        "cargo xtask sccache enable",
        "cargo xtask sccache record",
        "cargo xtask sccache disable",
        "cargo xtask machine --undo",
        "cargo xtask cache-keys --check",
        "cargo xtask cache-keys --remove",
    ];
    let late = ["disable", "--undo", "--remove"];
    let position = begins.iter().position(|begin| command.starts_with(begin));
    let is_late = late.iter().any(|word| command.contains(word));
    position.unwrap_or(begins.len()) + if is_late { 100 } else { 0 }
}

#[test]
fn every_command_in_the_manual_runs() {
    let mut commands: Vec<_> = commands(&manual()).into_iter().collect();
    assert!(commands.len() > 25, "{commands:?}");
    commands.sort_by_key(|command| order(command));

    let (project, home) = (Fixture::mixed("manual"), TempDir::new());
    project.write(
        ".cargo/config.toml",
        "include = [{ path = \"config.local.toml\", optional = true }]\n",
    );
    fs_err::write(project.root().join(".gitignore"), "target/\n").expect("it can be written");
    let mut wrong = Vec::new();
    for command in &commands {
        if NOT_RUN
            .iter()
            .any(|(not_run, _)| is_or_continues(command, not_run))
        {
            continue;
        }
        let done = run(&project, &home, command);
        let end = ANOTHER_END
            .iter()
            .find(|(begin, ..)| command.starts_with(begin));
        let (code, says) = end.map_or((0, ""), |(_, code, says)| (*code, *says));
        let said = format!("{}{}", done.stdout, done.stderr);
        if done.status.code() != Some(code) || !said.contains(says) {
            wrong.push(format!("`{command}` ended with {}:\n{said}", done.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The files of a page: blocks that come after a line "`NAME`:".
fn files(page: &str) -> Vec<(&str, &str)> {
    let parts: Vec<_> = page.split("```").collect();
    let blocks = parts.chunks_exact(2).filter_map(|pair| {
        let name = pair[0].trim_end().lines().last()?;
        let name = name.strip_prefix('`')?.strip_suffix("`:")?;
        Some((name, pair[1].split_once('\n')?.1))
    });
    blocks.collect()
}

#[test]
fn the_shortest_project_of_the_first_steps_works() {
    let docs = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let page = fs_err::read_to_string(docs.join("first-steps.md")).expect("it is there");
    let project = TempDir::new();
    let files = files(&page);
    let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["pyproject.toml", "Cargo.toml", "src/lib.rs"]);
    fs_err::create_dir(project.path().join("src")).expect("it can be made");
    for (name, text) in files {
        fs_err::write(project.path().join(name), text).expect("it can be written");
    }
    let mut lines = page.lines();
    let python = lines.find(|line| line.starts_with(".venv/bin/python"));
    let python = python.expect("it says how to try it");
    let script = format!("\"$XTASK\" init --yes\n\"$XTASK\" dev\n{python}");
    let done = Invocation::new("sh")
        .args(["-euc", &script])
        .env("XTASK", env!("CARGO_BIN_EXE_xtask"))
        .env(
            "CARGO_TARGET_DIR",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/fixtures"),
        )
        .env_remove("VIRTUAL_ENV")
        .cwd(project.path())
        .capture()
        .expect("it starts");
    assert!(done.status.success(), "{}", done.stderr);
    let printed = done.stdout.lines().last().unwrap_or_default();
    assert!(!printed.is_empty() && page.contains(&format!("prints `{printed}`")));
}

/// Whether `command` is `listed`, or that with more behind it.
fn is_or_continues(command: &str, listed: &str) -> bool {
    let rest = command.strip_prefix(listed);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

#[test]
fn what_is_not_run_is_in_the_manual() {
    let text = manual();
    for (command, reason) in NOT_RUN {
        assert!(
            text.contains(command),
            "`{command}` ({reason}) is not there any more"
        );
    }
}
