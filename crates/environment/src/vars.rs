//! Every environment variable that the automation reads or sets, in one place.

use camino::Utf8PathBuf;

/// Where downloaded tools, locks and copies of projects are kept; an absolute path. Default:
/// `$XDG_CACHE_HOME/xtask-build`, else `~/.cache/xtask-build`.
pub const XTASK_CACHE_DIR: &str = "XTASK_CACHE_DIR";

/// In place of GitHub's download address for the releases of sccache, for networks that do not reach it. What
/// comes from there is checked as well.
pub const XTASK_SCCACHE_MIRROR: &str = "XTASK_SCCACHE_MIRROR";

/// Set for a process that stands in for rustc: the file to which it adds the call and its environment. See
/// `compiler_cache::record`.
pub const XTASK_RECORD_RUSTC: &str = "XTASK_RECORD_RUSTC";

/// Set for the server of a compiler cache while builds are measured: the directory of its cache, by which its
/// processes are known. See `build_bench`.
pub const XTASK_BENCH_STORE: &str = "XTASK_BENCH_STORE";

/// What messages call the environment that we were started in.
pub const ENVIRONMENT: &str = "the environment";

/// The compiler wrapper; wins over cargo's configuration. Empty: none.
pub const RUSTC_WRAPPER: &str = "RUSTC_WRAPPER";

/// The compiler wrapper, where `RUSTC_WRAPPER` names none; wins over cargo's configuration.
pub const CARGO_BUILD_RUSTC_WRAPPER: &str = "CARGO_BUILD_RUSTC_WRAPPER";

/// How many jobs cargo runs at once.
pub const CARGO_BUILD_JOBS: &str = "CARGO_BUILD_JOBS";

/// Whether cargo compiles incrementally, in every profile.
pub const CARGO_INCREMENTAL: &str = "CARGO_INCREMENTAL";

/// Whether cargo compiles incrementally, in every profile, where `CARGO_INCREMENTAL` says nothing.
pub const CARGO_BUILD_INCREMENTAL: &str = "CARGO_BUILD_INCREMENTAL";

/// Whether cargo compiles incrementally in the dev profile.
pub const CARGO_PROFILE_DEV_INCREMENTAL: &str = "CARGO_PROFILE_DEV_INCREMENTAL";

/// Set on machines for continuous integration.
pub const CI: &str = "CI";

/// Where cargo puts what it builds.
pub const CARGO_TARGET_DIR: &str = "CARGO_TARGET_DIR";

/// Where cargo puts what is only of use to itself.
pub const CARGO_BUILD_BUILD_DIR: &str = "CARGO_BUILD_BUILD_DIR";

/// What else says where something goes.
pub const OTHER_TARGET_DIRS: [&str; 2] = ["CARGO_BUILD_TARGET_DIR", CARGO_BUILD_BUILD_DIR];

/// What cargo writes the names in its dependency files relative to.
pub const CARGO_BUILD_DEP_INFO_BASEDIR: &str = "CARGO_BUILD_DEP_INFO_BASEDIR";

/// `true`: cargo uses no network.
pub const CARGO_NET_OFFLINE: &str = "CARGO_NET_OFFLINE";

/// Set by uv for whatever it starts: the program of uv.
pub const UV: &str = "UV";

/// Where uv keeps what it has downloaded and built.
pub const UV_CACHE_DIR: &str = "UV_CACHE_DIR";

/// `1`: uv uses no network.
pub const UV_OFFLINE: &str = "UV_OFFLINE";

/// How deep `uv run` has started itself; set for whatever it starts.
pub const UV_RUN_RECURSION_DEPTH: &str = "UV_RUN_RECURSION_DEPTH";

/// The virtual environment of a project, for uv.
pub const UV_PROJECT_ENVIRONMENT: &str = "UV_PROJECT_ENVIRONMENT";

/// Cargo's directory. Default: `~/.cargo`.
pub const CARGO_HOME: &str = "CARGO_HOME";

/// Set for a process that stands in for cargo: the file into which it writes the call it was asked for.
/// See `dev_build::record`.
pub const XTASK_RECORD_CARGO: &str = "XTASK_RECORD_CARGO";

/// Set beside [`XTASK_RECORD_CARGO`]: the names of the variables before maturin changed any, as a JSON object
/// with a hash of each value.
pub const XTASK_RECORD_BASE: &str = "XTASK_RECORD_BASE";

/// Set for a process that stands in for cargo where the build is done: the file with the call and with what
/// cargo has said. See `dev_build::record`.
pub const XTASK_ANSWER_CARGO: &str = "XTASK_ANSWER_CARGO";

/// Set: `dev` has each link be of all crates, as `--no-prelink` does.
pub const XTASK_NO_PRELINK: &str = "XTASK_NO_PRELINK";

/// Where libraries of third-party crates are kept that extensions are linked against. Default: in the xtask's
/// cache.
pub const XTASK_PRELINKED_DIR: &str = "XTASK_PRELINKED_DIR";

