//! What is called, one after the other.

use camino::Utf8Path;
use environment::{cargo_env, program, vars};
use processes::Invocation;

use super::place::Place;

/// What starts the steps.
pub(super) struct Programs<'a> {
    pub(super) this: &'a Utf8Path,
    pub(super) uv: &'a Utf8Path,
    pub(super) maturin: &'a Utf8Path,
    /// The user's `PATH`.
    pub(super) path: &'a str,
    pub(super) offline: bool,
}

/// A call of one tool.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) command: Invocation,
    /// Whether the steps after it mean nothing without it.
    pub(super) others_need_it: bool,
}

impl Step {
    /// As a person types it in the project.
    pub(super) fn typed(&self) -> String {
        if self.name == DEV {
            return format!("{} dev", program::called());
        }
        let name = self.command.program.file_name().unwrap_or_default();
        Invocation::new(name)
            .args(self.command.args.iter().cloned())
            .to_string()
    }
}

const DEV: &str = "dev";

/// As an editor and a person call them. An editor checks after every build, so it does at the end as well.
pub(super) fn steps(place: &Place, programs: &Programs<'_>) -> Vec<Step> {
    let root = &place.project.root;
    let import = format!("import {}", place.project.extension.module);
    let settled = |command: Invocation| settled(command, place, programs);
    let cargo = |args: &[&str]| {
        let cargo = Invocation::new(cargo_env::cargo()).args(args.iter().copied());
        settled(cargo.cwd(&place.workspace.root))
    };
    let tool = |program: &Utf8Path, args: &[&str]| {
        settled(
            Invocation::new(program)
                .args(args.iter().copied())
                .cwd(root),
        )
    };
    // Without the store: what is put in place without cargo proves nothing of cargo.
    let dev = ["--project", root.as_str(), "dev", "--no-store"];
    let offline = programs.offline.then_some("--offline");
    let dev = || tool(programs.this, &dev).args(offline);
    let step = |name, command| Step {
        name,
        command,
        others_need_it: name != CARGO_TEST && name != CARGO_CHECK,
    };
    vec![
        step(CARGO_CHECK, cargo(&OF_RUST_ANALYZER)),
        step(DEV, dev()),
        step(
            "maturin develop",
            tool(programs.maturin, &["develop", "--uv"]),
        ),
        step("uv sync", tool(programs.uv, &["sync"])),
        step(
            "uv run",
            tool(programs.uv, &["run", "python", "-c", &import]),
        ),
        step(CARGO_TEST, cargo(&["test", "--workspace", "--no-run"])),
        step(DEV, dev()),
        step(CARGO_CHECK, cargo(&OF_RUST_ANALYZER)),
    ]
}

const CARGO_CHECK: &str = "cargo check";
const CARGO_TEST: &str = "cargo test";

/// What rust-analyzer runs where nobody has set anything (its `flycheck.rs`).
const OF_RUST_ANALYZER: [&str; 5] = [
    "check",
    "--workspace",
    "--message-format=json",
    "--all-targets",
    "--keep-going",
];

/// `command` in the copy: what the user's shell says of other environments and directories does not count
/// there. maturin looks for uv on `PATH`; the same holds for all, since build scripts may read it.
fn settled(command: Invocation, place: &Place, programs: &Programs<'_>) -> Invocation {
    let elsewhere = [
        vars::VIRTUAL_ENV,
        vars::CONDA_PREFIX,
        vars::UV_PROJECT_ENVIRONMENT,
        vars::CARGO_TARGET_DIR,
    ];
    let elsewhere = elsewhere.into_iter().chain(vars::OTHER_TARGET_DIRS);
    let command = elsewhere.fold(command, Invocation::env_remove);
    let command = command.env(vars::PATH, with_dir_of(programs.uv, programs.path));
    let command = if place.names_target_dir {
        let dir = place.workspace.target_dir.as_str();
        command
            .env(vars::CARGO_TARGET_DIR, dir)
            .env(vars::CARGO_BUILD_BUILD_DIR, dir)
    } else {
        command
    };
    if programs.offline {
        command
            .env(vars::CARGO_NET_OFFLINE, "true")
            .env(vars::UV_OFFLINE, "1")
    } else {
        command
    }
}

fn with_dir_of(program: &Utf8Path, path: &str) -> String {
    let dir = program.parent().unwrap_or(Utf8Path::new(""));
    if path.split(':').any(|it| it == dir) {
        return path.to_owned();
    }
    format!("{path}:{dir}")
}
