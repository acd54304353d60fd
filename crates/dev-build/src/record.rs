//! Standing in for cargo: to learn which call maturin would make, and to answer that call when it was made
//! already.
//!
//! maturin runs what `CARGO` names (its crate `cargo-options` looks there). Pointed at our own program,
//! with [`vars::XTASK_RECORD_CARGO`] set, it tells us arguments and environment of the build: exactly its
//! own, for every layout, binding and version of maturin. With [`vars::XTASK_ANSWER_CARGO`], it hears what
//! cargo has said when we made that call, and packs what was built: cargo would need a moment to find
//! nothing to do, and would compile a crate that it always takes for changed once more. Other cargo calls,
//! such as asking for the version, are passed on.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::ExitCode;

use camino::{Utf8Path, Utf8PathBuf};
use environment::{cargo_env, vars};
use files::lock::Lock;
use files::owned;
use processes::Invocation;
use serde::{Deserialize, Serialize};

/// The cargo subcommand with which maturin builds.
const BUILD: &str = "rustc";

/// A build that is done: the call of cargo, and the lines it has written to standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    args: Vec<String>,
    said: Vec<String>,
}

/// If this process was started in cargo's place, does what is due and gives the exit code.
#[must_use]
pub fn stand_in() -> Option<ExitCode> {
    let answer = vars::var(vars::XTASK_ANSWER_CARGO);
    let record = vars::var(vars::XTASK_RECORD_CARGO);
    if answer.is_none() && record.is_none() {
        return None;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_none_or(|subcommand| subcommand != BUILD) {
        return Some(pass_on(args));
    }
    let Some(file) = record else {
        return Some(answer_from(Utf8Path::new(&answer?), args));
    };
    if let Err(error) = write(Utf8Path::new(&file), args) {
        eprintln!("error: cannot record the cargo call in {file}: {error}");
    }
    // Nothing was built, and maturin must not think otherwise.
    Some(ExitCode::FAILURE)
}

/// Says what cargo has said, once that is known, if the call is the one that was made; else cargo is asked.
/// Fails where the build came to nothing.
fn answer_from(file: &Utf8Path, args: Vec<String>) -> ExitCode {
    let _known = Lock::take(&lock_of(file));
    let Ok(text) = fs_err::read_to_string(file) else {
        return ExitCode::FAILURE;
    };
    let Some(said) = answer(&text, &args) else {
        return pass_on(args);
    };
    for line in said {
        println!("{line}");
    }
    ExitCode::SUCCESS
}

/// What cargo has said to a call with these arguments, going by what was kept; `None` if that is another
/// call, or cannot be read.
fn answer(kept: &str, args: &[String]) -> Option<Vec<String>> {
    let done: Done = serde_json::from_str(kept).ok()?;
    (done.args == without_resolution(args)).then_some(done.said)
}

fn pass_on(args: Vec<String>) -> ExitCode {
    let cargo = Invocation::new(cargo_env::cargo())
        .args(args)
        .env_remove(vars::XTASK_ANSWER_CARGO)
        .env_remove(vars::XTASK_RECORD_CARGO)
        .env_remove(vars::XTASK_RECORD_BASE);
    match cargo.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The arguments without those that concern the lock file and the network: they change nothing that is built.
pub(crate) fn without_resolution(args: &[String]) -> Vec<String> {
    let resolution = ["--locked", "--offline", "--frozen"];
    let args = args.iter();
    args.filter(|arg| !resolution.contains(&arg.as_str()))
        .cloned()
        .collect()
}

/// Makes `maturin` call us instead of cargo, and hear there what cargo has said, as `answer_with` writes
/// it to `file`, when nobody holds the lock of that any more.
///
/// # Errors
/// If the file of before cannot be removed, or we cannot tell which program we are.
pub fn answering(maturin: Invocation, file: &Utf8Path) -> std::io::Result<Invocation> {
    let ourselves = std::env::current_exe()?;
    owned::remove(file.parent().unwrap_or(file), file)?;
    Ok(maturin
        .env(vars::CARGO, ourselves.to_string_lossy())
        .env(vars::XTASK_ANSWER_CARGO, file.as_str()))
}

/// Writes what cargo has `said` to `call` to `file`.
///
/// # Errors
/// What the file system says.
pub(crate) fn answer_with(
    call: &Invocation,
    said: &[String],
    file: &Utf8Path,
) -> std::io::Result<()> {
    let done = Done {
        args: without_resolution(&call.args),
        said: said.to_vec(),
    };
    fs_err::write(file, serde_json::to_string(&done)?)
}

/// Held by whoever is to write `file`, until it is written or never will be.
pub(crate) fn lock_of(file: &Utf8Path) -> Utf8PathBuf {
    file.with_extension("lock")
}

/// Writes the call, with the variables that maturin changed and no others: the rest of the environment may
/// hold secrets, and none of them belongs into a file.
fn write(file: &Utf8Path, args: Vec<String>) -> std::io::Result<()> {
    let base = vars::var(vars::XTASK_RECORD_BASE).unwrap_or_default();
    let base = serde_json::from_str(&base)?;
    let cwd = Utf8PathBuf::from_path_buf(std::env::current_dir()?)
        .map_err(|_| std::io::ErrorKind::InvalidFilename)?;
    let call = Invocation {
        program: cargo_env::cargo().into(),
        args,
        env: differences(&base, cargo_env::environment()),
        cwd: Some(cwd),
    };
    fs_err::write(file, serde_json::to_string(&call)?)
}

/// Makes `maturin` call us instead of cargo, and write its call to `file`.
///
/// # Errors
/// If we cannot tell which program we are.
pub fn recording(maturin: Invocation, file: &Utf8Path) -> std::io::Result<Invocation> {
    let ourselves = std::env::current_exe()?;
    let base = serde_json::to_string(&hashes(&cargo_env::environment()))?;
    Ok(maturin
        .env(vars::CARGO, ourselves.to_string_lossy())
        .env(vars::XTASK_RECORD_CARGO, file.as_str())
        .env(vars::XTASK_RECORD_BASE, base))
}

/// The call that a stand-in wrote to `file`. `None` if maturin did not get as far as calling cargo.
#[must_use]
pub fn recorded(file: &Utf8Path) -> Option<Invocation> {
    serde_json::from_str(&fs_err::read_to_string(file).ok()?).ok()
}

type Hashes = BTreeMap<String, u64>;

fn hashes(environment: &BTreeMap<String, String>) -> Hashes {
    let environment = environment.iter();
    environment
        .map(|(name, value)| (name.clone(), hash(value)))
        .collect()
}

/// Ours and the stand-in's are the same program, so the hash need not be a stable one.
fn hash(value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// How `now` differs from `base`, without what was there only for the recording. pyo3's variables are kept in
/// any case: whether the user or maturin has set them, they belong to the build.
fn differences(base: &Hashes, now: BTreeMap<String, String>) -> BTreeMap<String, Option<String>> {
    let removed = base.keys().filter(|name| !now.contains_key(*name));
    let mut env: BTreeMap<_, _> = removed.map(|name| (name.clone(), None)).collect();
    let set = now.into_iter().filter(|(name, value)| {
        vars::PYO3.contains(&name.as_str()) || base.get(name) != Some(&hash(value))
    });
    env.extend(set.map(|(name, value)| (name, Some(value))));
    for name in [
        vars::CARGO,
        vars::XTASK_RECORD_CARGO,
        vars::XTASK_RECORD_BASE,
        vars::XTASK_ON_IMPORT,
    ] {
        env.remove(name);
    }
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
    fn only_the_call_that_was_made_is_answered() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let done = Done {
            args: words("rustc --profile dev"),
            said: words("one two"),
        };
        let kept = serde_json::to_string(&done).unwrap();
        let said = |args: &str| answer(&kept, &words(args));
        assert_eq!(said("rustc --profile dev"), Some(words("one two")));
        // Neither the lock file nor the network changes what is built.
        assert_eq!(
            said("rustc --locked --profile dev --offline"),
            Some(words("one two"))
        );
        assert_eq!(said("rustc --profile release"), None);
        assert_eq!(said("rustc --profile dev --features x"), None);
        assert_eq!(answer("half a fil", &words("rustc --profile dev")), None);
    }

    #[test]
    fn what_maturin_changed_is_kept_and_pyo3s_variables() {
        let ours = map(&[
            ("HOME", "/h"),
            ("PATH", "/bin"),
            ("PYO3_BUILD_EXTENSION_MODULE", "1"),
            ("RUSTFLAGS", "-O"),
        ]);
        let recorded = map(&[
            ("HOME", "/h"),
            ("PATH", "/m:/bin"),
            ("PYO3_BUILD_EXTENSION_MODULE", "1"),
            ("PYO3_PYTHON", "/p"),
            ("CARGO", "/xtask"),
            (vars::XTASK_RECORD_CARGO, "/tmp/call.json"),
            (vars::XTASK_ON_IMPORT, "off"),
        ]);
        let expected = [
            ("PATH".to_owned(), Some("/m:/bin".to_owned())),
            (
                "PYO3_BUILD_EXTENSION_MODULE".to_owned(),
                Some("1".to_owned()),
            ),
            ("PYO3_PYTHON".to_owned(), Some("/p".to_owned())),
            ("RUSTFLAGS".to_owned(), None),
        ];
        assert_eq!(
            differences(&hashes(&ours), recorded),
            BTreeMap::from(expected)
        );
    }
}