/// Set: `dev` and `wheel` take nothing from the store and keep nothing in it, as with `--no-store`.
pub const XTASK_NO_STORE: &str = "XTASK_NO_STORE";

/// Where is kept what was built once on this machine. Default: in the xtask's cache.
pub const XTASK_STORE_DIR: &str = "XTASK_STORE_DIR";

/// `off`: an import builds nothing, whatever hook the environment has. Set for everything that we start: a
/// build that is going on must not wait for one that an import in it has begun.
pub const XTASK_ON_IMPORT: &str = "XTASK_ON_IMPORT";

/// Set for a process that stands in for the linker: the file with what it is to do. See `prelink::Job`.
pub const XTASK_PRELINK: &str = "XTASK_PRELINK";

/// When what is built says that it was made, in seconds since 1970
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
pub const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";

/// Set in the images of manylinux: the platform tag that their compiler keeps.
pub const AUDITWHEEL_PLAT: &str = "AUDITWHEEL_PLAT";

/// Arguments for rustc, separated by spaces; instead of those in cargo's configuration.
pub const RUSTFLAGS: &str = "RUSTFLAGS";

/// Arguments for rustc, separated by the character 0x1f; instead of `RUSTFLAGS`.
pub const CARGO_ENCODED_RUSTFLAGS: &str = "CARGO_ENCODED_RUSTFLAGS";

/// The program that maturin takes for zig.
pub const CARGO_ZIGBUILD_ZIG_PATH: &str = "CARGO_ZIGBUILD_ZIG_PATH";

/// Set by GitHub's runners: the file that takes `name=value` lines for later steps.
pub const GITHUB_OUTPUT: &str = "GITHUB_OUTPUT";

/// Set by GitHub's runners: `owner/name` of the repository that the workflow runs for.
pub const GITHUB_REPOSITORY: &str = "GITHUB_REPOSITORY";

/// Set by GitHub's runners: the commit that the workflow runs for.
pub const GITHUB_SHA: &str = "GITHUB_SHA";

/// Set by GitHub's runners: `https://github.com`, or where that repository is.
pub const GITHUB_SERVER_URL: &str = "GITHUB_SERVER_URL";

/// Set by GitHub's runners: the directory for checkouts, and all that containers of actions get to see.
pub const GITHUB_WORKSPACE: &str = "GITHUB_WORKSPACE";

/// Set by GitHub's runners: the file that takes Markdown for the summary of the job.
pub const GITHUB_STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// The token for GitHub.
pub const GH_TOKEN: &str = "GH_TOKEN";

/// The token for GitHub, as workflows often call it; gh takes it where `GH_TOKEN` is not set.
pub const GITHUB_TOKEN: &str = "GITHUB_TOKEN";

/// The token for another server than GitHub's own.
pub const GH_ENTERPRISE_TOKEN: &str = "GH_ENTERPRISE_TOKEN";

/// The server that gh speaks to.
pub const GH_HOST: &str = "GH_HOST";

/// In place of the second that delays between attempts at a request are multiples of: milliseconds.
pub const XTASK_RETRY_UNIT_MS: &str = "XTASK_RETRY_UNIT_MS";

/// The active virtual environment, as its `activate` script sets it.
pub const VIRTUAL_ENV: &str = "VIRTUAL_ENV";

/// The active environment of conda or pixi.
pub const CONDA_PREFIX: &str = "CONDA_PREFIX";

/// The name of the active environment of conda; `base` or `root` for the one that conda itself lives in.
pub const CONDA_DEFAULT_ENV: &str = "CONDA_DEFAULT_ENV";

/// Arguments that maturin's backend adds to its own, where the frontend gives none.
pub const MATURIN_PEP517_ARGS: &str = "MATURIN_PEP517_ARGS";

/// The directory that conda itself is installed in.
pub const CONDA_ROOT: &str = "_CONDA_ROOT";

/// The user's directory, below which other programs keep what they have.
pub const HOME: &str = "HOME";

/// Where caches lie. Default: `~/.cache`.
pub const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";

/// Where programs keep what nobody else is to write to, until the user logs out.
pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";

/// Where data of programs lie. Default: `~/.local/share`.
pub const XDG_DATA_HOME: &str = "XDG_DATA_HOME";

/// Where uv puts the Pythons that it downloads.
pub const UV_PYTHON_INSTALL_DIR: &str = "UV_PYTHON_INSTALL_DIR";

/// Where rustup keeps its settings and toolchains. Default: `~/.rustup`.
pub const RUSTUP_HOME: &str = "RUSTUP_HOME";

/// The toolchain that rustup is to use, before every file and every override.
pub const RUSTUP_TOOLCHAIN: &str = "RUSTUP_TOOLCHAIN";

/// Whether rustup installs a toolchain that it needs by itself; `0`: it does not.
pub const RUSTUP_AUTO_INSTALL: &str = "RUSTUP_AUTO_INSTALL";

/// The port on which sccache's server listens. Default: 4226.
pub const SCCACHE_SERVER_PORT: &str = "SCCACHE_SERVER_PORT";

