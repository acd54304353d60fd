//! What keeps a wheel from being built.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use compiler_cache::CacheError;
use config_edit::EditError;
use environment::vars;
use packaging::checked::NotOne;
use processes::RunError;
use project_model::ProjectError;
use python_tools::python::PythonError;
use python_tools::tools::ToolError;

/// The step that failed.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "each variant says what failed, and each field is named in it"
)]
pub enum WheelError {
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error(transparent)]
    Python(#[from] PythonError),
    #[error(transparent)]
    NotOne(#[from] NotOne),
    #[error(
        "the plan has {count} wheels, and one call of maturin-action builds one\n  help: name one, by `--platform` and `--python`"
    )]
    SeveralForAction { count: usize },
    #[error(
        "there is no Python that a wheel could be for: neither this machine nor Google Colab has one that `requires-python` allows{}\n  help: name one, by `--python` or `pythons` in [workspace.metadata.xtask.wheel]",
        passed_over(left_out)
    )]
    NoPython { left_out: Vec<String> },
    #[error(
        "the copy of the sources is in {stage}, and the container of maturin-action sees only {mounted}\n  help: set {} to a directory below it, outside of the checkout",
        vars::XTASK_CACHE_DIR
    )]
    OutOfSight { stage: Utf8PathBuf, mounted: String },
    #[error(
        "{} outside of the repository, where no container of maturin-action gets {}, and the commit says nothing of it\n  help: take it into the repository (as a git submodule, say), or depend on it by `git` or a version; a build here (`cargo xtask wheel`) copies it",
        lies(dirs), if dirs.len() == 1 { "it" } else { "them" }
    )]
    OutsideForAction { dirs: Vec<Utf8PathBuf> },
    #[error(
        "cannot call the wheel {version} as it is: {reason}\n  help: `git tag v{version}` on the commit that is released, checked out without changes; without `--release-version` (`release-version` in [workspace.metadata.xtask.wheel]) the version gets the commit"
    )]
    NotReleased { version: String, reason: String },
    #[error("the wheel that was built does not pass the audit:\n{report}  help: it lies in {path}")]
    Audit { report: String, path: Utf8PathBuf },
    #[error(
        "no runtime of Google Colab (as of {as_of}: {runtimes}) can install {wheels}\n  help: look at `pythons` and `platforms` of [workspace.metadata.xtask.wheel], and at `requires-python`"
    )]
    NotForColab {
        as_of: String,
        runtimes: String,
        wheels: String,
    },
    #[error(
        "`{tag}` is not a platform that wheels are built for here\n  help: name one as `manylinux_2_28_x86_64` or `manylinux_2_28_aarch64`"
    )]
    Platform { tag: String },
    #[error("cannot list the files of {root}")]
    Files { root: Utf8PathBuf, source: RunError },
    #[error("`{version}`, the version of {project}, is not one that pip and uv know (PEP 440)")]
    Version { version: String, project: String },
    #[error(
        "the standard library for `{triple}` is not installed\n  help: `rustup target add {triple}`"
    )]
    NoTarget { triple: String },
    #[error("cannot get the dependencies of the wheel for {platform}")]
    Dependencies { platform: String, source: RunError },
    #[error("maturin does not build the wheel for {platform}")]
    Maturin { platform: String, source: RunError },
    #[error(
        "a compiler was killed by the kernel for want of memory, though it was the only one; there is no wheel for {platform}\n  help: give the machine more memory or swap, or let the compiler take less: more `codegen-units`, no `lto`"
    )]
    OutOfMemory { platform: String },
    #[error("maturin left {count} wheels in {dir} instead of one")]
    NotOneWheel { count: usize, dir: Utf8PathBuf },
    #[error("{wheel} does not work with {python}: {what}")]
    Trial {
        wheel: String,
        python: String,
        what: String,
        /// The command that failed; none if it answered something else than it should.
        source: Option<Box<RunError>>,
    },
    #[error(
        "`{text}` cannot be handed to maturin-action so that it arrives as it is\n  help: leave out quotes and whatever a shell reads as more than a word"
    )]
    Unquotable { text: String },
    #[error(
        "`{text}` in `before` of [workspace.metadata.xtask.wheel] is neither a package nor a command\n  help: write the name of a package, or a command on one line such as `dnf install -y clang`"
    )]
    NoCommand { text: String },
    #[error("`{command}`, which the policy runs before a wheel is built (`before`), has failed")]
    Before { command: String, source: RunError },
    #[error(
        "there is no wheel for {platform} in {dir}\n  help: `cargo xtask wheel --plan` has to come first, and maturin-action with what it says"
    )]
    NotBuilt { platform: String, dir: Utf8PathBuf },
    #[error("cannot read {path}")]
    Read {
        path: Utf8PathBuf,
        source: io::Error,
    },
    #[error(
        "no wheel can be handed over: {dir} cannot be written by you\n  help: make it writable for you, or name another directory with `--out`"
    )]
    Out { dir: Utf8PathBuf },
    #[error("cannot write {path}")]
    Write {
        path: Utf8PathBuf,
        source: io::Error,
    },
    #[error("cannot parse {path}")]
    Toml {
        path: Utf8PathBuf,
        source: toml_edit::de::Error,
    },
}

