//! Recording of what decides a cache key, as the compiler really gets it: cargo compiles a small crate and a
//! dependency of it with the project's settings, and a stand-in for rustc writes down the calls.
//!
//! What goes into sccache's key: its `src/compiler/rust.rs`, `generate_hash_key`. Of that, the sources are
//! left out: two environments that are to share a cache have the same.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use environment::{cargo_env, vars};
use processes::Invocation;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::status::{InForce, Status, shown, status};
use crate::{CacheError, Wrapper};
use cargo_settings::Files;

/// The form of a recording; a later one that cannot be compared with it gets another number.
const FORMAT: u32 = 1;

/// An environment, as far as it decides cache keys. Of secrets only that they are set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    pub(crate) format: u32,
    /// What `rustc -vV` prints.
    pub(crate) rustc: String,
    /// What `cargo --version` prints.
    pub(crate) cargo: String,
    /// The wrapper in force and its version.
    pub(crate) wrapper: String,
    /// Where the sources of registry crates lie.
    pub(crate) cargo_home: String,
    /// The project's directory.
    pub(crate) root: String,
    /// Variables of a compiler call whose names begin with `CARGO_`, without those that describe the crate.
    pub(crate) variables: BTreeMap<String, String>,
    /// Arguments for a dependency, in order.
    pub(crate) dependency_flags: Vec<String>,
    /// Arguments for a crate of the workspace, in order.
    pub(crate) workspace_flags: Vec<String>,
    /// Variables that C compilers are called by.
    pub(crate) c_variables: BTreeMap<String, String>,
    /// What the wrapper is told: where its store is.
    pub(crate) store: BTreeMap<String, String>,
}

/// A call of rustc, written down by [`stand_in`].
#[derive(Debug, Serialize, Deserialize)]
struct Call {
    args: Vec<String>,
    variables: BTreeMap<String, String>,
}

const CRATE: &str = "xtask_record";
const DEPENDENCY: &str = "xtask_record_dependency";

/// Variables that describe the crate or the running build, or that sccache leaves out of its key.
const NOT_IN_KEY: [&str; 11] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_CRATE_NAME",
    "CARGO_BIN_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "CARGO_SBOM_PATH",
    "CARGO_MAKEFLAGS",
    "CARGO_REGISTRIES_",
    "CARGO_BUILD_JOBS",
    "CARGO_ENCODED_RUSTFLAGS",
];

/// What the `cc` crate reads, without the target's name in front or behind.
const C_VARIABLES: [&str; 8] = [
    "CC",
    "CXX",
    "AR",
    "CFLAGS",
    "CXXFLAGS",
    "HOST_CC",
    "TARGET_CC",
    "SDKROOT",
];

impl Recording {
    /// Records the environment that we are in, for the project with `files` whose Cargo workspace lies in
    /// `workspace_root`.
    pub fn take(
        files: &Files,
        workspace_root: &Utf8Path,
        profile: &str,
    ) -> Result<Self, CacheError> {
        let calls = record_calls(files, workspace_root, profile)?;
        let call_of = |name: &str| {
            calls
                .iter()
                .find(|call| crate_name(&call.args) == Some(name))
        };
        let flags = |name| call_of(name).map_or_else(Vec::new, |call| deciding_flags(&call.args));
        let variables = call_of(CRATE).map(|call| call.variables.clone());
        let environment = cargo_env::environment();
        let is_for_c = |name: &str| {
            C_VARIABLES
                .iter()
                .any(|known| name == *known || name.starts_with(&format!("{known}_")))
        };
        let status = status(&files.root)?;
        Ok(Self {
            format: FORMAT,
            rustc: read(&files.root, "rustc", "-vV")?,
            cargo: read(&files.root, &cargo_env::cargo(), "--version")?,
            wrapper: status
                .wrapper
                .as_ref()
                .map_or_else(|| "none".to_owned(), wrapper_text),
            cargo_home: cargo_env::cargo_home().unwrap_or_default().to_string(),
            root: files.root.to_string(),
            variables: variables.unwrap_or_default(),
            dependency_flags: flags(DEPENDENCY),
            workspace_flags: flags(CRATE),
            c_variables: environment
                .into_iter()
                .filter(|(name, _)| is_for_c(name))
                .collect(),
            store: store(&status),
        })
    }