/// The path of the socket on which sccache's server listens, in place of a port.
pub const SCCACHE_SERVER_UDS: &str = "SCCACHE_SERVER_UDS";

/// What kind of terminal this is; `dumb`: one that cannot move the cursor.
pub const TERM: &str = "TERM";

/// Where programs are looked for.
pub const PATH: &str = "PATH";

/// Where Python looks for its standard library; wrong for every other Python, so activating an environment
/// removes it.
pub const PYTHONHOME: &str = "PYTHONHOME";

/// The program to run as cargo. cargo sets it for subcommands and build scripts; maturin runs what it names.
pub const CARGO: &str = "CARGO";

/// Where pyenv keeps its versions. Default: `~/.pyenv`.
pub const PYENV_ROOT: &str = "PYENV_ROOT";

/// The file from which pyo3's build scripts take what they would ask Python otherwise.
pub const PYO3_CONFIG_FILE: &str = "PYO3_CONFIG_FILE";

/// The Python that pyo3's build scripts start where there is no such file.
pub const PYO3_PYTHON: &str = "PYO3_PYTHON";

/// The Python that the build scripts of other bindings, and of pyo3 of old, start.
pub const PYTHON_SYS_EXECUTABLE: &str = "PYTHON_SYS_EXECUTABLE";

/// The variables by which pyo3's build scripts decide; maturin sets some of them.
pub const PYO3: [&str; 5] = [
    "PYO3_BUILD_EXTENSION_MODULE",
    PYO3_CONFIG_FILE,
    "PYO3_ENVIRONMENT_SIGNATURE",
    PYO3_PYTHON,
    PYTHON_SYS_EXECUTABLE,
];

/// The value of `name`, where it is set, not empty and UTF-8.
#[must_use]
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The directory that `name` means, where that is an absolute path. A relative one would mean another
/// directory from every place, and is to be ignored
/// (<https://specifications.freedesktop.org/basedir-spec/latest/>).
#[must_use]
pub fn dir(name: &str) -> Option<Utf8PathBuf> {
    let dir = var(name).map(Utf8PathBuf::from);
    dir.filter(|dir| dir.is_absolute())
}

/// The value of `name`, where it is set and UTF-8: also an empty one, for variables to which that means
/// something.
#[must_use]
pub fn even_empty(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// All variables and their values; those that are not UTF-8 are left out.
pub fn all() -> impl Iterator<Item = (String, String)> {
    let variables = std::env::vars_os();
    variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The names of all variables, as far as they are UTF-8.
pub fn names() -> impl Iterator<Item = String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())
}

/// Whether the value of the variable `name` is to be kept from logs, files and screens, going by the name.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let marks = [
        "PASSWORD",
        "PASSWD",
        "TOKEN",
        "SECRET",
        "CREDENTIAL",
        "ACCESS_KEY",
        "USERNAME",
        "API_KEY",
    ];
    let name = name.to_ascii_uppercase();
    marks.iter().any(|mark| name.contains(mark))
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    /// What stands above the variables.
    const HEAD: &str = "\
# Variables of the environment

Every variable that the program reads or sets. This page is written by a test from the documented constants in
`crates/environment/src/vars.rs`, and CI fails where it is not current (`UPDATE_EXPECT=1 cargo test -p environment` writes
it anew).
";

    /// The constants of a source that are names of variables, each with its documentation in one paragraph.
    fn constants(source: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut docs = Vec::new();
        for line in source.lines() {
            if let Some(doc) = line.strip_prefix("///") {
                docs.push(doc.trim().to_owned());
                continue;
            }
            let constant = line
                .strip_prefix("pub const ")
                .and_then(|line| line.split_once(": &str = \""));
            if let Some((_, rest)) = constant {
                let name = rest.trim_end_matches("\";").to_owned();
                found.push((name, docs.join(" ")));
            }
            docs.clear();
        }
        found
    }

    fn table(variables: &[&(String, String)]) -> String {
        let rows = variables.iter().map(|(name, docs)| {
            let docs = docs
                .replace("[`", "`")
                .replace("`]", "`")
                .replace('|', "\\|");
            format!("| `{name}` | {docs} |\n")
        });
        format!(
            "| variable | what it means |\n|---|---|\n{}",
            rows.collect::<String>()
        )
    }

    #[test]
    fn the_page_has_every_variable() {
        let (source, _) = include_str!("vars.rs").split_once("#[cfg(test)]").unwrap();
        let is_name = |name: &str| {
            name.chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        };
        let mut all = constants(source);
        all.retain(|(name, docs)| is_name(name) && !docs.is_empty());
        all.sort();
        let (ours, others): (Vec<_>, Vec<_>) =
            all.iter().partition(|(name, _)| name.starts_with("XTASK_"));
        let sections = [
            ("Ours", ours),
            ("Of other programs, which are honoured", others),
        ];
        let sections =
            sections.map(|(title, variables)| format!("\n## {title}\n\n{}", table(&variables)));
        expect_file!["../../../docs/environment.md"]
            .assert_eq(&format!("{HEAD}{}", sections.concat()));
    }
}
