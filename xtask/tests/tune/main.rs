//! `cargo xtask tune` on small real projects, with the real maturin, cargo and linkers.
//!
//! What is missing on the machine is fetched from PyPI and crates.io.

mod measure;
mod write;

use std::collections::BTreeMap;

use camino::Utf8Path;
use processes::{Captured, Invocation};
use project_model::{Project, Workspace};
use testkit::{Fixture, TempDir};
use tune::choices::{Choices, Setting};
use tune::measurement::{BaseBuild, Measurement, SCHEMA, Winner, WinnersTogether};
use tune::verdict::Ratio;

/// Shared with the tests of `cargo xtask dev`, so that pyo3 is compiled once.
const TARGET_DIR: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/fixtures");

fn xtask(project: &Fixture, args: &[&str]) -> Invocation {
    Invocation::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["--project", project.root().as_str()])
        .args(args.iter().copied())
        .env("CARGO_TARGET_DIR", TARGET_DIR)
        .env_remove("VIRTUAL_ENV")
}

/// `cargo xtask tune`, with copies and measurements in a directory of their own.
fn tune(project: &Fixture, cache: &TempDir, args: &[&str]) -> Invocation {
    let tools = python_tools::Toolbox::new(pinned(), false)
        .scratch()
        .unwrap();
    let tools = tools.with_file_name("tools");
    let cached = cache.path().join("tools");
    if tools.is_dir() && !cached.exists() {
        fs_err::os::unix::fs::symlink(tools, cached).expect("a new name");
    }
    xtask(project, &[&["tune"], args].concat()).env("XTASK_CACHE_DIR", cache.path().as_str())
}

fn pinned() -> python_tools::PinnedRequirements {
    let file = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../requirements/tools.txt");
    let text = fs_err::read_to_string(file).expect("it can be read");
    python_tools::PinnedRequirements::parse(&text).expect("it is pinned")
}

fn run(command: &Invocation) -> Captured {
    command.capture().expect("it starts")
}

/// The files of the project, but for those of its environment, of Python's caches and of what the extension
/// is linked with, with digests of their contents.
fn files(project: &Fixture) -> BTreeMap<String, String> {
    let root = project.root();
    let made = [".venv", "__pycache__", files::made::PRELINKED];
    let entries = walkdir::WalkDir::new(&root).into_iter();
    let entries = entries.filter_entry(|it| !made.iter().any(|name| it.file_name() == *name));
    let files = entries.flatten().filter(|it| it.file_type().is_file());
    let read = |it: walkdir::DirEntry| {
        let name = it.path().strip_prefix(&root).expect("below").display();
        let bytes = fs_err::read(it.path()).expect("it can be read");
        (name.to_string(), files::digest::sha256(&bytes))
    };
    files.map(read).collect()
}

/// [`files`] without those whose name contains `part`.
fn files_but(project: &Fixture, part: &str) -> BTreeMap<String, String> {
    let mut files = files(project);
    files.retain(|name, _| !name.contains(part));
    files
}

/// What the installed extension answers.
fn answer(project: &Fixture, name: &str) -> String {
    let python = project.root().join(".venv/bin/python");
    let code = format!("import {name}; print({name}.answer())");
    let printed = Invocation::new(python).args(["-I", "-c", &code]).read();
    printed.expect("it imports").trim().to_owned()
}

/// A measurement, as far as it is written from, in which these have won, each being half a second faster.
fn measured(project: &Fixture, winners: &[(Setting, Choices)]) -> Measurement {
    let loaded = Project::load(&project.root()).expect("a project");
    let workspace = Workspace::load(&loaded).expect("a workspace");
    let ratio = Ratio {
        median: 0.5,
        interval: Some((0.48, 0.53)),
    };
    let winners = winners.iter().map(|(setting, choices)| Winner {
        setting: *setting,
        note: format!("{ratio} of 1.00 s after an edit"),
        choices: choices.clone(),
    });
    Measurement {
        schema: SCHEMA,
        subject: tune::subject(&loaded, &workspace, "dev").expect("rustc runs"),
        spent_s: 1.0,
        base: BaseBuild::default(),
        rows: Vec::new(),
        winners: winners.collect(),
        together: Some(WinnersTogether {
            build_s: 0.5,
            without_s: 1.0,
            ratio,
            library_bytes: 1,
            is_worth_it: true,
        }),
    }
}