    /// Reads a recording that [`Self::write`] has written.
    pub fn read(path: &Utf8Path) -> Result<Self, CacheError> {
        let text = fs_err::read_to_string(path).map_err(|source| CacheError::Recording {
            doing: "read",
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_str(&text).map_err(|source| CacheError::NoRecording {
            path: path.to_owned(),
            source,
        })
    }

    /// Writes it to `path`, whole or not at all.
    pub fn write(&self, path: &Utf8Path) -> Result<(), CacheError> {
        let written = || {
            let text = serde_json::to_string_pretty(self)?;
            files::write::privately(path, text + "\n")
        };
        written().map_err(|source| CacheError::Recording {
            doing: "write",
            path: path.to_owned(),
            source,
        })
    }
}

/// Runs as rustc's wrapper if [`vars::XTASK_RECORD_RUSTC`] says so: writes down the call, and makes it.
#[must_use]
pub fn stand_in() -> Option<ExitCode> {
    let file = vars::var(vars::XTASK_RECORD_RUSTC)?;
    let mut args = std::env::args().skip(1);
    let rustc = args.next()?;
    let args: Vec<String> = args.collect();
    if matches!(crate_name(&args), Some(CRATE | DEPENDENCY)) {
        // A call that is not written down is noticed when the file is read.
        let _ = append(&file, &args);
    }
    let done = Invocation::new(rustc).args(args).run();
    Some(match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn append(file: &str, args: &[String]) -> std::io::Result<()> {
    let call = Call {
        args: args.to_vec(),
        variables: vars::all()
            .filter(|(name, _)| is_in_key(name))
            .map(|(name, value)| (name.clone(), shown(&name, &value)))
            .collect(),
    };
    let mut line = serde_json::to_string(&call)?;
    line.push('\n');
    let mut file = fs_err::OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)?;
    file.write_all(line.as_bytes())
}

fn is_in_key(name: &str) -> bool {
    name.starts_with("CARGO_") && !NOT_IN_KEY.iter().any(|prefix| name.starts_with(prefix))
}

fn crate_name(args: &[String]) -> Option<&str> {
    let at = args.iter().position(|arg| arg == "--crate-name")?;
    args.get(at + 1).map(String::as_str)
}

/// The calls for the small crate and its dependency, made by cargo in the project's directory, where it finds
/// the project's configuration, with the profiles of the project's workspace.
fn record_calls(
    files: &Files,
    workspace_root: &Utf8Path,
    profile: &str,
) -> Result<Vec<Call>, CacheError> {
    let scratch = tempfile::tempdir().map_err(CacheError::io(Utf8Path::new("/tmp")))?;
    let dir = Utf8PathBuf::from_path_buf(scratch.path().to_owned()).unwrap_or_default();
    write_crates(&dir, &profiles(workspace_root)).map_err(CacheError::io(&dir))?;
    let ourselves = std::env::current_exe().map_err(CacheError::io(&dir))?;
    let ourselves = Utf8PathBuf::from_path_buf(ourselves).unwrap_or_default();
    let calls = dir.join("calls.jsonl");
    let command = Invocation::new(cargo_env::cargo())
        .args(["build", "--quiet", "--offline", "--profile", profile])
        .args(["--target-dir", dir.join("target").as_str()])
        .args(["--manifest-path", dir.join("crate/Cargo.toml").as_str()])
        .env(vars::RUSTC_WRAPPER, ourselves.as_str())
        .env(vars::XTASK_RECORD_RUSTC, calls.as_str())
        .cwd(&files.root);
    command.read().map_err(CacheError::Record)?;
    let text = fs_err::read_to_string(&calls).map_err(CacheError::io(&calls))?;
    let parsed = text.lines().map(serde_json::from_str);
    parsed
        .collect::<Result<_, _>>()
        .map_err(|source| CacheError::NoRecording {
            path: calls.clone(),
            source,
        })
}

fn write_crates(dir: &Utf8Path, profiles: &str) -> std::io::Result<()> {
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        fs_err::create_dir_all(path.parent().unwrap_or(dir))?;
        fs_err::write(path, text)
    };
    let package = |name: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2021\"\n")
    };
    // A dependency beside the workspace, not in it: the settings for dependencies are for it.
    write("dependency/Cargo.toml", &package(DEPENDENCY))?;
    write("dependency/src/lib.rs", "")?;
    // The profiles first: they are one key, which below a table would belong to that.
    let manifest = format!(
        "{profiles}{}[dependencies]\n{DEPENDENCY} = {{ path = \"../dependency\" }}\n[workspace]\n",
        package(CRATE)
    );
    write("crate/Cargo.toml", &manifest)?;
    write("crate/src/lib.rs", "")
}