/// `, but for 3.8 (pyo3 0.30 takes 3.9 to 3.15)`.
fn passed_over(left_out: &[String]) -> String {
    match left_out {
        [] => String::new(),
        some => format!(", but for {}", some.join(", ")),
    }
}

/// `/a lies`, `/a and /b lie`.
fn lies(dirs: &[Utf8PathBuf]) -> String {
    let names: Vec<_> = dirs.iter().map(ToString::to_string).collect();
    let verb = if names.len() == 1 { "lies" } else { "lie" };
    format!("{} {verb}", names.join(" and "))
}

pub(crate) fn cannot_read(path: &Utf8Path) -> impl Fn(io::Error) -> WheelError {
    move |source| WheelError::Read {
        path: path.to_owned(),
        source,
    }
}

pub(crate) fn cannot_write(path: &Utf8Path) -> impl Fn(io::Error) -> WheelError {
    move |source| WheelError::Write {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    #[test]
    fn each_error_says_what_helps() {
        let text = |text: &str| text.to_owned();
        let platform = text("manylinux_2_28_x86_64");
        let errors = [
            WheelError::SeveralForAction { count: 2 },
            WheelError::NoPython {
                left_out: vec![text("3.8 (pyo3 0.30 takes 3.9 to 3.15)")],
            },
            WheelError::OutOfSight {
                stage: "/cache/source".into(),
                mounted: text("/work"),
            },
            WheelError::OutsideForAction {
                dirs: vec!["/near".into(), "/shared".into()],
            },
            WheelError::NotReleased {
                version: text("0.2.0"),
                reason: text("git knows nothing of the project"),
            },
            WheelError::Audit {
                report: text("a.whl: REFUSED\n"),
                path: "/out/a.whl".into(),
            },
            WheelError::NotForColab {
                as_of: text("2026-01"),
                runtimes: text("Python 3.13, Ubuntu 24.04"),
                wheels: text("a.whl"),
            },
            WheelError::Platform {
                tag: text("win_amd64"),
            },
            WheelError::NoTarget {
                triple: text("aarch64-unknown-linux-gnu"),
            },
            WheelError::OutOfMemory {
                platform: platform.clone(),
            },
            WheelError::Unquotable { text: text("$(x)") },
            WheelError::NoCommand { text: text("") },
            WheelError::NotBuilt {
                platform,
                dir: "/out".into(),
            },
        ];
        let text: String = errors.iter().map(|error| format!("{error}\n")).collect();
        expect_file!["snapshots/errors.txt"].assert_eq(&text);
    }
}
