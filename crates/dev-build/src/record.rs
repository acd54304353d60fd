//! Standing in for cargo, to learn which call maturin would make.
//!
//! maturin runs what `CARGO` names (its crate `cargo-options` looks there). Pointed at our own program,
//! with [`vars::XTASK_RECORD_CARGO`] set, it tells us arguments and environment of the build: exactly its
//! own, for every layout, binding and version of maturin. Other cargo calls, such as asking for the
//! version, are passed on.

use std::collections::BTreeMap;
use std::process::ExitCode;

use build_env::{Invocation, cargo_env, vars};
use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};

/// The cargo subcommand with which maturin builds.
const BUILD: &str = "rustc";

/// One call of cargo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedCall {
    args: Vec<String>,
    cwd: Utf8PathBuf,
    /// The whole environment.
    env: BTreeMap<String, String>,
}

/// If this process was started in cargo's place, does what is due and gives the exit code.
#[must_use]
pub fn stand_in() -> Option<ExitCode> {
    let file = vars::var(vars::XTASK_RECORD_CARGO)?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_none_or(|subcommand| subcommand != BUILD) {
        return Some(pass_on(args));
    }
    match write(Utf8Path::new(&file), args) {
        // Nothing was built, and maturin must not think otherwise.
        Ok(()) => Some(ExitCode::FAILURE),
        Err(error) => {
            eprintln!("error: cannot record the cargo call in {file}: {error}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn pass_on(args: Vec<String>) -> ExitCode {
    let cargo = Invocation::new(cargo_env::cargo())
        .args(args)
        .env_remove(vars::XTASK_RECORD_CARGO);
    match cargo.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(file: &Utf8Path, args: Vec<String>) -> std::io::Result<()> {
    let cwd = Utf8PathBuf::from_path_buf(std::env::current_dir()?)
        .map_err(|_| std::io::ErrorKind::InvalidFilename)?;
    let call = RecordedCall {
        args,
        cwd,
        env: utf8_environment(),
    };
    fs_err::write(file, serde_json::to_string(&call)?)
}

/// Our variables, but for those whose name or value is not UTF-8: nobody sets such ones for cargo, and the
/// child inherits them anyway.
fn utf8_environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

impl RecordedCall {
    /// Reads what a stand-in wrote. `None` if none did.
    #[must_use]
    pub fn read(file: &Utf8Path) -> Option<Self> {
        serde_json::from_str(&fs_err::read_to_string(file).ok()?).ok()
    }

    /// The call as one that we can make ourselves.
    #[must_use]
    pub fn into_invocation(self) -> Invocation {
        let env = differences(&utf8_environment(), self.env);
        Invocation {
            program: cargo_env::cargo().into(),
            args: self.args,
            env,
            cwd: Some(self.cwd),
        }
    }
}

/// How `recorded` differs from `ours`, without what was there only for the recording.
fn differences(
    ours: &BTreeMap<String, String>,
    recorded: BTreeMap<String, String>,
) -> BTreeMap<String, Option<String>> {
    let removed = ours.keys().filter(|name| !recorded.contains_key(*name));
    let mut env: BTreeMap<_, _> = removed.map(|name| (name.clone(), None)).collect();
    let set = recorded
        .into_iter()
        .filter(|(name, value)| ours.get(name) != Some(value));
    env.extend(set.map(|(name, value)| (name, Some(value))));
    env.remove(vars::CARGO);
    env.remove(vars::XTASK_RECORD_CARGO);
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn only_what_maturin_changed_is_kept() {
        let ours = map(&[("HOME", "/h"), ("PATH", "/bin"), ("RUSTFLAGS", "-O")]);
        let recorded = map(&[
            ("HOME", "/h"),
            ("PATH", "/m:/bin"),
            ("PYO3_PYTHON", "/p"),
            ("CARGO", "/xtask"),
            (vars::XTASK_RECORD_CARGO, "/tmp/call.json"),
        ]);
        let expected = [
            ("PATH".to_owned(), Some("/m:/bin".to_owned())),
            ("PYO3_PYTHON".to_owned(), Some("/p".to_owned())),
            ("RUSTFLAGS".to_owned(), None),
        ];
        assert_eq!(differences(&ours, recorded), BTreeMap::from(expected));
    }
}