/// The `[profile]` tables of a workspace, without what is for single packages: those are not in the small
/// crate.
fn profiles(workspace_root: &Utf8Path) -> String {
    let text = fs_err::read_to_string(workspace_root.join("Cargo.toml")).unwrap_or_default();
    let manifest: Value = toml_edit::de::from_str(&text).unwrap_or_default();
    let mut profiles = manifest.get("profile").cloned().unwrap_or_default();
    let tables = profiles.as_object_mut().into_iter();
    for profile in tables.flat_map(|tables| tables.values_mut()) {
        if let Some(packages) = profile.get_mut("package").and_then(Value::as_object_mut) {
            packages.retain(|name, _| name == "*");
        }
    }
    if profiles.is_null() {
        return String::new();
    }
    toml_edit::ser::to_string(&json!({ "profile": profiles })).unwrap_or_default()
}

/// The arguments that decide the key, in order, each with its value: not names and paths of the crate, and
/// not what sccache leaves out.
fn deciding_flags(args: &[String]) -> Vec<String> {
    const LEFT_OUT: [&str; 7] = [
        "--crate-name",
        "--extern",
        "-L",
        "--check-cfg",
        "--out-dir",
        "--diagnostic-width",
        "--remap-path-prefix",
    ];
    const OF_THE_CRATE: [&str; 3] = ["metadata=", "extra-filename=", "incremental="];
    let mut flags = Vec::new();
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        let takes_value = arg.starts_with('-') && !arg.contains('=');
        let value = args.next_if(|next| takes_value && !next.starts_with('-'));
        let name = arg.split('=').next().unwrap_or_default();
        match value {
            Some(value) if arg == "-C" && OF_THE_CRATE.iter().any(|of| value.starts_with(of)) => {
                if value.starts_with("incremental=") {
                    flags.push("-C incremental".to_owned());
                }
            }
            _ if LEFT_OUT.contains(&name) => {}
            Some(value) => flags.push(format!("{arg} {value}")),
            // The source file.
            None if !arg.starts_with('-') => {}
            None => flags.push(arg.clone()),
        }
    }
    flags
}

fn read(dir: &Utf8Path, program: &str, arg: &str) -> Result<String, CacheError> {
    let text = Invocation::new(program).arg(arg).cwd(dir).read();
    text.map(|text| text.trim().to_owned())
        .map_err(CacheError::Record)
}

/// What the wrapper in force is told, but for the size, which is in no key.
fn store(status: &Status) -> BTreeMap<String, String> {
    let kind = status.wrapper.as_ref().and_then(|it| it.kind);
    let no_matter = kind.map(Wrapper::size_variable);
    let told = status.settings.iter();
    let told = told.filter(|told| Some(told.name.as_str()) != no_matter);
    told.map(|told| (told.name.clone(), told.value.clone()))
        .collect()
}

fn wrapper_text(wrapper: &InForce) -> String {
    let kind = wrapper.kind.map(|kind| kind.to_string());
    let kind = kind.unwrap_or_else(|| wrapper.program.clone());
    let version = wrapper.version.as_deref().unwrap_or_default();
    format!("{kind} {version}").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn only_what_decides_the_key_is_kept_of_a_call() {
        let call = args(
            "--crate-name a --edition=2024 src/lib.rs --crate-type lib --emit=dep-info,link \
             -C opt-level=3 -C metadata=ab -C extra-filename=-ab --out-dir /t/deps \
             -C incremental=/t/inc -L dependency=/t/deps --extern b=/t/libb.rlib --cap-lints allow \
             --check-cfg cfg(docsrs) -C target-cpu=native",
        );
        assert_eq!(
            deciding_flags(&call),
            [
                "--edition=2024",
                "--crate-type lib",
                "--emit=dep-info,link",
                "-C opt-level=3",
                "-C incremental",
                "--cap-lints allow",
                "-C target-cpu=native"
            ]
        );
    }

    #[test]
    fn variables_of_the_crate_and_those_outside_the_key_are_left_out() {
        for name in [
            "CARGO_TERM_COLOR",
            "CARGO_INCREMENTAL",
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
        ] {
            assert!(is_in_key(name), "{name}");
        }
        for name in [
            "CARGO_PKG_NAME",
            "CARGO_MAKEFLAGS",
            "CARGO_BUILD_JOBS",
            "PATH",
            "CARGO",
        ] {
            assert!(!is_in_key(name), "{name}");
        }
    }

    #[test]
    fn profiles_are_taken_over_without_single_packages() {
        let dir = testkit::TempDir::new();
        let text = "[workspace]\n[profile.dev]\ndebug = 1\n[profile.dev.package.\"*\"]\ndebug = false\n\
                    [profile.dev.package.serde]\nopt-level = 3\n";
        fs_err::write(dir.path().join("Cargo.toml"), text).unwrap();
        let profiles = profiles(dir.path());
        assert!(
            profiles.contains("debug = 1") && profiles.contains("\"*\""),
            "{profiles}"
        );
        assert!(!profiles.contains("serde"), "{profiles}");
        assert!(super::profiles("/no/such".into()).is_empty());
    }
}
